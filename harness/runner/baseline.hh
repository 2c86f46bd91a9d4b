#pragma once
// What is known to deviate, and why: suites/baselines/<target>.yaml.

#include <expected>
#include <string>
#include <vector>

#include "reports/result.hh"
#include "script/diagnostic.hh"

namespace tcpspec::runner {

struct BaselineEntry {
  script::Location where;
  std::string test;  // as names_test() of selection.hh has it
  std::string target;
  std::string versions;  // ">= 6.1", "< 6.10", "= 6.18.44"; empty: all
  reports::Verdict expect = reports::Verdict::fail;
  std::string kind;  // known-bug, by-design, unsupported, flaky
  std::string reason;
  std::string link;
  std::string expires;  // ISO date; empty: never
};

struct Baseline {
  std::string path;
  std::vector<BaselineEntry> entries;
  std::string target = {};  // of the entries that name none
};

// A file that is not there is an empty baseline.
[[nodiscard]] std::expected<Baseline, script::Diagnostics> load_baseline(const std::string& path);
[[nodiscard]] bool version_matches(const std::string& condition, const std::string& version);

// Sets overlay and baseline of the result.
void apply_baseline(const Baseline& baseline, const std::string& version, reports::TestResult& result);

// The entries for this target that match none of `ids`.
[[nodiscard]] std::vector<const BaselineEntry*> unused_entries(const Baseline& baseline, const std::string& target,
                                                               const std::vector<std::string>& ids);

// What is wrong with the baseline itself: entries that match none of `ids`, and those that
// expired before `today` (ISO date).
[[nodiscard]] script::Diagnostics lint_baseline(const Baseline& baseline, const std::vector<std::string>& ids,
                                                const std::string& today);

// Whether a result with no entry for it counts against the target.
[[nodiscard]] bool deviates(reports::Verdict verdict);

}  // namespace tcpspec::runner
