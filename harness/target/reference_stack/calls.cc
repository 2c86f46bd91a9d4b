#include "target/reference_stack/calls.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace tcpspec::target {
namespace {

using reference::Error;

int errno_of(Error error) {
  switch (error) {
    case Error::would_block:
      return EAGAIN;
    case Error::bad_socket:
      return EBADF;
    case Error::invalid:
    case Error::too_large:
      return EINVAL;
    case Error::unsupported:
      return ENOTSUP;
    case Error::already_connected:
      return EISCONN;
    case Error::in_progress:
      return EALREADY;
    case Error::not_connected:
      return ENOTCONN;
    case Error::closing:
      return EPIPE;
    case Error::refused:
      return ECONNREFUSED;
    case Error::reset:
      return ECONNRESET;
    case Error::timed_out:
      return ETIMEDOUT;
    case Error::unreachable:
      return EHOSTUNREACH;
    case Error::address_in_use:
      return EADDRINUSE;
    case Error::no_resources:
      return ENOBUFS;
  }
  return EIO;
}

CallResult failed(int error, std::int64_t value = 0) {
  CallResult result;
  result.error = error;
  result.value = value;
  return result;
}

CallResult done(std::int64_t value = 0) {
  CallResult result;
  result.value = value;
  return result;
}

CallResult outcome_of(const reference::Result<void>& result) {
  return result ? done() : failed(errno_of(result.error()));
}

struct NamedOption {
  std::string_view name;
  reference::Option option;
};
constexpr std::array options = {
    NamedOption{"TCP_MAXSEG", reference::Option::max_segment_size},
    NamedOption{"SO_RCVBUF", reference::Option::receive_buffer},
    NamedOption{"SO_SNDBUF", reference::Option::send_buffer},
    NamedOption{"TCP_NODELAY", reference::Option::no_delay},
    NamedOption{"SO_KEEPALIVE", reference::Option::keep_alive},
    NamedOption{"TCP_KEEPIDLE", reference::Option::keep_alive_idle},
    NamedOption{"TCP_KEEPINTVL", reference::Option::keep_alive_interval},
    NamedOption{"TCP_KEEPCNT", reference::Option::keep_alive_probes},
    NamedOption{"TCP_USER_TIMEOUT", reference::Option::user_timeout},
    NamedOption{"SO_LINGER", reference::Option::linger},
    NamedOption{"IP_TOS", reference::Option::traffic_class},
    NamedOption{"IPV6_TCLASS", reference::Option::traffic_class},
    NamedOption{"IP_TTL", reference::Option::ttl},
    NamedOption{"IPV6_UNICAST_HOPS", reference::Option::ttl},
};

std::optional<reference::Option> find_option(std::string_view name) {
  const auto* found = std::ranges::find(options, name, &NamedOption::name);
  return found == options.end() ? std::nullopt : std::optional(found->option);
}

}  // namespace

ReferenceCalls::Lane ReferenceCalls::lane_of(const Operation& operation) {
  if (std::holds_alternative<Accept>(operation) || std::holds_alternative<Receive>(operation)) return Lane::reading;
  if (std::holds_alternative<Connect>(operation) || std::holds_alternative<Send>(operation)) return Lane::writing;
  if (std::holds_alternative<Close>(operation)) return Lane::closing;
  return Lane::immediate;
}

ReferenceCalls::Socket* ReferenceCalls::find_or_open(SocketId id, const Operation& operation) {
  if (const auto found = sockets_.find(id); found != sockets_.end()) return &found->second;
  const bool opens = std::holds_alternative<Listen>(operation) || std::holds_alternative<Connect>(operation);
  const bool retired = std::ranges::find(retired_, id) != retired_.end();
  // An option on a closed socket is a mistake, not the wish for a new one.
  if (!opens && !(std::holds_alternative<SetOption>(operation) && !retired)) return nullptr;
  const auto opened = stack_.open(family_);
  if (!opened) return nullptr;
  return &(sockets_[id] = Socket{*opened, 0});
}

