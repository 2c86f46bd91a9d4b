# Turns a text file into a header with a string_view constant.
#   cmake -DINPUT=... -DOUTPUT=... -DNAMESPACE=... -DNAME=... -P embed.cmake
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "#pragma once\n#include <string_view>\nnamespace ${NAMESPACE} {\ninline constexpr std::string_view ${NAME} = R\"~~embedded~~(${text})~~embedded~~\";\n}\n")
