#include "fuzz/difference.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "fuzz/transitions.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;

constexpr Duration rest = std::chrono::milliseconds(600);

bool is_stimulus(const Entry& entry) {
  return entry.kind == Entry::Kind::sent || entry.kind == Entry::Kind::called || entry.kind == Entry::Kind::paused;
}

// ---- exact

std::string words(const Played& played, std::size_t index) {
  if (index >= played.entries.size() || is_stimulus(played.entries[index])) return "nothing";
  const auto& entry = played.entries[index];
  if (entry.kind == Entry::Kind::completed)
    return entry.result.error != 0 ? std::string(strerrorname_np(entry.result.error))
                                   : fmt::format("result {}", entry.result.value);
  const packet::SegmentView segment{BytesView(entry.datagram)};
  if (!segment.has_tcp_header()) return "a datagram";
  return packet::to_string(segment.flags()) + (segment.payload().empty() ? "" : " with text");
}

bool same(const Entry& a, const Entry& b, Duration shift) {
  return a.kind == b.kind && a.step == b.step && a.at == b.at - shift && a.datagram == b.datagram &&
         a.result.error == b.result.error && a.result.value == b.result.value && a.result.data == b.result.data;
}

std::optional<Difference> exact_difference(const Played& reference, const Played& other) {
  const auto shift = other.started - reference.started;
  const auto most = std::max(reference.entries.size(), other.entries.size());
  std::size_t stimulus = 0;
  for (std::size_t i = 0; i < most; ++i) {
    const bool both = i < reference.entries.size() && i < other.entries.size();
    if (both && same(reference.entries[i], other.entries[i], shift)) {
      if (is_stimulus(reference.entries[i])) stimulus = i;
      continue;
    }
    if (reference.entries.empty()) return std::nullopt;
    // A stimulus differs where one before it drew nothing here and something there.
    const auto& last = reference.entries[stimulus];
    return Difference{.aspect = "answer",
                      .state = std::string(script::to_string(last.state)),
                      .event = std::string(to_string(event_of(last, reference))),
                      .reference = words(reference, i),
                      .other = words(other, i),
                      .step = last.step,
                      .reference_entry = i,
                      .other_entry = i};
  }
  return std::nullopt;
}

// ---- quiescent

// What a connection has shown by now.
struct Shown {
  bool rst = false, fin = false, text = false, answered_syn = false;
  std::set<std::string> negotiated;
  std::optional<packet::Seq32> iss, ack, end;

  void take(const packet::SegmentView& segment) {
    const auto flags = segment.flags();
    if (flags.has(Flags::rst)) {
      rst = true;
      return;
    }
    if (flags.has(Flags::syn)) {
      if (!iss) {
        iss = segment.seq();
        end = segment.seq();
      }
      answered_syn = true;
      negotiated.clear();
      for (const auto& [option, offset] : segment.options().options)
        if (const auto name = name_of(option); !name.empty()) negotiated.emplace(name);
    }
    if (flags.has(Flags::ack) && (!ack || packet::distance(*ack, segment.ack()) > 0)) ack = segment.ack();
    const auto behind = segment.seq() + segment.length();
    const bool fresh = !end || packet::distance(*end, behind) > 0;
    if (!fresh) return;
    end = behind;
    text = text || !segment.payload().empty();
    fin = fin || flags.has(Flags::fin);
  }

  static std::string_view name_of(const packet::Option& option) {
    constexpr std::array<std::string_view, 9> names = {"", "", "", "wscale", "sack_permitted", "", "ts", "other", ""};
    return names[option.index()];
  }
  [[nodiscard]] std::string answer() const {
    std::vector<std::string_view> parts;
    if (rst) parts.emplace_back("RST");
    if (answered_syn) parts.emplace_back("SYN");
    if (text) parts.emplace_back("text");
    if (fin) parts.emplace_back("FIN");
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
  }
};

std::string class_of(const target::CallResult& result, Call::Kind kind) {
  if (result.error != 0) return strerrorname_np(result.error);
  if (kind == Call::Kind::receive) return result.value == 0 ? "end of file" : "octets";
  return "ok";
}

// Both records from one point of rest to the next.
class Resting {
 public:
  explicit Resting(const Played& played) : played_(played) {}

  // Takes all of the entries up to the end of `step`.
  void take_until(std::size_t step) {
    for (; next_ < played_.entries.size() && played_.entries[next_].step <= step; ++next_) take(played_.entries[next_]);
  }
  [[nodiscard]] const std::map<int, Shown>& shown() const { return shown_; }
  [[nodiscard]] const std::map<std::uint32_t, std::string>& results() const { return results_; }
  [[nodiscard]] std::size_t begin_of(std::size_t step) const {
    const auto found = std::ranges::find_if(played_.entries, [&](const Entry& entry) { return entry.step >= step; });
    return static_cast<std::size_t>(found - played_.entries.begin());
  }
  [[nodiscard]] Instant base() const { return played_.started; }

