// The host: tables, ports, and what becomes of a connection after an event on it.

#include "reference/stack.hh"

#include <algorithm>
#include <utility>

#include "packet/segment_view.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

std::string_view to_string(State state) {
  switch (state) {
    case State::closed:
      return "CLOSED";
    case State::listen:
      return "LISTEN";
    case State::syn_sent:
      return "SYN-SENT";
    case State::syn_received:
      return "SYN-RECEIVED";
    case State::established:
      return "ESTABLISHED";
    case State::fin_wait_1:
      return "FIN-WAIT-1";
    case State::fin_wait_2:
      return "FIN-WAIT-2";
    case State::close_wait:
      return "CLOSE-WAIT";
    case State::closing:
      return "CLOSING";
    case State::last_ack:
      return "LAST-ACK";
    case State::time_wait:
      return "TIME-WAIT";
  }
  return "CLOSED";
}

std::string_view to_string(Error error) {
  switch (error) {
    case Error::would_block:
      return "would block";
    case Error::bad_socket:
      return "no such socket";
    case Error::invalid:
      return "invalid in this state";
    case Error::unsupported:
      return "not supported";
    case Error::already_connected:
      return "connection already exists";
    case Error::in_progress:
      return "open under way";
    case Error::not_connected:
      return "connection does not exist";
    case Error::closing:
      return "connection closing";
    case Error::refused:
      return "connection refused";
    case Error::reset:
      return "connection reset";
    case Error::timed_out:
      return "connection timed out";
    case Error::unreachable:
      return "host unreachable";
    case Error::address_in_use:
      return "address in use";
    case Error::too_large:
      return "too large";
    case Error::no_resources:
      return "insufficient resources";
  }
  return "unknown error";
}

Stack::Stack(const Settings& settings) : settings_(settings), secret_(settings.seed) {}
Stack::~Stack() = default;

// ---- events from below

void Stack::input(BytesView datagram, Instant now) {
  ++statistics_.datagrams_in;
  const packet::SegmentView view(datagram);
  if (view.destination_address() != settings_.ipv4 && view.destination_address() != settings_.ipv6) {
    ++statistics_.not_understood;
    return;
  }
  if (view.is_icmp()) return icmp_arrives(view, now);
  if (const auto segment = read_segment(view)) return segment_arrives(*segment, now);
  ++statistics_.not_understood;
}

void Stack::advance(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto& connection = *sockets_.at(deadlines_.begin()->second);
    connection.advance(now);
    settle(connection);
  }
}

std::optional<Instant> Stack::deadline() const {
  return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first);
}

void Stack::transmit(packet::Segment segment) {
  ++statistics_.datagrams_out;
  // RFC 6864: an atomic datagram's identification means nothing; a counter tells captures apart.
  if (segment.source.address.family == packet::Family::ipv4) segment.ip.identification = ++identification_;
  output_.push_back(packet::serialize(
      segment, MUTANT(checksum_not_filled_in) ? packet::Malformation{.tcp_checksum = 0} : packet::Malformation{}));
}

// RFC 1191 section 6.3: what was learnt of a path is forgotten after a while.
std::uint16_t Stack::mtu_towards(const packet::Address& remote, Instant now) {
  const auto path = paths_.find(remote);
  if (path == paths_.end()) return settings_.mtu;
  if (now - path->second.learnt < settings_.times.path_mtu_age) return std::min(settings_.mtu, path->second.mtu);
  paths_.erase(path);
  return settings_.mtu;
}

// ---- tables

packet::Address Stack::address(packet::Family family) const {
  return family == packet::Family::ipv4 ? settings_.ipv4 : settings_.ipv6;
}

Connection* Stack::find(SocketId socket) const {
  const auto found = sockets_.find(socket);
  return found == sockets_.end() ? nullptr : found->second.get();
}

Connection* Stack::find(const Pair& pair) const {
  const auto found = connections_.find(pair);
  return found == connections_.end() ? nullptr : found->second;
}

