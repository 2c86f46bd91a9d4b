#pragma once
// A host: the reference stack, the applications on it, and what is bad about its wire.
// Without input, output or clock, as the stack is; loop.hh gives it those.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "host/impairment.hh"
#include "host/session.hh"
#include "reference/stack.hh"

namespace tcpspec::host {

class Host {
 public:
  enum class Way : std::uint8_t { in, out };
  // Sees what the stack gets and gives: inbound behind the impairment, outbound before it.
  using Observer = std::function<void(Way, BytesView)>;

  struct Wire {
    Odds odds = {};
    std::uint64_t seed = 1;
  };
  Host(const reference::Settings& settings, const Wire& wire);

  // On both families.
  [[nodiscard]] reference::Result<void> serve(std::uint16_t port, SessionFactory begin);
  [[nodiscard]] reference::Result<void> call(const packet::Endpoint& remote, std::unique_ptr<Session> session,
                                             Instant now);
  void observe(Observer observer) { observer_ = std::move(observer); }

  void arrives(BytesView datagram, Instant now);
  // Does everything that is due, and what follows from it; then what leaves now.
  [[nodiscard]] std::vector<Bytes> turn(Instant now);
  // When turn() has something to do, though nothing arrives.
  [[nodiscard]] std::optional<Instant> deadline() const;

  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  // Whether the stack holds nothing but its listeners.
  [[nodiscard]] bool at_rest() const;
  struct Statistics {
    reference::Statistics stack;
    std::uint64_t accepted = 0, called = 0;
    Traffic traffic;
    Impairment::Counters in, out;
  };
  [[nodiscard]] Statistics statistics() const;

 private:
  void changed(reference::SocketId socket, Instant now);
  void accept_from(reference::SocketId listener, const SessionFactory& begin, Instant now);
  void proceed(reference::SocketId socket, Instant now);
  void deliver(BytesView datagram, Instant now);

  reference::Stack stack_;
  bool perfect_;  // the wire: datagrams need not be copied and queued
  Impairment inbound_, outbound_;
  Observer observer_;
  std::map<reference::SocketId, SessionFactory> listeners_;
  std::unordered_map<reference::SocketId, std::unique_ptr<Session>> sessions_;
  std::uint64_t accepted_ = 0, called_ = 0;
  Traffic traffic_;
};

}  // namespace tcpspec::host
