#pragma once
// Plays one script against one target, as a pure state machine: packets, completions
// and time come in, packets and calls go out. It reads no clock and knows no socket.
//
// The order at one instant: first everything that the target did is delivered
// (on_packet, on_call), then advance(now) lets peers answer it, and runs the script as far
// as it can go. What the two then inject is answered by events of a later round.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/beginning.hh"
#include "engine/pattern.hh"
#include "engine/peer.hh"
#include "engine/trace.hh"
#include "oracle/connection_view.hh"
#include "oracle/invariants.hh"
#include "packet/icmp.hh"
#include "script/model.hh"
#include "target/target.hh"

namespace tcpspec::engine {

// What a play does to the world.
class Commands {
 public:
  virtual ~Commands() = default;
  virtual void inject(packet::BytesView datagram) = 0;
  virtual void start(const target::CallRequest& request) = 0;
};

// Told of what a play does just before it does it, with what its bytes no longer show: for who writes
// down the stimuli of a test. `view` counts what the script has taken notice of.
class Observer {
 public:
  virtual ~Observer() = default;
  // By the script, or by a peer, whose segments are `certain`.
  virtual void sends(int connection, const oracle::ConnectionView& view, const packet::Segment& segment,
                     const packet::Malformation& malformation, oracle::Acceptance acceptance) = 0;
  virtual void sends(int connection, const oracle::ConnectionView& view, const packet::IcmpError& error) = 0;
  virtual void calls(int connection, const oracle::ConnectionView& view, const script::Call& call,
                     const target::Operation& operation) = 0;
};

// error: what stands between us and the target failed, so nothing can be said of the target.
enum class Verdict : std::uint8_t { pass, info, unsupported, warn, inconclusive, fail, crash, hang, error };

// A labelled outcome that was taken, or an invariant that fired.
struct Finding {
  Verdict verdict = Verdict::pass;
  std::string name;  // the invariant's; empty for an outcome
  std::string what;
  std::string reference;
  std::size_t entry = 0;  // of the trace
};

struct Outcome {
  Verdict verdict = Verdict::inconclusive;
  std::string reason;  // one sentence; empty for a plain pass
  std::vector<Finding> findings;
  Trace trace;
  Instant started;
  Instant finished;
};

struct Setup {
  target::Attachment attachment;
  script::Level level = script::Level::must;  // decides what a divergence amounts to
  std::uint64_t seed = 0;
  double time_scale = 1.0;                             // stretches deadlines and tolerances, not the script's waits
  Duration tolerance = std::chrono::milliseconds(10);  // of the target's timers, besides 5 %
  std::size_t most_packets = 20'000;                   // a target that sends more than this floods
  MakePeer make_peer = nullptr;                        // for `peer: auto`; none: such a test cannot be played
  Observer* observer = nullptr;                        // outlives the play
};

class Play final : private script::Scope {
 public:
  // `test` and `commands` must outlive the play.
  Play(const script::Test& test, Setup setup, Commands& commands);

  void start(Instant now);
  void on_packet(target::PacketArrival&& arrival);
  // The call completed in (not_before, not_after]: not before the last look at all
  // completions, and no later than it was seen.
  void on_call(target::CallResult&& result, Instant not_before, Instant not_after);
  void on_failure(const target::TargetFailure& failure, Instant now);
  // Everything that the target did before `now` has been delivered.
  void advance(Instant now);

  // When advance() must be called next though nothing happens; nullopt when finished.
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] Outcome take_outcome() { return std::move(outcome_); }

