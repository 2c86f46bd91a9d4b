// When things must come, and when they came. An instant of the target's is known as an
// interval only: what is concluded holds for all of it, and doubt is the target's.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "engine/play.hh"
#include "script/value.hh"

namespace tcpspec::engine {

using script::Step;

namespace {

// Timers of real systems have a grain, and RFC 6298 a clock of its own: 5 %.
constexpr Duration with_margin(Duration duration) {
  return duration + duration / 20;
}
constexpr Duration without_margin(Duration duration) {
  return duration - duration / 20;
}

std::int64_t thousandths(Duration a, Duration b) {
  if (b.count() <= 0) return INT64_MAX;
  const auto ratio = static_cast<double>(a.count()) * 1000.0 / static_cast<double>(b.count());
  return ratio > 1e15 ? INT64_MAX : static_cast<std::int64_t>(ratio);
}

std::string range_words(const script::DurationRange& range) {
  return fmt::format("{}..{}", script::to_string(range.low), script::to_string(range.high));
}

}  // namespace

// From where `after` counts. A mark that was never set lies in steps that were not
// played: then there is nothing to count from.
const Play::Moment* Play::reference(const Step& step) const {
  if (!step.after) return nullptr;
  if (step.since.empty()) return &step_reference_;
  const auto mark = marks_.find(step.since);
  return mark == marks_.end() ? nullptr : &mark->second;
}

// How long a step waits for what it wants.
Instant Play::patience(const Step& step, Instant now) const {
  const auto until = now + scaled(step.within.value_or(std::chrono::seconds(1)));
  const auto* from = reference(step);
  if (!from) return until;
  const auto latest = from->not_after + scaled(with_margin(step.after->high)) + scaled(setup_.tolerance) * 2;
  return std::max(step.within ? until : now, latest);
}

Instant Play::expect_deadline(const script::Expect& expect, const Step& step, Instant now) const {
  auto until = patience(step, now);
  for (const auto& alternative : expect.alternatives)
    if (const auto* silence = std::get_if<Duration>(&alternative.accept)) until = std::max(until, now + *silence);
  return until;
}

// Came behind the step's deadline for certain: it has nothing to do with this step.
bool Play::surely_late(const Arrival& arrival) const {
  return arrival.came.not_before >= step_deadline_ && arrival.came.not_after > step_deadline_;
}

std::optional<Play::TimingFault> Play::range_fault(const Step& step, Moment came) const {
  const auto* from = reference(step);
  if (!from) return std::nullopt;
  const auto tolerance = scaled(setup_.tolerance);
  const auto longest = came.not_after - from->not_before;
  const auto shortest = came.not_before - from->not_after;
  const auto fault = [&](Duration observed, std::string reason) {
    return TimingFault{{"after", range_words(*step.after), script::to_string(observed)}, std::move(reason)};
  };
  if (longest < without_margin(step.after->low) - tolerance)
    return fault(longest, fmt::format("it came {} after, and not before {} was right", script::to_string(longest),
                                      script::to_string(step.after->low)));
  if (shortest > scaled(with_margin(step.after->high)) + tolerance)
    return fault(shortest, fmt::format("it came {} after, and {} is the latest that is right",
                                       script::to_string(shortest), script::to_string(step.after->high)));
  return std::nullopt;
}

// Each interval between the arrivals of one step, over the one before.
std::optional<Play::TimingFault> Play::gap_fault(const script::ExpectSegment& expected, const Step& step, Moment came) {
  auto& history = arrivals_[&step];
  history.push_back(came);
  if (history.size() < 3) return std::nullopt;
  const auto& middle = history[history.size() - 2];
  const auto& first = history[history.size() - 3];
  const auto tolerance = scaled(setup_.tolerance);
  const auto largest =
      thousandths(came.not_after - middle.not_before + tolerance, middle.not_before - first.not_after - tolerance);
  const auto smallest =
      thousandths(came.not_before - middle.not_after - tolerance, middle.not_after - first.not_before + tolerance);
  const auto low = expected.gap->operands[0].evaluate(*this);
  const auto high = expected.gap->operands[1].evaluate(*this);
  if (largest >= low && smallest <= high) return std::nullopt;
  const auto gap = came.not_after - middle.not_after;
  const auto before = middle.not_after - first.not_after;
  const auto words = fmt::format("{} after a gap of {} ({:.2f} times)", script::to_string(gap),
                                 script::to_string(before), static_cast<double>(thousandths(gap, before)) / 1000.0);
  return TimingFault{{"gap", fmt::format("{} times the gap before", expected.gap->text), words},
                     fmt::format("the interval is not {} times the one before: {}", expected.gap->text, words)};
}

// Judges the time of what was recorded last, and diverges where it is wrong for certain.
bool Play::timing_holds(const script::ExpectSegment* expected, const Step& step, Moment came) {
  auto fault = range_fault(step, came);
  if (expected && expected->gap) {
    auto gap = gap_fault(*expected, step, came);
    if (!fault) fault = std::move(gap);
  }
  if (!fault) return true;
  auto& entry = outcome_.trace.back();
  entry.mark = Mark::mismatch;
  entry.differences.push_back(std::move(fault->difference));
  diverge(&step, std::move(fault->reason));
  return false;
}

}  // namespace tcpspec::engine
