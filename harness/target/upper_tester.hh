#pragma once
// The upper tester over calls that do not block: takes the calls of a test as they come, and
// completes each when the stack lets it, in the order that target.hh promises.

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "target/call.hh"
#include "target/packet_stack.hh"

namespace tcpspec::target {

class UpperTester {
 public:
  // Sockets get addresses of `local`'s family, and `local` as their own.
  UpperTester(SocketCalls& calls, const packet::Address& local) : calls_(calls), local_(local) {}

  void start(const CallRequest& request);
  // Tries again what is pending, in the order in which it was started.
  void retry();
  [[nodiscard]] bool has_pending() const { return !pending_.empty(); }
  [[nodiscard]] std::vector<CallResult> take_completed() { return std::exchange(completed_, {}); }

 private:
  // Calls of one lane on one socket are served one after the other. The urgent octet is read beside the others.
  enum class Lane : std::uint8_t { immediate, reading, urgent, writing, closing };
  struct Pending {
    CallRequest request;
    Lane lane = Lane::immediate;
    bool begun = false;
    std::size_t sent = 0;
    Bytes received;
    Bytes room;  // for what is received next: given to the stack at every try, and allocated once
  };
  struct Socket {
    SocketCalls::Handle handle = 0;
    int held_error = 0;  // that came behind octets, for the next call
  };
  using Outcome = std::optional<CallResult>;  // nullopt: not yet

  [[nodiscard]] static Lane lane_of(const Operation& operation);
  [[nodiscard]] Outcome attempt(Pending& pending);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Listen& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Connect& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Accept& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Send& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Receive& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Shutdown& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Close& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const Abort& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const SetOption& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const GetOption& call);
  [[nodiscard]] Outcome run(Socket& socket, Pending& pending, const State& call);
  // The socket of that name, opened where the operation may; or an errno.
  [[nodiscard]] std::expected<Socket*, int> find_or_open(SocketId id, const Operation& operation);
  [[nodiscard]] CallResult established(SocketCalls::Handle handle);
  void forget(SocketId id);
  void cancel_others(SocketId socket);
  void complete(const CallRequest& request, CallResult result);

  SocketCalls& calls_;
  packet::Address local_;
  std::map<SocketId, Socket> sockets_;
  std::vector<SocketId> retired_;
  std::deque<Pending> pending_;
  std::vector<CallResult> completed_;
};

}  // namespace tcpspec::target
