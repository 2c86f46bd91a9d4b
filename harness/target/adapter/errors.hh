#pragma once
// The results of adapter.h as errnos of this host.

#include <cstdint>

#include "target/call.hh"

namespace tcpspec::target {

// Zero and counts stay; TCPSPEC_RESET becomes -ECONNRESET. What adapter.h does not know is -EIO.
[[nodiscard]] std::int64_t from_adapter(std::int64_t result);
// "LISTEN" for TCPSPEC_LISTEN; empty where there is no such state.
[[nodiscard]] const char* state_name(std::int64_t state);
// TCPSPEC_READ, TCPSPEC_WRITE or TCPSPEC_BOTH.
[[nodiscard]] int direction_number(Direction direction);

}  // namespace tcpspec::target
