#pragma once
// What this system says of itself to a tester: the lines of the reply to HELLO.

#include <string>

namespace tcpspec::agent {

[[nodiscard]] std::string describe_this_system();

}  // namespace tcpspec::agent
