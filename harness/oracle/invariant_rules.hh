#pragma once
// The catalogue of what the monitor checks, and how the checks report.

#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "oracle/invariants.hh"

namespace tcpspec::oracle {

// In the order of their names, which is the order of invariants().
enum class Rule : std::uint8_t {
  ack_never_retreats,
  ack_set_when_synchronized,
  acks_only_what_was_sent,
  addresses_unicast,
  data_offset_legal,
  data_within_window,
  ecn_offered_first,
  ip_checksum_correct,
  ip_length_legal,
  iss_stable,
  mss_only_on_syn,
  no_impossible_flags,
  no_rst_for_rst,
  nothing_after_end_of_list,
  nothing_beyond_fin,
  options_well_formed,
  reserved_bits_zero,
  retransmission_same_octets,
  rst_ack_legal,
  rst_sequence_legal,
  sack_blocks_were_sent,
  sack_only_if_permitted,
  sack_permitted_only_on_syn,
  segment_within_mss,
  tcp_checksum_correct,
  timestamp_echo_was_sent,
  timestamp_never_retreats,
  timestamps_offered_first,
  timestamps_on_every_segment,
  timestamps_only_if_negotiated,
  ttl_not_zero,
  window_scale_at_most_14,
  window_scale_offered_first,
  window_scale_only_on_syn
};

// Collects violations. Text is made only when there is one.
class Findings {
 public:
  template <class... Args>
  void add(Rule rule, fmt::format_string<Args...> text, Args&&... args) {
    violations_.push_back(
        {&invariants()[static_cast<std::size_t>(rule)], fmt::format(text, std::forward<Args>(args)...)});
  }
  [[nodiscard]] bool empty() const { return violations_.empty(); }
  [[nodiscard]] std::vector<Violation> take() && { return std::move(violations_); }

 private:
  std::vector<Violation> violations_;
};

}  // namespace tcpspec::oracle
