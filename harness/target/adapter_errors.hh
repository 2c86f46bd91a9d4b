#pragma once
// The errors of adapter.h beside the errnos of a host. Header only and without anything of
// tcpspec, so that both ends of the wire share it.

#include <array>
#include <cerrno>

#include "target/adapter.h"

namespace tcpspec::adapter {

struct ErrorPair {
  int adapter = 0;
  int host = 0;
};

inline constexpr std::array error_pairs = {ErrorPair{TCPSPEC_AGAIN, EAGAIN},
                                           ErrorPair{TCPSPEC_UNSUPPORTED, ENOTSUP},
                                           ErrorPair{TCPSPEC_INVALID, EINVAL},
                                           ErrorPair{TCPSPEC_NO_RESOURCES, ENOBUFS},
                                           ErrorPair{TCPSPEC_BAD_SOCKET, EBADF},
                                           ErrorPair{TCPSPEC_REFUSED, ECONNREFUSED},
                                           ErrorPair{TCPSPEC_RESET, ECONNRESET},
                                           ErrorPair{TCPSPEC_TIMED_OUT, ETIMEDOUT},
                                           ErrorPair{TCPSPEC_UNREACHABLE, EHOSTUNREACH},
                                           ErrorPair{TCPSPEC_NOT_CONNECTED, ENOTCONN},
                                           ErrorPair{TCPSPEC_IS_CONNECTED, EISCONN},
                                           ErrorPair{TCPSPEC_IN_PROGRESS, EALREADY},
                                           ErrorPair{TCPSPEC_BROKEN_PIPE, EPIPE},
                                           ErrorPair{TCPSPEC_ADDRESS_IN_USE, EADDRINUSE},
                                           ErrorPair{TCPSPEC_ABORTED, ECONNABORTED},
                                           ErrorPair{TCPSPEC_FAILED, EIO}};

}  // namespace tcpspec::adapter
