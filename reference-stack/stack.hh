#pragma once
// A host that speaks TCP: RFC 9293 and its extensions, without input, output or clock.
// Datagrams, user calls and the time come in; datagrams come out by take_output(). All
// effects of a call happen inside the call.
//
// Where to find a paragraph of RFC 9293 section 3.10:
//   3.10.1 OPEN .. 3.10.6 STATUS   user_calls.cc
//   3.10.7 SEGMENT ARRIVES         segment_arrives.cc: 3.10.7.1 CLOSED, 3.10.7.2 LISTEN,
//                                  3.10.7.3 SYN-SENT; synchronized.cc: 3.10.7.4 OTHER STATES
//   3.10.8 TIMEOUTS                timeouts.cc

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "packet/address.hh"
#include "packet/segment.hh"
#include "packet/segment_view.hh"
#include "reference/initial_sequence_number.hh"
#include "reference/settings.hh"

namespace tcpspec::reference {

using packet::Bytes;
using packet::BytesView;
using packet::Endpoint;

enum class State : std::uint8_t {  // RFC 9293 section 3.3.2
  closed,
  listen,
  syn_sent,
  syn_received,
  established,
  fin_wait_1,
  fin_wait_2,
  close_wait,
  closing,
  last_ack,
  time_wait
};
[[nodiscard]] std::string_view to_string(State state);  // "FIN-WAIT-1"

enum class Error : std::uint8_t {
  would_block,        // ask again after something has happened
  bad_socket,         // no such socket
  invalid,            // the call makes no sense in this state
  unsupported,        // we cannot do that
  already_connected,  // "error: connection already exists"
  in_progress,        // OPEN again while it is under way
  not_connected,      // "error: connection does not exist"
  closing,            // "error: connection closing": SEND after CLOSE
  refused,            // "error: connection refused"
  reset,              // "error: connection reset"
  timed_out,          // "error: connection aborted due to user timeout", and R2
  unreachable,        // an ICMP hard error
  address_in_use,     // the port, or the pair of sockets
  too_large,          // out of range
  no_resources        // "error: insufficient resources"
};
[[nodiscard]] std::string_view to_string(Error error);  // "connection refused"
template <class T>
using Result = std::expected<T, Error>;

using SocketId = std::uint32_t;

// Per connection, by the application; set before OPEN or later.
enum class Option : std::uint8_t {
  max_segment_size,     // octets; before OPEN: what is announced, and kept to (RFC 9293 section 3.7.1)
  receive_buffer,       // octets
  send_buffer,          // octets
  no_delay,             // 0, 1: Nagle off (section 3.7.4, MUST-17)
  keep_alive,           // 0, 1 (section 3.8.4, MUST-24)
  keep_alive_idle,      // seconds
  keep_alive_interval,  // seconds
  keep_alive_probes,    // number
  user_timeout,         // milliseconds; 0: the default (section 3.9.1.1)
  linger,               // seconds; -1: off; 0: CLOSE aborts (RFC 1122 section 4.2.2.13)
  traffic_class,        // DSCP and ECN bits of what is sent (section 3.9.2, MUST-48)
  ttl                   // of what is sent (MUST-49)
};

enum class Direction : std::uint8_t { receive, send, both };
enum class SendKind : std::uint8_t { pushed, more, urgent };  // more: not PUSHed

// STATUS (section 3.10.6).
struct Status {
  State state = State::closed;
  Endpoint local, remote;
  std::size_t unsent_and_unacknowledged = 0;  // octets
  std::size_t readable = 0;
  std::optional<std::size_t> urgent_ahead;  // octets until the end of urgent data, where there is some
  std::uint32_t cwnd = 0, ssthresh = 0, send_window = 0, send_mss = 0;
  Duration rto{};
};

struct Statistics {
  std::size_t sockets = 0;      // of every kind, those that nobody holds any more included
  std::size_t octets_held = 0;  // in the buffers of all of them
  std::uint64_t datagrams_in = 0, datagrams_out = 0;
  std::uint64_t not_understood = 0;  // dropped before any connection saw them
  std::uint64_t retransmissions = 0;
  std::uint64_t reached_r1 = 0;  // connections that told IP of a doubtful path (section 3.8.3, SHLD-9)
};

class Connection;
struct Adoption;
struct ArrivedSegment;

class Stack {
 public:
  explicit Stack(const Settings& settings);
  ~Stack();
  Stack(Stack&&) = delete;

  // ---- events from below. Time never moves backwards.
  void input(BytesView datagram, Instant now);
  void advance(Instant now);                              // everything that is due
  [[nodiscard]] std::optional<Instant> deadline() const;  // when advance() has something to do
  // What was sent since the last time, in order.
  [[nodiscard]] std::vector<Bytes> take_output() { return std::exchange(output_, {}); }
  // The same into `out`, whose room is used for what is sent next.
  void take_output(std::vector<Bytes>& out) {
    out.clear();
    std::swap(out, output_);
  }

