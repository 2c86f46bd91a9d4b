#pragma once
// The upper tester on the reference stack: calls in the dress of the sockets interface,
// completed when the stack lets them.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/stack.hh"
#include "target/call.hh"
#include "target/target.hh"

namespace tcpspec::target {

class ReferenceCalls {
 public:
  ReferenceCalls(reference::Stack& stack, packet::Family family) : stack_(stack), family_(family) {}

  void start(const CallRequest& request, Instant now);
  // Tries again what is pending, in the order in which it was started.
  void retry(Instant now);
  [[nodiscard]] std::vector<CallResult> take_completed() { return std::exchange(completed_, {}); }

 private:
  // Calls of one lane on one socket are served one after the other.
  enum class Lane : std::uint8_t { immediate, reading, writing, closing };
  struct Pending {
    CallRequest request;
    Lane lane = Lane::immediate;
    bool begun = false;
    std::size_t sent = 0;
    Bytes received;
  };
  struct Socket {
    reference::SocketId id = 0;
    int held_error = 0;  // that came behind octets, for the next call
  };
  using Outcome = std::optional<CallResult>;  // nullopt: not yet

  [[nodiscard]] static Lane lane_of(const Operation& operation);
  [[nodiscard]] Outcome attempt(Pending& pending, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Listen& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Connect& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Accept& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Send& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Receive& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Shutdown& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Close& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Abort& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const SetOption& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const GetOption& call, Instant now);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const State& call, Instant now);
  [[nodiscard]] Socket* find_or_open(SocketId id, const Operation& operation);
  void cancel_others(SocketId socket);
  void complete(const CallRequest& request, CallResult result);

  reference::Stack& stack_;
  packet::Family family_;
  std::map<SocketId, Socket> sockets_;
  std::vector<SocketId> retired_;
  std::deque<Pending> pending_;
  std::vector<CallResult> completed_;
};

}  // namespace tcpspec::target
