#include "fuzz/transitions.hh"

#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "packet/seq32.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;
using script::State;

// Parts of Transition::detail, from the lowest bit.
constexpr unsigned flag_bits = 9, order_bits = 3, length_bits = 2, option_bits = 8;
constexpr unsigned ack_shift = flag_bits + order_bits;
constexpr unsigned length_shift = ack_shift + order_bits;
constexpr unsigned option_shift = length_shift + length_bits;
constexpr unsigned broken_shift = option_shift + option_bits;
// Without PSH and the bits of ECN, which no state transition looks at (RFC 9293 section 3.10.7).
constexpr std::uint32_t control_bits = (Flags::fin | Flags::syn | Flags::rst | Flags::ack | Flags::urg).bits();

std::uint32_t part(std::uint32_t detail, unsigned shift, unsigned bits) {
  return (detail >> shift) & ((1U << bits) - 1);
}

std::int32_t ahead(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

// What came, as a set: one bit for each class.
enum class Answer : std::uint32_t {
  ack = 1,
  text = 2,
  syn = 4,
  syn_ack = 8,
  fin = 16,
  rst = 32,
  rst_ack = 64,
  several = 128,
  icmp = 256,
  completed = 512,
  error = 1024,
  end_of_file = 2048
};

constexpr std::uint32_t wire_bits = 0x1ff, no_answer = 1U << 12U;

std::uint32_t bit(Answer answer) {
  return static_cast<std::uint32_t>(answer);
}

std::uint32_t class_of(BytesView datagram) {
  const packet::SegmentView segment(datagram);
  if (!segment.has_tcp_header()) return bit(Answer::icmp);
  const auto flags = segment.flags();
  if (flags.has(Flags::rst)) return bit(flags.has(Flags::ack) ? Answer::rst_ack : Answer::rst);
  if (flags.has(Flags::syn)) return bit(flags.has(Flags::ack) ? Answer::syn_ack : Answer::syn);
  std::uint32_t set = segment.payload().empty() ? 0 : bit(Answer::text);
  if (flags.has(Flags::fin)) set |= bit(Answer::fin);
  return set == 0 ? bit(Answer::ack) : set;
}

std::uint32_t class_of(const target::CallResult& result, Call::Kind kind) {
  if (result.error != 0) return bit(Answer::error);
  const bool end = kind == Call::Kind::receive && result.value == 0;
  return bit(end ? Answer::end_of_file : Answer::completed);
}

EventKind kind_of(Flags flags) {
  const auto plain = flags.without(Flags::psh | Flags::ece | Flags::cwr | Flags::ae);
  if (plain == Flags(Flags::syn)) return EventKind::syn;
  if (plain == (Flags::syn | Flags::ack)) return EventKind::syn_ack;
  if (plain == Flags(Flags::rst) || plain == (Flags::rst | Flags::ack)) return EventKind::rst;
  if (plain == (Flags::fin | Flags::ack)) return EventKind::fin;
  if (plain == (Flags::urg | Flags::ack)) return EventKind::urg;
  return plain == Flags(Flags::ack) ? EventKind::ack : EventKind::other_flags;
}

EventKind kind_of(Call::Kind kind) {
  using Kind = Call::Kind;
  switch (kind) {
    case Kind::listen:
    case Kind::connect:
    case Kind::accept:
      return EventKind::open_call;
    case Kind::send:
      return EventKind::send_call;
    case Kind::receive:
      return EventKind::receive_call;
    case Kind::shutdown_write:
    case Kind::shutdown_read:
    case Kind::shutdown_both:
    case Kind::close:
      return EventKind::close_call;
    case Kind::abort:
      return EventKind::abort_call;
    case Kind::set_option:
    case Kind::get_option:
    case Kind::state:
      break;
  }
  return EventKind::option_call;
}

std::uint32_t order(std::uint32_t number, std::uint32_t low, std::uint32_t next, std::uint32_t edge) {
  if (ahead(low, number) < 0) return 0;
  if (number == next) return 2;
  if (ahead(next, number) < 0) return 1;
  const auto to_edge = ahead(number, edge);
  return to_edge > 0 ? 3 : to_edge == 0 ? 4 : 5;
}

std::uint32_t options_in(const packet::Segment& segment) {
  std::uint32_t set = 0;
  for (const auto& option : segment.options) {
    const auto index = option.index();  // of the variant: EOL, NOP, MSS ...
    set |= 1U << std::min<std::size_t>(index, option_bits - 1);
  }
  return set;
}

}  // namespace

