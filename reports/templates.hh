#pragma once
// The files of templates/, put into the program by embed.cmake.

#include <string_view>

namespace tcpspec::reports::templates {

extern const std::string_view page;    // page.mustache
extern const std::string_view style;   // the style sheets, one after another
extern const std::string_view script;  // the scripts, one after another

}  // namespace tcpspec::reports::templates
