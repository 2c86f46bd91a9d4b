#include "target/upper_tester.hh"

#include <algorithm>
#include <cerrno>

namespace tcpspec::target {
namespace {

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

CallResult outcome_of(std::int64_t result) {
  return result < 0 ? failed(static_cast<int>(-result)) : done();
}

}  // namespace

UpperTester::Lane UpperTester::lane_of(const Operation& operation) {
  if (const auto* receive = std::get_if<Receive>(&operation); receive != nullptr && receive->urgent)
    return Lane::urgent;
  if (std::holds_alternative<Accept>(operation) || std::holds_alternative<Receive>(operation)) return Lane::reading;
  if (std::holds_alternative<Connect>(operation) || std::holds_alternative<Send>(operation)) return Lane::writing;
  if (std::holds_alternative<Close>(operation)) return Lane::closing;
  return Lane::immediate;
}

std::expected<UpperTester::Socket*, int> UpperTester::find_or_open(SocketId id, const Operation& operation) {
  if (const auto found = sockets_.find(id); found != sockets_.end()) return &found->second;
  const bool opens = std::holds_alternative<Listen>(operation) || std::holds_alternative<Connect>(operation);
  const bool retired = std::ranges::find(retired_, id) != retired_.end();
  // An option on a closed socket is a mistake, not the wish for a new one.
  if (!opens && !(std::holds_alternative<SetOption>(operation) && !retired)) return std::unexpected(EBADF);
  const auto opened = calls_.open();
  if (opened < 0) return std::unexpected(static_cast<int>(-opened));
  return &(sockets_[id] = Socket{static_cast<SocketCalls::Handle>(opened), 0});
}

void UpperTester::forget(SocketId id) {
  sockets_.erase(id);
  retired_.push_back(id);
}

void UpperTester::complete(const CallRequest& request, CallResult result) {
  result.id = request.id;
  completed_.push_back(std::move(result));
}

void UpperTester::start(const CallRequest& request) {
  Pending pending{.request = request, .lane = lane_of(request.operation), .received = {}, .room = {}};
  const bool in_line = pending.lane != Lane::immediate && std::ranges::any_of(pending_, [&](const Pending& other) {
                         return other.request.socket == request.socket && other.lane == pending.lane;
                       });
  if (std::holds_alternative<Close>(request.operation) || std::holds_alternative<Abort>(request.operation))
    cancel_others(request.socket);
  if (!in_line) {
    if (auto result = attempt(pending)) return complete(request, std::move(*result));
  }
  pending_.push_back(std::move(pending));
}

void UpperTester::retry() {
  if (pending_.empty()) return;
  std::vector<std::pair<SocketId, Lane>> stuck;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    const std::pair line{pending->request.socket, pending->lane};
    auto result = std::ranges::find(stuck, line) != stuck.end() ? std::nullopt : attempt(*pending);
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
void UpperTester::cancel_others(SocketId socket) {
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    if (pending->request.socket != socket) {
      ++pending;
      continue;
    }
    complete(pending->request, failed(ECANCELED, static_cast<std::int64_t>(pending->sent)));
    pending = pending_.erase(pending);
  }
}

UpperTester::Outcome UpperTester::attempt(Pending& pending) {
  const auto socket = find_or_open(pending.request.socket, pending.request.operation);
  if (!socket) return failed(socket.error());
  return std::visit([&](const auto& call) { return run(**socket, pending, call); }, pending.request.operation);
}

// The local endpoint is told where the stack can tell it.
CallResult UpperTester::established(SocketCalls::Handle handle) {
  auto result = done();
  if (const auto port = calls_.local_port(handle); port > 0) result.local = {local_, static_cast<std::uint16_t>(port)};
  return result;
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const Listen& call) {
  return outcome_of(calls_.listen(socket.handle, call.port, call.backlog));
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& pending, const Connect& call) {
  if (call.remote.address.family != local_.family) return failed(EAFNOSUPPORT);
  if (!std::exchange(pending.begun, true)) {
    const auto begun = calls_.connect(socket.handle, call.remote, call.local_port);
    if (begun < 0) return outcome_of(begun);
  }
  const auto connected = calls_.connected(socket.handle);
  if (connected == -EAGAIN) return std::nullopt;
  return connected < 0 ? outcome_of(connected) : established(socket.handle);
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const Accept& call) {
  if (sockets_.contains(call.accepted)) return failed(EEXIST);
  const auto accepted = calls_.accept(socket.handle);
  if (accepted == -EAGAIN) return std::nullopt;
  if (accepted < 0) return outcome_of(accepted);
  const auto handle = static_cast<SocketCalls::Handle>(accepted);
  sockets_[call.accepted] = Socket{handle, 0};
  return established(handle);
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& pending, const Send& call) {
  const auto taken = [&] { return static_cast<std::int64_t>(pending.sent); };
  if (socket.held_error != 0) return failed(std::exchange(socket.held_error, 0), taken());
  while (pending.sent < call.data.size()) {
    const auto sent = calls_.send(socket.handle, BytesView(call.data).subspan(pending.sent), call.urgent);
    if (sent == 0 || sent == -EAGAIN) return std::nullopt;
    if (sent < 0) return failed(static_cast<int>(-sent), taken());
    pending.sent += static_cast<std::size_t>(sent);
  }
  return done(taken());
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& pending, const Receive& call) {
  constexpr std::size_t most_at_a_time = 65'536;  // the count may be far more than will ever come
  auto& received = pending.received;
  if (received.empty() && socket.held_error != 0) return failed(std::exchange(socket.held_error, 0));
  while (received.size() < call.count) {
    // No larger than what may be read: who writes more is seen by a sanitizer.
    pending.room.resize(std::min(call.count - received.size(), most_at_a_time));
    const auto got = calls_.receive(socket.handle, pending.room, call.urgent);
    const auto fits = std::min(static_cast<std::size_t>(std::max<std::int64_t>(got, 0)), pending.room.size());
    received.insert(received.end(), pending.room.begin(), pending.room.begin() + static_cast<std::ptrdiff_t>(fits));
    if (got > 0 && !call.urgent) continue;
    if (got == -EAGAIN) return std::nullopt;
    if (got < 0 && received.empty()) return outcome_of(got);
    // The stack tells an error once; the octets before it come first.
    if (got < 0) socket.held_error = static_cast<int>(-got);
    break;
  }
  auto result = done(static_cast<std::int64_t>(received.size()));
  result.data = std::move(received);
  return result;
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const Shutdown& call) {
  return outcome_of(calls_.shutdown(socket.handle, call.direction));
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& pending, const Close& /*call*/) {
  const auto closed = calls_.close(socket.handle);
  if (closed == -EAGAIN) return std::nullopt;
  forget(pending.request.socket);
  return outcome_of(closed);
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& pending, const Abort& /*call*/) {
  const auto aborted = calls_.abort(socket.handle);
  if (aborted != -ENOTSUP) forget(pending.request.socket);
  return outcome_of(aborted);
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const SetOption& call) {
  return outcome_of(calls_.set_option(socket.handle, call.name, call.value));
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const GetOption& call) {
  if (call.name == "SO_ERROR" && socket.held_error != 0) return done(std::exchange(socket.held_error, 0));
  std::int64_t value = 0;
  const auto got = calls_.get_option(socket.handle, call.name, value);
  return got < 0 ? outcome_of(got) : done(value);
}

UpperTester::Outcome UpperTester::run(Socket& socket, Pending& /*pending*/, const State& /*call*/) {
  auto result = done();
  const auto got = calls_.state(socket.handle, result.text);
  return got < 0 ? outcome_of(got) : std::move(result);
}

}  // namespace tcpspec::target
