#pragma once
// What an application does with one connection of the stack. No call of it blocks: it is
// asked to proceed whenever something may have changed, and does all that can be done.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "reference/stack.hh"

namespace tcpspec::host {

using packet::Bytes;
using packet::BytesView;
using packet::Duration;
using packet::Instant;

// Octets that applications gave and got.
struct Traffic {
  std::uint64_t sent = 0, received = 0;
};

// The user calls on one connection, at one instant.
class Channel {
 public:
  template <class T>
  using Result = reference::Result<T>;

  Channel(reference::Stack& stack, reference::SocketId socket, Instant now, Traffic& traffic)
      : stack_(stack), socket_(socket), now_(now), traffic_(traffic) {}

  [[nodiscard]] Result<void> connected() { return stack_.connected(socket_); }
  [[nodiscard]] Result<std::size_t> send(BytesView octets, reference::SendKind kind = reference::SendKind::pushed) {
    const auto taken = stack_.send(socket_, octets, kind, now_);
    traffic_.sent += taken.value_or(0);
    return taken;
  }
  // 0 octets: end of file.
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> into) {
    const auto got = stack_.receive(socket_, into, now_);
    traffic_.received += got.value_or(0);
    return got;
  }
  // Nothing more will be sent: a FIN behind what was.
  void finish() { (void)stack_.shutdown(socket_, reference::Direction::send, now_); }

 private:
  reference::Stack& stack_;
  reference::SocketId socket_;
  Instant now_;
  Traffic& traffic_;
};

class Session {
 public:
  enum class Next : std::uint8_t { wait, close, abort };

  virtual ~Session() = default;
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Until a call would block; after close and abort there is no further one.
  [[nodiscard]] virtual Next proceed(Channel& channel) = 0;
};

using SessionFactory = std::function<std::unique_ptr<Session>()>;

}  // namespace tcpspec::host
