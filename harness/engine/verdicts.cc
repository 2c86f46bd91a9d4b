// From what happened to what it means.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "engine/play.hh"

namespace tcpspec::engine {

Snapshot Play::snapshot(int index) const {
  Snapshot out;
  out.connections.reserve(connections_.size());
  for (const auto& own : connections_) out.connections.push_back(own.view.variables());
  out.captures = captures_;
  out.current = index;
  return out;
}

void Play::note(EntryKind kind, Mark mark, const script::Step* step, Instant at, std::string text,
                std::string expected) {
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = kind;
  entry.mark = mark;
  entry.step = step;
  entry.fixture = step && step->fixture;
  entry.at = at;
  entry.text = std::move(text);
  entry.expected_text = std::move(expected);
  if (step) entry.connection = step->connection;
  entry.bases = oracle::bases(connection(entry.connection).view);
}

// A fixture that is not reached says nothing about the test's purpose.
Verdict Play::divergence_verdict(const script::Step* step) const {
  if (step && step->fixture) return Verdict::inconclusive;
  if (!step && !fixture_done_) return Verdict::inconclusive;
  switch (setup_.level) {
    case script::Level::must:
      return Verdict::fail;
    case script::Level::should:
      return Verdict::warn;
    case script::Level::may:
    case script::Level::practice:
      return Verdict::info;
  }
  return Verdict::fail;
}

// The entry recorded last is where the play left the script. A call that nobody has asked about yet
// may have said why: nothing comes of a connect where the target has none.
void Play::diverge(const script::Step* step, std::string reason) {
  const auto cannot = std::ranges::find_if(
      calls_, [](const PendingCall& call) { return !call.mentioned && call.result && call.result->error == ENOTSUP; });
  if (cannot != calls_.end() && !diverged_) {
    take_outcome(script::Outcome::unsupported, fmt::format("the target cannot do `{}`", cannot->words),
                 outcome_.trace.size() - 1);
    diverged_ = true;
    return;
  }
  const auto verdict = divergence_verdict(step);
  if (verdict == Verdict::inconclusive)
    reason = fmt::format("the state that the test starts from was not reached: {}", reason);
  conclude(verdict, std::move(reason));
}

// The test asks for what cannot be done here, through no fault of the target.
void Play::give_up(const script::Step& step, std::string reason) {
  note(EntryKind::note, Mark::none, &step, now_, reason);
  conclude(Verdict::inconclusive, fmt::format("the test cannot go on: {}", reason));
}

void Play::conclude(Verdict verdict, std::string reason) {
  if (diverged_) return;
  diverged_ = true;
  if (!outcome_.trace.empty()) outcome_.trace.back().divergence = true;
  if (verdict >= worst_) outcome_.reason = std::move(reason);
  worst_ = std::max(worst_, verdict);
}

void Play::take_outcome(script::Outcome outcome, const std::string& why, std::size_t entry) {
  const auto verdict = [&] {
    switch (outcome) {
      case script::Outcome::pass:
        return Verdict::pass;
      case script::Outcome::info:
        return Verdict::info;
      case script::Outcome::warn:
        return Verdict::warn;
      case script::Outcome::fail:
        return Verdict::fail;
      case script::Outcome::unsupported:
        return Verdict::unsupported;
    }
    return Verdict::fail;
  }();
  outcome_.findings.push_back({verdict, {}, why, {}, entry});
  if (verdict > worst_) {
    worst_ = verdict;
    outcome_.reason = why;
  }
  if (verdict == Verdict::fail && !diverged_) {
    diverged_ = true;
    outcome_.trace[entry].divergence = true;
  }
}

void Play::violate(std::string_view name, std::string what, std::string_view reference, std::size_t entry) {
  // One defect shows in every segment that follows: the first is enough.
  const auto known = std::any_of(outcome_.findings.begin(), outcome_.findings.end(),
                                 [&](const Finding& finding) { return finding.name == name; });
  if (known) return;
  outcome_.findings.push_back({Verdict::fail, std::string(name), what, std::string(reference), entry});
  if (worst_ < Verdict::fail) outcome_.reason = fmt::format("the invariant `{}` is broken: {}", name, what);
  worst_ = std::max(worst_, Verdict::fail);
}

// Where a test wrote different octets to the same place, any of them is right: no RFC
// says which one a receiver keeps.
bool Play::stream_octet_fits(int index, bool from_target, std::uint64_t offset, std::byte octet) const {
  if (octet == pattern_octet(from_target ? Stream::from_target : Stream::from_tester, offset)) return true;
  return std::any_of(literals_.begin(), literals_.end(), [&](const Literal& literal) {
    // Numbers go round: text may begin before the first octet (RFC 9293 section 3.4).
    const auto at = static_cast<std::uint32_t>(offset - literal.offset);
    return literal.connection == index && literal.from_target == from_target && at < literal.bytes.size() &&
           literal.bytes[at] == octet;
  });
}

}  // namespace tcpspec::engine
