#include "target/adapter/errors.hh"

#include <array>
#include <cerrno>

#include "target/adapter.h"

namespace tcpspec::target {

std::int64_t from_adapter(std::int64_t result) {
  if (result >= 0) return result;
  switch (result) {
    case TCPSPEC_AGAIN:
      return -EAGAIN;
    case TCPSPEC_UNSUPPORTED:
      return -ENOTSUP;
    case TCPSPEC_INVALID:
      return -EINVAL;
    case TCPSPEC_NO_RESOURCES:
      return -ENOBUFS;
    case TCPSPEC_BAD_SOCKET:
      return -EBADF;
    case TCPSPEC_REFUSED:
      return -ECONNREFUSED;
    case TCPSPEC_RESET:
      return -ECONNRESET;
    case TCPSPEC_TIMED_OUT:
      return -ETIMEDOUT;
    case TCPSPEC_UNREACHABLE:
      return -EHOSTUNREACH;
    case TCPSPEC_NOT_CONNECTED:
      return -ENOTCONN;
    case TCPSPEC_IS_CONNECTED:
      return -EISCONN;
    case TCPSPEC_IN_PROGRESS:
      return -EALREADY;
    case TCPSPEC_BROKEN_PIPE:
      return -EPIPE;
    case TCPSPEC_ADDRESS_IN_USE:
      return -EADDRINUSE;
    case TCPSPEC_ABORTED:
      return -ECONNABORTED;
    default:
      return -EIO;
  }
}

const char* state_name(std::int64_t state) {
  constexpr std::array names = {"CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
                                "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
  return state >= 0 && state < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(state)] : "";
}

int direction_number(Direction direction) {
  return direction == Direction::read ? TCPSPEC_READ : direction == Direction::write ? TCPSPEC_WRITE : TCPSPEC_BOTH;
}

}  // namespace tcpspec::target
