#pragma once
// lwIP as the stack of one test: an interface without a link layer, a clock, and sockets.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "adapters/lwip/socket.hh"
#include "target/adapter.h"

extern "C" {
#include <lwip/netif.h>
}

namespace tcpspec::lwip {

class Stack {
 public:
  // lwIP as new. Only one may live at a time.
  Stack(const tcpspec_config& config, const tcpspec_host& host);
  Stack(Stack&&) = delete;

  void input(const std::uint8_t* datagram, std::size_t octets);
  void advance(std::uint64_t now);
  [[nodiscard]] std::int64_t deadline() const;

  // Null where there is no memory for it.
  [[nodiscard]] Socket* open();
  [[nodiscard]] int listen(Socket& socket, std::uint16_t port, int backlog);
  [[nodiscard]] int connect(Socket& socket, std::uint16_t local_port, const std::uint8_t* remote,
                            std::uint16_t remote_port);
  // Null: there is none of that number, or no more.
  [[nodiscard]] Socket* find(tcpspec_socket socket) const;
  void forget(tcpspec_socket socket);
  // After each call that had an effect.
  void settle();

 private:
  void start_lwip(std::uint64_t seed);
  void add_interface(const tcpspec_config& config);
  void add_ipv4(const tcpspec_config& config);
  void add_ipv6(const tcpspec_config& config);
  Socket& adopt(tcp_pcb* pcb);
  [[nodiscard]] std::uint64_t elapsed_milliseconds() const;

  static err_t set_up(netif* interface);
  static err_t send4(netif* interface, pbuf* datagram, const ip4_addr_t* next_hop);
  static err_t send6(netif* interface, pbuf* datagram, const ip6_addr_t* next_hop);
  void send(const pbuf* datagram);

  tcpspec_host host_;
  std::uint8_t family_;
  std::uint64_t origin_, now_;
  std::uint64_t uptime_ = 0;  // ms for which lwIP has run at `origin_`
  netif netif_{};
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<std::uint8_t> outgoing_;  // room for one datagram
};

}  // namespace tcpspec::lwip
