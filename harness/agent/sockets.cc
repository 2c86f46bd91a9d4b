#include "agent/sockets.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "agent/errors.hh"
#include "target/adapter.h"
#include "target/socket_options.hh"

namespace tcpspec::agent {
namespace {

class Name {
 public:
  Name(OctetsView address, std::int64_t port) {
    const auto network_port = htons(static_cast<std::uint16_t>(port));
    if (address.size() == sizeof(in_addr)) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(storage_);
      v4.sin_family = AF_INET;
      v4.sin_port = network_port;
      std::memcpy(&v4.sin_addr, address.data(), sizeof v4.sin_addr);
      size_ = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(storage_);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = network_port;
      std::memcpy(&v6.sin6_addr, address.data(), std::min(address.size(), sizeof v6.sin6_addr));
      size_ = sizeof v6;
    }
  }
  [[nodiscard]] const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] Octets octets() const {
    const auto* first = reinterpret_cast<const std::byte*>(&storage_);
    return {first, first + size_};
  }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

bool prepare(const Descriptor& descriptor) {
  return fcntl(descriptor.get(), F_SETFL, O_NONBLOCK) == 0 && fcntl(descriptor.get(), F_SETFD, FD_CLOEXEC) == 0;
}

// RFC 9293 section 3.10.5: an abort resets the connection. Linger 0 makes close() do so.
void make_close_reset(const Descriptor& descriptor) {
  constexpr linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool lingers(const Descriptor& descriptor) {
  linger setting{};
  socklen_t size = sizeof setting;
  return getsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &setting, &size) == 0 && setting.l_onoff != 0 &&
         setting.l_linger > 0;
}

int close_and_tell(Descriptor descriptor) {
  return to_adapter(::close(descriptor.release()) == 0 ? 0 : errno);
}

int pending_error(const Descriptor& descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::uint16_t port_of(const sockaddr_storage& name) {
  return ntohs(name.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(name).sin_port
                                         : reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
}

int clamp_to_int(std::int64_t value) {
  return static_cast<int>(
      std::clamp<std::int64_t>(value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

}  // namespace

Sockets::~Sockets() {
  for (const auto& [scope, unused] : std::exchange(scopes_, {})) (void)close_scope(scope);
}

std::int32_t Sockets::open_scope(Scope scope) {
  scopes_.emplace(++last_scope_, std::move(scope));
  return last_scope_;
}

int Sockets::close_scope(std::int64_t scope) {
  const bool known = std::erase_if(scopes_, [&](const auto& each) { return each.first == scope; }) != 0;
  std::erase_if(sockets_, [&](const auto& each) {
    const auto& socket = each.second;
    if (socket.scope != scope) return false;
    if (socket.descriptor && !socket.listening) make_close_reset(socket.descriptor);
    return true;
  });
  return known ? TCPSPEC_OK : TCPSPEC_INVALID;
}

Sockets::Socket* Sockets::find(std::int32_t socket) {
  const auto found = sockets_.find(socket);
  return found == sockets_.end() || found->second.closing != Socket::Closing::no ? nullptr : &found->second;
}

int Sockets::failed(Socket& socket, int error, short awaited) {
  const int result = to_adapter(error);
  if (result == TCPSPEC_AGAIN) socket.awaited = static_cast<short>(socket.awaited | awaited);
  return result;
}

std::int64_t Sockets::add(std::int32_t scope, Descriptor descriptor) {
  if (!prepare(descriptor)) return to_adapter(errno);
  sockets_[++last_socket_] = Socket{.scope = scope, .descriptor = std::move(descriptor), .remote = {}};
  return last_socket_;
}

std::int64_t Sockets::open(std::int64_t scope) {
  const auto place = scopes_.find(static_cast<std::int32_t>(scope));
  if (place == scopes_.end()) return TCPSPEC_INVALID;
  Descriptor descriptor{::socket(place->second.domain, SOCK_STREAM, 0)};
  return descriptor ? add(place->first, std::move(descriptor)) : to_adapter(errno);
}

int Sockets::bind_to(const Socket& socket, std::int64_t port) const {
  constexpr int on = 1;
  if (setsockopt(socket.descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return to_adapter(errno);
  const Name name(scopes_.at(socket.scope).local, port);
  if (bind(socket.descriptor.get(), name.pointer(), name.size()) == 0) return TCPSPEC_OK;
  return errno == EACCES ? TCPSPEC_FAILED : to_adapter(errno);  // a port for the privileged
}

int Sockets::listen(std::int32_t id, std::int64_t port, std::int64_t backlog) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (!socket->listening) {
    if (const int bound = bind_to(*socket, port); bound != TCPSPEC_OK) return bound;
  }
  if (::listen(socket->descriptor.get(), clamp_to_int(backlog)) != 0) return to_adapter(errno);
  socket->listening = true;
  return TCPSPEC_OK;
}

int Sockets::connect(std::int32_t id, std::int64_t local_port, OctetsView remote, std::int64_t remote_port) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (remote.size() != scopes_.at(socket->scope).local.size()) return TCPSPEC_INVALID;
  if (local_port != 0) {
    if (const int bound = bind_to(*socket, local_port); bound != TCPSPEC_OK) return bound;
  }
  const Name name(remote, remote_port);
  socket->remote = name.octets();
  if (::connect(socket->descriptor.get(), name.pointer(), name.size()) == 0 || errno == EINPROGRESS) return TCPSPEC_OK;
  return to_adapter(errno);
}

// A socket becomes writable when its connection is there, or when it will not be.
int Sockets::connected(std::int32_t id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  pollfd writable{.fd = socket->descriptor.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&writable, 1, 0) <= 0) return failed(*socket, EAGAIN, POLLOUT);
  return outcome_of_connect(*socket);
}

int Sockets::outcome_of_connect(const Socket& socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(socket.descriptor.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) return TCPSPEC_OK;
#ifdef __linux__
  // connect() tells the error, and all other calls then find a socket that is not connected. But one
  // that shutdown() has ended, without shutting it for reading, would begin anew.
  pollfd over{.fd = socket.descriptor.get(), .events = POLLRDHUP, .revents = 0};
  if (::poll(&over, 1, 0) > 0 && (over.revents & POLLRDHUP) != 0 &&
      ::connect(socket.descriptor.get(), reinterpret_cast<const sockaddr*>(socket.remote.data()),
                static_cast<socklen_t>(socket.remote.size())) != 0)
    return to_adapter(errno);
#endif
  const int error = pending_error(socket.descriptor);
  return error == 0 ? TCPSPEC_ABORTED : to_adapter(error);
}

std::int64_t Sockets::accept(std::int32_t id) {
  auto* listener = find(id);
  if (listener == nullptr) return TCPSPEC_BAD_SOCKET;
  Descriptor accepted{::accept(listener->descriptor.get(), nullptr, nullptr)};
  if (!accepted) return failed(*listener, errno, POLLIN);
  return add(listener->scope, std::move(accepted));
}

int Sockets::local_port(std::int32_t id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(socket->descriptor.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return to_adapter(errno);
  return port_of(name);
}

std::int64_t Sockets::send(std::int32_t id, OctetsView data, bool urgent) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  // SIGPIPE is ignored by main(): not every system has MSG_NOSIGNAL.
  const auto sent = ::send(socket->descriptor.get(), data.data(), data.size(), urgent ? MSG_OOB : 0);
  return sent >= 0 ? sent : failed(*socket, errno, POLLOUT);
}

std::int64_t Sockets::receive(std::int32_t id, std::span<std::byte> data, bool urgent) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const auto got = ::recv(socket->descriptor.get(), data.data(), data.size(), urgent ? MSG_OOB : 0);
  return got >= 0 ? got : failed(*socket, errno, urgent ? POLLPRI : POLLIN);
}

int Sockets::shutdown(std::int32_t id, std::int64_t direction) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const int how = direction == TCPSPEC_READ ? SHUT_RD : direction == TCPSPEC_WRITE ? SHUT_WR : SHUT_RDWR;
  return to_adapter(::shutdown(socket->descriptor.get(), how) == 0 ? 0 : errno);
}

int Sockets::close(std::int32_t id) {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return TCPSPEC_BAD_SOCKET;
  auto& socket = found->second;
  if (socket.closing == Socket::Closing::lingers) return TCPSPEC_AGAIN;
  if (socket.closing == Socket::Closing::no && lingers(socket.descriptor)) {
    socket.closing = Socket::Closing::lingers;
    socket.awaited = 0;
    lingering_.close(std::move(socket.descriptor), id);
    return TCPSPEC_AGAIN;
  }
  const int result =
      socket.closing == Socket::Closing::done ? socket.close_result : close_and_tell(std::move(socket.descriptor));
  sockets_.erase(found);
  return result;
}

int Sockets::abort(std::int32_t id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  make_close_reset(socket->descriptor);
  const int result = close_and_tell(std::move(socket->descriptor));
  sockets_.erase(id);
  return result;
}

int Sockets::set_option(std::int32_t id, std::string_view name, std::int64_t value) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const auto set = target::set_socket_option(socket->descriptor.get(), scopes_.at(socket->scope).domain, name, value);
  return set ? TCPSPEC_OK : option_error(set.error());
}

int Sockets::get_option(std::int32_t id, std::string_view name, std::int64_t& value) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const auto got = target::get_socket_option(socket->descriptor.get(), scopes_.at(socket->scope).domain, name);
  if (!got) return option_error(got.error());
  value = name == "SO_ERROR" ? to_adapter(static_cast<int>(*got)) : *got;
  return TCPSPEC_OK;
}

