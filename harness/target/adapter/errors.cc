#include "target/adapter/errors.hh"

#include <algorithm>
#include <array>
#include <cerrno>

#include "target/adapter.h"
#include "target/adapter_errors.hh"

namespace tcpspec::target {

std::int64_t from_adapter(std::int64_t result) {
  if (result >= 0) return result;
  const auto known = std::ranges::find(adapter::error_pairs, result, &adapter::ErrorPair::adapter);
  return known == adapter::error_pairs.end() ? -EIO : -known->host;
}

const char* state_name(std::int64_t state) {
  constexpr std::array names = {"CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
                                "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
  return state >= 0 && state < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(state)] : "";
}

int direction_number(Direction direction) {
  return direction == Direction::read ? TCPSPEC_READ : direction == Direction::write ? TCPSPEC_WRITE : TCPSPEC_BOTH;
}

}  // namespace tcpspec::target
