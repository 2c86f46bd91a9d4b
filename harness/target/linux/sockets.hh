#pragma once
// The upper tester of one attachment: its sockets, and the calls on them. Every call
// is tried at once; one that would block waits until its descriptor changes.

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "target/call.hh"
#include "target/clock.hh"
#include "target/linux/descriptor.hh"
#include "target/linux/namespace.hh"
#include "target/linux/reaper.hh"
#include "target/target.hh"

namespace tcpspec::target {

// What all attachments of a target share.
struct CallDesk {
  Poller& poller;
  Reaper& reaper;
  std::vector<CallCompletion> completed;
  std::size_t blocked = 0;  // calls waiting for their descriptor
};

class Sockets {
 public:
  struct Place {
    AttachmentId attachment = 0;
    packet::Address target;
    const Namespace* space = nullptr;
    const std::string* congestion_control = nullptr;  // empty: the default
  };

  Sockets(Place place, CallDesk& desk) : place_(place), desk_(&desk) {}
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  ~Sockets() { abort_all(); }

  void start(const CallRequest& request);
  // The descriptor of a socket changed: tries its waiting calls again.
  void retry(SocketId socket);
  // Aborts all sockets and forgets all calls, without a word.
  void abort_all();

  // How sockets are named to the poller.
  [[nodiscard]] static std::uint64_t tag(AttachmentId attachment, SocketId socket) {
    return std::uint64_t{attachment} << 32 | socket;
  }

 private:
  // Calls that wait in line for each other: one reads, one writes at a time.
  enum class Lane : std::uint8_t { immediate, reading, writing, urgent };
  struct Progress {
    std::size_t sent = 0;
    Bytes received;
    bool begun = false;
  };
  struct Waiting {
    CallRequest request;
    Lane lane = Lane::immediate;
    Progress progress;
  };
  struct Socket {
    SocketId id = 0;
    Descriptor descriptor;
    bool watched = false;
    bool listening = false;
    std::int64_t linger = -1;  // seconds; accepted sockets inherit it
    int held_error = 0;        // taken from the kernel, not yet shown to the user
    std::uint16_t port = 0;
    std::deque<Waiting> waiting;
  };

  [[nodiscard]] static Lane lane_of(const Operation& operation);
  [[nodiscard]] static bool waits_in(const std::deque<Waiting>& waiting, Lane lane);
  [[nodiscard]] bool is_retired(SocketId id) const;
  [[nodiscard]] Socket* find(SocketId id);
  [[nodiscard]] std::expected<Socket*, int> find_or_create(SocketId id, const Operation& operation);
  [[nodiscard]] std::expected<Socket*, int> create(SocketId id);
  void watch(Socket& socket);
  void complete(CallResult result);

  using Outcome = std::optional<CallResult>;  // nullopt: would block
  [[nodiscard]] Outcome attempt(Socket& socket, const CallRequest& request, Progress& progress);
  [[nodiscard]] Outcome run(Socket& socket, const Listen& call);
  [[nodiscard]] Outcome run(Socket& socket, const Connect& call, Progress& progress);
  [[nodiscard]] Outcome run(Socket& socket, const Accept& call);
  [[nodiscard]] Outcome run(Socket& socket, const Send& call, Progress& progress);
  [[nodiscard]] Outcome run(Socket& socket, const Receive& call, Progress& progress);
  [[nodiscard]] Outcome run(Socket& socket, const Shutdown& call);
  [[nodiscard]] Outcome run(Socket& socket, const SetOption& call);
  [[nodiscard]] Outcome run(Socket& socket, const GetOption& call);
  [[nodiscard]] Outcome run(Socket& socket, const State& call);

  void close(const CallRequest& request);
  void abort(const CallRequest& request);
  // Takes the socket off the books and ends the calls that wait on it.
  [[nodiscard]] std::unique_ptr<Socket> retire(SocketId id);
  [[nodiscard]] int bind_to(const Socket& socket, std::uint16_t port) const;

  Place place_;
  CallDesk* desk_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<SocketId> retired_;
};

}  // namespace tcpspec::target