std::string_view to_string(EventKind kind) {
  constexpr std::array<std::string_view, event_kinds> names = {
      "SYN",  "SYN-ACK", "ACK",  "text", "FIN",   "RST",   "URG",    "other flags", "broken",
      "ICMP", "open",    "send", "recv", "close", "abort", "option", "time"};
  return names[static_cast<std::size_t>(kind)];
}

EventKind event_of(const Entry& entry, const Played& played) {
  if (entry.kind == Entry::Kind::paused) return EventKind::time;
  if (entry.kind == Entry::Kind::called) return kind_of(std::get<Call>(played.steps[entry.call].action).kind);
  const packet::SegmentView segment{BytesView(entry.datagram)};
  if (segment.is_icmp()) return EventKind::icmp;
  if (part(entry.place, broken_shift, 1) != 0 || !segment.has_tcp_header()) return EventKind::broken;
  const auto kind = kind_of(segment.flags());
  return kind == EventKind::ack && !segment.payload().empty() ? EventKind::text : kind;
}

std::uint32_t place_of(const packet::Segment& segment, bool broken, const oracle::ConnectionView& view) {
  const auto seq = view.in_tester_space(segment.seq);
  const auto ack = view.in_target_space(segment.ack);
  const auto next = view.rcv_nxt();
  const auto edge = next + static_cast<std::uint32_t>(view.variable(script::Variable::rcv_wnd));
  const auto una = static_cast<std::uint32_t>(view.variable(script::Variable::snd_una));
  const auto length = segment.length();
  const std::uint32_t length_class = length == 0 ? 0 : ahead(edge, seq + length) > 0 ? 3 : length == 1 ? 1 : 2;
  std::uint32_t detail = segment.flags.bits() & ((1U << flag_bits) - 1);
  detail |= order(seq, next - 65'536U, next, edge) << flag_bits;
  if (segment.flags.has(Flags::ack)) detail |= (1 + order(ack, una, view.snd_nxt(), view.snd_nxt() + 1)) << ack_shift;
  detail |= length_class << length_shift;
  detail |= options_in(segment) << option_shift;
  return detail | (broken ? 1U << broken_shift : 0);
}

std::string where(const Entry& entry) {
  const packet::SegmentView segment{BytesView(entry.datagram)};
  if (entry.kind != Entry::Kind::sent || !segment.has_tcp_header()) return {};
  constexpr std::array<std::string_view, 6> seqs = {"far", "left", "next", "inside", "edge", "right"};
  constexpr std::array<std::string_view, 7> acks = {"none", "old", "open", "all", "", "one more", "beyond"};
  return fmt::format("{}, seq {}, ack {}", packet::to_string(segment.flags()),
                     seqs.at(part(entry.place, flag_bits, ack_shift - flag_bits)),
                     acks.at(part(entry.place, ack_shift, length_shift - ack_shift)));
}

// ---- ObservedState

void ObservedState::called(Call::Kind kind) {
  if (kind == Call::Kind::listen && state_ == State::closed) state_ = State::listen;
  if (kind == Call::Kind::abort && state_ != State::listen) state_ = State::closed;
}

void ObservedState::sent(Flags flags, const oracle::ConnectionView& view) {
  if (!flags.has(Flags::rst)) settle(view);
}

void ObservedState::answered(Flags flags, const oracle::ConnectionView& view) {
  if (flags.has(Flags::rst)) {
    // A wrong acknowledgment draws one in these, and changes no state (RFC 9293 sections 3.10.7.2 to 3.10.7.4).
    const bool stays = state_ == State::listen || state_ == State::syn_sent || state_ == State::syn_received;
    if (!stays) state_ = State::closed;
    return;
  }
  // A SYN-ACK that it was not to take (`ignored`), and did, it acknowledges.
  opened_ = opened_ || (state_ == State::syn_sent && !flags.has(Flags::syn) && view.acked() > 0);
  settle(view);
}

// RFC 9293 section 3.3.2, figure 5.
void ObservedState::settle(const oracle::ConnectionView& view) {
  if (!view.target_iss_known()) return;
  const auto una = view.variable(script::Variable::snd_una);
  if (!view.tester_syn_sent() && view.acked() == 0) {
    state_ = State::syn_sent;
    return;
  }
  if (una == 0 && !opened_) {
    state_ = State::syn_received;
    return;
  }
  const bool fin_sent = view.target_fin_seen();
  const bool fin_acknowledged = fin_sent && una == static_cast<std::int64_t>(view.snd_nxt());
  const bool fin_taken = view.tester_fin_taken();
  const bool closed_second = state_ == State::close_wait || state_ == State::last_ack;
  if (!fin_sent)
    state_ = fin_taken ? State::close_wait : State::established;
  else if (!fin_taken)
    state_ = fin_acknowledged ? State::fin_wait_2 : State::fin_wait_1;
  else if (closed_second)
    state_ = fin_acknowledged ? State::closed : State::last_ack;
  else if (state_ != State::closed)
    state_ = fin_acknowledged ? State::time_wait : State::closing;
}

// ---- transitions

std::vector<Transition> transitions(const Played& played) {
  std::vector<Transition> out;
  Transition* current = nullptr;
  for (const auto& entry : played.entries) {
    if (entry.step < played.fixture_steps) continue;
    switch (entry.kind) {
      case Entry::Kind::sent:
      case Entry::Kind::called:
      case Entry::Kind::paused:
        current = &out.emplace_back(Transition{entry.state, event_of(entry, played), 0, entry.place});
        break;
      case Entry::Kind::answered:
      case Entry::Kind::completed: {
        if (current == nullptr) break;
        const auto set = entry.kind == Entry::Kind::answered
                             ? class_of(BytesView(entry.datagram))
                             : class_of(entry.result, std::get<Call>(played.steps[entry.call].action).kind);
        current->answer |= (current->answer & set) != 0 ? set | bit(Answer::several) : set;
        break;
      }
    }
  }
  return out;
}

void HeatMap::add(const std::vector<Transition>& met) {
  for (const auto& transition : met)
    ++counts_[static_cast<std::size_t>(transition.before)][static_cast<std::size_t>(transition.event)];
}

std::uint64_t HeatMap::at(State state, EventKind event) const {
  return counts_[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

std::string HeatMap::to_json() const {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < states; ++i) json["states"].push_back(script::to_string(static_cast<State>(i)));
  for (std::size_t i = 0; i < event_kinds; ++i) json["events"].push_back(to_string(static_cast<EventKind>(i)));
  for (const auto& row : counts_) json["counts"].push_back(row);
  return json.dump();
}

void features(const Transition& transition, std::uint32_t bound, std::vector<std::uint32_t>& out) {
  const auto mix = [&](std::initializer_list<std::uint32_t> parts) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const auto value : parts) hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
    out.push_back(static_cast<std::uint32_t>((hash >> 32) % bound));
  };
  const auto state = static_cast<std::uint32_t>(transition.before);
  const auto event = static_cast<std::uint32_t>(transition.event);
  const auto detail = transition.detail;
  // Answers, flags and options are many: all their combinations, each in every place, would fill a corpus with
  // programs that differ in nothing else. What came on the wire counts as a set, else each counts by itself.
  const auto seq = part(detail, flag_bits, order_bits), ack = part(detail, ack_shift, order_bits);
  mix({1, state, event, transition.answer & wire_bits});
  if (detail != 0) {
    mix({2, state, seq, ack});
    mix({3, state, seq, part(detail, length_shift, length_bits)});
    mix({4, state, part(detail, 0, flag_bits) & control_bits});
  }
  const auto options = part(detail, option_shift, option_bits);
  // No answer is one, too.
  for (auto answers = transition.answer != 0 ? transition.answer : no_answer; answers != 0; answers &= answers - 1) {
    const auto answer = static_cast<std::uint32_t>(std::countr_zero(answers));
    mix({5, state, event, seq, answer});
    if (detail == 0) continue;
    mix({6, state, event, ack, answer});
    for (auto left = options; left != 0; left &= left - 1)
      mix({7, state, static_cast<std::uint32_t>(std::countr_zero(left)), answer});
  }
}

}  // namespace tcpspec::fuzz
