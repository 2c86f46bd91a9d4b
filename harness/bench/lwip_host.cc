#include "bench/lwip_host.hh"

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>

extern "C" {
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
}

namespace {

tcpspec::packet::Duration lwip_time{};

}  // namespace

// lwIP's own asks the system; the library calls this one in its stead, as the program's
// symbols come first.
extern "C" u32_t sys_now() {
  return static_cast<u32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(lwip_time).count());
}

namespace tcpspec::bench {

void must(err_t error) {
  if (error != ERR_OK) throw std::runtime_error("lwIP refused a call of the bench: " + std::to_string(error));
}

void advance_lwip(packet::Duration by) {
  lwip_time += by;
  sys_check_timeouts();
}

void advance_lwip_to_next_timer() {
  if (const auto milliseconds = sys_timeouts_sleeptime(); milliseconds != SYS_TIMEOUTS_SLEEPTIME_INFINITE)
    advance_lwip(std::chrono::milliseconds(milliseconds));
}

ip_addr_t to_lwip(const packet::Address& address) {
  ip_addr_t result{};
  const auto& octets = address.bytes;
  IP_ADDR4(&result, octets[0], octets[1], octets[2], octets[3]);
  return result;
}

LwipInterface::LwipInterface(const packet::Address& address, const packet::Address& gateway) : address_(address) {
  static const bool initialised = (lwip_init(), true);
  (void)initialised;
  const ip_addr_t own = to_lwip(address), hop = to_lwip(gateway),
                  mask = to_lwip(packet::Address::ipv4(255, 255, 255, 0));
  if (netif_add(&netif_, ip_2_ip4(&own), ip_2_ip4(&mask), ip_2_ip4(&hop), this, set_up, ip_input) == nullptr)
    throw std::runtime_error("lwIP has no interface for the bench");
  netif_set_up(&netif_);
}

LwipInterface::~LwipInterface() {
  netif_remove(&netif_);
}

err_t LwipInterface::set_up(netif* interface) {
  interface->name[0] = 'b';
  interface->name[1] = 'e';
  interface->mtu = 1500;
  interface->output = send;
  interface->flags = NETIF_FLAG_LINK_UP;
  return ERR_OK;
}

err_t LwipInterface::send(netif* interface, pbuf* datagram, const ip4_addr_t*) {
  packet::Bytes bytes(datagram->tot_len);
  pbuf_copy_partial(datagram, bytes.data(), datagram->tot_len, 0);
  static_cast<LwipInterface*>(interface->state)->sent_.push_back(std::move(bytes));
  return ERR_OK;
}

void LwipInterface::input(packet::BytesView datagram) {
  const auto octets = static_cast<u16_t>(datagram.size());
  pbuf* buffer = pbuf_alloc(PBUF_RAW, octets, PBUF_RAM);
  if (buffer == nullptr) throw std::bad_alloc();
  must(pbuf_take(buffer, datagram.data(), octets));
  if (netif_.input(buffer, &netif_) != ERR_OK) pbuf_free(buffer);
}

packet::Bytes LwipInterface::take_output() {
  auto datagram = std::move(sent_.front());
  sent_.pop_front();
  return datagram;
}

tcp_pcb* LwipInterface::open(std::uint16_t port) {
  tcp_pcb* socket = tcp_new_ip_type(IPADDR_TYPE_V4);
  if (socket == nullptr) throw std::bad_alloc();
  const ip_addr_t own = to_lwip(address_);
  must(tcp_bind(socket, &own, port));
  tcp_bind_netif(socket, &netif_);
  return socket;
}

}  // namespace tcpspec::bench
