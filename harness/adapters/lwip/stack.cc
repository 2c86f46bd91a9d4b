#include "adapters/lwip/stack.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "adapters/lwip/memory.hh"
#include "adapters/lwip/port.hh"

extern "C" {
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>
}

namespace tcpspec::lwip {
namespace {

constexpr std::uint64_t nanoseconds_in_millisecond = 1'000'000;

// Spreads what may be small numbers one after the other (splitmix64).
std::uint64_t mix(std::uint64_t seed) {
  seed += 0x9e3779b97f4a7c15;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
  return seed ^ (seed >> 31);
}

// tcp_init() draws the port before the first one. From the last of the range tcp_new_port() would go on to port 0, and
// the first connection would not open: one seed in 16,384 would tell nothing but that.
void seed_rand(unsigned seed) {
  constexpr int range = 0x3fff;
  for (std::srand(seed); (std::rand() & range) == range; std::srand(seed)) ++seed;
  std::srand(seed);
}

ip4_addr_t ipv4_of(const std::uint8_t* octets) {
  ip4_addr_t address{};
  std::memcpy(&address.addr, octets, 4);
  return address;
}

ip_addr_t ipv6_of(const std::uint8_t* octets) {
  ip_addr_t address{};
  IP_SET_TYPE_VAL(address, IPADDR_TYPE_V6);
  std::memcpy(ip_2_ip6(&address)->addr, octets, 16);
  return address;
}

}  // namespace

Stack::Stack(const tcpspec_config& config, const tcpspec_host& host)
    : host_(host), family_(config.family), origin_(config.now), now_(config.now), outgoing_(65536) {
  start_lwip(config.seed);
  add_interface(config);
}

// lwIP draws its port from rand(), and its sequence numbers are what its clock has counted since
// its start: so the seed says for how long it has been running, up to the 49 days after which the
// clock comes round.
void Stack::start_lwip(std::uint64_t seed) {
  static const bool remembered = [] {
    set_clock(0);
    lwip_init();
    remember_memory();
    return true;
  }();
  (void)remembered;
  restore_memory();
  uptime_ = mix(seed) & 0xffffffff;
  set_clock(uptime_);
  sys_restart_timeouts();
  tcp_ticks = static_cast<u32_t>(uptime_ / TCP_SLOW_INTERVAL);
  seed_rand(static_cast<unsigned>(seed));
  tcp_init();  // nothing but the choice of the first local port
}

void Stack::add_interface(const tcpspec_config& config) {
  netif_add(&netif_, nullptr, nullptr, nullptr, this, set_up, ip_input);
  netif_.mtu = config.mtu;
#if LWIP_ND6_ALLOW_RA_UPDATES
  netif_.mtu6 = config.mtu;
#endif
  netif_set_default(&netif_);
  netif_set_up(&netif_);
  config.family == 6 ? add_ipv6(config) : add_ipv4(config);
#if LWIP_IPV6_SEND_ROUTER_SOLICIT
  netif_.rs_count = 0;  // the tester is no router to be solicited
#endif
}

void Stack::add_ipv4(const tcpspec_config& config) {
  const auto own = ipv4_of(config.local), gateway = ipv4_of(config.peer);
  ip4_addr_t mask{};
  mask.addr = config.prefix == 0 ? 0 : lwip_htonl(0xffffffffU << (32 - std::min<int>(config.prefix, 32)));
  netif_set_addr(&netif_, &own, &mask, &gateway);
}

// Preferred at once: nobody answers to duplicate address detection.
void Stack::add_ipv6(const tcpspec_config& config) {
  const auto own = ipv6_of(config.local);
  const auto* address = ip_2_ip6(&own);
  netif_ip6_addr_set_parts(&netif_, 0, address->addr[0], address->addr[1], address->addr[2], address->addr[3]);
  netif_ip6_addr_set_state(&netif_, 0, IP6_ADDR_PREFERRED);
}

err_t Stack::set_up(netif* interface) {
  interface->name[0] = 't';
  interface->name[1] = 's';
  interface->output = send4;
  interface->output_ip6 = send6;
  interface->flags = NETIF_FLAG_LINK_UP | NETIF_FLAG_BROADCAST;
  return ERR_OK;
}

err_t Stack::send4(netif* interface, pbuf* datagram, const ip4_addr_t* /*next_hop*/) {
  static_cast<Stack*>(interface->state)->send(datagram);
  return ERR_OK;
}
err_t Stack::send6(netif* interface, pbuf* datagram, const ip6_addr_t* /*next_hop*/) {
  static_cast<Stack*>(interface->state)->send(datagram);
  return ERR_OK;
}

void Stack::send(const pbuf* datagram) {
  const auto octets = pbuf_copy_partial(datagram, outgoing_.data(), datagram->tot_len, 0);
  host_.packet_out(host_.context, outgoing_.data(), octets);
}

// An empty one lwIP expects from no link layer, and looks at its first octet.
void Stack::input(const std::uint8_t* datagram, std::size_t octets) {
  if (octets == 0 || octets > 0xffff) return;
  auto* buffer = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(octets), PBUF_RAM);
  if (buffer == nullptr) return;
  pbuf_take(buffer, datagram, static_cast<u16_t>(octets));
  if (netif_.input(buffer, &netif_) != ERR_OK) pbuf_free(buffer);
  settle();
}

