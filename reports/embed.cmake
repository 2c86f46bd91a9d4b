# Turns text files into C++: cmake -DOUTPUT=x.cc -DPAGE=files -DSTYLE=files -DSCRIPT=files -P embed.cmake
# Several files of one name, separated by commas, come one after another.

function(embed NAME FILES)
  string(REPLACE "," ";" files "${FILES}")
  set(literals "")
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    string(FIND "${text}" ")embed\"" clash)
    if(NOT clash EQUAL -1)
      message(FATAL_ERROR "${file} contains the end of the raw string that it is put into")
    endif()
    string(APPEND literals "R\"embed(${text})embed\"\n")
  endforeach()
  file(APPEND "${OUTPUT}.new" "const std::string_view ${NAME} =\n${literals};\n\n")
endfunction()

file(WRITE "${OUTPUT}.new" "#include \"reports/templates.hh\"\n\nnamespace tcpspec::reports::templates {\n\n")
embed(page "${PAGE}")
embed(style "${STYLE}")
embed(script "${SCRIPT}")
file(APPEND "${OUTPUT}.new" "}  // namespace tcpspec::reports::templates\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
