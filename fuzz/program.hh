#pragma once
// A program: the stimuli of one test as data, without expectations. What a fuzzer mutates, what a
// seed corpus holds, what a finding is minimised to. All numbers are symbolic, relative to the
// variables of RFC 9293 section 3.3.1 as oracle::ConnectionView infers them from the wire, so that
// one program means the same to every stack.
//
// The octets (program_codec.cc) begin with "TCPP" and a version. A later version reads what an
// earlier one wrote.

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "packet/address.hh"
#include "packet/flags.hh"
#include "packet/segment.hh"
#include "packet/time.hh"
#include "script/model.hh"

namespace tcpspec::fuzz {

using packet::Bytes;
using packet::BytesView;
using packet::Duration;

// Base + offset, modulo the size of the field that it goes to. `zero` in a sequence field is the ISS
// of the side whose space it is. As in the language, all variables are the target's.
struct Number {
  enum class Base : std::uint8_t {
    zero,
    rcv_nxt,   // tester's space: what the target must have received in order
    rcv_edge,  // rcv_nxt + rcv_wnd: the first octet that it does not want yet
    snd_nxt,   // target's space
    snd_una,
    rcv_wnd,    // octets
    snd_mss,    // octets: what the tester announced
    rcv_mss,    // octets: what the target announced
    ts_recent,  // of RFC 7323 section 4: the last TSval of the tester that counted
    ts_val      // the last TSval of the target
  };
  static constexpr std::uint8_t bases = 10;
  Base base = Base::zero;
  std::int64_t offset = 0;  // of 33 bits with its sign
  friend bool operator==(const Number&, const Number&) = default;
};

struct OptionItem {
  using Kind = script::SendOption::Kind;
  Kind kind = Kind::nop;
  // mss, window_scale, unknown (its kind): one; timestamps: value and echo, or none for the
  // tester's own clock; sack: left, right, left, right ... (target's space)
  std::vector<Number> numbers;
  Bytes bytes;  // unknown: data; raw: all of it
  friend bool operator==(const OptionItem&, const OptionItem&) = default;
};

// script::SendSegment with numbers for its expressions; defaults are the language's.
struct SendSegment {
  packet::Flags flags;
  std::optional<Number> seq, ack;
  std::optional<std::uint16_t> window, urgent;
  Number length;  // octets of the position-dependent pattern, 65,000 at the most
  Bytes literal;  // not empty: these octets in its place
  std::optional<std::vector<OptionItem>> options;
  std::optional<std::uint8_t> ttl, traffic_class;
  packet::Malformation malformation;
  bool ignored = false;  // the target must not accept it: RCV.NXT stays
  friend bool operator==(const SendSegment&, const SendSegment&) = default;
};

struct SendIcmp {
  std::uint8_t type = 3, code = 0;
  std::optional<std::uint32_t> rest_of_header = std::nullopt;
  std::optional<Number> quoted_seq = std::nullopt;  // target's space; default: that of its last segment
  std::optional<std::uint16_t> quoted_source_port = std::nullopt;
  friend bool operator==(const SendIcmp&, const SendIcmp&) = default;
};

// A call is started; it completes when the target lets it.
struct Call {
  using Kind = script::CallKind;
  Kind kind = Kind::listen;
  // 0: the listener; 1 + n: connection n's own; above: others. A call on a socket that is not
  // there yet makes one, where the language says so.
  std::uint8_t socket = 0;
  std::uint8_t accepted = 1;  // accept: the new socket
  // Backlog; octets, 64 Mi at the most; the option's value; connect: local port, 0: the target chooses.
  std::int64_t number = 0;
  Bytes literal;       // send: not empty: these octets in place of the pattern
  std::string option;  // "TCP_NODELAY"
  bool urgent = false;
  friend bool operator==(const Call&, const Call&) = default;
};

// Of all connections: its step's is 0.
struct Pause {
  Duration length{};  // nanoseconds
  friend bool operator==(const Pause&, const Pause&) = default;
};

struct Step {
  std::uint8_t connection = 0;
  std::variant<SendSegment, SendIcmp, Call, Pause> action;
  friend bool operator==(const Step&, const Step&) = default;
};

struct Connection {
  std::int8_t tuple_of = -1;  // shares the ports of this one, an earlier one: a later incarnation
  // The tester's ISS: with tuple_of in that one's space; else as on the wire. Default: drawn from the seed.
  std::optional<Number> iss;
  friend bool operator==(const Connection&, const Connection&) = default;
};

// The state from which it starts, of connection 0: `given` of the language.
struct Fixture {
  script::State state = script::State::closed;  // CLOSED: no fixture
  script::Role role = script::Role::passive;
  // Offered in the tester's SYN or SYN-ACK, in this order and beside an MSS of 1460: SACK-permitted
  // (RFC 2018), timestamps and window scale (RFC 7323).
  bool sack = false, timestamps = false;
  std::optional<std::uint8_t> window_scale;
  bool by_close = false;  // states behind ESTABLISHED: close() in place of shutdown()
  friend bool operator==(const Fixture&, const Fixture&) = default;
};

struct Program {
  packet::Family family = packet::Family::ipv4;
  Fixture fixture;
  std::vector<Connection> connections = {Connection{}};
  std::vector<Step> steps;
  friend bool operator==(const Program&, const Program&) = default;
};

// Against files that would eat the machine. encode() keeps to them, too: it leaves out the steps behind them.
struct ProgramLimits {
  std::size_t octets = 1 << 20;
  std::size_t steps = 20'000;
  std::size_t connections = 32;
  std::chrono::hours pauses{24'000};  // all together: instants stay far from their end
};

[[nodiscard]] Bytes encode(const Program& program);

struct ProgramError {
  std::size_t offset = 0;  // of the octet that is wrong
  std::string message;     // "a step of kind 9, which there is not"
};
// strict: for users' files. prefix: what is sound before the first fault, for mutators that know
// nothing of steps; fails only where there is not even a head.
enum class Reading : std::uint8_t { strict, prefix };
[[nodiscard]] std::expected<Program, ProgramError> decode(BytesView octets, Reading reading = Reading::strict);

}  // namespace tcpspec::fuzz
