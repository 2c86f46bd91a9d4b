#pragma once
// What a record reaches: (state, event, answer) as far as the wire shows them. It guides a fuzzer
// where there is no instrumentation, and beside it where there is: reaching the same lines in
// another state is news, too. Also the data of the heat map: states by events.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/player.hh"
#include "script/model.hh"

namespace tcpspec::fuzz {

// The columns of the heat map.
enum class EventKind : std::uint8_t {
  syn,
  syn_ack,
  ack,   // without text
  text,  // with ACK
  fin,   // with ACK
  rst,
  urg,
  other_flags,  // a combination that RFC 9293 section 3.10.7 has no word for
  broken,       // a checksum or a length that is wrong
  icmp,
  open_call,  // listen, connect, accept
  send_call,
  receive_call,
  close_call,  // close, shutdown
  abort_call,
  option_call,
  time
};
inline constexpr std::size_t event_kinds = 17;
inline constexpr std::size_t states = 11;
[[nodiscard]] std::string_view to_string(EventKind kind);

struct Transition {
  script::State before = script::State::closed;
  EventKind event = EventKind::time;
  std::uint32_t answer = 0;  // a set of classes of what came, until the next stimulus
  // Where the segment lies: sequence number, acknowledgment and length against the variables;
  // which options it bears, and the flags as they are.
  std::uint32_t detail = 0;
  friend auto operator<=>(const Transition&, const Transition&) = default;
};

// The state of a target's connection as the wire and the calls show it: what a conforming TCP would
// be in by now. CLOSED and LISTEN until a SYN has come of it.
class ObservedState {
 public:
  [[nodiscard]] script::State now() const { return state_; }
  void called(Call::Kind kind);
  void sent(packet::Flags flags, const oracle::ConnectionView& view);
  void answered(packet::Flags flags, const oracle::ConnectionView& view);

 private:
  void settle(const oracle::ConnectionView& view);
  script::State state_ = script::State::closed;
  bool opened_ = false;  // by a SYN-ACK that no view takes for accepted
};

// Transition::detail of a segment that is about to be sent.
[[nodiscard]] std::uint32_t place_of(const packet::Segment& segment, bool broken, const oracle::ConnectionView& view);

// The same in words: "FPA, seq next, ack beyond". seq: far, left, next, inside, edge or right of the window; ack: none,
// old, open (of something in flight), all, one more, beyond. Empty for what is no segment.
[[nodiscard]] std::string where(const Entry& entry);

// Of an entry of kind sent, called or paused.
[[nodiscard]] EventKind event_of(const Entry& entry, const Played& played);

// In the order of the steps, the fixture's left out.
[[nodiscard]] std::vector<Transition> transitions(const Played& played);

// How often each cell was met.
class HeatMap {
 public:
  void add(const std::vector<Transition>& met);
  [[nodiscard]] std::uint64_t at(script::State state, EventKind event) const;
  // {"states": [...], "events": [...], "counts": [[...]]}: a row for each state.
  [[nodiscard]] std::string to_json() const;

 private:
  std::array<std::array<std::uint64_t, event_kinds>, states> counts_{};
};

// Numbers below `bound` that stand for the features of a transition: a fuzzer has met something
// new when one of them is new. Two features may share a number.
void features(const Transition& transition, std::uint32_t bound, std::vector<std::uint32_t>& out);

}  // namespace tcpspec::fuzz
