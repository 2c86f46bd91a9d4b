#pragma once
// The octets that the target has sent in one incarnation, to hold retransmissions
// against. Memory is bounded: what lies beyond is not recorded and not judged.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "packet/segment.hh"

namespace tcpspec::oracle {

// Shared by all connections of a monitor.
struct OctetBudget {
  std::size_t left = std::size_t{16} << 20;
};

class OctetRecord {
 public:
  explicit OctetRecord(OctetBudget& budget) : budget_(&budget) {}

  void clear();
  // `begin` counts from the octet behind the SYN. Returns the first place where an octet
  // differs from what was recorded.
  [[nodiscard]] std::optional<std::size_t> add(std::int64_t begin, packet::BytesView octets);
  [[nodiscard]] std::size_t size() const { return recorded_.size(); }

 private:
  static constexpr std::size_t most = std::size_t{1} << 20;

  OctetBudget* budget_;
  packet::Bytes recorded_;  // from the first octet on, without gaps
};

}  // namespace tcpspec::oracle
