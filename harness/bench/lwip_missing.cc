// In place of lwip_*.cc, where lwIP is not installed.

#include "bench/bulk.hh"
#include "bench/server.hh"

namespace tcpspec::bench {

std::unique_ptr<Server> make_lwip_server() {
  return nullptr;
}

std::unique_ptr<Transfer> make_lwip_transfer() {
  return nullptr;
}

}  // namespace tcpspec::bench
