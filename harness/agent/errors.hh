#pragma once
// Errnos of this system as the results of adapter.h.

namespace tcpspec::agent {

// Of a call on a connection. Several errnos say that an ICMP error ended it.
[[nodiscard]] int to_adapter(int error);
// Of a socket option: what this system does not have is unsupported.
[[nodiscard]] int option_error(int error);

}  // namespace tcpspec::agent
