# The fuzz targets: build/<preset>/fuzzers/NAME, with NAME.dict, NAME.options and
# NAME_seed_corpus.zip beside it, as OSS-Fuzz wants them. README.md says how one is added.

# Code under test. The rest, above all what mutates and judges, would only fill the corpus.
separate_arguments(coverage UNIX_COMMAND "${TCPSPEC_FUZZ_COVERAGE}")
foreach(module tcpspec_packet tcpspec_reference tcpspec_script tcpspec_lwip_source)
  if(TARGET ${module})
    target_compile_options(${module} PRIVATE ${coverage})
  endif()
endforeach()

# OBJECT: nothing refers to its functions, a linker would leave them out of an archive.
add_library(tcpspec_fuzz_main OBJECT targets/sanitizer_defaults.cc)
separate_arguments(engine UNIX_COMMAND "${TCPSPEC_FUZZ_ENGINE}")
if(NOT engine)
  target_sources(tcpspec_fuzz_main PRIVATE replay_main.cc)
endif()

add_library(tcpspec_fuzz_hosts STATIC targets/hosts.cc)
target_link_libraries(tcpspec_fuzz_hosts PUBLIC tcpspec::packet tcpspec::oracle tcpspec::reference fmt::fmt)

# tcpspec_fuzz_target(NAME SOURCES ... LIBRARIES ...)
add_custom_target(tcpspec_fuzzers)
function(tcpspec_fuzz_target NAME)
  cmake_parse_arguments(F "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(fuzz_${NAME} ${F_SOURCES} $<TARGET_OBJECTS:tcpspec_fuzz_main>)
  set_target_properties(fuzz_${NAME} PROPERTIES OUTPUT_NAME ${NAME} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
  target_include_directories(fuzz_${NAME} PRIVATE ${CMAKE_BINARY_DIR}/include-roots/fuzz)
  target_link_libraries(fuzz_${NAME} PRIVATE ${F_LIBRARIES})
  # What is linked but not used is not there where continuous fuzzing runs.
  target_link_options(fuzz_${NAME} PRIVATE ${engine} -Wl,--as-needed)
  add_dependencies(tcpspec_fuzzers fuzz_${NAME})
endfunction()

tcpspec_fuzz_target(options SOURCES targets/options.cc LIBRARIES tcpspec_fuzz_hosts)
tcpspec_fuzz_target(segment SOURCES targets/segment.cc LIBRARIES tcpspec_fuzz_hosts)
tcpspec_fuzz_target(yaml SOURCES targets/yaml.cc LIBRARIES tcpspec::script)
