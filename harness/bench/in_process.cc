#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <vector>

#include "bench/bulk.hh"
#include "bench/engine.hh"
#include "bench/sections.hh"
#include "bench/server.hh"
#include "bench/table.hh"
#include "target/reference_target.hh"

namespace tcpspec::bench {
namespace {

constexpr packet::Duration kRound = std::chrono::milliseconds(400);
constexpr std::string_view kNoLwip = "  lwIP: not built in, as liblwip-dev was not there (scripts/setup --bench)\n";

}  // namespace

void measure_conversations(int rounds) {
  const auto reference = make_reference_server();
  const auto lwip = make_lwip_server();
  const auto target = target::open_reference_target();
  const auto suite = open_close_suite();
  std::vector<double> bare, other, engine;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(conversations_per_second(*reference, kRound));
    if (lwip) other.push_back(conversations_per_second(*lwip, kRound));
    engine.push_back(engine_conversations_per_second(*target, suite, {.count = 10'000}));
  }
  fmt::print("handshake + close conversations per CPU second in process, median of {} rounds\n", rounds);
  print_figure("reference stack, bare loop", median(bare));
  if (lwip) {
    print_figure("lwIP, bare loop", median(other));
    print_ratio("ratio, reference stack to lwIP", median_ratio(bare, other));
  } else {
    fmt::print(kNoLwip);
  }
  print_figure("engine on the reference stack", median(engine));
  print_ratio("ratio, engine to bare loop", median_ratio(engine, bare));
}

void measure_bulk(int rounds) {
  const auto reference = make_reference_transfer();
  const auto lwip = make_lwip_transfer();
  std::vector<double> own, other;
  for (int round = 0; round < rounds; ++round) {
    own.push_back(megabytes_per_second(*reference, kRound));
    if (lwip) other.push_back(megabytes_per_second(*lwip, kRound));
  }
  fmt::print("bulk over memory, both ends in process, checked content, MB per CPU second, median of {} rounds\n",
             rounds);
  print_figure("reference stack to reference stack", median(own));
  if (!lwip) return fmt::print(kNoLwip);
  print_figure("lwIP to lwIP", median(other));
  print_ratio("ratio, reference stack to lwIP", median_ratio(own, other));
}

void measure_suites(int rounds) {
  constexpr double goal_tests = 2'000;
  const Suites suites(TCPSPEC_SUITES_FOLDER);
  const auto target = target::open_reference_target();
  std::vector<double> speeds;
  SuitesSpeed speed;
  for (int round = 0; round < rounds; ++round) {
    speed = suites.play(*target);
    speeds.push_back(speed.tests_per_second);
  }
  fmt::print("suites on the reference target, median of {} rounds\n", rounds);
  print_figure("tests played (those that need other capabilities are not)", speed.tests);
  print_figure("  of them with a deviation, which a baseline may know", speed.deviated);
  print_figure("tests per CPU second", median(speeds));
  print_ratio("CPU seconds for 2,000 tests", goal_tests / median(speeds), "goal 5");
}

}  // namespace tcpspec::bench
