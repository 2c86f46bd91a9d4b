#pragma once
// A suite as the engine plays it: matrices expanded, fixtures resolved to steps,
// expressions parsed. suites/README.md teaches the YAML that it comes from.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "packet/address.hh"
#include "packet/flags.hh"
#include "packet/segment.hh"
#include "packet/time.hh"
#include "script/diagnostic.hh"
#include "script/expression.hh"

namespace tcpspec::script {

using packet::Duration;

enum class Level : std::uint8_t { must, should, may, practice };
// The verdict that a step's labelled alternative stands for.
enum class Outcome : std::uint8_t { pass, info, warn, fail, unsupported };
enum class State : std::uint8_t {
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
enum class Role : std::uint8_t { passive, active };  // who opened: passive, the tester; active, the target

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::string_view to_string(Outcome outcome);
[[nodiscard]] std::string_view to_string(State state);  // "FIN-WAIT-1"
[[nodiscard]] std::string_view to_string(Role role);

// ---- segments that the tester sends

struct SendOption {
  enum class Kind : std::uint8_t {
    nop,
    end_of_list,
    mss,
    window_scale,
    sack_permitted,
    sack,
    timestamps,
    unknown,
    raw
  };
  Kind kind = Kind::nop;
  // mss: value; window_scale: shift; sack: left, right, left, right ... (target's space);
  // timestamps: value, echo (none: the engine's own); unknown: kind
  std::vector<Expression> numbers;
  packet::Bytes bytes;  // unknown: data; raw: all of it
};

struct SendSegment {
  packet::Flags flags;
  std::optional<Expression> seq;     // tester's space; default: behind what we have sent
  std::optional<Expression> ack;     // target's space; default: snd_nxt where ACK is set, else 0
  std::optional<Expression> window;  // as on the wire; default: what the connection advertised last
  std::optional<Expression> urgent;
  std::optional<Expression> length;                // octets of the position-dependent pattern
  packet::Bytes literal;                           // or these octets
  std::optional<std::vector<SendOption>> options;  // default: timestamps when they are in force
  std::optional<Expression> ttl, traffic_class;
  packet::Malformation malformation;
  bool ignored = false;  // the target must not accept it: RCV.NXT stays
};

// Who plays the tester's side of a connection: the script, or a peer, a TCP of its own.
struct PlayPeer {
  enum class Kind : std::uint8_t {
    automatic,  // the peer, from here on: it adopts the connection as the script left it
    off,        // the script again
    reading,    // the peer's application reads everything at once, so that windows stay open
    not_reading
  };
  Kind kind = Kind::automatic;
};

// What the peer's application does (`send` where a peer plays).
struct PeerSend {
  enum class Kind : std::uint8_t { send, open, abort };
  Kind kind = Kind::send;
  std::optional<Expression> length;  // octets of the position-dependent pattern
  packet::Bytes literal;             // or these octets
  enum class Ending : std::uint8_t { open, fin } ending = Ending::open;
};

struct SendIcmp {
  int type = 3;
  int code = 0;
  std::optional<Expression> rest_of_header;      // next-hop MTU
  std::optional<Expression> quoted_seq;          // target's space; default: its last segment
  std::optional<Expression> quoted_source_port;  // to quote a connection that is not ours
};

// ---- what is expected of the target

struct ExpectOption {
  enum class Kind : std::uint8_t { mss, window_scale, sack_permitted, sack, timestamps, unknown };
  Kind kind = Kind::mss;
  std::uint8_t number = 0;  // unknown: the kind
  bool absent = false;
  NumberMatch value;                                        // mss, window_scale; timestamps: TSval
  NumberMatch echo;                                         // timestamps: TSecr
  std::vector<std::pair<NumberMatch, NumberMatch>> blocks;  // sack, in order; empty: any (tester's space)
};

struct ExpectSegment {
  std::optional<packet::Flags> flags;  // S F R A U exactly; P E C N only as far as in `flags_cared`
  packet::Flags flags_cared;
  std::optional<NumberMatch> seq, ack, window, urgent, length, ttl, traffic_class;
  bool no_options = false;  // nothing but padding
  std::vector<ExpectOption> options;
  std::optional<NumberMatch>
      gap;  // thousandths: this arrival's distance to the last match of this step, over the one before
};

struct DurationRange {
  Duration low{};
  Duration high{};
};

enum class Tolerance : std::uint8_t { ack, window_update, duplicate_ack, retransmission, probe, any };

struct Step;
using Steps = std::vector<Step>;

struct Alternative {
  Location where;
  std::variant<ExpectSegment, Duration> accept;  // a segment instead, or silence for this long
  Outcome outcome = Outcome::pass;
  std::string why;
  enum class Then : std::uint8_t { go_on, end } then = Then::go_on;
  Steps steps;  // played before going on (or ending)
};

struct Expect {
  ExpectSegment segment;
  std::vector<Alternative> alternatives;
};

// Data in any legal segmentation: all octets from `from` up to (not including) `to`,
// retransmissions of them allowed; or acknowledgements until `acked`.
struct ExpectStream {
  std::optional<std::pair<Expression, Expression>> data;              // target's space
  std::optional<Expression> acked;                                    // tester's space
  std::optional<NumberMatch> segment_length;                          // each segment's payload
  enum class Reply : std::uint8_t { none, ack } reply = Reply::none;  // ack: acknowledge each segment
  enum class Ending : std::uint8_t {
    open,
    fin
  } ending = Ending::open;  // fin: a FIN follows, on the last segment or by itself
};

struct Silence {
  Duration duration{};
  enum class Kind : std::uint8_t { tolerant, strict } kind = Kind::tolerant;
};
struct Wait {
  Duration duration{};
};
struct Capture {
  std::vector<std::pair<int, Expression>> values;
};
struct Repeat {
  int times = 1;
  Steps steps;
};
struct Block {
  std::string title;
  Steps steps;
};  // a fixture, or a liveness probe, in place

// ---- the application's calls

enum class CallKind : std::uint8_t {
  listen,
  connect,
  accept,
  send,
  receive,
  shutdown_write,
  shutdown_read,
  shutdown_both,
  close,
  abort,
  set_option,
  get_option,
  state
};
[[nodiscard]] std::string_view to_string(CallKind kind);  // "shutdown(write)"

struct ResultMatch {
  struct Success {};  // no error
  struct EndOfFile {};
  struct Error {
    std::vector<int> numbers;
    std::string text;
  };                                                                                 // any of these errnos
  std::variant<Success, EndOfFile, Error, NumberMatch, std::string> is = Success{};  // string: a state's name
  std::string text = "ok";
};

struct ResultAlternative {
  ResultMatch match;
  Outcome outcome = Outcome::pass;
  std::string why;
};

struct Call {
  CallKind kind = CallKind::listen;
  std::string socket;                    // "listener", a connection's name, or the test's own name
  std::string accepted;                  // accept: the new socket's name
  std::optional<Expression> number;      // backlog, octets, option value, remote port offset
  std::optional<Expression> local_port;  // connect
  packet::Bytes literal;                 // send
  std::string option;                    // TCP_MAXSEG
  bool urgent = false;
  std::string as;  // not empty: only started; a Result step completes it
  ResultMatch is;
  std::vector<ResultAlternative> alternatives;
  int capture = -1;  // the value goes here
};

struct Result {
  std::string of;
  ResultMatch is;
  std::vector<ResultAlternative> alternatives;
  int capture = -1;
};

struct Step {
  Location where;
  bool fixture = false;  // part of `given`: its failure is inconclusive
  int connection = 0;
  std::optional<Duration> within;      // default: 1 s
  std::optional<DurationRange> after;  // when it must come, counted from `since`
  std::string since;                   // a mark; empty: the step before
  std::string mark;                    // names the instant of this step
  std::string comment;
  std::vector<std::pair<int, std::string>> captures;  // of the matched segment: capture <- field
  std::variant<SendSegment, PeerSend, PlayPeer, SendIcmp, Expect, ExpectStream, Silence, Wait, Capture, Repeat, Block,
               Call, Result>
      action;
};

// ---- tests

struct Connection {
  std::string name;
  int tuple_of = -1;              // shares the ports of this one (a later incarnation)
  std::optional<Expression> iss;  // in the space of `tuple_of`; else absolute
};

struct Test {
  std::string id;       // "reset/rst-in-window:state=ESTABLISHED"
  std::string base_id;  // before expansion: "reset/rst-in-window"
  std::string suite;
  std::string about;
  Location where;
  std::vector<std::string> requirements;
  std::optional<Level> level;  // default: that of the first requirement
  std::vector<std::string> tags;
  std::set<std::string> needs;  // what the file says, and needs_of(steps)
  std::map<std::string, std::string> sysctls;
  bool alone = false;
  packet::Family family = packet::Family::ipv4;
  std::optional<State> given;
  std::vector<Connection> connections;
  std::vector<std::string> captures;
  std::set<Tolerance> tolerate;
  Duration drain{};
  Steps steps;  // the fixture's first
};

struct Suite {
  std::string name;
  std::string about;
  std::shared_ptr<const SourceFile> file;
  std::vector<Test> tests;
};

// A lower bound of how long the test takes on a conforming target in real time, for
// scheduling: the sum of its waits, silences and earliest times.
[[nodiscard]] Duration least_duration(const Test& test);

// Capabilities that the steps cannot do without: "listen", "connect". All other calls are on a
// socket that came from one of these.
[[nodiscard]] std::set<std::string> needs_of(const Steps& steps);

}  // namespace tcpspec::script
