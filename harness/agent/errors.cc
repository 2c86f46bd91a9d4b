#include "agent/errors.hh"

#include <algorithm>
#include <cerrno>

#include "target/adapter_errors.hh"

namespace tcpspec::agent {
namespace {

// Linux turns ICMP errors into these, by type and code.
bool is_icmp_error(int error) {
  switch (error) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EACCES:
    case EPROTO:
    case EMSGSIZE:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
#ifdef ENONET
    case ENONET:
#endif
      return true;
    default:
      return false;
  }
}

bool is_out_of_resources(int error) {
  return error == ENOBUFS || error == ENOMEM || error == EMFILE || error == ENFILE;
}

}  // namespace

int to_adapter(int error) {
  if (error == 0) return TCPSPEC_OK;
  if (error == EWOULDBLOCK) return TCPSPEC_AGAIN;
  if (is_icmp_error(error)) return TCPSPEC_UNREACHABLE;
  if (is_out_of_resources(error)) return TCPSPEC_NO_RESOURCES;
  const auto* known = std::ranges::find(adapter::error_pairs, error, &adapter::ErrorPair::host);
  return known == adapter::error_pairs.end() ? TCPSPEC_FAILED : known->adapter;
}

int option_error(int error) {
  return error == ENOPROTOOPT || error == EOPNOTSUPP || error == ENOTSUP ? TCPSPEC_UNSUPPORTED : to_adapter(error);
}

}  // namespace tcpspec::agent
