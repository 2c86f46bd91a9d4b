// The variables of lwIP where it is linked in: variables.ld has put them into a section of their own.
#include "adapters/lwip/memory.hh"

extern "C" {
extern std::byte tcpspec_lwip_variables_begin[] __attribute__((visibility("hidden")));
extern std::byte tcpspec_lwip_variables_end[] __attribute__((visibility("hidden")));
}

namespace tcpspec::lwip {

std::vector<std::span<std::byte>> lwip_variables() {
  return {{tcpspec_lwip_variables_begin, tcpspec_lwip_variables_end}};
}

}  // namespace tcpspec::lwip