void ReferenceCalls::complete(const CallRequest& request, CallResult result) {
  result.id = request.id;
  completed_.push_back(std::move(result));
}

void ReferenceCalls::start(const CallRequest& request, Instant now) {
  Pending pending{.request = request, .lane = lane_of(request.operation), .received = {}};
  const bool in_line = pending.lane != Lane::immediate && std::ranges::any_of(pending_, [&](const Pending& other) {
                         return other.request.socket == request.socket && other.lane == pending.lane;
                       });
  if (std::holds_alternative<Close>(request.operation) || std::holds_alternative<Abort>(request.operation))
    cancel_others(request.socket);
  if (!in_line) {
    if (auto result = attempt(pending, now)) return complete(request, std::move(*result));
  }
  pending_.push_back(std::move(pending));
}

void ReferenceCalls::retry(Instant now) {
  std::vector<std::pair<SocketId, Lane>> stuck;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    const std::pair line{pending->request.socket, pending->lane};
    auto result = std::ranges::find(stuck, line) != stuck.end() ? std::nullopt : attempt(*pending, now);
    if (!result) {
      stuck.push_back(line);
      ++pending;
      continue;
    }
    complete(pending->request, std::move(*result));
    pending = pending_.erase(pending);
  }
}

// A close or an abort ends what else waits on the socket.
void ReferenceCalls::cancel_others(SocketId socket) {
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    if (pending->request.socket != socket) {
      ++pending;
      continue;
    }
    complete(pending->request, failed(ECANCELED, static_cast<std::int64_t>(pending->sent)));
    pending = pending_.erase(pending);
  }
}

