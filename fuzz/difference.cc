#include "fuzz/difference.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
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
                      .segment = where(last),
                      .reference = words(reference, i),
                      .other = words(other, i),
                      .step = last.step,
                      .reference_entry = i,
                      .other_entry = i};
  }
  return std::nullopt;
}

// ---- quiescent

// What the target has shown a port of the tester by now. A RST counts where it comes, the rest from then on: how text
// is cut into segments is a stack's own.
struct Shown {
  bool rst = false;
  std::set<std::string_view> answers;  // "SYN", "SYN again": of a new incarnation, "text", "FIN"
  std::set<std::string_view>
      negotiated;  // of all its SYNs: which one comes again between two others is a matter of time
  std::optional<packet::Seq32> iss, ack, end;

  void take(const packet::SegmentView& segment) {
    const auto flags = segment.flags();
    if (flags.has(Flags::rst)) {
      rst = true;
      return;
    }
    if (flags.has(Flags::syn)) {
      answers.insert(iss && iss != segment.seq() ? "SYN again" : "SYN");
      if (iss != segment.seq()) iss = end = segment.seq();
      for (const auto& [option, offset] : segment.options().options)
        if (const auto name = name_of(option); !name.empty()) negotiated.insert(name);
    }
    if (flags.has(Flags::ack) && (!ack || packet::distance(*ack, segment.ack()) > 0)) ack = segment.ack();
    const auto behind = segment.seq() + segment.length();
    const bool fresh = !end || packet::distance(*end, behind) > 0;
    if (!fresh) return;
    end = behind;
    if (!segment.payload().empty()) answers.insert("text");
    if (flags.has(Flags::fin)) answers.insert("FIN");
  }

  static std::string_view name_of(const packet::Option& option) {
    constexpr std::array<std::string_view, 9> names = {"", "", "", "wscale", "sack_permitted", "", "ts", "other", ""};
    return names[option.index()];
  }
  // What is there and not with the other one.
  [[nodiscard]] std::string beyond(const Shown& other) const {
    std::vector<std::string_view> parts;
    if (rst && !other.rst) parts.emplace_back("RST");
    for (const std::string_view answer : {"SYN", "SYN again", "text", "FIN"})
      if (answers.contains(answer) && !other.answers.contains(answer)) parts.push_back(answer);
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
  }
  [[nodiscard]] std::string negotiated_beyond(const Shown& other) const {
    std::vector<std::string_view> parts;
    std::ranges::set_difference(negotiated, other.negotiated, std::back_inserter(parts));
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, " "));
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
  [[nodiscard]] std::map<std::uint16_t, Shown>& shown() { return shown_; }
  [[nodiscard]] const std::map<std::uint32_t, std::string>& results() const { return results_; }
  void rest() {
    for (auto& [port, shown] : shown_) shown.rst = false;
  }
  [[nodiscard]] std::size_t begin_of(std::size_t step) const {
    const auto found = std::ranges::find_if(played_.entries, [&](const Entry& entry) { return entry.step >= step; });
    return static_cast<std::size_t>(found - played_.entries.begin());
  }

 private:
  void take(const Entry& entry) {
    if (entry.kind == Entry::Kind::answered) {
      const packet::SegmentView segment{BytesView(entry.datagram)};
      if (segment.has_tcp_header()) shown_[segment.destination_port()].take(segment);
    }
    if (entry.kind == Entry::Kind::completed)
      results_[entry.call] = class_of(entry.result, std::get<Call>(played_.steps[entry.call].action).kind);
  }

  const Played& played_;
  std::size_t next_ = 0;
  std::map<std::uint16_t, Shown> shown_;
  std::map<std::uint32_t, std::string> results_;
};

struct Aspect {
  std::string_view name;
  std::string reference, other;
  std::string call = {};
};

std::string name_of(const Step& step) {
  const auto* call = std::get_if<Call>(&step.action);
  if (call == nullptr) return {};
  return fmt::format("{}{}{}", script::to_string(call->kind), call->option.empty() ? "" : " ", call->option);
}

// Both at one point of rest. What was judged to be permitted is made equal.
class Comparing {
 public:
  Comparing(const Played& reference, const Played& other, const Judge& judge)
      : played_(reference), here_(reference), there_(other), judge_(judge) {}

  std::optional<Difference> run() {
    bool rested = false;
    for (std::size_t step = 0; step < played_.steps.size() && !ended_; ++step) {
      const auto* pause = std::get_if<Pause>(&played_.steps[step].action);
      if (pause == nullptr) {
        stimulus_ = step;
        rested = false;
        continue;
      }
      if (pause->length < rest) continue;
      // Behind a rest it is time that does it.
      if (std::exchange(rested, true)) stimulus_ = step;
      here_.take_until(step);
      there_.take_until(step);
      // Of what a call does not do, its own result tells most.
      if (!compare_result(stimulus_) || !compare_connections() || !compare_results()) return mistake_;
      here_.rest();
      there_.rest();
    }
    return std::nullopt;
  }

