#pragma once
// A TCP implementation as a thing that takes datagrams, makes calls and has a clock in our
// hands: the reference stack in this process, or an adapter (adapter.h). PacketTarget makes
// a target of it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "target/call.hh"
#include "target/target.hh"

namespace tcpspec::target {

// The calls of an application that never block. Results are zero or more, or an errno with its
// sign changed: -EAGAIN where the call cannot be done yet, -ENOTSUP where it never can.
class SocketCalls {
 public:
  using Handle = std::int32_t;

  virtual ~SocketCalls() = default;
  [[nodiscard]] virtual std::int64_t open() = 0;  // a Handle
  [[nodiscard]] virtual std::int64_t listen(Handle socket, std::uint16_t port, int backlog) = 0;
  [[nodiscard]] virtual std::int64_t connect(Handle socket, const packet::Endpoint& remote,
                                             std::uint16_t local_port) = 0;
  [[nodiscard]] virtual std::int64_t connected(Handle socket) = 0;  // -EAGAIN while connect() runs
  [[nodiscard]] virtual std::int64_t accept(Handle listener) = 0;   // a Handle
  [[nodiscard]] virtual std::int64_t local_port(Handle socket) = 0;
  // At least one octet, or an error.
  [[nodiscard]] virtual std::int64_t send(Handle socket, BytesView data, bool urgent) = 0;
  // 0 at the end of the stream. An error is told once.
  [[nodiscard]] virtual std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) = 0;
  [[nodiscard]] virtual std::int64_t shutdown(Handle socket, Direction direction) = 0;
  [[nodiscard]] virtual std::int64_t close(Handle socket) = 0;
  [[nodiscard]] virtual std::int64_t abort(Handle socket) = 0;
  [[nodiscard]] virtual std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) = 0;
  // SO_ERROR gives an errno.
  [[nodiscard]] virtual std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) = 0;
  // The text is the RFC's name, "FIN-WAIT-1".
  [[nodiscard]] virtual std::int64_t state(Handle socket, std::string& text) = 0;
};

class PacketStack : public SocketCalls {
 public:
  // Everything that is due by `now` is done; what follows happens at `now`. Never goes back.
  virtual void advance(Instant now) = 0;
  // Goes on until `limit`, but stops at the first instant at which something was sent, and
  // returns where it stopped. A stack that can do this without a word about each of its timers
  // makes days of idling cheap.
  [[nodiscard]] virtual Instant run(Instant limit) = 0;
  [[nodiscard]] virtual std::optional<Instant> deadline() const = 0;
  virtual void input(BytesView datagram) = 0;
  // What was sent since it was asked last, in order.
  [[nodiscard]] virtual std::vector<Bytes> take_output() = 0;
  // It died, or stopped answering: what is known of it. Nothing that is asked of it any more
  // has an effect.
  [[nodiscard]] virtual const std::optional<TargetFailure>& failure() const = 0;
};

}  // namespace tcpspec::target
