// Fuzzing the kernel beside a loop that does the same to it and knows nothing of it.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/replay.hh"
#include "bench/sections.hh"
#include "bench/table.hh"
#include "fuzz/campaign.hh"
#include "target/linux/stage.hh"
#include "target/linux_target.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint64_t inputs = 10'000;

int cannot_start(const target::EnvironmentError& error) {
  fmt::print(stderr, "bench: {}\n  {}\n", error.what, error.hint);
  return 4;
}

std::expected<double, target::EnvironmentError> fuzz_kernel(fuzz::Session& session, std::uint64_t seed) {
  fuzz::CampaignOptions options;
  options.seed = seed;
  options.most_inputs = inputs;
  options.most_steps = fuzz::steps_in_real_time;
  fuzz::Campaign campaign(session, options, {});
  if (auto done = campaign.run({}); !done) return std::unexpected(done.error());
  return std::chrono::duration<double>(campaign.tally().elapsed).count();
}

double per_second(double seconds) {
  return static_cast<double>(inputs) / seconds;
}

}  // namespace

int measure_fuzz(int rounds) {
  auto target = target::open_linux_target();
  if (!target) return cannot_start(target.error());
  const auto link = (*target)->description().provenance.at("link");
  auto stage = target::Stage::create({}, {});
  if (!stage) return cannot_start(stage.error());
  std::vector<Action> actions;
  fuzz::Session session(recorded(std::move(*target), actions), nullptr, {});
  std::vector<double> fuzzing, replayed, datagrams_alone;
  double datagrams = 0, calls = 0;
  for (int round = 0; round < rounds; ++round) {
    actions.clear();
    const auto fuzzed = fuzz_kernel(session, static_cast<std::uint64_t>(round) + 1);
    if (!fuzzed) return cannot_start(fuzzed.error());
    fuzzing.push_back(per_second(*fuzzed));
    replayed.push_back(per_second(seconds_to_replay(**stage, actions, Calls::made)));
    datagrams_alone.push_back(per_second(seconds_to_replay(**stage, actions, Calls::left_out)));
    const auto each = [&](auto is) { return static_cast<double>(std::ranges::count_if(actions, is)) / inputs; };
    datagrams = each([](const Action& action) { return std::holds_alternative<packet::Bytes>(action); });
    calls = each([](const Action& action) { return std::holds_alternative<target::CallRequest>(action); });
  }
  fmt::print("inputs per second over {}, {:.1f} datagrams and {:.1f} calls each, one thread, median of {} rounds\n",
             link, datagrams, calls, rounds);
  print_figure("bare loop, the same datagrams (no socket, no call)", median(datagrams_alone));
  print_figure("bare loop, the same datagrams and calls", median(replayed));
  print_figure("fuzzing: made, played, judged", median(fuzzing));
  print_ratio("ratio, fuzzing to the bare loop without calls", median_ratio(fuzzing, datagrams_alone), "");
  print_ratio("ratio, fuzzing to the bare loop with them", median_ratio(fuzzing, replayed), "goal 0.3");
  return 0;
}

}  // namespace tcpspec::bench
