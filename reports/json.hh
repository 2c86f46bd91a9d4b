#pragma once
// A Run as JSON and back: schema/result.schema.json documents the form. Keys come
// in the order of the structs, so that two files of equal runs are equal bytes.
// Seeds are strings ("0x5f31"): a double, which is what most readers make of a
// number, cannot hold 64 bits.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "reports/result.hh"

namespace tcpspec::reports {

inline constexpr int kJsonFormat = 1;  // the "format" key; a change that breaks readers counts it up

// Which tests keep their conversation. A test is interesting unless it passed (or
// is `info`) and nothing was found on the way.
enum class Conversations : std::uint8_t { all, interesting };

[[nodiscard]] bool is_interesting(const TestResult& result);

// Bytes that are not UTF-8 become U+FFFD. `capture_bytes` are left out.
[[nodiscard]] std::string to_json(const Run& run, Conversations conversations = Conversations::all);

// One result as one line, without a line feed: for a stream of events.
[[nodiscard]] std::string to_json(const TestResult& result, Conversations conversations = Conversations::all);

// The error is one sentence that names the place: "tests[3].verdict: ...". Keys
// that this version does not know are ignored.
[[nodiscard]] std::expected<Run, std::string> from_json(std::string_view text);

}  // namespace tcpspec::reports
