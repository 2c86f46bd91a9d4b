#pragma once
// Holds a segment that came against one that was expected.

#include <string>
#include <vector>

#include "oracle/connection_view.hh"
#include "packet/segment_view.hh"
#include "script/model.hh"

namespace tcpspec::oracle {

struct FieldDifference {
  std::string field;
  std::string expected;
  std::string observed;
};

// Empty when the segment is as expected. `gap` is judged by the engine, which knows times.
[[nodiscard]] std::vector<FieldDifference> differences(const script::ExpectSegment& expected,
                                                       const packet::SegmentView& observed,
                                                       const ConnectionView& connection, const script::Scope& scope);
// The same question without the words.
[[nodiscard]] bool matches(const script::ExpectSegment& expected, const packet::SegmentView& observed,
                           const ConnectionView& connection, const script::Scope& scope);

}  // namespace tcpspec::oracle
