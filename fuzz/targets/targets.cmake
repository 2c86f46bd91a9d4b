# The fuzz targets: build/<preset>/fuzzers/NAME, with NAME.dict, NAME.options and
# NAME_seed_corpus.zip beside it, as OSS-Fuzz wants them. README.md says how one is added.

# Code under test. The rest, above all what mutates and judges, would only fill the corpus.
separate_arguments(coverage UNIX_COMMAND "${TCPSPEC_FUZZ_COVERAGE}")
# Of UndefinedBehaviorSanitizer without what it asks of every access, a fifth of the time of an input: a bad pointer
# that is used AddressSanitizer sees, and the corpus is replayed with all of it in the preset asan.
set(measured ${coverage})
if(coverage)
  list(APPEND measured -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow)
endif()
foreach(module tcpspec_packet tcpspec_reference tcpspec_lwip_source)
  if(TARGET ${module})
    target_compile_options(${module} PRIVATE ${measured})
  endif()
endforeach()
# What plays and judges is checked by the sanitizers in the preset asan. Here its time is the time of
# every input.
if(coverage)
  foreach(module tcpspec_script tcpspec_oracle tcpspec_engine tcpspec_target tcpspec_reference_adapter tcpspec_fuzz)
    target_compile_options(${module} PRIVATE -fno-sanitize=all)
  endforeach()
