#pragma once
// Texts kept in testdata/: a test compares with them, TCPSPEC_BLESS=1 writes them.

#include <string>
#include <string_view>

namespace tcpspec::reports {

// Fails the running test, with a line-by-line difference, unless the text equals testdata/<name>.
void expect_golden(std::string_view name, const std::string& text);

}  // namespace tcpspec::reports
