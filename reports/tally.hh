#pragma once
// Counts that several reports share: verdicts, what is unexpected, and how the
// requirements of the catalogue stand.

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/result.hh"

namespace tcpspec::reports {

inline constexpr std::size_t kVerdictCount = static_cast<std::size_t>(Verdict::error) + 1;

// Indexed by the verdict's value.
using VerdictCounts = std::array<std::size_t, kVerdictCount>;
[[nodiscard]] VerdictCounts count_verdicts(const std::vector<TestResult>& tests);

// Whether the result makes the run red: the baseline says otherwise, or there is
// no entry and the verdict is worse than `warn`.
[[nodiscard]] bool is_unexpected(const TestResult& result);

// How a requirement stands on one target: the worst verdict of the tests that name
// it, or nothing where no test does. `unsupported` only if every test says so.
using Standing = std::optional<Verdict>;
[[nodiscard]] bool is_met(Standing standing);  // pass or info
[[nodiscard]] std::string_view to_string(Standing standing);

// By requirement id, then by target. Targets and requirements without a result have no entry.
using Standings = std::map<std::string, std::map<std::string, Verdict>>;
[[nodiscard]] Standings requirement_standings(const std::vector<TestResult>& tests);
[[nodiscard]] Standing standing_of(const Standings& standings, const std::string& requirement,
                                   const std::string& target);

// How the requirements of one RFC stand on one target. Undecided: no test of it came to an end that says something.
struct StandingCounts {
  std::size_t met = 0, not_met = 0, unsupported = 0, undecided = 0, untested = 0;
  [[nodiscard]] std::size_t judged() const { return met + not_met; }
  bool operator==(const StandingCounts&) const = default;
};
[[nodiscard]] bool is_broken(Standing standing);  // warn, fail, crash, hang
[[nodiscard]] StandingCounts count_standings(const std::vector<Requirement>& catalogue, std::string_view rfc,
                                             const Standings& standings, const std::string& target);

// Names of the targets in the order of the run, then those that only results name.
[[nodiscard]] std::vector<std::string> target_names(const Run& run);

// "linux 6.18", or the bare name where the run does not describe the target.
[[nodiscard]] std::string target_label(const Run& run, const std::string& target);

[[nodiscard]] const Requirement* find_requirement(const std::vector<Requirement>& catalogue, std::string_view id);

}  // namespace tcpspec::reports