void Stack::settle() {
  run_deferred();
  check_memory();
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    if (sockets_[i]) sockets_[i]->forget_freed();
}

std::uint64_t Stack::elapsed_milliseconds() const {
  return (now_ - origin_) / nanoseconds_in_millisecond;
}

std::int64_t Stack::deadline() const {
  const auto sleep = sys_timeouts_sleeptime();
  if (sleep == SYS_TIMEOUTS_SLEEPTIME_INFINITE) return -1;
  return static_cast<std::int64_t>(origin_ + (elapsed_milliseconds() + sleep) * nanoseconds_in_millisecond);
}

// From timer to timer, as lwIP sets some of them again from the instant at which they ran.
void Stack::advance(std::uint64_t now) {
  const auto move_to = [this](std::uint64_t instant) {
    now_ = std::max(now_, instant);
    set_clock(uptime_ + elapsed_milliseconds());
  };
  for (auto due = deadline(); due >= 0 && static_cast<std::uint64_t>(due) <= now; due = deadline()) {
    move_to(static_cast<std::uint64_t>(due));
    sys_check_timeouts();
    settle();
  }
  move_to(now);
}

Socket* Stack::open() {
  auto* pcb = tcp_new_ip_type(family_ == 6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
  return pcb != nullptr ? &adopt(pcb) : nullptr;
}

Socket& Stack::adopt(tcp_pcb* pcb) {
  return *sockets_.emplace_back(std::make_unique<Socket>(static_cast<tcpspec_socket>(sockets_.size()), pcb));
}

int Stack::listen(Socket& socket, std::uint16_t port, int backlog) {
  return socket.listen(port, backlog, [this](tcp_pcb* pcb) -> Socket& { return adopt(pcb); });
}

int Stack::connect(Socket& socket, std::uint16_t local_port, const std::uint8_t* remote, std::uint16_t remote_port) {
  if (family_ == 6) return socket.connect(local_port, ipv6_of(remote), remote_port);
  ip_addr_t address{};
  ip_addr_copy_from_ip4(address, ipv4_of(remote));
  return socket.connect(local_port, address, remote_port);
}

Socket* Stack::find(tcpspec_socket socket) const {
  const auto index = static_cast<std::size_t>(socket);
  return socket >= 0 && index < sockets_.size() ? sockets_[index].get() : nullptr;
}

void Stack::forget(tcpspec_socket socket) {
  sockets_[static_cast<std::size_t>(socket)].reset();
}

}  // namespace tcpspec::lwip
