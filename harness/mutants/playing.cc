#include "mutants/playing.hh"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "mutants/right_peer.hh"
#include "runner/baseline.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"
#include "script/diagnostic.hh"
#include "target/reference_target.hh"

namespace tcpspec::mutants {

namespace {

std::string invariant_in(const engine::Outcome& outcome) {
  const auto found = std::ranges::find_if(outcome.findings, [](const auto& finding) { return !finding.name.empty(); });
  return found == outcome.findings.end() ? std::string() : found->name;
}

}  // namespace

bool is_worse(engine::Verdict verdict, engine::Verdict without_mutant) {
  return verdict > engine::Verdict::unsupported && verdict > without_mutant;
}

std::string_view word_for(engine::Verdict verdict) {
  return reports::to_string(runner::to_report(verdict));
}

Playing::Playing(const runner::Loaded& suites, std::set<std::string> declared, std::uint64_t seed)
    : suites_(suites), declared_(std::move(declared)), seed_(seed), tests_(runner::select(suites, {})) {}

runner::Played Playing::play_one(const script::Test& test) const {
  const auto target = target::open_reference_target();
  runner::ScheduleOptions options;
  options.seed = seed_;
  options.make_peer = make_right_peer;
  options.declared = declared_;
  const std::atomic<int> interrupt{0};
  std::optional<runner::Played> result;
  (void)runner::play_all({&test}, suites_.catalogue, *target, options, interrupt,
                         [&result](runner::Played&& played) { result = std::move(played); }, {});
  if (!result) throw std::logic_error("a test ended without a result: " + test.id);
  return std::move(*result);
}

std::vector<std::string> Playing::play_without_mutant(const std::string& baseline) {
  std::vector<std::string> wrong;
  runner::Baseline expected;
  if (auto loaded = runner::load_baseline(baseline))
    expected = std::move(*loaded);
  else
    for (const auto& diagnostic : loaded.error()) wrong.push_back(script::to_string(diagnostic));

  const auto version = target::open_reference_target()->description().version;
  std::vector<const script::Test*> playable;
  without_mutant_.clear();
  for (const auto* test : tests_) {
    const auto played = play_one(*test);
    if (!played.missing.empty()) continue;
    playable.push_back(test);
    without_mutant_.push_back(played.outcome.verdict);
    auto result = runner::to_result(played, {suites_.catalogue, "reference", "", ""});
    runner::apply_baseline(expected, version, result);
    if (result.overlay == reports::Overlay::unexpected)
      wrong.push_back(fmt::format("{} {}: {}", reports::to_string(result.verdict), test->id, played.outcome.reason));
  }
  tests_ = std::move(playable);
  return wrong;
}

void Playing::play(Until until, const std::function<void(std::size_t)>& on_test,
                   const std::function<void(const Deviation&)>& on_deviation) const {
  for (std::size_t i = 0; i < tests_.size(); ++i) {
    on_test(i);
    const auto played = play_one(*tests_[i]);
    const auto verdict = played.outcome.verdict;
    if (!is_worse(verdict, without_mutant_[i])) continue;
    on_deviation({i, verdict, invariant_in(played.outcome)});
    if (until == Until::first_deviation && verdict != engine::Verdict::inconclusive) return;
  }
}

}  // namespace tcpspec::mutants
