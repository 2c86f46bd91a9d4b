#include "target/socket_options.hh"

#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#include <sys/filio.h>
#include <sys/sockio.h>
#endif
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "target/adapter.h"

namespace tcpspec::target {
namespace {

struct Option {
  std::string_view name;
  int level;
  int number;
};

constexpr std::array options = {
    Option{"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG},
    Option{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY},
#ifdef TCP_CORK
    Option{"TCP_CORK", IPPROTO_TCP, TCP_CORK},
#endif
#ifdef TCP_QUICKACK
    Option{"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK},
#endif
#ifdef TCP_KEEPIDLE
    Option{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
#endif
#ifdef TCP_KEEPINTVL
    Option{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
#endif
#ifdef TCP_KEEPCNT
    Option{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT},
#endif
#ifdef TCP_USER_TIMEOUT
    Option{"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
#endif
#ifdef TCP_SYNCNT
    Option{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT},
#endif
#ifdef TCP_LINGER2
    Option{"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2},
#endif
#ifdef TCP_DEFER_ACCEPT
    Option{"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT},
#endif
#ifdef TCP_WINDOW_CLAMP
    Option{"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP},
#endif
#ifdef TCP_FASTOPEN
    Option{"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN},
#endif
#ifdef TCP_FASTOPEN_CONNECT
    Option{"TCP_FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
#endif
#ifdef TCP_FASTOPEN_NO_COOKIE
    Option{"TCP_FASTOPEN_NO_COOKIE", IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE},
#endif
#ifdef TCP_NOTSENT_LOWAT
    Option{"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT},
#endif
#ifdef TCP_THIN_LINEAR_TIMEOUTS
    Option{"TCP_THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
#endif
#ifdef TCP_TIMESTAMP
    Option{"TCP_TIMESTAMP", IPPROTO_TCP, TCP_TIMESTAMP},
#endif
#ifdef TCP_INQ
    Option{"TCP_INQ", IPPROTO_TCP, TCP_INQ},
#endif
    Option{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
    Option{"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF},
    Option{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT},
    Option{"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    Option{"SO_ERROR", SOL_SOCKET, SO_ERROR},
    Option{"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE},
    Option{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
#ifdef SO_REUSEPORT
    Option{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
#endif
#ifdef SO_PRIORITY
    Option{"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
#endif
};

struct TwinOption {
  std::string_view name4;
  std::string_view name6;
  int number4;
  int number6;
};

constexpr std::array twins = {
    TwinOption{"IP_TOS", "IPV6_TCLASS", IP_TOS, IPV6_TCLASS},
    TwinOption{"IP_TTL", "IPV6_UNICAST_HOPS", IP_TTL, IPV6_UNICAST_HOPS},
#if defined IP_RECVERR && defined IPV6_RECVERR
    TwinOption{"IP_RECVERR", "IPV6_RECVERR", IP_RECVERR, IPV6_RECVERR},
#endif
#if defined IP_MTU_DISCOVER && defined IPV6_MTU_DISCOVER
    TwinOption{"IP_MTU_DISCOVER", "IPV6_MTU_DISCOVER", IP_MTU_DISCOVER, IPV6_MTU_DISCOVER},
#endif
#if defined IP_MTU && defined IPV6_MTU
    TwinOption{"IP_MTU", "IPV6_MTU", IP_MTU, IPV6_MTU},
#endif
#if defined IP_MINTTL && defined IPV6_MINHOPCOUNT
    TwinOption{"IP_MINTTL", "IPV6_MINHOPCOUNT", IP_MINTTL, IPV6_MINHOPCOUNT},
#endif
};

struct Query {
  std::string_view name;
  unsigned long request;
};
constexpr std::array queries = {
    Query{"SIOCATMARK", SIOCATMARK},
    Query{"SIOCINQ", FIONREAD},
#ifdef SIOCOUTQ
    Query{"SIOCOUTQ", SIOCOUTQ},
#endif
};

#ifdef __linux__
struct InfoField {
  std::string_view name;
  std::size_t offset;
  std::size_t size;
};
#define TCPSPEC_INFO_FIELD(field)                              \
  InfoField {                                                  \
#field, offsetof(tcp_info, field), sizeof(tcp_info::field) \
  }
constexpr std::array info_fields = {TCPSPEC_INFO_FIELD(tcpi_state),         TCPSPEC_INFO_FIELD(tcpi_ca_state),
                                    TCPSPEC_INFO_FIELD(tcpi_retransmits),   TCPSPEC_INFO_FIELD(tcpi_probes),
                                    TCPSPEC_INFO_FIELD(tcpi_backoff),       TCPSPEC_INFO_FIELD(tcpi_options),
                                    TCPSPEC_INFO_FIELD(tcpi_rto),           TCPSPEC_INFO_FIELD(tcpi_ato),
                                    TCPSPEC_INFO_FIELD(tcpi_snd_mss),       TCPSPEC_INFO_FIELD(tcpi_rcv_mss),
                                    TCPSPEC_INFO_FIELD(tcpi_unacked),       TCPSPEC_INFO_FIELD(tcpi_sacked),
                                    TCPSPEC_INFO_FIELD(tcpi_lost),          TCPSPEC_INFO_FIELD(tcpi_retrans),
                                    TCPSPEC_INFO_FIELD(tcpi_pmtu),          TCPSPEC_INFO_FIELD(tcpi_rcv_ssthresh),
                                    TCPSPEC_INFO_FIELD(tcpi_rtt),           TCPSPEC_INFO_FIELD(tcpi_rttvar),
                                    TCPSPEC_INFO_FIELD(tcpi_snd_ssthresh),  TCPSPEC_INFO_FIELD(tcpi_snd_cwnd),
                                    TCPSPEC_INFO_FIELD(tcpi_advmss),        TCPSPEC_INFO_FIELD(tcpi_reordering),
                                    TCPSPEC_INFO_FIELD(tcpi_rcv_space),     TCPSPEC_INFO_FIELD(tcpi_total_retrans),
                                    TCPSPEC_INFO_FIELD(tcpi_bytes_acked),   TCPSPEC_INFO_FIELD(tcpi_bytes_received),
                                    TCPSPEC_INFO_FIELD(tcpi_segs_out),      TCPSPEC_INFO_FIELD(tcpi_segs_in),
                                    TCPSPEC_INFO_FIELD(tcpi_notsent_bytes), TCPSPEC_INFO_FIELD(tcpi_min_rtt),
                                    TCPSPEC_INFO_FIELD(tcpi_data_segs_in),  TCPSPEC_INFO_FIELD(tcpi_data_segs_out),
                                    TCPSPEC_INFO_FIELD(tcpi_delivered),     TCPSPEC_INFO_FIELD(tcpi_delivered_ce),
                                    TCPSPEC_INFO_FIELD(tcpi_bytes_sent),    TCPSPEC_INFO_FIELD(tcpi_bytes_retrans),
                                    TCPSPEC_INFO_FIELD(tcpi_dsack_dups),    TCPSPEC_INFO_FIELD(tcpi_reord_seen),
                                    TCPSPEC_INFO_FIELD(tcpi_rcv_ooopack),   TCPSPEC_INFO_FIELD(tcpi_snd_wnd)};
#undef TCPSPEC_INFO_FIELD
#endif

std::optional<Option> find_option(int domain, std::string_view name) {
  if (const auto* found = std::ranges::find(options, name, &Option::name); found != options.end()) return *found;
  const auto* twin = std::ranges::find_if(twins, [&](const auto& t) { return t.name4 == name || t.name6 == name; });
  if (twin == twins.end()) return std::nullopt;
  return domain == AF_INET ? Option{name, IPPROTO_IP, twin->number4} : Option{name, IPPROTO_IPV6, twin->number6};
}

#ifdef __linux__
std::expected<tcp_info, int> info_of(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::unexpected(errno);
  return info;
}

std::expected<std::int64_t, int> get_info_field(int socket, const InfoField& field) {
  const auto info = info_of(socket);
  if (!info) return std::unexpected(info.error());
  // Fields are unsigned; this host's byte order decides which octets of `value` they fill.
  const auto* at = reinterpret_cast<const std::byte*>(&*info) + field.offset;
  const auto load = [at]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<std::int64_t>(value);
  };
  switch (field.size) {
    case 1:
      return load(std::uint8_t{});
    case 4:
      return load(std::uint32_t{});
    default:
      return load(std::uint64_t{});
  }
}

#endif

std::expected<std::int64_t, int> get_linger(int socket) {
  linger value{};
  socklen_t size = sizeof value;
  if (getsockopt(socket, SOL_SOCKET, SO_LINGER, &value, &size) != 0) return std::unexpected(errno);
  return value.l_onoff != 0 ? value.l_linger : -1;
}

}  // namespace

std::expected<std::int64_t, int> get_socket_option(int socket, int domain, std::string_view name) {
  if (name == "SO_LINGER") return get_linger(socket);
  if (const auto option = find_option(domain, name)) {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(socket, option->level, option->number, &value, &size) != 0) return std::unexpected(errno);
    return value;
  }
  if (const auto* query = std::ranges::find(queries, name, &Query::name); query != queries.end()) {
    int value = 0;
    if (ioctl(socket, query->request, &value) != 0) return std::unexpected(errno);
    return value;
  }
#ifdef __linux__
  if (const auto* field = std::ranges::find(info_fields, name, &InfoField::name); field != info_fields.end())
    return get_info_field(socket, *field);
#endif
  return std::unexpected(ENOPROTOOPT);
}

std::expected<void, int> set_socket_option(int socket, int domain, std::string_view name, std::int64_t value) {
  const auto setting = static_cast<int>(value);
  if (setting != value) return std::unexpected(EINVAL);
  int result = 0;
  if (name == "SO_LINGER") {
    const linger seconds{.l_onoff = setting >= 0 ? 1 : 0, .l_linger = std::max(setting, 0)};
    result = setsockopt(socket, SOL_SOCKET, SO_LINGER, &seconds, sizeof seconds);
  } else {
    const auto option = find_option(domain, name);
    if (!option) return std::unexpected(ENOPROTOOPT);
    result = setsockopt(socket, option->level, option->number, &setting, sizeof setting);
  }
  if (result != 0) return std::unexpected(errno);
  return {};
}

std::expected<int, int> connection_state([[maybe_unused]] int socket) {
#ifdef __linux__
  const auto info = info_of(socket);
  if (!info) return std::unexpected(info.error());
  // The kernel's numbering; 12 is a SYN-RECEIVED that has no socket of its own yet.
  constexpr std::array states = {TCPSPEC_CLOSED,      TCPSPEC_ESTABLISHED, TCPSPEC_SYN_SENT,  TCPSPEC_SYN_RECEIVED,
                                 TCPSPEC_FIN_WAIT_1,  TCPSPEC_FIN_WAIT_2,  TCPSPEC_TIME_WAIT, TCPSPEC_CLOSED,
                                 TCPSPEC_CLOSE_WAIT,  TCPSPEC_LAST_ACK,    TCPSPEC_LISTEN,    TCPSPEC_CLOSING,
                                 TCPSPEC_SYN_RECEIVED};
  return static_cast<int>(info->tcpi_state < states.size() ? states[info->tcpi_state] : TCPSPEC_CLOSED);
#else
  return std::unexpected(ENOTSUP);
#endif
}

}  // namespace tcpspec::target