int Sockets::state(std::int32_t id) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const auto state = target::connection_state(socket->descriptor.get());
  return state ? *state : option_error(state.error());
}

void Sockets::append_awaited(std::vector<pollfd>& polled) {
  polled_.clear();
  polled.push_back({.fd = lingering_.descriptor(), .events = POLLIN, .revents = 0});
  for (const auto& [id, socket] : sockets_) {
    if (socket.awaited == 0) continue;
    polled_.push_back(id);
    polled.push_back({.fd = socket.descriptor.get(), .events = socket.awaited, .revents = 0});
  }
}

void Sockets::take_ready(std::span<const pollfd> polled, std::set<std::int32_t>& news) {
  if (polled.front().revents != 0) {
    for (const auto& closed : lingering_.finished()) {
      const auto found = sockets_.find(closed.socket);
      if (found == sockets_.end()) continue;
      found->second.closing = Socket::Closing::done;
      found->second.close_result = to_adapter(closed.error);
      news.insert(found->second.scope);
    }
  }
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    if (polled[i + 1].revents == 0) continue;
    // Told once: the next call that is TCPSPEC_AGAIN awaits it again.
    auto& socket = sockets_.at(polled_[i]);
    socket.awaited = 0;
    news.insert(socket.scope);
  }
}

}  // namespace tcpspec::agent
