#pragma once
// lwIP as Debian ships it, in this process: its raw API from one thread (tcpip_init() is
// never called, so it starts none), and its clock in our hands. Its state is global: there is
// one lwIP, with as many interfaces as are wanted.

#include <cstdint>
#include <deque>

#include "packet/segment.hh"
#include "packet/time.hh"

extern "C" {
#include <lwip/netif.h>
#include <lwip/tcp.h>
}

namespace tcpspec::bench {

// Throws where `error` says that lwIP refused.
void must(err_t error);

void advance_lwip(packet::Duration by);
// To what it does next by itself; not at all where there is nothing.
void advance_lwip_to_next_timer();

// What lwIP sends through it waits to be taken, what is put into it lwIP receives.
class LwipInterface {
 public:
  LwipInterface(const packet::Address& address, const packet::Address& gateway);
  ~LwipInterface();
  LwipInterface(LwipInterface&&) = delete;

  void input(packet::BytesView datagram);
  [[nodiscard]] bool has_output() const { return !sent_.empty(); }
  [[nodiscard]] packet::Bytes take_output();

  [[nodiscard]] const packet::Address& address() const { return address_; }
  [[nodiscard]] netif* handle() { return &netif_; }
  // A socket of this interface alone.
  [[nodiscard]] tcp_pcb* open(std::uint16_t port);

 private:
  static err_t set_up(netif* interface);
  static err_t send(netif* interface, pbuf* datagram, const ip4_addr_t* next_hop);

  packet::Address address_;
  netif netif_{};
  std::deque<packet::Bytes> sent_;
};

[[nodiscard]] ip_addr_t to_lwip(const packet::Address& address);

}  // namespace tcpspec::bench