 private:
  // False: there is nothing more to compare.
  bool goes_on(Aspect aspect) {
    const auto begins = here_.begin_of(stimulus_);
    const auto& stimulus = played_.entries[std::min(begins, played_.entries.size() - 1)];
    Difference found{.aspect = std::string(aspect.name),
                     .state = std::string(script::to_string(stimulus.state)),
                     .event = std::string(to_string(event_of(stimulus, played_))),
                     .segment = where(stimulus),
                     .call = std::move(aspect.call),
                     .reference = std::move(aspect.reference),
                     .other = std::move(aspect.other),
                     .step = stimulus_,
                     .reference_entry = begins,
                     .other_entry = there_.begin_of(stimulus_)};
    const auto judgment = judge_(found);
    if (judgment == Judgment::mistake) mistake_ = std::move(found);
    ended_ = judgment != Judgment::permitted_goes_on;
    return !ended_;
  }

  bool compare_connections() {
    std::set<std::uint16_t> ports;
    for (const auto& [port, shown] : here_.shown()) ports.insert(port);
    for (const auto& [port, shown] : there_.shown()) ports.insert(port);
    return std::ranges::all_of(
        ports, [this](std::uint16_t port) { return compare(port, here_.shown()[port], there_.shown()[port]); });
  }

  bool compare(std::uint16_t port, Shown& here, Shown& there) {
    if (here.rst != there.rst || here.answers != there.answers) {
      if (!goes_on({"answer", here.beyond(there), there.beyond(here)})) return false;
      here.rst = there.rst = false;
      here.answers.insert(there.answers.begin(), there.answers.end());
      there.answers = here.answers;
    }
    if (here.negotiated != there.negotiated) {
      if (!goes_on({"negotiated", here.negotiated_beyond(there), there.negotiated_beyond(here)})) return false;
      there.negotiated = here.negotiated;
    }
    if (here.ack != there.ack) {
      if (!goes_on({"acknowledged", position(port, here), position(port, there)})) return false;
      there.ack = here.ack;
    }
    return true;
  }

  // Behind the first sequence number that the tester sent from there.
  [[nodiscard]] std::string position(std::uint16_t port, const Shown& shown) const {
    if (!shown.ack) return "nothing";
    for (const auto& entry : played_.entries) {
      if (entry.kind != Entry::Kind::sent) continue;
      const packet::SegmentView segment{BytesView(entry.datagram)};
      if (segment.has_tcp_header() && segment.source_port() == port)
        return std::to_string(shown.ack->raw() - segment.seq().raw());
    }
    return std::to_string(shown.ack->raw());
  }

  bool compare_results() {
    if (here_.results() == there_.results()) return true;
    for (std::size_t call = 0; call < played_.steps.size(); ++call)
      if (!compare_result(call)) return false;
    return true;
  }
  bool compare_result(std::size_t step) {
    const auto call = static_cast<std::uint32_t>(step);
    if (settled_.contains(call)) return true;
    const auto of = [call](const Resting& resting) {
      const auto found = resting.results().find(call);
      return found == resting.results().end() ? std::string("pending") : found->second;
    };
    if (of(here_) == of(there_)) return true;
    if (!goes_on({"result", of(here_), of(there_), name_of(played_.steps[step])})) return false;
    settled_.insert(call);
    return true;
  }

  const Played& played_;
  Resting here_, there_;
  const Judge& judge_;
  std::set<std::uint32_t> settled_;  // calls
  std::size_t stimulus_ = 0;
  bool ended_ = false;
  std::optional<Difference> mistake_;
};

}  // namespace

std::optional<Difference> difference(const Played& reference, const Played& other, Comparison comparison,
                                     const Judge& judge) {
  if (reference.failure || other.failure) return std::nullopt;  // that is another oracle's
  if (comparison == Comparison::quiescent) return Comparing(reference, other, judge).run();
  auto found = exact_difference(reference, other);
  return found && judge(*found) == Judgment::mistake ? std::move(found) : std::nullopt;
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
          fmt::format("after {}{} in {}: {}{} {}, where the reference stack has {}", difference.event,
                      difference.segment.empty() ? "" : " (" + difference.segment + ")", difference.state,
                      difference.aspect, difference.call.empty() ? "" : " of " + difference.call, difference.other,
                      difference.reference),
          "", difference.other_entry};
}

}  // namespace tcpspec::fuzz