 private:
  // When something happened, as far as that can be known: in (not_before, not_after].
  // Whatever is concluded from times must hold for every instant of the interval.
  struct Moment {
    Instant not_before, not_after;
  };
  struct Arrival {
    Bytes datagram;
    Moment came;
    std::size_t serial = 0;  // of all that came, from 1
    std::vector<oracle::Violation> violations;
  };
  // A peer that plays the tester's side, and what it has said and was shown.
  struct PeerSide {
    std::unique_ptr<Peer> peer;
    std::uint64_t written = 0;           // octets of its application's stream
    std::size_t unshown = 0;             // at the end of the queue: it has not seen them yet
    packet::Seq32 sent;                  // behind everything that it sent
    std::optional<packet::Seq32> heard;  // behind everything that it was shown
    packet::Seq32 heard_ack;             // the last acknowledgement and window among that
    std::uint16_t heard_window = 0;
    enum class Injected : std::uint8_t { nothing, before, just_now };  // just now: it has sent nothing since
    Injected injected = Injected::nothing;
  };
  struct Connection {
    oracle::ConnectionView view;
    std::uint16_t tester_port = 0;
    std::uint16_t target_port = 0;             // 0: not known yet
    std::deque<Arrival> queue;                 // arrived, not yet consumed
    std::optional<std::size_t> last_recorded;  // entry of the trace: its last segment that left the queue
    bool urgent_sent = false;                  // by the tester
    bool stream_unsure = false;                // options beyond their area have become octets of the tester's stream
    std::optional<PeerSide> side;              // where a peer plays
  };
  struct Socket {
    target::SocketId id = 0;
    std::uint64_t sent = 0, received = 0;  // octets of the application's streams
    bool sent_known = true;                // false: a send fell short while others waited behind it
    bool received_known = true;            // false: accepted anew, and whose octets it gives nobody knows
    std::optional<target::CallId> last_send;
    int connection = 0;
  };
  struct PendingCall {
    std::string name;  // "accept", or what `as:` says
    const script::Call* call = nullptr;
    std::string socket;
    std::optional<target::CallResult> result;
    std::size_t octets = 0;  // that a send was to take
    Moment completed;
    bool mentioned = false;
    std::string words;
  };
  struct Frame {
    const script::Steps* steps = nullptr;
    std::size_t next = 0;
    int rounds = 1;     // left, this one included
    bool ends = false;  // the test ends when this frame does
  };
  // Literal octets that a test put into a stream instead of the pattern.
  struct Literal {
    int connection = 0;
    bool from_target = false;
    std::uint64_t offset = 0;
    Bytes bytes;
  };
  enum class Progress : std::uint8_t { done, waiting };
  // A time that is not what the script says, and the sentence about it.
  struct TimingFault {
    oracle::FieldDifference difference;
    std::string reason;
  };

  // play.cc: the machine
  std::int64_t variable(script::Variable variable, int connection) const override;
  std::int64_t capture(int index) const override;
  Connection& connection(int index) { return connections_[static_cast<std::size_t>(index)]; }
  const Connection& connection(int index) const { return connections_[static_cast<std::size_t>(index)]; }
  void make_connections();
  bool next_step(Instant now);
  Progress run(const script::Step& step, Instant now);
  void enter(const script::Step& step, Instant now);
  void finish_step(const script::Step& step);
  void drain(Instant now);
  void judge_unmentioned();
  void finish(Instant now);
  void record_leftovers();
  Duration scaled(Duration duration) const;
  void activate(int index);
  void done_at(Instant instant) { previous_done_ = {instant, instant}; }
  Instant patience(const script::Step& step, Instant now) const;
  Instant expect_deadline(const script::Expect& expect, const script::Step& step, Instant now) const;
  const Moment* reference(const script::Step& step) const;

  // sending.cc
  void run_send(const script::SendSegment& send, const script::Step& step, Instant now);
  void run_icmp(const script::SendIcmp& icmp, const script::Step& step, Instant now);
  void send_segment(int index, packet::Segment segment, const script::Step* step,
                    const packet::Malformation& malformation, oracle::Acceptance acceptance, Instant now);
  packet::Segment blank_segment(int index) const;
  std::vector<packet::Option> make_options(const std::vector<script::SendOption>& options, int index,
                                           Instant now) const;
  packet::Timestamps own_timestamps(int index, Instant now) const;
  void acknowledge(int index, Instant now);

  // peers.cc
  void run_peer(const script::PlayPeer& play, const script::Step& step, Instant now);
  void run_peer_send(const script::PeerSend& send, const script::Step& step, Instant now);
  void begin_peer(const script::Step& step, Instant now);
  PeerPlace peer_place(int index) const;
  PeerAdoption peer_adoption(int index) const;
  packet::Bytes tester_octets(int index, std::uint64_t offset, std::size_t count) const;
  void play_peers(Instant now);
  void show_arrivals(int index, Instant now);
  static bool hidden(const PeerSide& side, const packet::SegmentView& segment);
  void deliver_for_peer(int index, Instant now);
  void send_for_peer(int index, packet::Bytes datagram, Instant now);
  void went_round_peer(int index, const packet::Segment& segment, oracle::Acceptance acceptance);

