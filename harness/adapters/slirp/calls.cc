// The calls of the application, done to its end of the Unix socket.

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "adapters/slirp/stack.hh"

namespace tcpspec::slirp {
namespace {

int result_of(int error) {
  switch (error) {
    case EAGAIN:
      return TCPSPEC_AGAIN;
    case EPIPE:
      return TCPSPEC_BROKEN_PIPE;
    case ECONNRESET:
      return TCPSPEC_RESET;
    case ENOTCONN:
      return TCPSPEC_NOT_CONNECTED;
    case EOPNOTSUPP:
      return TCPSPEC_UNSUPPORTED;
    case EINVAL:
      return TCPSPEC_INVALID;
    case ENOBUFS:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return TCPSPEC_NO_RESOURCES;
    default:
      return TCPSPEC_FAILED;
  }
}

}  // namespace

Stack::Socket* Stack::find(tcpspec_socket id) {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return nullptr;
  const bool left = found->second.role == Socket::Role::connection && !found->second.application;
  return left ? nullptr : &found->second;
}

tcpspec_socket Stack::add(Socket socket) {
  sockets_.emplace(next_socket_, std::move(socket));
  return next_socket_++;
}

tcpspec_socket Stack::open() {
  return add({});
}

int Stack::listen(tcpspec_socket id, std::uint16_t port) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role == Socket::Role::listener && socket->port == port) return TCPSPEC_OK;
  if (socket->role != Socket::Role::none) return TCPSPEC_INVALID;
  auto passive = open_passive_end();
  if (!passive) return TCPSPEC_NO_RESOURCES;
  in_addr address{.s_addr = local_};
  if (slirp_add_unix(slirp_, passive->path.c_str(), &address, port) != 0) return TCPSPEC_ADDRESS_IN_USE;
  socket->role = Socket::Role::listener;
  socket->port = port;
  socket->passive = std::move(*passive);
  return TCPSPEC_OK;
}

std::optional<std::uint16_t> Stack::free_port(std::uint16_t wanted, const Endpoint& remote) {
  const auto taken = [&](std::uint16_t port) {
    return std::ranges::any_of(
        sockets_, [&](const auto& entry) { return entry.second.port == port && entry.second.remote == remote; });
  };
  if (wanted != 0) return taken(wanted) ? std::nullopt : std::optional(wanted);
  constexpr std::uint16_t first_dynamic_port = 49'152;
  for (int tries = 0; tries < 1 << 14; ++tries) {
    const auto port = next_port_;
    next_port_ = std::max(first_dynamic_port, static_cast<std::uint16_t>(next_port_ + 1));
    if (!taken(port)) return port;
  }
  return std::nullopt;
}

int Stack::connect(tcpspec_socket id, std::uint16_t local_port, const Endpoint& remote) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role == Socket::Role::connection) {
    const auto now = connected(id);
    return now == TCPSPEC_AGAIN ? TCPSPEC_IN_PROGRESS : TCPSPEC_IS_CONNECTED;
  }
  if (socket->role != Socket::Role::none) return TCPSPEC_INVALID;
  if (!has_loopback()) return TCPSPEC_UNSUPPORTED;
  const auto port = free_port(local_port, remote);
  if (!port) return TCPSPEC_ADDRESS_IN_USE;
  socket->port = *port;
  open_through(*socket, remote);
  if (!socket->written) return TCPSPEC_NO_RESOURCES;
  socket->role = Socket::Role::connection;
  return TCPSPEC_OK;
}

// slirp takes the connection that the application makes to its listening socket, and sends a SYN.
// That socket serves this one connection.
void Stack::open_through(Socket& socket, const Endpoint& remote) {
  sockaddr_in guest{};
  guest.sin_family = AF_INET;
  guest.sin_addr.s_addr = remote.address;
  guest.sin_port = htons(remote.port);
  UnixName name;
  do {
    name = abstract_name(next_name_++);
    if (slirp_add_hostxfwd(slirp_, name.get(), name.size, reinterpret_cast<const sockaddr*>(&guest), sizeof guest, 0) ==
        0)
      break;
    if (errno != EADDRINUSE) return;
  } while (true);
  socket.application = connect_to(name);
  if (socket.application) {
    keep_urgent_in_line(socket.application.get());
    socket.remote = remote;
    connecting_ = &socket;
    settle();
    connecting_ = nullptr;
  }
  slirp_remove_hostxfwd(slirp_, name.get(), name.size, 0);
  settle();
}

int Stack::connected(tcpspec_socket id) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::connection) return TCPSPEC_NOT_CONNECTED;
  const auto now = state_of(*socket);
  if (now == TCPSPEC_CLOSED) return TCPSPEC_ABORTED;  // a RST or no answer: slirp lets go of it either way
  return now == TCPSPEC_SYN_SENT || now == TCPSPEC_SYN_RECEIVED ? TCPSPEC_AGAIN : TCPSPEC_OK;
}

