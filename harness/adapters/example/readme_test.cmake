# Whoever copies from harness/target/README.md must get what works: its blocks are the example itself, what the doctor
# says of it, a target's file with every key, and a loop in Python that runs; its table has every capability that the
# doctor knows.
#
#   cmake -DROOT=<source tree> -DTCPSPEC=<program> -DPLUG_IN=<example.so> -DPROGRAM=<example> -DPYTHON3=<program>
#         -DSCRATCH=<folder> -P readme_test.cmake
cmake_minimum_required(VERSION 3.25)

file(READ ${ROOT}/harness/target/README.md readme)

# The first block between code fences of this language.
function(fenced LANGUAGE OUT)
  string(FIND "${readme}" "\n```${LANGUAGE}\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "harness/target/README.md has no block of ${LANGUAGE}")
  endif()
  string(SUBSTRING "${readme}" ${begin} -1 rest)
  string(REGEX REPLACE "^\n```[a-z]*\n" "" rest "${rest}")
  string(FIND "${rest}" "\n```\n" end)
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${rest}" 0 ${end} text)
  set(${OUT} "${text}" PARENT_SCOPE)
endfunction()

function(must_be_equal WHAT SHOWN TRUE)
  if(NOT "${SHOWN}" STREQUAL "${TRUE}")
    message(SEND_ERROR "harness/target/README.md shows another ${WHAT} than there is:\n${TRUE}")
  endif()
endfunction()

function(doctor OUT)
  execute_process(COMMAND ${TCPSPEC} doctor --suites ${ROOT}/suites --target ${ARGN} RESULT_VARIABLE code
    OUTPUT_VARIABLE said ERROR_VARIABLE said WORKING_DIRECTORY ${SCRATCH})
  if(NOT code EQUAL 0)
    message(SEND_ERROR "doctor --target ${ARGN} does not accept it, exit code ${code}:\n${said}")
  endif()
  set(${OUT} "${said}" PARENT_SCOPE)
endfunction()

fenced(c shown)
file(READ ${ROOT}/harness/adapters/example/example.c source)
must_be_equal("example" "${shown}" "${source}")
string(REGEX MATCHALL "\n" lines "${source}")
list(LENGTH lines count)
if(NOT count LESS 150)
  message(SEND_ERROR "example.c has ${count} lines: it is to be read at one sitting, in fewer than 150")
endif()

file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})
fenced(text shown)
string(REGEX REPLACE "\\.\\.\\.\n$" "" shown "${shown}")
foreach(form ${PLUG_IN} ${PROGRAM})
  doctor(said ${form})
  string(LENGTH "${shown}" octets)
  string(SUBSTRING "${said}" 0 ${octets} said)
  must_be_equal("output of the doctor" "${shown}" "${said}")
endforeach()

fenced(yaml target)
file(WRITE ${SCRATCH}/my-stack.yaml "${target}")
file(COPY_FILE ${PLUG_IN} ${SCRATCH}/my-stack.so)
doctor(said my-stack.yaml)
file(READ ${ROOT}/harness/runner/target_file.cc source)
if(NOT source MATCHES "check_keys\\(\"a target\", {([^}]*)}")
  message(SEND_ERROR "harness/runner/target_file.cc no longer says which keys a target has")
endif()
string(REGEX MATCHALL "[a-z_]+" keys "${CMAKE_MATCH_1}")
foreach(key IN LISTS keys)
  if(NOT "\n${target}" MATCHES "\n(# )?${key}:")
    message(SEND_ERROR "harness/target/README.md does not show the key `${key}` of a target's file")
  endif()
endforeach()

# The loop, with a stack that does nothing.
fenced(python loop)
file(WRITE ${SCRATCH}/loop.py "import os, struct, sys
items, deadline = [], lambda: -1
def act(operation, socket, a, b, data):
    hello = b'name: loop\\nversion: 2.0\\ncapabilities: ipv4\\n'
    if operation == 1: items.append(struct.pack('>BI', 2, len(hello)) + hello)
    return 0 if operation < 6 else -2
${loop}")
file(WRITE ${SCRATCH}/loop.yaml "program: ['${PYTHON3}', loop.py]\n")
if(PYTHON3)
  execute_process(COMMAND ${TCPSPEC} doctor --suites ${ROOT}/suites --target loop.yaml
    OUTPUT_VARIABLE said ERROR_VARIABLE said WORKING_DIRECTORY ${SCRATCH})
  if(NOT said MATCHES "^ok +starts +loop 2.0\n.*\nok +determinism ")
    message(SEND_ERROR "the loop in Python of harness/target/README.md does not work:\n${said}")
  endif()
endif()

file(READ ${ROOT}/harness/runner/acceptance.cc source)
if(NOT source MATCHES "std::set<std::string> known = {([^}]*)}")
  message(SEND_ERROR "harness/runner/acceptance.cc no longer says which capabilities there are")
endif()
string(REGEX MATCHALL "[a-z0-9-]+" words "${CMAKE_MATCH_1}")
foreach(word IN LISTS words)
  if(NOT readme MATCHES "\n\\| [^|]*`${word}`")
    message(SEND_ERROR "harness/target/README.md does not say what `${word}` promises")
  endif()
endforeach()
