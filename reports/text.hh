#pragma once
// What the terminal shows: one block per result that needs reading, and the end of
// the run.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/result.hh"

namespace tcpspec::reports {

enum class Colour : std::uint8_t { off, on };
enum class Detail : std::uint8_t {
  brief,   // fixture lines as one line, long conversations around the divergence
  verbose  // every line
};

struct Style {
  Colour colour = Colour::off;
  int width = 100;  // columns of the terminal; at least 60 are used
  Detail detail = Detail::brief;
};

// A result told so that nobody needs the documentation: the verdict and where the
// claim comes from, the conversation in two columns with carets below the first
// divergence, the difference in words, and how to run it again. Ends with a line
// feed. Control characters are shown, not sent: nothing here can drive a terminal.
[[nodiscard]] std::string failure_text(const TestResult& result, const std::vector<Requirement>& catalogue,
                                       const Style& style, std::string_view target_version = {});

// The same with the catalogue and the target's version taken from the run.
[[nodiscard]] std::string failure_text(const TestResult& result, const Run& run, const Style& style);

// Counts, what was unexpected, what the baseline says, requirements by RFC, and
// one closing line.
[[nodiscard]] std::string summary_text(const Run& run, const Style& style);

// "seq: expected 1001, observed 999"; large numbers in hex as well.
[[nodiscard]] std::string difference_text(const FieldDifference& difference);

}  // namespace tcpspec::reports
