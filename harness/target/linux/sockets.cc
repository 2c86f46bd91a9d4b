#include "target/linux/sockets.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "target/adapter/errors.hh"
#include "target/linux/socket_address.hh"
#include "target/socket_options.hh"

namespace tcpspec::target {
namespace {

int domain_of(packet::Family family) {
  return family == packet::Family::ipv4 ? AF_INET : AF_INET6;
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
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

// RFC 9293 section 3.10.5: an abort resets the connection. Linger 0 makes close() do so.
int make_close_reset(int descriptor) {
  constexpr linger at_once{.l_onoff = 1, .l_linger = 0};
  return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// shutdown(2) ends an attempt to connect, and leaves a socket as new: asked again, connect() would
// begin anew. What ends an attempt from outside shuts the socket for reading, too.
bool was_given_up(int descriptor) {
  pollfd now{.fd = descriptor, .events = POLLRDHUP, .revents = 0};
  return poll(&now, 1, 0) > 0 && (now.revents & (POLLHUP | POLLRDHUP)) == POLLHUP;
}

int pending_error(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int close_and_tell(Descriptor descriptor) {
  return ::close(descriptor.release()) == 0 ? 0 : errno;
}

}  // namespace

void Sockets::abort_all() {
  for (auto& socket : sockets_) {
    desk_->blocked -= socket->waiting.size();
    if (!socket->listening) make_close_reset(socket->descriptor.get());
  }
  sockets_.clear();
}

Sockets::Lane Sockets::lane_of(const Operation& operation) {
  struct Choice {
    Lane operator()(const Accept&) const { return Lane::reading; }
    Lane operator()(const Receive& call) const { return call.urgent ? Lane::urgent : Lane::reading; }
    Lane operator()(const Connect&) const { return Lane::writing; }
    Lane operator()(const Send&) const { return Lane::writing; }
    Lane operator()(const Listen&) const { return Lane::immediate; }
    Lane operator()(const Shutdown&) const { return Lane::immediate; }
    Lane operator()(const Close&) const { return Lane::immediate; }
    Lane operator()(const Abort&) const { return Lane::immediate; }
    Lane operator()(const SetOption&) const { return Lane::immediate; }
    Lane operator()(const GetOption&) const { return Lane::immediate; }
    Lane operator()(const State&) const { return Lane::immediate; }
  };
  return std::visit(Choice{}, operation);
}

bool Sockets::is_retired(SocketId id) const {
  return std::ranges::find(retired_, id) != retired_.end();
}

bool Sockets::waits_in(const std::deque<Waiting>& waiting, Lane lane) {
  return std::ranges::find(waiting, lane, &Waiting::lane) != waiting.end();
}

Sockets::Socket* Sockets::find(SocketId id) {
  const auto found = std::ranges::find(sockets_, id, [](const auto& socket) { return socket->id; });
  return found == sockets_.end() ? nullptr : found->get();
}

std::expected<Sockets::Socket*, int> Sockets::find_or_create(SocketId id, const Operation& operation) {
  if (auto* socket = find(id)) return socket;
  const bool opens = std::holds_alternative<Listen>(operation) || std::holds_alternative<Connect>(operation);
  // An option on a closed socket is a mistake, not the wish for a new one.
  const bool prepares = std::holds_alternative<SetOption>(operation) && !is_retired(id);
  if (!opens && !prepares) return std::unexpected(EBADF);
  return create(id);
}

std::expected<Sockets::Socket*, int> Sockets::create(SocketId id) {
  place_.space->enter();
  auto fresh = std::make_unique<Socket>();
  fresh->id = id;
  fresh->descriptor =
      Descriptor{::socket(domain_of(place_.target.family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fresh->descriptor) return std::unexpected(errno);
  const auto& algorithm = *place_.congestion_control;
  if (!algorithm.empty() && setsockopt(fresh->descriptor.get(), IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                                       static_cast<socklen_t>(algorithm.size())) != 0)
    return std::unexpected(errno);
  sockets_.push_back(std::move(fresh));
  return sockets_.back().get();
}

void Sockets::complete(CallResult result) {
  desk_->completed.push_back({.attachment = place_.attachment, .result = std::move(result)});
}

void Sockets::start(const CallRequest& request) {
  if (std::holds_alternative<Close>(request.operation)) return close(request);
  if (std::holds_alternative<Abort>(request.operation)) return abort(request);
  const auto socket = find_or_create(request.socket, request.operation);
  if (!socket) {
    auto result = failed(socket.error());
    result.id = request.id;
    return complete(std::move(result));
  }
  const auto lane = lane_of(request.operation);
  const bool in_line = lane != Lane::immediate && waits_in((*socket)->waiting, lane);
  Progress progress;
  if (!in_line) {
    if (auto result = attempt(**socket, request, progress)) return complete(std::move(*result));
  }
  (*socket)->waiting.push_back({.request = request, .lane = lane, .progress = std::move(progress)});
  ++desk_->blocked;
  watch(**socket);
}

void Sockets::watch(Socket& socket) {
  if (socket.watched) return;
  socket.watched = true;
  const auto watched =
      desk_->poller.watch(socket.descriptor.get(), Poller::Trigger::edge, tag(place_.attachment, socket.id));
  if (watched) return;
  // Nobody would ever wake these calls.
  for (auto& waiting : socket.waiting) {
    auto result = failed(ENOMEM);
    result.id = waiting.request.id;
    complete(std::move(result));
    --desk_->blocked;
  }
  socket.waiting.clear();
  socket.watched = false;
}

void Sockets::retry(SocketId id) {
  auto* socket = find(id);
  if (socket == nullptr) return;
  std::array<bool, 4> stuck{};
  auto& waiting = socket->waiting;
  for (auto call = waiting.begin(); call != waiting.end();) {
    auto& lane_stuck = stuck[static_cast<std::size_t>(call->lane)];
    auto result = lane_stuck ? std::nullopt : attempt(*socket, call->request, call->progress);
    lane_stuck = lane_stuck || !result;
    if (!result) {
      ++call;
      continue;
    }
    complete(std::move(*result));
    call = waiting.erase(call);
    --desk_->blocked;
  }
}

Sockets::Outcome Sockets::attempt(Socket& socket, const CallRequest& request, Progress& progress) {
  struct Run {
    Sockets& self;
    Socket& socket;
    Progress& progress;
    Outcome operator()(const Listen& call) const { return self.run(socket, call); }
    Outcome operator()(const Connect& call) const { return self.run(socket, call, progress); }
    Outcome operator()(const Accept& call) const { return self.run(socket, call); }
    Outcome operator()(const Send& call) const { return self.run(socket, call, progress); }
    Outcome operator()(const Receive& call) const { return self.run(socket, call, progress); }
    Outcome operator()(const Shutdown& call) const { return self.run(socket, call); }
    Outcome operator()(const SetOption& call) const { return self.run(socket, call); }
    Outcome operator()(const GetOption& call) const { return self.run(socket, call); }
    Outcome operator()(const State& call) const { return self.run(socket, call); }
    // start() sees to these: they end the socket that we are looking at.
    Outcome operator()(const Close&) const { return failed(EBADF); }
    Outcome operator()(const Abort&) const { return failed(EBADF); }
  };
  auto result = std::visit(Run{*this, socket, progress}, request.operation);
  if (result) result->id = request.id;
  return result;
}

int Sockets::bind_to(const Socket& socket, std::uint16_t port) const {
  constexpr int on = 1;
  if (setsockopt(socket.descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno;
  const SocketAddress local{{.address = place_.target, .port = port}};
  return bind(socket.descriptor.get(), local.pointer(), local.size()) == 0 ? 0 : errno;
}

Sockets::Outcome Sockets::run(Socket& socket, const Listen& call) {
  if (!socket.listening) {
    if (const int error = bind_to(socket, call.port); error != 0) return failed(error);
  }
  if (listen(socket.descriptor.get(), call.backlog) != 0) return failed(errno);
  socket.listening = true;
  socket.port = call.port != 0 ? call.port : local_endpoint(socket.descriptor.get()).port;
  return done();
}

Sockets::Outcome Sockets::run(Socket& socket, const Connect& call, Progress& progress) {
  if (call.remote.address.family != place_.target.family) return failed(EAFNOSUPPORT);
  if (!progress.begun && call.local_port != 0) {
    if (const int error = bind_to(socket, call.local_port); error != 0) return failed(error);
  }
  const bool again = std::exchange(progress.begun, true);
  if (again && was_given_up(socket.descriptor.get())) {
    const int why = pending_error(socket.descriptor.get());
    return failed(why != 0 ? why : ECONNABORTED);
  }
  // Asked again, connect() tells how the attempt under way stands: 0, EALREADY, or why it failed.
  const SocketAddress remote{call.remote};
  const int error = ::connect(socket.descriptor.get(), remote.pointer(), remote.size()) == 0 ? 0 : errno;
  if (error == EINPROGRESS || (error == EALREADY && again)) return std::nullopt;
  if (error != 0 && !(error == EISCONN && again)) return failed(error);
  auto result = done();
  result.local = local_endpoint(socket.descriptor.get());
  socket.port = result.local.port;
  return result;
}

Sockets::Outcome Sockets::run(Socket& socket, const Accept& call) {
  if (find(call.accepted) != nullptr) return failed(EEXIST);
  const int accepted = accept4(socket.descriptor.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return would_block(errno) ? Outcome{} : failed(errno);
  auto fresh = std::make_unique<Socket>();
  fresh->id = call.accepted;
  fresh->descriptor = Descriptor{accepted};
  fresh->linger = socket.linger;
  fresh->port = socket.port;
  sockets_.push_back(std::move(fresh));
  auto result = done();
  result.local = {.address = place_.target, .port = socket.port};
  return result;
}

Sockets::Outcome Sockets::run(Socket& socket, const Send& call, Progress& progress) {
  const auto taken = [&] { return static_cast<std::int64_t>(progress.sent); };
  if (socket.held_error != 0) return failed(std::exchange(socket.held_error, 0), taken());
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (call.urgent ? MSG_OOB : 0);
  while (progress.sent < call.data.size()) {
    const auto rest = BytesView(call.data).subspan(progress.sent);
    const auto sent = send(socket.descriptor.get(), rest.data(), rest.size(), flags);
    if (sent >= 0)
      progress.sent += static_cast<std::size_t>(sent);
    else if (would_block(errno))
      return std::nullopt;
    else
      return failed(errno, taken());
  }
  return done(taken());
}

Sockets::Outcome Sockets::run(Socket& socket, const Receive& call, Progress& progress) {
  constexpr std::size_t largest_read = 64 * 1024;
  auto& received = progress.received;
  if (received.empty() && socket.held_error != 0) return failed(std::exchange(socket.held_error, 0));
  const int flags = MSG_DONTWAIT | (call.urgent ? MSG_OOB : 0);
  while (received.size() < call.count) {
    const auto had = received.size();
    received.resize(had + std::min(call.count - had, largest_read));
    const auto got = recv(socket.descriptor.get(), received.data() + had, received.size() - had, flags);
    const int error = got < 0 ? errno : 0;
    received.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (would_block(error)) return std::nullopt;
    if (error != 0 && received.empty()) return failed(error);
    // The kernel tells an error once; the octets before it come first, so keep it for the next call.
    if (error != 0) socket.held_error = error;
    if (got <= 0 || call.urgent) break;
  }
  auto result = done(static_cast<std::int64_t>(received.size()));
  result.data = std::move(received);
  return result;
}

Sockets::Outcome Sockets::run(Socket& socket, const Shutdown& call) {
  const auto how = [&] {
    switch (call.direction) {
      case Direction::read:
        return SHUT_RD;
      case Direction::write:
        return SHUT_WR;
      case Direction::both:
        break;
    }
    return SHUT_RDWR;
  }();
  return shutdown(socket.descriptor.get(), how) == 0 ? done() : failed(errno);
}

Sockets::Outcome Sockets::run(Socket& socket, const SetOption& call) {
  const auto set = set_socket_option(socket.descriptor.get(), domain_of(place_.target.family), call.name, call.value);
  if (!set) return failed(set.error());
  if (call.name == "SO_LINGER") socket.linger = call.value;
  return done();
}

Sockets::Outcome Sockets::run(Socket& socket, const GetOption& call) {
  if (call.name == "SO_ERROR" && socket.held_error != 0) return done(std::exchange(socket.held_error, 0));
  const auto value = get_socket_option(socket.descriptor.get(), domain_of(place_.target.family), call.name);
  return value ? done(*value) : failed(value.error());
}

Sockets::Outcome Sockets::run(Socket& socket, const State& /*call*/) {
  const auto state = connection_state(socket.descriptor.get());
  if (!state) return failed(state.error());
  auto result = done();
  result.text = state_name(*state);
  return result;
}

std::unique_ptr<Sockets::Socket> Sockets::retire(SocketId id) {
  const auto found = std::ranges::find(sockets_, id, [](const auto& socket) { return socket->id; });
  if (found == sockets_.end()) return nullptr;
  auto socket = std::move(*found);
  sockets_.erase(found);
  if (!is_retired(id)) retired_.push_back(id);
  for (auto& waiting : socket->waiting) {
    auto result = failed(ECANCELED, static_cast<std::int64_t>(waiting.progress.sent));
    result.id = waiting.request.id;
    complete(std::move(result));
  }
  desk_->blocked -= socket->waiting.size();
  return socket;
}

void Sockets::close(const CallRequest& request) {
  const auto socket = retire(request.socket);
  if (socket != nullptr && socket->linger > 0)
    return desk_->reaper.close_lingering(std::move(socket->descriptor), place_.attachment, request.id);
  auto result = failed(socket == nullptr ? EBADF : close_and_tell(std::move(socket->descriptor)));
  result.id = request.id;
  complete(std::move(result));
}

void Sockets::abort(const CallRequest& request) {
  const auto socket = retire(request.socket);
  if (socket != nullptr) make_close_reset(socket->descriptor.get());
  auto result = failed(socket == nullptr ? EBADF : close_and_tell(std::move(socket->descriptor)));
  result.id = request.id;
  complete(std::move(result));
}

}  // namespace tcpspec::target
