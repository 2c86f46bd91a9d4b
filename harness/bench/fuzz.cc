// Fuzzing the kernel beside a loop that writes the same datagrams and knows nothing of them.

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

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

// With the time beside it that each datagram of its inputs needs to be written down.
struct Fuzzed {
  double per_second = 0;
  std::vector<packet::Bytes> datagrams;
};

std::expected<Fuzzed, target::EnvironmentError> fuzz_kernel(fuzz::Session& session, std::uint64_t seed) {
  Fuzzed out;
  session.set_witness([&](const fuzz::Entry& entry) {
    if (entry.kind == fuzz::Entry::Kind::sent) out.datagrams.push_back(entry.datagram);
  });
  fuzz::CampaignOptions options;
  options.seed = seed;
  options.most_inputs = inputs;
  options.most_steps = fuzz::steps_in_real_time;
  fuzz::Campaign campaign(session, options, {});
  if (auto done = campaign.run({}); !done) return std::unexpected(done.error());
  out.per_second = static_cast<double>(inputs) / std::chrono::duration<double>(campaign.tally().elapsed).count();
  return out;
}

double bare_inputs_per_second(target::Stage& stage, const std::vector<packet::Bytes>& datagrams) {
  static std::array<std::byte, 65'536> buffer;
  const auto began = std::chrono::steady_clock::now();
  for (const auto& datagram : datagrams) {
    const bool v6 = static_cast<unsigned>(datagram.front()) >> 4 == 6;
    stage.link().write(v6 ? packet::Family::ipv6 : packet::Family::ipv4, datagram);
    while (!stage.link().read(buffer).empty()) continue;
  }
  return static_cast<double>(inputs) / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

int measure_fuzz(int rounds) {
  auto target = target::open_linux_target();
  if (!target) return cannot_start(target.error());
  const auto link = (*target)->description().provenance.at("link");
  auto stage = target::Stage::create({}, {});
  if (!stage) return cannot_start(stage.error());
  fuzz::Session session(std::move(*target), nullptr, {});
  std::vector<double> fuzzing, bare;
  double datagrams = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto fuzzed = fuzz_kernel(session, static_cast<std::uint64_t>(round) + 1);
    if (!fuzzed) return cannot_start(fuzzed.error());
    fuzzing.push_back(fuzzed->per_second);
    bare.push_back(bare_inputs_per_second(**stage, fuzzed->datagrams));
    datagrams = static_cast<double>(fuzzed->datagrams.size()) / static_cast<double>(inputs);
  }
  fmt::print("inputs per second over {}, {:.1f} datagrams each, one thread, median of {} rounds\n", link, datagrams,
             rounds);
  print_figure("bare loop, the same datagrams (no socket, no call)", median(bare));
  print_figure("fuzzing: made, played, judged", median(fuzzing));
  print_ratio("ratio, fuzzing to the bare loop", median_ratio(fuzzing, bare), "goal 0.3");
  return 0;
}

}  // namespace tcpspec::bench
