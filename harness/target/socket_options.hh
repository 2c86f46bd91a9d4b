#pragma once
// Socket options by the names that tests use. Without anything else of tcpspec, because the agent
// beside a stack on the wire (harness/agent) reads and sets them too; what a system does not have
// is not in its table.

#include <cstdint>
#include <expected>
#include <string_view>

namespace tcpspec::target {

// `domain` is the socket's: AF_INET or AF_INET6. The error is an errno; ENOPROTOOPT for a name that
// is not in the table. The IP-level options answer to their IPv4 and to their IPv6 name on either
// family ("IP_TTL" is "IPV6_UNICAST_HOPS" on an IPv6 socket). SO_LINGER counts seconds, -1 is off.
// SIOCATMARK, SIOCINQ and SIOCOUTQ can be read only (ENOPROTOOPT when set), and so can
// the fields of Linux's tcp_info, as "tcpi_rto".
[[nodiscard]] std::expected<std::int64_t, int> get_socket_option(int socket, int domain, std::string_view name);
[[nodiscard]] std::expected<void, int> set_socket_option(int socket, int domain, std::string_view name,
                                                         std::int64_t value);

// TCPSPEC_CLOSED ... of adapter.h, as the kernel sees the connection; ENOTSUP where it does not say.
[[nodiscard]] std::expected<int, int> connection_state(int socket);

}  // namespace tcpspec::target
