#pragma once
// packet::Endpoint as the kernel's sockaddr, and back.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "packet/address.hh"

namespace tcpspec::target {

class SocketAddress {
 public:
  explicit SocketAddress(const packet::Endpoint& endpoint) {
    if (endpoint.address.family == packet::Family::ipv4) {
      address_.v4.sin_family = AF_INET;
      address_.v4.sin_port = htons(endpoint.port);
      std::memcpy(&address_.v4.sin_addr, endpoint.address.bytes.data(), sizeof address_.v4.sin_addr);
      size_ = sizeof address_.v4;
    } else {
      address_.v6.sin6_family = AF_INET6;
      address_.v6.sin6_port = htons(endpoint.port);
      std::memcpy(&address_.v6.sin6_addr, endpoint.address.bytes.data(), sizeof address_.v6.sin6_addr);
      size_ = sizeof address_.v6;
    }
  }

  [[nodiscard]] const sockaddr* pointer() const { return &address_.any; }
  [[nodiscard]] socklen_t size() const { return size_; }

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address_{.v6 = {}};
  socklen_t size_ = 0;
};

// The endpoint a socket is bound to; port 0 when it is not.
[[nodiscard]] inline packet::Endpoint local_endpoint(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  packet::Endpoint endpoint;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return endpoint;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    endpoint.port = ntohs(v4.sin_port);
    std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    endpoint.address.family = packet::Family::ipv6;
    endpoint.port = ntohs(v6.sin6_port);
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return endpoint;
}

}  // namespace tcpspec::target