  // ---- user calls (section 3.9.1)
  [[nodiscard]] Result<SocketId> open(packet::Family family);
  // Passive OPEN. Port 0: one is chosen.
  [[nodiscard]] Result<void> listen(SocketId socket, std::uint16_t port, int backlog);
  // Active OPEN; the outcome shows in connected(). Port 0: one is chosen.
  [[nodiscard]] Result<void> connect(SocketId socket, const Endpoint& remote, std::uint16_t local_port, Instant now);
  // Goes on with a connection that somebody else has brought to where it is (adoption.hh). From
  // there on it behaves as one that this stack has opened. An acknowledgment that is due leaves at once.
  [[nodiscard]] Result<SocketId> adopt(const Adoption& adoption, Instant now);
  [[nodiscard]] Result<void> connected(SocketId socket);  // would_block: still under way
  [[nodiscard]] Result<SocketId> accept(SocketId socket);
  [[nodiscard]] Result<std::size_t> send(SocketId socket, BytesView octets, SendKind kind, Instant now);
  // 0 octets: end of file.
  [[nodiscard]] Result<std::size_t> receive(SocketId socket, std::span<std::byte> into, Instant now);
  [[nodiscard]] Result<void> shutdown(SocketId socket, Direction direction, Instant now);
  // The socket is gone for its user, but where it lingers: then would_block, until asked again.
  [[nodiscard]] Result<void> close(SocketId socket, Instant now);
  [[nodiscard]] Result<void> abort(SocketId socket, Instant now);
  [[nodiscard]] Result<Status> status(SocketId socket) const;
  [[nodiscard]] Result<void> set(SocketId socket, Option option, std::int64_t value);
  [[nodiscard]] Result<std::int64_t> get(SocketId socket, Option option) const;
  // The error that waits to be told, once.
  [[nodiscard]] Result<void> take_error(SocketId socket);

  // Sockets on which something may have changed since the last time: a hint, the calls tell.
  [[nodiscard]] std::vector<SocketId> take_changed() { return std::exchange(changed_, {}); }
  void forget_changed() { changed_.clear(); }
  [[nodiscard]] Statistics statistics() const;
  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  friend class Connection;
  struct Path {
    std::uint16_t mtu = 0;
    Instant learnt;
  };
  using Pair = std::pair<Endpoint, Endpoint>;  // local, remote
  using Deadlines = std::set<std::pair<Instant, SocketId>>;

  // ---- for connections
  void transmit(packet::Segment segment);
  void changed(SocketId socket) { changed_.push_back(socket); }
  [[nodiscard]] std::uint16_t mtu_towards(const packet::Address& remote, Instant now);
  [[nodiscard]] const SecretFunction& secret() const { return secret_; }

  // segment_arrives.cc
  void segment_arrives(const ArrivedSegment& segment, Instant now);
  void arrives_in_closed(const ArrivedSegment& segment);
  void arrives_in_listen(Connection& listener, const ArrivedSegment& segment, Instant now);
  [[nodiscard]] bool reopens(Connection& old, const ArrivedSegment& segment, Instant now);
  // icmp.cc
  void icmp_arrives(const packet::SegmentView& view, Instant now);

  [[nodiscard]] Connection* find(SocketId socket) const;
  [[nodiscard]] Connection* find(const Pair& pair) const;
  [[nodiscard]] Connection* listener(const Endpoint& local) const;
  [[nodiscard]] Connection& create(packet::Family family);
  [[nodiscard]] packet::Address address(packet::Family family) const;
  [[nodiscard]] bool port_taken(packet::Family family, std::uint16_t port) const;
  [[nodiscard]] std::optional<std::uint16_t> choose_port(packet::Family family, const Endpoint& remote) const;
  // After each event on a connection: its place among deadlines, queues and tables.
  void settle(Connection& connection);
  void leave_half_open(Connection& child);
  void unlist(Connection& connection);
  void forget(Connection& connection);
  void abort_queue(Connection& listener, Instant now);

  Settings settings_;
  SecretFunction secret_;
  std::unordered_map<SocketId, std::unique_ptr<Connection>> sockets_;
  std::map<Pair, Connection*> connections_;  // those that segments can find
  std::map<Endpoint, Connection*> listeners_;
  Deadlines deadlines_;
  std::map<packet::Address, Path> paths_;
  std::vector<Bytes> output_;
  std::vector<SocketId> changed_;
  Statistics statistics_;
  SocketId last_ = 0;
  std::uint16_t identification_ = 0;
  std::uint64_t ports_chosen_ = 0;
};

}  // namespace tcpspec::reference