 private:
  void take(const Entry& entry) {
    if (entry.kind == Entry::Kind::answered) {
      const packet::SegmentView segment{BytesView(entry.datagram)};
      if (segment.has_tcp_header()) shown_[entry.connection].take(segment);
    }
    if (entry.kind == Entry::Kind::completed)
      results_[entry.call] = class_of(entry.result, std::get<Call>(played_.steps[entry.call].action).kind);
  }

  const Played& played_;
  std::size_t next_ = 0;
  std::map<int, Shown> shown_;
  std::map<std::uint32_t, std::string> results_;
};

struct Aspect {
  std::string_view name;
  std::string reference, other;
};

std::optional<Aspect> compare(const Shown& reference, const Shown& other, std::optional<packet::Seq32> tester_iss) {
  if (reference.answer() != other.answer()) return Aspect{"answer", reference.answer(), other.answer()};
  if (reference.negotiated != other.negotiated)
    return Aspect{"negotiated", fmt::format("{}", fmt::join(reference.negotiated, " ")),
                  fmt::format("{}", fmt::join(other.negotiated, " "))};
  if (reference.ack != other.ack) {
    const auto position = [&](const Shown& shown) {
      return !shown.ack ? std::string("nothing")
                        : std::to_string(shown.ack->raw() - tester_iss.value_or(packet::Seq32(0)).raw());
    };
    return Aspect{"acknowledged", position(reference), position(other)};
  }
  return std::nullopt;
}

std::optional<Difference> difference_at(const Played& played, Resting& reference, Resting& other, std::size_t step) {
  std::optional<Aspect> aspect;
  std::set<int> connections;
  for (const auto& [index, shown] : reference.shown()) connections.insert(index);
  for (const auto& [index, shown] : other.shown()) connections.insert(index);
  const auto at = [](const Resting& resting, int index) {
    const auto found = resting.shown().find(index);
    return found == resting.shown().end() ? Shown{} : found->second;
  };
  for (const auto index : connections) {
    std::optional<packet::Seq32> iss;
    for (const auto& entry : played.entries)
      if (entry.kind == Entry::Kind::sent && entry.connection == index && !iss)
        iss = packet::SegmentView{BytesView(entry.datagram)}.seq();
    if (!aspect) aspect = compare(at(reference, index), at(other, index), iss);
  }
  if (!aspect && reference.results() != other.results()) {
    for (std::uint32_t call = 0; call < played.steps.size() && !aspect; ++call) {
      const auto of = [call](const Resting& resting) {
        const auto found = resting.results().find(call);
        return found == resting.results().end() ? std::string("pending") : found->second;
      };
      if (of(reference) != of(other)) aspect = Aspect{"result", of(reference), of(other)};
    }
  }
  if (!aspect) return std::nullopt;
  const auto begins = reference.begin_of(step);
  const auto& stimulus = played.entries[std::min(begins, played.entries.size() - 1)];
  return Difference{.aspect = std::string(aspect->name),
                    .state = std::string(script::to_string(stimulus.state)),
                    .event = std::string(to_string(event_of(stimulus, played))),
                    .reference = aspect->reference,
                    .other = aspect->other,
                    .step = step,
                    .reference_entry = begins,
                    .other_entry = other.begin_of(step)};
}

std::optional<Difference> quiescent_difference(const Played& reference, const Played& other) {
  Resting here(reference), there(other);
  std::size_t stimulus = 0;
  for (std::size_t step = 0; step < reference.steps.size(); ++step) {
    const auto* pause = std::get_if<Pause>(&reference.steps[step].action);
    if (pause == nullptr) {
      stimulus = step;
      continue;
    }
    if (pause->length < rest) continue;
    here.take_until(step);
    there.take_until(step);
    if (auto found = difference_at(reference, here, there, stimulus)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Difference> difference(const Played& reference, const Played& other, Comparison comparison) {
  if (reference.failure || other.failure) return std::nullopt;  // that is another oracle's
  return comparison == Comparison::exact ? exact_difference(reference, other) : quiescent_difference(reference, other);
}

Program at_rest(const Program& program) {
  auto resting = program;
  resting.steps.clear();
  resting.steps.push_back({0, Pause{rest}});  // behind the fixture
  for (const auto& step : program.steps) {
    resting.steps.push_back(step);
    if (!std::holds_alternative<Pause>(step.action)) resting.steps.push_back({0, Pause{rest}});
  }
  return resting;
}

Suspicion suspicion(const Difference& difference) {
  const auto numbers = difference.aspect == "acknowledged";
  return {Oracle::difference,
          fmt::format("{} after {} in {}{}", difference.aspect, difference.event, difference.state,
                      numbers ? "" : fmt::format(": {}, and not {}", difference.other, difference.reference)),
          fmt::format("after {} in {}: {} {}, where the reference stack has {}", difference.event, difference.state,
                      difference.aspect, difference.other, difference.reference),
          "", difference.other_entry};
}

}  // namespace tcpspec::fuzz
