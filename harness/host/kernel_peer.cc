#include "host/kernel_peer.hh"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "host/pattern.hh"

namespace tcpspec::host::test {
namespace {

constexpr std::size_t piece_octets = 64 * 1024;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const Endpoint& endpoint) {
  SocketAddress address;
  if (endpoint.address.family == packet::Family::ipv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.address.bytes.data(), 4);
    std::memcpy(&address.storage, &in, address.length = sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, endpoint.address.bytes.data(), 16);
    std::memcpy(&address.storage, &in, address.length = sizeof in);
  }
  return address;
}

Descriptor open_socket(packet::Family family) {
  Descriptor opened{socket(family == packet::Family::ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!opened) fail("socket");
  return opened;
}

void send_all(const Descriptor& socket, packet::BytesView octets) {
  while (!octets.empty()) {
    const auto taken = ::send(socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (taken < 0) fail("send");
    octets = octets.subspan(static_cast<std::size_t>(taken));
  }
}

}  // namespace

Descriptor connect_to(const Endpoint& server) {
  auto socket = open_socket(server.address.family);
  const auto address = socket_address(server);
  if (connect(socket.get(), address.get(), address.length) != 0) fail("connect");
  return socket;
}

Descriptor listen_on(packet::Family family, std::uint16_t port) {
  auto socket = open_socket(family);
  const auto address = socket_address({{.family = family, .bytes = {}}, port});
  if (bind(socket.get(), address.get(), address.length) != 0) fail("bind");
  if (listen(socket.get(), 1024) != 0) fail("listen");
  return socket;
}

Descriptor accept_from(const Descriptor& listener) {
  Descriptor accepted{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!accepted) fail("accept");
  return accepted;
}

void send_pattern(const Descriptor& socket, std::uint64_t octets) {
  packet::Bytes piece(piece_octets);
  for (std::uint64_t sent = 0; sent < octets;) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(piece.size(), octets - sent));
    fill_pattern(sent, part);
    send_all(socket, part);
    sent += part.size();
  }
  if (shutdown(socket.get(), SHUT_WR) != 0) fail("shutdown");
}

void check_pattern(const Descriptor& socket, std::uint64_t octets) {
  packet::Bytes piece(piece_octets);
  std::uint64_t received = 0;
  for (;;) {
    const auto got = recv(socket.get(), piece.data(), piece.size(), 0);
    if (got < 0) fail("recv");
    if (got == 0) break;
    if (const auto wrong = find_difference(received, std::span(piece).first(static_cast<std::size_t>(got))))
      throw std::runtime_error(fmt::format("octet {} is not what was sent", *wrong));
    received += static_cast<std::uint64_t>(got);
  }
  if (received != octets)
    throw std::runtime_error(fmt::format("the end came after {} octets, and not after {}", received, octets));
}

void exchange_pattern(const Descriptor& socket, std::uint64_t send, std::uint64_t expect) {
  std::exception_ptr failure;
  std::thread sender([&] {
    try {
      send_pattern(socket, send);
    } catch (...) {
      failure = std::current_exception();
    }
  });
  try {
    check_pattern(socket, expect);
  } catch (...) {
    shutdown(socket.get(), SHUT_RDWR);  // what blocks the sender
    sender.join();
    throw;
  }
  sender.join();
  if (failure) std::rethrow_exception(failure);
}

void send_text(const Descriptor& socket, const std::string& text) {
  send_all(socket, std::as_bytes(std::span(text)));
}

std::string receive_text(const Descriptor& socket, const std::string& end) {
  std::string text;
  while (!text.ends_with(end)) {
    char octet = 0;
    const auto got = recv(socket.get(), &octet, 1, 0);
    if (got < 0) fail("recv");
    if (got == 0) throw std::runtime_error("the end came early: " + text);
    text += octet;
  }
  return text;
}

}  // namespace tcpspec::host::test
