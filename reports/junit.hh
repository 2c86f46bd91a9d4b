#pragma once
// JUnit's XML as Jenkins, GitLab and GitHub actions read it.

#include <string>

#include "reports/result.hh"

namespace tcpspec::reports {

// A testsuite per suite; a testcase per result, with "<target>.<suite>" as class.
//   skipped  unsupported, and what deviates as the baseline says, with the reason
//   failure  fail, and whatever else deviates from what the baseline says
//   error    crash, hang, inconclusive and error, unless the baseline expects them
// Everything else passes. What needs reading has its failure text in system-out.
// Characters that XML 1.0 forbids appear as "\x1b".
[[nodiscard]] std::string to_junit(const Run& run);

}  // namespace tcpspec::reports