Connection* Stack::listener(const Endpoint& local) const {
  const auto found = listeners_.find(local);
  return found == listeners_.end() ? nullptr : found->second;
}

Connection& Stack::create(packet::Family family) {
  do ++last_;
  while (last_ == 0 || sockets_.contains(last_));
  return *sockets_.emplace(last_, std::make_unique<Connection>(*this, last_, family)).first->second;
}

bool Stack::port_taken(packet::Family family, std::uint16_t port) const {
  const Endpoint local{address(family), port};
  const auto first = connections_.lower_bound({local, Endpoint{}});
  return listeners_.contains(local) || (first != connections_.end() && first->first.first == local);
}

// RFC 6056 section 3.3.3: a port that others cannot guess, from a hash of where it goes.
std::optional<std::uint16_t> Stack::choose_port(packet::Family family, const Endpoint& remote) const {
  const std::uint32_t first = settings_.limits.first_ephemeral_port;
  const std::uint32_t count = 0x10000U - first;
  const std::uint32_t offset =
      secret_({address(family), 0}, remote, SecretFunction::Purpose::port) + static_cast<std::uint32_t>(ports_chosen_);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto port = static_cast<std::uint16_t>(first + (offset + i) % count);
    const Endpoint local{address(family), port};
    if (!connections_.contains({local, remote}) && !listeners_.contains(local)) return port;
  }
  return std::nullopt;
}

// ---- after an event

void Stack::settle(Connection& connection) {
  // Its place among the deadlines.
  const auto deadline = connection.deadline();
  if (deadline != connection.listed) {
    auto listed =
        connection.listed ? deadlines_.extract({*connection.listed, connection.id()}) : Deadlines::node_type();
    if (deadline && !listed.empty()) {
      listed.value().first = *deadline;
      deadlines_.insert(std::move(listed));
    } else if (deadline) {
      deadlines_.emplace(*deadline, connection.id());
    }
    connection.listed = deadline;
  }
  if (connection.place == Connection::Place::half_open) leave_half_open(connection);
  if (!connection.over()) return;
  unlist(connection);
  if (!connection.held()) forget(connection);
}

// A child of a listener that is no longer in SYN-RECEIVED: established, or gone.
void Stack::leave_half_open(Connection& child) {
  if (child.state() == State::syn_received) return;
  auto* parent = find(*child.parent);
  if (parent != nullptr) --parent->queue.half_open;
  auto* revived = child.revives ? find(*child.revives) : nullptr;
  child.revives.reset();
  if (child.over()) {
    child.place = Connection::Place::none;
    child.release();
    if (revived == nullptr) return;
    // The SYN was an old duplicate: back to TIME-WAIT (section 3.6.1).
    unlist(child);
    revived->parked = false;
    connections_[{revived->local(), revived->remote()}] = revived;
    return;
  }
  if (revived != nullptr) {
    revived->end();
    settle(*revived);
  }
  child.place = Connection::Place::ready;
  if (parent == nullptr) return;
  parent->queue.ready.push_back(child.id());
  changed(parent->id());
}

void Stack::unlist(Connection& connection) {
  const auto pair = connections_.find({connection.local(), connection.remote()});
  if (pair != connections_.end() && pair->second == &connection) connections_.erase(pair);
  const auto listening = listeners_.find(connection.local());
  if (listening != listeners_.end() && listening->second == &connection) listeners_.erase(listening);
}

void Stack::forget(Connection& connection) {
  if (connection.listed) deadlines_.erase({*connection.listed, connection.id()});
  sockets_.erase(connection.id());
}

Statistics Stack::statistics() const {
  Statistics statistics = statistics_;
  statistics.sockets = sockets_.size();
  for (const auto& [id, connection] : sockets_) statistics.octets_held += connection->octets_held();
  return statistics;
}

}  // namespace tcpspec::reference
