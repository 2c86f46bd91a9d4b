#pragma once
// From what a play recorded to what reports show.

#include <string>

#include "reports/result.hh"
#include "runner/catalogue.hh"
#include "runner/schedule.hh"

namespace tcpspec::runner {

struct ResultContext {
  const Catalogue& catalogue;
  std::string target;
  std::string rerun_options;  // " --target linux --seed 0x5f31"
  std::string rerun_files;    // "mine.yaml ": where the test is found when not among the default suites
};

[[nodiscard]] reports::TestResult to_result(const Played& played, const ResultContext& context);
// The packets of the play, with a comment on the one that diverged.
[[nodiscard]] packet::Bytes to_pcapng(const Played& played, const reports::TestResult& result);
[[nodiscard]] std::vector<reports::ConversationLine> to_conversation(const engine::Outcome& outcome);
[[nodiscard]] reports::Verdict to_report(engine::Verdict verdict);

}  // namespace tcpspec::runner
