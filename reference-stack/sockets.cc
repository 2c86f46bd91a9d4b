// User calls as they come to the host: which connection they are for, and ports.

#include <algorithm>
#include <utility>

#include "reference/connection.hh"
#include "reference/stack.hh"

namespace tcpspec::reference {

Result<SocketId> Stack::open(packet::Family family) {
  if (sockets_.size() >= settings_.limits.connections) return std::unexpected(Error::no_resources);
  return create(family).id();
}

Result<void> Stack::listen(SocketId socket, std::uint16_t port, int backlog) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  if (connection->state() == State::listen) {  // LISTEN again changes the backlog
    connection->queue.backlog = static_cast<std::size_t>(std::max(backlog, 1));
    return {};
  }
  if (connection->state() != State::closed || connection->over()) return std::unexpected(Error::already_connected);
  const Endpoint local{address(connection->family()), port};
  if (listeners_.contains(local)) return std::unexpected(Error::address_in_use);
  connection->listen(local, backlog);
  listeners_[local] = connection;
  return {};
}

Result<void> Stack::connect(SocketId socket, const Endpoint& remote, std::uint16_t local_port, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  if (connection->state() == State::syn_sent || connection->state() == State::syn_received)
    return std::unexpected(Error::in_progress);
  if (connection->state() != State::closed || connection->over()) return std::unexpected(Error::already_connected);
  if (remote.address.family != connection->family()) return std::unexpected(Error::invalid);
  const auto port = local_port != 0 ? std::optional(local_port) : choose_port(connection->family(), remote);
  if (!port) return std::unexpected(Error::no_resources);
  const Endpoint local{address(connection->family()), *port};
  // Section 3.9.1.1 (MUST-42): one pair of sockets, one connection.
  if (connections_.contains({local, remote})) return std::unexpected(Error::address_in_use);
  ++ports_chosen_;
  connections_[{local, remote}] = connection;
  connection->open_actively(local, remote, now);
  settle(*connection);
  return {};
}

Result<void> Stack::connected(SocketId socket) {
  auto* connection = find(socket);
  return connection == nullptr ? std::unexpected(Error::bad_socket) : connection->connected();
}

Result<SocketId> Stack::accept(SocketId socket) {
  auto* listener = find(socket);
  if (listener == nullptr) return std::unexpected(Error::bad_socket);
  if (listener->state() != State::listen) return std::unexpected(Error::invalid);
  auto& ready = listener->queue.ready;
  if (ready.empty()) return std::unexpected(Error::would_block);
  const auto child = ready.front();
  ready.pop_front();
  auto* accepted = find(child);
  accepted->place = Connection::Place::none;
  accepted->parent.reset();
  return child;
}

Result<std::size_t> Stack::send(SocketId socket, BytesView octets, SendKind kind, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  auto taken = connection->send(octets, kind, now);
  settle(*connection);
  return taken;
}

Result<std::size_t> Stack::receive(SocketId socket, std::span<std::byte> into, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  auto got = connection->receive(into, now);
  settle(*connection);
  return got;
}

Result<void> Stack::shutdown(SocketId socket, Direction direction, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  auto done = connection->shutdown(direction, now);
  settle(*connection);
  return done;
}

Result<void> Stack::close(SocketId socket, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr || !connection->held()) return std::unexpected(Error::bad_socket);
  if (connection->state() == State::listen) abort_queue(*connection, now);
  auto done = connection->close(now);
  if (!connection->opened()) {  // never opened: there is nothing to wait for
    forget(*connection);
    return done;
  }
  settle(*connection);
  return done;
}

Result<void> Stack::abort(SocketId socket, Instant now) {
  auto* connection = find(socket);
  if (connection == nullptr || !connection->held()) return std::unexpected(Error::bad_socket);
  if (connection->state() == State::listen) abort_queue(*connection, now);
  connection->abort(now);
  connection->release();
  if (!connection->opened())
    forget(*connection);
  else
    settle(*connection);
  return {};
}

// What a listener has not given away ends with it (RFC 9293 section 3.10.4, LISTEN, speaks of the
// one connection only: here its children are meant too).
void Stack::abort_queue(Connection& listener, Instant now) {
  std::vector<SocketId> children;
  for (const auto& [id, child] : sockets_)
    if (child->parent == listener.id()) children.push_back(id);
  std::ranges::sort(children);
  for (const auto id : children) {
    auto* child = find(id);
    if (child->place == Connection::Place::half_open)
      child->end();  // in mid handshake: what the peer sends next draws a RST
    else
      child->abort(now);
    child->release();
    settle(*child);
  }
  listener.queue.ready.clear();
}

Result<Status> Stack::status(SocketId socket) const {
  const auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  return connection->status();
}

Result<void> Stack::set(SocketId socket, Option option, std::int64_t value) {
  auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  auto done = connection->set(option, value);
  settle(*connection);
  return done;
}

Result<std::int64_t> Stack::get(SocketId socket, Option option) const {
  const auto* connection = find(socket);
  if (connection == nullptr) return std::unexpected(Error::bad_socket);
  return connection->get(option);
}

Result<void> Stack::take_error(SocketId socket) {
  auto* connection = find(socket);
  return connection == nullptr ? std::unexpected(Error::bad_socket) : connection->take_error();
}

}  // namespace tcpspec::reference
