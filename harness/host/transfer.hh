#pragma once
// Bulk data with checked content, in one direction or in both at once: a source, a sink,
// or both on one connection.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "host/session.hh"

namespace tcpspec::host {

// How a transfer went; whoever ordered it keeps it.
struct TransferReport {
  std::uint64_t sent = 0, received = 0;
  bool over = false;
  std::optional<std::string> failure;  // "octet 17 was altered", "connection reset after 17 octets"
};

struct TransferOrder {
  std::uint64_t send = 0;    // octets of the pattern, then a FIN
  std::uint64_t expect = 0;  // exactly so many, then end of file
};

// Over when both directions are: it sends all, and waits for the end of what comes.
[[nodiscard]] std::unique_ptr<Session> make_transfer(TransferOrder order, std::shared_ptr<TransferReport> report);

}  // namespace tcpspec::host
