// Prints how fast tests go through the engine, beside the raw limit of this machine
// taken in the same run. Figures move with the machine; the ratio is what to quote.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <vector>

#include "bench/bare_loop.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"
#include "script/loader.hh"
#include "target/linux_target.hh"

namespace {

using namespace tcpspec;  // NOLINT(google-build-using-namespace): a program of one file

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

enum class Results : std::uint8_t { dropped, converted };

double engine_conversations_per_second(target::Target& target, const script::Suite& suite, int count, int jobs,
                                       Results results) {
  const std::vector<const script::Test*> tests{&suite.tests.front()};
  const runner::Catalogue catalogue;
  runner::ScheduleOptions options;
  options.jobs = jobs;
  options.repeat = count;
  const std::atomic<int> interrupt{0};
  int bad = 0;
  std::size_t octets = 0;
  const auto take = [&](runner::Played&& played) {
    if (played.outcome.verdict != engine::Verdict::pass) ++bad;
    if (results == Results::dropped) return;
    const auto result = runner::to_result(played, {catalogue, "linux", "", ""});
    octets += result.conversation.size();
  };
  const auto began = std::chrono::steady_clock::now();
  runner::play_all(tests, catalogue, target, options, interrupt, take, nullptr);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (bad > 0)
    fmt::print(stderr, "bench: {} of {} conversations did not pass: the figure below is worth nothing\n", bad, count);
  return count / took.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(int rounds) {
  auto target = target::open_linux_target();
  if (!target) {
    fmt::print(stderr, "bench: {}\n  {}\n", target.error().what, target.error().hint);
    return 4;
  }
  auto stage = target::Stage::create({}, {});
  if (!stage) {
    fmt::print(stderr, "bench: {}\n  {}\n", stage.error().what, stage.error().hint);
    return 4;
  }
  const auto suite =
      script::load_suite(std::make_shared<script::SourceFile>(script::SourceFile{"bench", std::string(kConversation)}));
  std::vector<double> shared, own, engine, one, whole, ratio;
  // In turn, so that a drift of the machine's speed meets all of them.
  for (int round = 0; round < rounds; ++round) {
    shared.push_back(
        bench::bare_conversations_per_second(**stage, bench::Listener::shared, std::chrono::milliseconds(500)));
    own.push_back(bench::bare_conversations_per_second(**stage, bench::Listener::own, std::chrono::milliseconds(500)));
    engine.push_back(engine_conversations_per_second(**target, *suite, 15'000, 64, Results::dropped));
    one.push_back(engine_conversations_per_second(**target, *suite, 5'000, 1, Results::dropped));
    whole.push_back(engine_conversations_per_second(**target, *suite, 5'000, 64, Results::converted));
    ratio.push_back(engine.back() / own.back());
  }
  const auto& link = (*target)->description().provenance.at("link");
  fmt::print("open + close conversations per second over {}, one thread, median of {} rounds\n", link, rounds);
  fmt::print("  {:<58} {:>9.0f}\n", "bare loop, one listener for all", median(shared));
  fmt::print("  {:<58} {:>9.0f}\n", "bare loop, the same conversation as the test (raw limit)", median(own));
  fmt::print("  {:<58} {:>9.0f}\n", "engine, 64 tests in flight", median(engine));
  fmt::print("  {:<58} {:>9.0f}\n", "engine, one test in flight", median(one));
  fmt::print("  {:<58} {:>9.2f}   goal 0.5\n", "ratio, engine to raw limit", median(ratio));
  fmt::print("fixed cost of a trivial test, result included: {:.3f} ms   goal under 1 ms\n", 1e3 / median(whole));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 5);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 5;
  }
}
