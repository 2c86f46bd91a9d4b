// Two copies of the reference stack, a bad link, and random applications. TCPSPEC_SEED repeats
// a run, TCPSPEC_SIMULATED_SECONDS chooses its length.

#include "fuzz/simulation.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace tcpspec::fuzz {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::stoull(given, nullptr, 0);
}

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t usual_length = 50'000;  // ten times slower
#else
constexpr std::uint64_t usual_length = 1'000'000;
#endif

std::string words(const SimulationResult& result) {
  std::string out = fmt::format(
      "{} s simulated: {} connections ({} ends aborted), {} datagrams ({} lost, {} retransmissions), {} octets\n",
      std::chrono::duration_cast<std::chrono::seconds>(result.simulated).count(), result.connections, result.aborted,
      result.datagrams, result.lost, result.retransmissions, result.octets);
  for (const auto& complaint : result.complaints) out += complaint + "\n";
  return out;
}

TEST(Simulation, LongTimesTwiceTheSame) {
  SimulationOptions options;
  options.seed = from_environment("TCPSPEC_SEED", 0x5f31);
  options.length = std::chrono::seconds(from_environment("TCPSPEC_SIMULATED_SECONDS", usual_length));
  if (std::getenv("TCPSPEC_EPOCH") != nullptr) {
    options.epoch = from_environment("TCPSPEC_EPOCH", 0);
    options.begins = std::chrono::nanoseconds(from_environment("TCPSPEC_BEGINS", 0));
  }
  fmt::print("seed {:#x}\n", options.seed);
  const auto once = simulate(options);
  fmt::print("{}", words(once));
  EXPECT_TRUE(once.complaints.empty());
  EXPECT_GT(once.connections, once.epochs);
  EXPECT_GT(once.retransmissions, 0U);
  const auto again = simulate(options);
  EXPECT_EQ(once.fingerprint, again.fingerprint) << "two runs with one seed differ";
  EXPECT_EQ(once.datagrams, again.datagrams);
}

TEST(Simulation, AnotherSeedIsAnotherHistory) {
  SimulationOptions options{.seed = 1, .length = std::chrono::seconds(2000)};
  const auto one = simulate(options);
  options.seed = 2;
  EXPECT_NE(one.fingerprint, simulate(options).fingerprint);
}

}  // namespace
}  // namespace tcpspec::fuzz
