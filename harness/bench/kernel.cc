#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "bench/bare_loop.hh"
#include "bench/engine.hh"
#include "bench/sections.hh"
#include "bench/table.hh"
#include "target/linux_target.hh"

namespace tcpspec::bench {
namespace {

constexpr packet::Duration kRound = std::chrono::milliseconds(500);

int cannot_start(const target::EnvironmentError& error) {
  fmt::print(stderr, "bench: {}\n  {}\n", error.what, error.hint);
  return 4;
}

}  // namespace

int measure_kernel(int rounds) {
  auto target = target::open_linux_target();
  if (!target) return cannot_start(target.error());
  auto stage = target::Stage::create({}, {});
  if (!stage) return cannot_start(stage.error());
  const auto suite = open_close_suite();
  std::vector<double> shared, own, engine, one, whole;
  for (int round = 0; round < rounds; ++round) {
    shared.push_back(bare_conversations_per_second(**stage, Listener::shared, kRound));
    own.push_back(bare_conversations_per_second(**stage, Listener::own, kRound));
    engine.push_back(engine_conversations_per_second(**target, suite, {.count = 15'000, .jobs = 64}));
    one.push_back(engine_conversations_per_second(**target, suite, {.count = 5'000, .jobs = 1}));
    whole.push_back(
        engine_conversations_per_second(**target, suite, {.count = 5'000, .jobs = 64, .results = Results::converted}));
  }
  const auto& link = (*target)->description().provenance.at("link");
  fmt::print("open + close conversations per second over {}, one thread, median of {} rounds\n", link, rounds);
  print_figure("bare loop, one listener for all", median(shared));
  print_figure("bare loop, the same conversation as the test (raw limit)", median(own));
  print_figure("engine, 64 tests in flight", median(engine));
  print_figure("engine, one test in flight", median(one));
  print_ratio("ratio, engine to raw limit", median_ratio(engine, own), "goal 0.5");
  fmt::print("fixed cost of a trivial test, result included: {:.3f} ms   goal under 1 ms\n", 1e3 / median(whole));
  return 0;
}

}  // namespace tcpspec::bench
