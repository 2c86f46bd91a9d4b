// Options by the names of the sockets interface, as far as lwIP has a place for them: what it has
// not is TCPSPEC_UNSUPPORTED, and nothing is made up for it here.
#include <algorithm>
#include <array>

#include "adapters/lwip/socket.hh"

extern "C" {
#include <lwip/ip.h>
}

namespace tcpspec::lwip {
namespace {

struct Option {
  std::string_view name;
  std::int64_t least, most;
  bool of_listener;  // lwIP's listening PCB is a smaller structure
  bool inherited;    // by lwIP itself, from the listener
  void (*set)(tcp_pcb*, std::int64_t);
  std::int64_t (*get)(const tcp_pcb*);
};

constexpr std::int64_t most_seconds = std::int64_t{0xffffffff} / 1000;

template <u8_t flag>
void set_flag(tcp_pcb* pcb, std::int64_t value) {
  if (value != 0)
    ip_set_option(pcb, flag);
  else
    ip_reset_option(pcb, flag);
}
template <u8_t flag>
std::int64_t get_flag(const tcp_pcb* pcb) {
  return ip_get_option(pcb, flag) != 0 ? 1 : 0;
}
void set_no_delay(tcp_pcb* pcb, std::int64_t value) {
  if (value != 0)
    tcp_nagle_disable(pcb);
  else
    tcp_nagle_enable(pcb);
}
std::int64_t get_no_delay(const tcp_pcb* pcb) {
  return tcp_nagle_disabled(pcb) ? 1 : 0;
}
template <auto member>
void set_seconds(tcp_pcb* pcb, std::int64_t value) {
  pcb->*member = static_cast<u32_t>(value * 1000);
}
template <auto member>
std::int64_t get_seconds(const tcp_pcb* pcb) {
  return pcb->*member / 1000;
}
template <auto member>
void set_number(tcp_pcb* pcb, std::int64_t value) {
  pcb->*member = static_cast<std::remove_reference_t<decltype(pcb->*member)>>(value);
}
template <auto member>
std::int64_t get_number(const tcp_pcb* pcb) {
  return pcb->*member;
}
// The effective one, as getsockopt() tells it of a connection; it cannot be chosen.
std::int64_t get_segment_size(const tcp_pcb* pcb) {
  return tcp_mss(pcb);
}
std::int64_t get_unacknowledged(const tcp_pcb* pcb) {
  return TCP_SND_BUF - tcp_sndbuf(pcb);
}

constexpr std::array options = {
    Option{"SO_KEEPALIVE", 0, 1, true, true, set_flag<SOF_KEEPALIVE>, get_flag<SOF_KEEPALIVE>},
    Option{"SO_REUSEADDR", 0, 1, true, true, set_flag<SOF_REUSEADDR>, get_flag<SOF_REUSEADDR>},
    Option{"TCP_KEEPIDLE", 1, most_seconds, false, false, set_seconds<&tcp_pcb::keep_idle>,
           get_seconds<&tcp_pcb::keep_idle>},
#if LWIP_TCP_KEEPALIVE
    Option{"TCP_KEEPINTVL", 1, most_seconds, false, false, set_seconds<&tcp_pcb::keep_intvl>,
           get_seconds<&tcp_pcb::keep_intvl>},
    Option{"TCP_KEEPCNT", 1, 0xffffffff, false, false, set_number<&tcp_pcb::keep_cnt>, get_number<&tcp_pcb::keep_cnt>},
#endif
    Option{"TCP_NODELAY", 0, 1, false, false, set_no_delay, get_no_delay},
    Option{"IP_TOS", 0, 255, true, false, set_number<&tcp_pcb::tos>, get_number<&tcp_pcb::tos>},
    Option{"IPV6_TCLASS", 0, 255, true, false, set_number<&tcp_pcb::tos>, get_number<&tcp_pcb::tos>},
    Option{"IP_TTL", 1, 255, true, false, set_number<&tcp_pcb::ttl>, get_number<&tcp_pcb::ttl>},
    Option{"IPV6_UNICAST_HOPS", 1, 255, true, false, set_number<&tcp_pcb::ttl>, get_number<&tcp_pcb::ttl>},
    Option{"TCP_MAXSEG", 0, 0, false, false, nullptr, get_segment_size},
    Option{"SIOCOUTQ", 0, 0, false, false, nullptr, get_unacknowledged},
};

const Option* find(std::string_view name) {
  const auto* found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : found;
}

}  // namespace

int Socket::set_option(std::string_view name, std::int64_t value) {
  const auto* option = find(name);
  if (option == nullptr || option->set == nullptr) return TCPSPEC_UNSUPPORTED;
  if (value < option->least || value > option->most) return TCPSPEC_INVALID;
  if (phase_ == Phase::listening && !option->of_listener) return TCPSPEC_UNSUPPORTED;
  if (pcb_ == nullptr) return TCPSPEC_NOT_CONNECTED;
  option->set(pcb_, value);
  if (phase_ == Phase::fresh && !option->inherited) options_.emplace_back(option->name, value);
  return TCPSPEC_OK;
}

int Socket::get_option(std::string_view name, std::int64_t& value) {
  if (name == "SO_ERROR") {
    value = take_error();
    return TCPSPEC_OK;
  }
  if (name == "SIOCINQ") {
    value = static_cast<std::int64_t>(readable());
    return TCPSPEC_OK;
  }
  const auto* option = find(name);
  if (option == nullptr || (phase_ == Phase::listening && !option->of_listener)) return TCPSPEC_UNSUPPORTED;
  if (pcb_ == nullptr) return TCPSPEC_NOT_CONNECTED;
  value = option->get(pcb_);
  return TCPSPEC_OK;
}

}  // namespace tcpspec::lwip
