#pragma once
// The invariants that need no history.

#include "oracle/invariant_rules.hh"
#include "oracle/invariant_segment.hh"

namespace tcpspec::oracle {

// A fragment, or a datagram whose extension headers may make it one: its segment
// cannot be read from it alone.
[[nodiscard]] bool may_be_fragment(packet::BytesView datagram);

void check_datagram(const packet::SegmentView& view, Findings& findings);
// Whether the segment could be read with certainty: what it says can then be held
// against the conversation.
[[nodiscard]] bool check_segment_form(const packet::SegmentView& view, const SegmentFacts& segment, Findings& findings);

}  // namespace tcpspec::oracle
