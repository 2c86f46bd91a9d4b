#pragma once
// The conversation of a test as a table: number, time, direction, expected, observed.

#include <string>
#include <vector>

#include "reports/text.hh"

namespace tcpspec::reports {

// Empty for an empty conversation; else lines that each end with a line feed.
[[nodiscard]] std::string conversation_text(const std::vector<ConversationLine>& lines, const Style& style);

}  // namespace tcpspec::reports
