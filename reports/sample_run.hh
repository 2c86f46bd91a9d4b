#pragma once
// Invented runs for the tests of the reports.

#include <cstddef>

#include "reports/result.hh"

namespace tcpspec::reports {

// Small, and with every verdict, mark, overlay and lane; two targets.
[[nodiscard]] Run sample_run();

// `tests` tests on `targets` targets with conversations, one in twenty not a pass.
[[nodiscard]] Run large_run(std::size_t tests, std::size_t targets);

// Markup, script ends, quotes, escape sequences and bytes that are not UTF-8 in every string.
[[nodiscard]] Run hostile_run();

}  // namespace tcpspec::reports
