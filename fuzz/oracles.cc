#include "fuzz/oracles.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <set>

namespace tcpspec::fuzz {
namespace {

using packet::Flags;

script::State state_before(const Played& played, std::size_t entry) {
  auto state = script::State::closed;
  for (std::size_t i = 0; i <= entry && i < played.entries.size(); ++i) {
    const auto kind = played.entries[i].kind;
    if (kind != Entry::Kind::answered && kind != Entry::Kind::completed) state = played.entries[i].state;
  }
  return state;
}

// The first line of a failure's words: what follows is the program's own output.
std::string headline(const std::string& words) {
  return words.substr(0, words.find_first_of(".\n"));
}

}  // namespace

std::string_view to_string(Oracle oracle) {
  constexpr std::array<std::string_view, 9> names = {"sanitizer", "crash",       "hang",   "flood",     "invariant",
                                                     "liveness",  "determinism", "memory", "difference"};
  return names[static_cast<std::size_t>(oracle)];
}

std::vector<Suspicion> suspicions(const Played& played) {
  std::vector<Suspicion> out;
  const auto last = played.entries.empty() ? 0 : played.entries.size() - 1;
  if (played.failure) {
    using Kind = target::TargetFailure::Kind;
    const auto oracle = played.failure->kind == Kind::hang ? Oracle::hang : Oracle::crash;
    out.push_back({oracle, headline(played.failure->what), played.failure->what, "", last});
    return out;
  }
  if (played.flooded)
    out.push_back({Oracle::flood, "flood", "the target sends without end", "RFC 9293 section 3.10.7.4", last});
  for (const auto& breach : played.breaches) {
    const auto& invariant = *breach.violation.invariant;
    auto place = fmt::format("{} in {}", invariant.name, to_string(state_before(played, breach.entry)));
    if (std::ranges::find(out, place, &Suspicion::place) != out.end()) continue;
    out.push_back(
        {Oracle::invariant, std::move(place), breach.violation.what, std::string(invariant.reference), breach.entry});
  }
  return out;
}

Program with_probe(Program probed) {
  const auto probe = static_cast<std::uint8_t>(probed.connections.size());
  probed.connections.emplace_back();
  // The fixture's listener, and those that the program made.
  std::set<std::uint8_t> listeners = {0};
  for (const auto& step : probed.steps)
    if (const auto* call = std::get_if<Call>(&step.action); call != nullptr && call->kind == Call::Kind::listen)
      listeners.insert(call->socket);
  for (const auto socket : listeners) {
    Call close;
    close.kind = Call::Kind::abort;
    close.socket = socket;
    probed.steps.push_back({0, close});
  }
  SendSegment syn;
  syn.flags = Flags::syn;
  OptionItem mss;
  mss.kind = OptionItem::Kind::mss;
  mss.numbers = {Number{Number::Base::zero, 1460}};
  syn.options = std::vector{mss};
  probed.steps.push_back({probe, syn});
  return probed;
}

std::optional<Suspicion> liveness(const Played& probed) {
  if (probed.steps.empty() || probed.failure || probed.flooded) return std::nullopt;
  const auto step = static_cast<std::uint32_t>(probed.steps.size() - 1);
  const auto connection = probed.steps.back().connection;
  const bool answered = std::ranges::any_of(probed.entries, [&](const Entry& entry) {
    if (entry.kind != Entry::Kind::answered || entry.step != step || entry.connection != connection) return false;
    const packet::SegmentView segment{BytesView(entry.datagram)};
    return segment.has_tcp_header() && segment.flags().has(Flags::rst);
  });
  if (answered) return std::nullopt;
  return Suspicion{Oracle::liveness, "no answer", "a SYN to a port where nobody listens draws no RST any more",
                   "RFC 9293 section 3.10.7.1", probed.entries.empty() ? 0 : probed.entries.size() - 1};
}

std::optional<Suspicion> memory(std::int64_t held) {
  if (held <= 0) return std::nullopt;
  return Suspicion{Oracle::memory, "held behind the end",
                   fmt::format("{} octets are held each time, although the stack has ended", held), "", 0};
}

std::optional<Suspicion> determinism(const Played& first, const Played& second) {
  const auto same = [](const Entry& a, const Entry& b) {
    return a.kind == b.kind && a.step == b.step && a.at - Instant{} == b.at - Instant{} && a.datagram == b.datagram &&
           a.result.error == b.result.error && a.result.value == b.result.value && a.result.data == b.result.data;
  };
  const auto shift = second.started - first.started;
  const auto count = std::min(first.entries.size(), second.entries.size());
  for (std::size_t i = 0; i < count; ++i) {
    auto other = second.entries[i];
    other.at -= shift;
    if (same(first.entries[i], other)) continue;
    return Suspicion{Oracle::determinism, "another trace", fmt::format("the same program twice: record {} differs", i),
                     "", i};
  }
  if (first.entries.size() == second.entries.size()) return std::nullopt;
  return Suspicion{Oracle::determinism, "another trace", "the same program twice: one trace is longer", "", count};
}

}  // namespace tcpspec::fuzz
