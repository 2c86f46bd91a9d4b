#pragma once
// The JSON inside the page. templates/data.js reads it.
//
//   {"targets": [{"name", "version"}], "catalogue": [{"id", "rfc", "section", "level", "text"}],
//    "tests": [{"id", "suite", "about", "level", "req": [id], "tags", "file", "line",
//               "results": [{"t": target, "v": verdict, "o": overlay, "d": ns, "why": reason, "x": [chunk, index]}]}],
//    "chunks": [[detail] or "base64 of gzip of [detail]"]}
//
// Targets, verdicts, overlays, lanes and marks are indices. A detail holds what only
// the panel of one result shows; chunks are opened when somebody looks at one.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/result.hh"

namespace tcpspec::reports {

// How much the page holds; each step leaves out more.
enum class Depth : std::uint8_t {
  everything,
  no_plain_passes,  // no conversations of plain passes
  no_captures,      // nor captures
  no_packets,       // nor the bytes of packets
  unexpected_only,  // nor conversations of what is explained
  no_conversations
};

// What the page says about a depth; empty for everything.
[[nodiscard]] std::string_view left_out(Depth depth);

struct GroupedTest {
  std::string id;
  std::vector<const TestResult*> by_target;  // as in target_names; null where it did not run
};

// Results of one test on several targets together, in the order of first appearance.
[[nodiscard]] std::vector<GroupedTest> group_by_test(const Run& run);

// Safe inside <script type="application/json">.
[[nodiscard]] std::string page_data(const Run& run, Depth depth);

[[nodiscard]] std::string base64(const std::vector<std::uint8_t>& bytes);

// RFC 1952; the same bytes for the same input.
[[nodiscard]] std::vector<std::uint8_t> gzip(std::string_view text);

}  // namespace tcpspec::reports