endif()
# Where all is instrumented from outside (OSS-Fuzz's $CXXFLAGS) it is taken off the rest.
set(unmeasured)
if(TCPSPEC_FUZZ AND NOT coverage AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  set(unmeasured -fno-sanitize=fuzzer-no-link)
endif()
foreach(module tcpspec_fuzz tcpspec_script tcpspec_oracle tcpspec_engine tcpspec_target)
  target_compile_options(${module} PRIVATE ${unmeasured})
endforeach()

# OBJECT: nothing refers to its functions, a linker would leave them out of an archive.
add_library(tcpspec_fuzz_main OBJECT targets/sanitizer_defaults.cc)
separate_arguments(engine UNIX_COMMAND "${TCPSPEC_FUZZ_ENGINE}")
if(NOT engine)
  target_sources(tcpspec_fuzz_main PRIVATE replay_main.cc)
endif()

add_library(tcpspec_fuzz_hosts STATIC targets/hosts.cc)
target_include_directories(tcpspec_fuzz_hosts PUBLIC ${CMAKE_BINARY_DIR}/include-roots/fuzz)
target_link_libraries(tcpspec_fuzz_hosts PUBLIC tcpspec::packet tcpspec::oracle tcpspec::reference fmt::fmt)

add_executable(tcpspec_fuzz_seeds targets/seeds.cc)
target_link_libraries(tcpspec_fuzz_seeds PRIVATE tcpspec_fuzz_hosts tcpspec::script tcpspec::fuzz)
set_target_properties(tcpspec_fuzz_seeds PROPERTIES OUTPUT_NAME tcpspec-fuzz-seeds)
target_link_options(tcpspec_fuzz_seeds PRIVATE -Wl,--as-needed)

set(fuzzers ${CMAKE_BINARY_DIR}/fuzzers)
set(seeds ${CMAKE_CURRENT_BINARY_DIR}/seeds)
add_custom_target(tcpspec_fuzzers)
file(GLOB suites CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/suites/*.yaml)

# Seeds out of the suites; tcpspec-fuzz-seeds knows the kinds.
foreach(kind options segment yaml program)
  add_custom_command(OUTPUT ${seeds}/${kind}.made DEPENDS tcpspec_fuzz_seeds ${suites}
    COMMAND tcpspec_fuzz_seeds ${kind} ${CMAKE_SOURCE_DIR}/suites ${seeds}/${kind}
    COMMAND ${CMAKE_COMMAND} -E touch ${seeds}/${kind}.made)
  add_custom_target(fuzz_seeds_${kind} DEPENDS ${seeds}/${kind}.made)
endforeach()

# tcpspec_fuzz_target(NAME SEEDS kind SOURCES ... LIBRARIES ...)
#   A folder corpus/NAME goes into the seeds, too.
function(tcpspec_fuzz_target NAME)
  cmake_parse_arguments(F "" "SEEDS" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(fuzz_${NAME} ${F_SOURCES} $<TARGET_OBJECTS:tcpspec_fuzz_main>)
  set_target_properties(fuzz_${NAME} PROPERTIES OUTPUT_NAME ${NAME} RUNTIME_OUTPUT_DIRECTORY ${fuzzers})
  target_include_directories(fuzz_${NAME} PRIVATE ${CMAKE_BINARY_DIR}/include-roots/fuzz)
  target_link_libraries(fuzz_${NAME} PRIVATE ${F_LIBRARIES})
  # What is linked but not used is not there where continuous fuzzing runs.
  target_link_options(fuzz_${NAME} PRIVATE ${engine} -Wl,--as-needed)

  set(beside)
  foreach(kind dict options)
    set(file ${CMAKE_CURRENT_SOURCE_DIR}/dictionaries/${NAME}.${kind})
    if(EXISTS ${file})
      add_custom_command(OUTPUT ${fuzzers}/${NAME}.${kind} DEPENDS ${file}
        COMMAND ${CMAKE_COMMAND} -E copy ${file} ${fuzzers}/${NAME}.${kind})
      list(APPEND beside ${fuzzers}/${NAME}.${kind})
    endif()
  endforeach()

  set(inputs)
  file(GLOB kept CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${NAME}/*)
  if(kept)
    list(APPEND inputs ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${NAME})
  endif()
  if(F_SEEDS)
    list(APPEND inputs ${seeds}/${F_SEEDS})
    list(APPEND kept ${seeds}/${F_SEEDS}.made)
  endif()
  if(inputs)
    set(zip ${fuzzers}/${NAME}_seed_corpus.zip)
    add_custom_command(OUTPUT ${zip} DEPENDS ${kept} ${CMAKE_CURRENT_SOURCE_DIR}/targets/zip.cmake
      COMMAND ${CMAKE_COMMAND} "-DFOLDERS=${inputs}" -DZIP=${zip} -P ${CMAKE_CURRENT_SOURCE_DIR}/targets/zip.cmake VERBATIM)
    list(APPEND beside ${zip})
    # Every input is run, whatever runs it: libFuzzer takes folders for what it adds to.
    if(engine)
      add_test(NAME fuzz.corpus.${NAME} COMMAND fuzz_${NAME} -runs=0 ${inputs})
    else()
      add_test(NAME fuzz.corpus.${NAME} COMMAND fuzz_${NAME} ${inputs})
    endif()
    set_tests_properties(fuzz.corpus.${NAME} PROPERTIES LABELS corpus TIMEOUT 600)
  endif()
  add_custom_target(fuzz_${NAME}_beside ALL DEPENDS ${beside})
  if(F_SEEDS)  # one rule that makes them, however many targets share them
    add_dependencies(fuzz_${NAME}_beside fuzz_seeds_${F_SEEDS})
  endif()
  add_dependencies(tcpspec_fuzzers fuzz_${NAME} fuzz_${NAME}_beside)
endfunction()

add_library(tcpspec_fuzz_harness_memory OBJECT targets/harness_memory.cc)
target_include_directories(tcpspec_fuzz_harness_memory PRIVATE ${CMAKE_BINARY_DIR}/include-roots/fuzz)
target_compile_options(tcpspec_fuzz_harness_memory PRIVATE -fno-sanitize=all)
set(harness_memory)
if(TCPSPEC_FUZZ)
  set(harness_memory $<TARGET_OBJECTS:tcpspec_fuzz_harness_memory>)
endif()

tcpspec_fuzz_target(options SEEDS options SOURCES targets/options.cc ${harness_memory} LIBRARIES tcpspec_fuzz_hosts)
tcpspec_fuzz_target(segment SEEDS segment SOURCES targets/segment.cc LIBRARIES tcpspec_fuzz_hosts)
# The language once more, as code under test; to the other targets it is the harness, and thousands of
# counters that are looked through for every input.
set(language tcpspec::script)
if(TCPSPEC_FUZZ)
  get_target_property(sources tcpspec_script SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cc$")
  list(TRANSFORM sources PREPEND ${CMAKE_SOURCE_DIR}/harness/script/)
  add_library(tcpspec_script_under_test STATIC ${sources})
  target_include_directories(tcpspec_script_under_test
    PRIVATE $<TARGET_PROPERTY:tcpspec_script,INCLUDE_DIRECTORIES> INTERFACE $<TARGET_PROPERTY:tcpspec_script,INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(tcpspec_script_under_test PUBLIC tcpspec::packet yaml-cpp fmt::fmt)
  target_compile_options(tcpspec_script_under_test PRIVATE ${coverage})
  add_dependencies(tcpspec_script_under_test tcpspec_script)  # which generates a header
  set(language tcpspec_script_under_test)
endif()
tcpspec_fuzz_target(yaml SEEDS yaml SOURCES targets/yaml.cc LIBRARIES ${language})

# Programs, against a stack of the environment's choice.
# What plays programs is harness itself, and the stack is linked before all of it: of a template that both have a
# linker takes the first, which has to be the one that the sanitizers watch.
function(tcpspec_fuzz_plays TARGET)
  if(coverage)
    target_compile_options(${TARGET} PRIVATE -fno-sanitize=all)
    target_link_options(${TARGET} PRIVATE ${ARGN})
  endif()
endfunction()
foreach(name sequence differential)
  tcpspec_fuzz_target(${name} SEEDS program SOURCES targets/sequence.cc targets/session_of_environment.cc ${harness_memory} LIBRARIES tcpspec::fuzz)
  target_compile_definitions(fuzz_${name} PRIVATE TCPSPEC_FUZZ_COMPARES=$<STREQUAL:${name},differential>)
  tcpspec_fuzz_plays(fuzz_${name} -Wl,--whole-archive $<TARGET_FILE:tcpspec_reference> -Wl,--no-whole-archive)
endforeach()
# The same with the reference stack's named mistakes in place of the normal one.
add_library(tcpspec_fuzz_mutants OBJECT EXCLUDE_FROM_ALL under_test.cc)
target_link_libraries(tcpspec_fuzz_mutants PUBLIC tcpspec_reference_mutants tcpspec::fuzz)
target_compile_options(tcpspec_reference_mutants PRIVATE ${measured})
# No target of a continuous run, which would fuzz the reference stack a third time.
if(engine)
  add_executable(fuzz_mutants targets/sequence.cc targets/session_of_environment.cc ${harness_memory} $<TARGET_OBJECTS:tcpspec_fuzz_main>)
  target_compile_definitions(fuzz_mutants PRIVATE TCPSPEC_FUZZ_COMPARES=true)
  tcpspec_fuzz_plays(fuzz_mutants)
  target_include_directories(fuzz_mutants PRIVATE ${CMAKE_BINARY_DIR}/include-roots/fuzz)
  target_link_libraries(fuzz_mutants PRIVATE $<TARGET_OBJECTS:tcpspec_fuzz_mutants>
    $<TARGET_OBJECTS:tcpspec_reference_mutants> tcpspec::fuzz)
  target_link_options(fuzz_mutants PRIVATE ${engine} -Wl,--as-needed)
  set_target_properties(fuzz_mutants PROPERTIES OUTPUT_NAME tcpspec-fuzz-mutants RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  add_dependencies(tcpspec_fuzzers fuzz_mutants)
endif()

# What investigates findings, with the same code under test and the same sanitizers.
foreach(name finding finding_mutants)
  add_executable(fuzz_${name} targets/finding_main.cc targets/session_of_environment.cc targets/sanitizer_defaults.cc)
  target_compile_definitions(fuzz_${name} PRIVATE TCPSPEC_FUZZ_COMPARES=$<STREQUAL:${name},finding_mutants> TCPSPEC_FUZZ_WITHOUT_NAMES)
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_BINARY_DIR}/include-roots/fuzz)
endforeach()
set_target_properties(fuzz_finding PROPERTIES OUTPUT_NAME tcpspec-fuzz-finding RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set_target_properties(fuzz_finding_mutants PROPERTIES OUTPUT_NAME tcpspec-fuzz-finding-mutants RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_libraries(fuzz_finding PRIVATE tcpspec::fuzz)
target_link_libraries(fuzz_finding_mutants PRIVATE $<TARGET_OBJECTS:tcpspec_fuzz_mutants> $<TARGET_OBJECTS:tcpspec_reference_mutants> tcpspec::fuzz)
if(engine MATCHES "fsanitize=fuzzer")  # coverage's functions without libFuzzer's main
  target_link_options(fuzz_finding PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(fuzz_finding_mutants PRIVATE -fsanitize=fuzzer-no-link)
endif()
# What `tcpspec run` plays a finding's test against.
add_executable(fuzz_mutant_stack targets/mutant_stack.cc targets/sanitizer_defaults.cc)
target_link_libraries(fuzz_mutant_stack PRIVATE tcpspec_reference_mutants tcpspec_reference_adapter tcpspec_adapter_serve)
set_target_properties(fuzz_mutant_stack PROPERTIES OUTPUT_NAME tcpspec-fuzz-mutant-stack RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(engine MATCHES "fsanitize=fuzzer")
  target_link_options(fuzz_mutant_stack PRIVATE -fsanitize=fuzzer-no-link)
endif()
add_dependencies(tcpspec_fuzzers fuzz_finding fuzz_finding_mutants fuzz_mutant_stack)
# The codec once more, as code under test; to the other targets it is the harness.
tcpspec_fuzz_target(program SEEDS program SOURCES targets/program.cc program_codec.cc LIBRARIES tcpspec::fuzz)
target_compile_options(fuzz_program PRIVATE ${coverage})
