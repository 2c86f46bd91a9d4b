#include "bench/engine.hh"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "bench/cpu_watch.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"
#include "runner/selection.hh"
#include "runner/target_file.hh"
#include "target/reference_target.hh"

namespace tcpspec::bench {
namespace {

constexpr std::string_view kConversation = R"(
suite: bench
drain: 0s
tests:
  - id: open-close
    about: Opens, accepts and closes.
    requirement: MUST-14
    steps:
      - call: listen
      - send: {flags: S, options: [mss: 1460]}
      - expect: {flags: SA, seq: 0, ack: 1}
      - send: {flags: A}
      - call: accept
      - send: {flags: FA}
      - call: close
      - expect: {flags: FA}
      - send: {flags: A}
)";

const std::atomic<int> kNeverInterrupted{0};

}  // namespace

script::Suite open_close_suite() {
  auto suite =
      script::load_suite(std::make_shared<script::SourceFile>(script::SourceFile{"bench", std::string(kConversation)}));
  if (!suite) throw std::runtime_error(script::to_string(suite.error().front()));
  return *std::move(suite);
}

double engine_conversations_per_second(target::Target& target, const script::Suite& suite, const EngineRun& run) {
  const std::vector<const script::Test*> tests{&suite.tests.front()};
  const runner::Catalogue catalogue;
  runner::ScheduleOptions options;
  options.jobs = run.jobs;
  options.repeat = run.count;
  int bad = 0;
  std::size_t octets = 0;
  const auto take = [&](runner::Played&& played) {
    if (played.outcome.verdict != engine::Verdict::pass) ++bad;
    if (run.results == Results::dropped) return;
    const auto result = runner::to_result(played, {catalogue, "bench", "", ""});
    octets += result.conversation.size();
  };
  const bool real = target.description().clock == target::Description::Clock::real;
  const auto began = std::chrono::steady_clock::now();
  const CpuWatch watch;
  runner::play_all(tests, catalogue, target, options, kNeverInterrupted, take, nullptr);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (bad > 0)
    fmt::print(stderr, "bench: {} of {} conversations did not pass: the figure below is worth nothing\n", bad,
               run.count);
  return real ? run.count / took.count() : watch.per_second(run.count);
}

struct Suites::Chosen {
  runner::Loaded loaded;
  std::vector<const script::Test*> tests;  // into `loaded`
};

Suites::Suites(const std::string& folder) {
  auto loaded =
      runner::load_suites({folder}, folder + "/requirements", *tcpspec::runner::default_values(folder + "/targets"));
  if (!loaded) throw std::runtime_error(script::to_string(loaded.error().front()));
  chosen_ = std::make_unique<Chosen>(Chosen{*std::move(loaded), {}});
  chosen_->tests = runner::select(chosen_->loaded, {});
}

Suites::~Suites() = default;

SuitesSpeed Suites::play(target::Target& target) const {
  SuitesSpeed speed;
  const auto take = [&](runner::Played&& played) {
    if (!played.missing.empty()) return;
    ++speed.tests;
    if (played.outcome.verdict > engine::Verdict::unsupported) ++speed.deviated;
  };
  const CpuWatch watch;
  runner::play_all(chosen_->tests, chosen_->loaded.catalogue, target, {}, kNeverInterrupted, take, nullptr);
  speed.tests_per_second = watch.per_second(speed.tests);
  return speed;
}

}  // namespace tcpspec::bench