  // receiving.cc
  Progress run_expect(const script::Expect& expect, const script::Step& step, Instant now);
  Progress run_stream(const script::ExpectStream& stream, const script::Step& step, Instant now);
  Progress run_silence(const script::Silence& silence, const script::Step& step, Instant now);
  bool take_alternative(const script::Expect& expect, const script::Step& step);
  bool take_silent_alternative(const script::Expect& expect, const script::Step& step);
  void go_on(const script::Alternative& alternative);
  bool belongs(const script::ExpectStream& stream, int index, const packet::SegmentView& segment) const;
  bool stream_reached(const script::ExpectStream& stream, int index) const;
  void diverge_in_stream(const script::ExpectStream& stream, const script::Step& step);
  void miss_stream(const script::ExpectStream& stream, const script::Step& step);
  // timing.cc
  std::optional<TimingFault> range_fault(const script::Step& step, Moment came) const;
  std::optional<TimingFault> gap_fault(const script::ExpectSegment& expected, const script::Step& step, Moment came);
  bool timing_holds(const script::ExpectSegment* expected, const script::Step& step, Moment came);
  bool surely_late(const Arrival& arrival) const;

  bool tolerated(int index, const Arrival& arrival) const;
  TraceEntry& consume(int index, Mark mark, const script::Step* step, const script::ExpectSegment* expected);
  void capture_fields(const script::Step& step, const packet::SegmentView& segment);
  void check_payload(int index, const packet::SegmentView& segment);
  bool broke_silence(script::Silence::Kind kind);
  TraceEntry& record_arrival(int index, Arrival arrival, Mark mark, const script::Step* step,
                             const script::ExpectSegment* expected);

  // calling.cc
  Progress run_call(const script::Call& call, const script::Step& step, Instant now);
  Progress run_result(const script::Result& result, const script::Step& step, Instant now);
  void start_call(const script::Call& call, const script::Step& step, Instant now);
  target::Operation operation(const script::Call& call, const script::Step& step, const std::string& socket);
  Progress judge(PendingCall& pending, const script::ResultMatch& match,
                 const std::vector<script::ResultAlternative>& alternatives, int capture, const script::Step& step);
  bool matches(const script::ResultMatch& match, const target::CallResult& result) const;
  void check_received(const PendingCall& pending);
  void apply_completion(PendingCall& pending);
  void settle_send(const PendingCall& pending);
  Socket& socket(const std::string& name, int connection);

  // verdicts.cc
  void note(EntryKind kind, Mark mark, const script::Step* step, Instant at, std::string text,
            std::string expected = {});
  void diverge(const script::Step* step, std::string reason);
  void give_up(const script::Step& step, std::string reason);
  void conclude(Verdict verdict, std::string reason);
  void take_outcome(script::Outcome outcome, const std::string& why, std::size_t entry);
  void violate(std::string_view name, std::string what, std::string_view reference, std::size_t entry);
  Verdict divergence_verdict(const script::Step* step) const;
  Snapshot snapshot(int index) const;
  bool stream_octet_fits(int connection, bool from_target, std::uint64_t offset, std::byte octet) const;

  const script::Test& test_;
  Setup setup_;
  Commands& commands_;
  std::vector<Connection> connections_;
  std::vector<int> active_;     // per tester port: which incarnation takes arrivals
  std::deque<Arrival> strays_;  // to a port that no connection has
  std::vector<std::int64_t> captures_;
  std::map<std::string, Socket, std::less<>> sockets_;
  std::vector<PendingCall> calls_;  // index is the CallId
  std::map<std::string, Moment, std::less<>> marks_;
  std::map<const script::Step*, std::vector<Moment>> arrivals_;  // of steps with `gap`
  std::vector<Literal> literals_;
  std::vector<Frame> frames_;
  oracle::InvariantMonitor monitor_;
  Draw draw_;

  const script::Step* current_ = nullptr;  // entered, not done
  Instant step_started_;
  Moment previous_done_;
  Moment step_reference_;  // previous_done_ when the step began: `after` counts from it
  Instant step_deadline_;
  std::size_t step_arrivals_ = 0;  // that had come when the step began
  std::size_t step_call_ = 0;      // of a call step that waits for its completion
  std::uint32_t stream_covered_ = 0;
  std::uint32_t stream_goal_ = 0;
  bool draining_ = false;
  bool finished_ = false;
  bool diverged_ = false;
  bool fixture_done_ = false;
  bool ended_early_ = false;  // an alternative ended the test: steps were skipped
  std::size_t packets_ = 0;
  std::uint16_t identification_ = 1;
  Instant now_;
  Verdict worst_ = Verdict::pass;
  Outcome outcome_;
};

}  // namespace tcpspec::engine