tcpspec_socket Stack::accept(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::listener) return TCPSPEC_INVALID;
  if (socket->arrivals.empty()) return TCPSPEC_AGAIN;
  const auto accepted = socket->arrivals.front();
  socket->arrivals.pop_front();
  return accepted;
}

int Stack::local_port(tcpspec_socket id) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  return socket->role == Socket::Role::none ? int{TCPSPEC_NOT_CONNECTED} : int{socket->port};
}

std::int64_t Stack::send(tcpspec_socket id, std::span<const std::uint8_t> data, std::uint32_t flags) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::connection) return TCPSPEC_NOT_CONNECTED;
  const int urgent = (flags & TCPSPEC_URGENT) != 0 ? MSG_OOB : 0;
  const auto sent = ::send(socket->application.get(), data.data(), data.size(), MSG_NOSIGNAL | urgent);
  if (sent < 0) return result_of(errno);
  settle();
  return sent;
}

std::int64_t Stack::receive(tcpspec_socket id, std::span<std::uint8_t> data, std::uint32_t flags) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::connection) return TCPSPEC_NOT_CONNECTED;
  // Urgent data stays in the stream (RFC 6093 section 3.4): there is nothing out of band to read.
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  // A connection that was reset, or given up, ends like one that was closed: slirp closes its
  // end of the socket, and that is all the application gets to know.
  const auto got = ::recv(socket->application.get(), data.data(), data.size(), 0);
  if (got < 0) return result_of(errno);
  settle();
  return got;
}

int Stack::shutdown(tcpspec_socket id, int direction) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::connection) return TCPSPEC_NOT_CONNECTED;
  const int how = direction == TCPSPEC_READ ? SHUT_RD : direction == TCPSPEC_WRITE ? SHUT_WR : SHUT_RDWR;
  if (::shutdown(socket->application.get(), how) != 0) return result_of(errno);
  settle();
  return TCPSPEC_OK;
}

int Stack::close(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role == Socket::Role::listener) stop_listening(*socket);
  if (socket->role == Socket::Role::connection) {
    socket->application.close();
    settle();
  } else {
    sockets_.erase(id);
  }
  return TCPSPEC_OK;
}

int Stack::abort(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role != Socket::Role::connection) return close(id);
  if (const int refused = reset(*socket); refused != TCPSPEC_OK) return refused;
  return close(id);
}

// slirp looks at its end of the socket only while the application may send: not before the
// connection is ESTABLISHED, and not after the application has shut down its direction.
int Stack::reset(Socket& socket) {
  const auto now = state_of(socket);
  if (now == TCPSPEC_CLOSED) return TCPSPEC_OK;
  if (now != TCPSPEC_ESTABLISHED && now != TCPSPEC_CLOSE_WAIT) return TCPSPEC_UNSUPPORTED;
  return make_reset(socket.stack_end) ? TCPSPEC_OK : TCPSPEC_NO_RESOURCES;
}

// Connections that nobody has accepted end with their listener.
void Stack::stop_listening(Socket& listener) {
  slirp_remove_guestfwd(slirp_, in_addr{.s_addr = local_}, listener.port);
  for (const auto id : std::exchange(listener.arrivals, {}))
    if (abort(id) != TCPSPEC_OK) close(id);
}

int Stack::set_option(tcpspec_socket id, std::string_view name, std::int64_t value) {
  if (find(id) == nullptr) return TCPSPEC_BAD_SOCKET;
  // What is so in any case: slirp never waits for an acknowledgment to send what is small.
  if (name == "TCP_NODELAY" || name == "SO_OOBINLINE") return value != 0 ? TCPSPEC_OK : TCPSPEC_UNSUPPORTED;
  if (name == "SO_REUSEADDR") return TCPSPEC_OK;
  if (name == "SO_KEEPALIVE") return value == 0 ? TCPSPEC_OK : TCPSPEC_UNSUPPORTED;
  return TCPSPEC_UNSUPPORTED;
}

int Stack::get_option(tcpspec_socket id, std::string_view name, std::int64_t& value) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (name == "TCP_NODELAY" || name == "SO_OOBINLINE" || name == "SO_REUSEADDR" || name == "SO_KEEPALIVE") {
    value = name == "SO_KEEPALIVE" ? 0 : 1;
    return TCPSPEC_OK;
  }
  if (name != "SIOCATMARK") return TCPSPEC_UNSUPPORTED;
  if (socket->role != Socket::Role::connection) return TCPSPEC_NOT_CONNECTED;
  int at_mark = 0;
  if (ioctl(socket->application.get(), SIOCATMARK, &at_mark) != 0) return TCPSPEC_UNSUPPORTED;
  value = at_mark;
  return TCPSPEC_OK;
}

int Stack::state(tcpspec_socket id) {
  const auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->role == Socket::Role::listener) return TCPSPEC_LISTEN;
  return socket->role == Socket::Role::none ? TCPSPEC_CLOSED : state_of(*socket);
}

}  // namespace tcpspec::slirp