ReferenceCalls::Outcome ReferenceCalls::attempt(Pending& pending, Instant now) {
  auto* socket = find_or_open(pending.request.socket, pending.request.operation);
  if (socket == nullptr) return failed(EBADF);
  return std::visit([&](const auto& call) { return run(*socket, pending, call, now); }, pending.request.operation);
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const Listen& call, Instant /*now*/) {
  return outcome_of(stack_.listen(socket.id, call.port, call.backlog));
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& pending, const Connect& call, Instant now) {
  if (call.remote.address.family != family_) return failed(EAFNOSUPPORT);
  if (!std::exchange(pending.begun, true)) {
    const auto begun = stack_.connect(socket.id, call.remote, call.local_port, now);
    if (!begun) return failed(errno_of(begun.error()));
  }
  const auto connected = stack_.connected(socket.id);
  if (!connected && connected.error() == Error::would_block) return std::nullopt;
  if (!connected) return failed(errno_of(connected.error()));
  auto result = done();
  result.local = stack_.status(socket.id)->local;
  return result;
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const Accept& call, Instant /*now*/) {
  if (sockets_.contains(call.accepted)) return failed(EEXIST);
  const auto accepted = stack_.accept(socket.id);
  if (!accepted && accepted.error() == Error::would_block) return std::nullopt;
  if (!accepted) return failed(errno_of(accepted.error()));
  sockets_[call.accepted] = Socket{*accepted, 0};
  auto result = done();
  result.local = stack_.status(*accepted)->local;
  return result;
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& pending, const Send& call, Instant now) {
  const auto taken = [&] { return static_cast<std::int64_t>(pending.sent); };
  if (socket.held_error != 0) return failed(std::exchange(socket.held_error, 0), taken());
  const auto kind = call.urgent ? reference::SendKind::urgent : reference::SendKind::pushed;
  while (pending.sent < call.data.size()) {
    const auto sent = stack_.send(socket.id, BytesView(call.data).subspan(pending.sent), kind, now);
    if (sent)
      pending.sent += *sent;
    else if (sent.error() == Error::would_block)
      return std::nullopt;
    else
      return failed(errno_of(sent.error()), taken());
  }
  return done(taken());
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& pending, const Receive& call, Instant now) {
  // Urgent data stays in the stream (RFC 6093 section 3.4): there is nothing out of band to read.
  if (call.urgent) return failed(ENOTSUP);
  constexpr std::size_t most_at_a_time = 65'536;  // the count may be far more than will ever come
  auto& received = pending.received;
  if (received.empty() && socket.held_error != 0) return failed(std::exchange(socket.held_error, 0));
  while (received.size() < call.count) {
    const auto had = received.size();
    received.resize(std::min(call.count, had + most_at_a_time));
    const auto got = stack_.receive(socket.id, std::span(received).subspan(had), now);
    received.resize(had + got.value_or(0));
    if (got && *got > 0) continue;
    if (!got && got.error() == Error::would_block) return std::nullopt;
    if (!got && received.empty()) return failed(errno_of(got.error()));
    // The stack tells an error once; the octets before it come first.
    if (!got) socket.held_error = errno_of(got.error());
    break;
  }
  auto result = done(static_cast<std::int64_t>(received.size()));
  result.data = std::move(received);
  return result;
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const Shutdown& call, Instant now) {
  const auto direction = call.direction == Direction::read    ? reference::Direction::receive
                         : call.direction == Direction::write ? reference::Direction::send
                                                              : reference::Direction::both;
  return outcome_of(stack_.shutdown(socket.id, direction, now));
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& pending, const Close& /*call*/, Instant now) {
  const auto id = pending.request.socket;
  const auto closed = stack_.close(socket.id, now);
  if (!closed && closed.error() == Error::would_block) return std::nullopt;
  sockets_.erase(id);
  retired_.push_back(id);
  return outcome_of(closed);
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& pending, const Abort& /*call*/, Instant now) {
  const auto id = pending.request.socket;
  const auto aborted = stack_.abort(socket.id, now);
  sockets_.erase(id);
  retired_.push_back(id);
  return outcome_of(aborted);
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const SetOption& call,
                                            Instant /*now*/) {
  // What is so in any case: urgent data in line, ports that are free at once.
  if (call.name == "SO_OOBINLINE") return call.value != 0 ? done() : failed(ENOTSUP);
  if (call.name == "SO_REUSEADDR") return done();
  const auto option = find_option(call.name);
  if (!option) return failed(ENOTSUP);
  return outcome_of(stack_.set(socket.id, *option, call.value));
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const GetOption& call,
                                            Instant /*now*/) {
  const auto status = stack_.status(socket.id);
  if (!status) return failed(errno_of(status.error()));
  if (call.name == "SO_ERROR") {
    if (socket.held_error != 0) return done(std::exchange(socket.held_error, 0));
    const auto error = stack_.take_error(socket.id);
    return done(error ? 0 : errno_of(error.error()));
  }
  if (call.name == "SO_OOBINLINE") return done(1);
  if (call.name == "SIOCINQ") return done(static_cast<std::int64_t>(status->readable));
  if (call.name == "SIOCOUTQ") return done(static_cast<std::int64_t>(status->unsent_and_unacknowledged));
  // Where the stream stands right at the end of the urgent data, or has no more of it ahead.
  if (call.name == "SIOCATMARK") return done(status->urgent_ahead && *status->urgent_ahead <= 1 ? 1 : 0);
  const auto option = find_option(call.name);
  if (!option) return failed(ENOTSUP);
  const auto value = stack_.get(socket.id, *option);
  return value ? done(*value) : failed(errno_of(value.error()));
}

ReferenceCalls::Outcome ReferenceCalls::run(Socket& socket, Pending& /*pending*/, const State& /*call*/,
                                            Instant /*now*/) {
  const auto status = stack_.status(socket.id);
  if (!status) return failed(errno_of(status.error()));
  auto result = done();
  result.text = reference::to_string(status->state);
  return result;
}

}  // namespace tcpspec::target
