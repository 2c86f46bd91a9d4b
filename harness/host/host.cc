#include "host/host.hh"

#include <algorithm>
#include <utility>

namespace tcpspec::host {
namespace {

// More than a burst of SYNs that comes while we are at something else.
constexpr int backlog = 1024;

}  // namespace

Host::Host(const reference::Settings& settings, const Wire& wire)
    : stack_(settings),
      perfect_(wire.odds == Odds{}),
      inbound_(wire.odds, wire.seed),
      outbound_(wire.odds, wire.seed ^ 0x9e3779b97f4a7c15U) {}

reference::Result<void> Host::serve(std::uint16_t port, SessionFactory begin) {
  for (const auto family : {packet::Family::ipv4, packet::Family::ipv6}) {
    const auto socket = stack_.open(family);
    if (!socket) return std::unexpected(socket.error());
    if (const auto listening = stack_.listen(*socket, port, backlog); !listening) return listening;
    listeners_.emplace(*socket, begin);
  }
  return {};
}

reference::Result<void> Host::call(const packet::Endpoint& remote, std::unique_ptr<Session> session, Instant now) {
  const auto socket = stack_.open(remote.address.family);
  if (!socket) return std::unexpected(socket.error());
  if (const auto begun = stack_.connect(*socket, remote, 0, now); !begun) {
    (void)stack_.close(*socket, now);
    return begun;
  }
  ++called_;
  sessions_.emplace(*socket, std::move(session));
  return {};
}

void Host::arrives(BytesView datagram, Instant now) {
  if (perfect_) return deliver(datagram, now);
  inbound_.take(Bytes(datagram.begin(), datagram.end()), now);
}

void Host::deliver(BytesView datagram, Instant now) {
  if (observer_) observer_(Way::in, datagram);
  stack_.input(datagram, now);
}

std::vector<Bytes> Host::turn(Instant now) {
  if (!perfect_)
    for (const auto& datagram : inbound_.release(now)) deliver(datagram, now);
  if (const auto due = stack_.deadline(); due && *due <= now) stack_.advance(now);
  for (auto sockets = stack_.take_changed(); !sockets.empty(); sockets = stack_.take_changed()) {
    std::ranges::sort(sockets);
    const auto repeated = std::ranges::unique(sockets);
    sockets.erase(repeated.begin(), repeated.end());
    for (const auto socket : sockets) changed(socket, now);
  }
  auto leaving = stack_.take_output();
  if (observer_)
    for (const auto& datagram : leaving) observer_(Way::out, datagram);
  if (perfect_) return leaving;
  for (auto& datagram : leaving) outbound_.take(std::move(datagram), now);
  return outbound_.release(now);
}

std::optional<Instant> Host::deadline() const {
  std::optional<Instant> earliest;
  for (const auto& at : {stack_.deadline(), inbound_.deadline(), outbound_.deadline()})
    if (at && (!earliest || *at < *earliest)) earliest = at;
  return earliest;
}

void Host::changed(reference::SocketId socket, Instant now) {
  if (const auto listener = listeners_.find(socket); listener != listeners_.end())
    accept_from(socket, listener->second, now);
  else
    proceed(socket, now);
}

void Host::accept_from(reference::SocketId listener, const SessionFactory& begin, Instant now) {
  for (auto socket = stack_.accept(listener); socket; socket = stack_.accept(listener)) {
    ++accepted_;
    (void)stack_.set(*socket, reference::Option::no_delay, 1);
    sessions_.emplace(*socket, begin());
    proceed(*socket, now);
  }
}

void Host::proceed(reference::SocketId socket, Instant now) {
  const auto session = sessions_.find(socket);
  if (session == sessions_.end()) return;
  Channel channel(stack_, socket, now, traffic_);
  const auto next = session->second->proceed(channel);
  if (next == Session::Next::wait) return;
  if (next == Session::Next::close)
    (void)stack_.close(socket, now);
  else
    (void)stack_.abort(socket, now);
  sessions_.erase(session);
}

bool Host::at_rest() const {
  if (!sessions_.empty()) return false;
  const auto statistics = stack_.statistics();
  return statistics.sockets == listeners_.size() && statistics.octets_held == 0;
}

Host::Statistics Host::statistics() const {
  return {.stack = stack_.statistics(),
          .accepted = accepted_,
          .called = called_,
          .traffic = traffic_,
          .in = inbound_.counters(),
          .out = outbound_.counters()};
}

}  // namespace tcpspec::host
