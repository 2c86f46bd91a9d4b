# No mutant leaves a trace in the normal library and program: neither its name nor the
# switch. That both are found where they are, the program with the mutants shows.
#
#   cmake -DMUTANTS=mutants.def -DWITHOUT=<file>,<file> -DWITH=<file> -P none_in_the_normal_build.cmake

cmake_minimum_required(VERSION 3.25)

file(STRINGS ${MUTANTS} lines REGEX "^TCPSPEC_(UNSAFE_)?MUTANT\\(")
set(wanted "9reference7mutants")  # tcpspec::reference::mutants, mangled
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^TCPSPEC_(UNSAFE_)?MUTANT\\(([a-z0-9_]+),.*" "\\2" name "${line}")
  list(APPEND wanted ${name})
endforeach()
list(LENGTH wanted count)
if(count EQUAL 1)
  message(FATAL_ERROR "no mutant in ${MUTANTS}")
endif()

# Which of the words the file has.
function(find_words FILE RESULT)
  list(JOIN wanted "\n" patterns)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/words "${patterns}\n")
  execute_process(COMMAND grep --text --only-matching --fixed-strings --file=${CMAKE_CURRENT_BINARY_DIR}/words ${FILE}
                  OUTPUT_VARIABLE found RESULT_VARIABLE code)
  if(code GREATER 1)
    message(FATAL_ERROR "grep cannot read ${FILE}")
  endif()
  set(${RESULT} "${found}" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" WITHOUT "${WITHOUT}")
foreach(file IN LISTS WITHOUT)
  find_words(${file} traces)
  if(traces)
    message(FATAL_ERROR "${file} has traces of mutants:\n${traces}")
  endif()
endforeach()

find_words(${WITH} traces)
foreach(word IN LISTS wanted)
  if(NOT traces MATCHES ${word})
    message(FATAL_ERROR "${WITH} has no trace of ${word}: what this test looks for is not what is there")
  endif()
endforeach()
message(STATUS "no trace of ${count} words")
