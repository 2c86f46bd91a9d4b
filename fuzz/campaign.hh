#pragma once
// Fuzzing without instrumentation: what a program reaches (transitions.hh) decides whether it is kept
// and changed again. For targets that are no code in this process: a kernel, a child.

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/finding.hh"
#include "fuzz/kernel_log.hh"
#include "fuzz/mutator.hh"
#include "fuzz/session.hh"
#include "fuzz/transitions.hh"

namespace tcpspec::fuzz {

// In real time a program costs what its system calls cost.
inline constexpr std::size_t steps_in_real_time = 12;

struct CampaignOptions {
  std::uint64_t seed = 1;
  std::uint64_t most_inputs = std::numeric_limits<std::uint64_t>::max();
  std::optional<std::chrono::nanoseconds> most_time = std::nullopt;
  std::size_t most_steps = 40;  // of a program, behind its fixture
  bool stop_at_first = false;
  // In real time: each so many programs one is played with pauses of some length, so that timers go off.
  unsigned slow_each = 4096;
  Duration slow_pause = std::chrono::milliseconds(50);
  FindingOptions investigating = {};
};

struct Tally {
  std::chrono::nanoseconds elapsed{};
  std::uint64_t inputs = 0;
  std::size_t corpus = 0;
  std::size_t transitions = 0;  // (state, event, answer) that were met
  std::size_t findings = 0;
};

// What comes of it. A function that answers with words could not do its work, which ends the campaign.
struct CampaignHooks {
  std::function<std::optional<std::string>(const Program&)> keep;   // something new was reached
  std::function<std::optional<std::string>(const Finding&)> found;  // once for each id
  std::function<bool(const Tally&)> look;                           // after each program; false: enough
};

class Campaign {
 public:
  Campaign(Session& session, CampaignOptions options, CampaignHooks hooks);

  // `seeds` are played first; then what comes of them, until the time or the inputs are over.
  // The words of an error are a hook's, or the target could not be had any more.
  [[nodiscard]] std::expected<void, target::EnvironmentError> run(const std::vector<Program>& seeds);

  [[nodiscard]] Tally tally() const;
  [[nodiscard]] const HeatMap& heat() const { return heat_; }
  // Of a kernel; it may be missing.
  void watch(KernelLog& log) { log_ = &log; }

 private:
  using Result = std::expected<void, target::EnvironmentError>;
  [[nodiscard]] bool over() const;
  [[nodiscard]] Program next();
  [[nodiscard]] const Program& pick();
  [[nodiscard]] std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_()) % static_cast<std::uint32_t>(bound);
  }
  [[nodiscard]] Result play(const Program& program);
  [[nodiscard]] Result suspect(const Program& program, const Suspicion& suspicion);
  [[nodiscard]] Result tell(const Finding& finding);
  // Whether it reached what none had reached before.
  [[nodiscard]] bool learn(const Played& played);
  [[nodiscard]] Result look_at_log();

  Session& session_;
  CampaignOptions options_;
  CampaignHooks hooks_;
  KernelLog* log_ = nullptr;
  Mutator mutator_;
  std::minstd_rand random_;
  bool real_time_;
  std::chrono::steady_clock::time_point began_;
  std::vector<Program> corpus_;
  std::vector<Program> batch_;  // since the kernel's log was read
  std::vector<bool> features_;
  std::vector<std::uint32_t> fresh_;
  std::set<std::uint64_t> transitions_;
  std::set<std::pair<Oracle, std::string>> suspicions_;  // that were looked into
  std::set<std::string> findings_;
  HeatMap heat_;
  std::uint64_t inputs_ = 0;
};

}  // namespace tcpspec::fuzz
