#pragma once
// Socket options by the names that tests use.

#include <cstdint>
#include <expected>
#include <string_view>

#include "packet/address.hh"

namespace tcpspec::target {

// The error is an errno; ENOPROTOOPT for a name that is not in the table. The IP-level
// options answer to their IPv4 and to their IPv6 name on either family ("IP_TTL" is
// "IPV6_UNICAST_HOPS" on an IPv6 socket). SO_LINGER counts seconds, -1 is off.
// SIOCATMARK, SIOCINQ and SIOCOUTQ can be read only (ENOPROTOOPT when set), and so can
// the fields of the kernel's tcp_info, as "tcpi_rto".
[[nodiscard]] std::expected<std::int64_t, int> get_socket_option(int socket, packet::Family family,
                                                                 std::string_view name);
[[nodiscard]] std::expected<void, int> set_socket_option(int socket, packet::Family family, std::string_view name,
                                                         std::int64_t value);

// RFC 9293 section 3.3.2's name of the connection's state, as the kernel sees it.
[[nodiscard]] std::expected<std::string_view, int> connection_state(int socket);

}  // namespace tcpspec::target
