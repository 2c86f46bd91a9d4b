#pragma once
// The run as one HTML file that needs nothing else: no network, no data files.

#include <cstddef>
#include <string>

#include "reports/result.hh"

namespace tcpspec::reports {

struct PageOptions {
  // Bytes. A page that would be larger leaves out, in this order: conversations of
  // plain passes, captures, bytes of the packets, conversations of everything that
  // is not unexpected, all conversations. The page says what is missing. The table
  // of results itself is never cut.
  std::size_t size_limit = 5'000'000;
};

[[nodiscard]] std::string to_html(const Run& run, const PageOptions& options = {});

}  // namespace tcpspec::reports
