#pragma once
// An HTTP/1.1 server (RFC 9112) of one kind of resource: /octets/N is N octets of the pattern.

#include <memory>

#include "host/session.hh"

namespace tcpspec::host {

[[nodiscard]] std::unique_ptr<Session> make_http_server();

}  // namespace tcpspec::host
