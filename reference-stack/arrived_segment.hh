#pragma once
// SEG of RFC 9293 section 3.3.1: what a datagram holds for TCP, after the checks that no
// connection is needed for.

#include <cstdint>
#include <optional>
#include <vector>

#include "packet/segment_view.hh"
#include "reference/receive_buffer.hh"

namespace tcpspec::reference {

struct ArrivedOptions {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;  // as sent; RFC 7323 section 2.3 takes 14 for more
  bool sack_permitted = false;
  std::optional<packet::Timestamps> timestamps;
  std::vector<SackBlock> sack;
};

struct ArrivedSegment {
  packet::Endpoint remote;  // who sent it
  packet::Endpoint local;
  Seq32 seq;
  Seq32 ack;  // counts only where flags has ACK
  packet::Flags flags;
  std::uint16_t window = 0;  // as on the wire
  bool bore_syn = false;     // flags have none any more: it was trimmed off
  std::uint16_t urgent = 0;
  ArrivedOptions options;
  BytesView text;  // lies in the datagram

  [[nodiscard]] bool has(packet::Flags::Bit bit) const { return flags.has(bit); }
  // SEG.LEN: text, SYN and FIN.
  [[nodiscard]] std::uint32_t length() const {
    return static_cast<std::uint32_t>(text.size()) + (has(packet::Flags::syn) ? 1 : 0) +
           (has(packet::Flags::fin) ? 1 : 0);
  }
  // Of the first octet of text: a SYN comes before it.
  [[nodiscard]] Seq32 text_begin() const { return seq + (has(packet::Flags::syn) ? 1U : 0U); }
};

// nullopt where the datagram is none that TCP may see: a wrong checksum (RFC 9293 section 3.1,
// MUST-3), a header that does not fit, a fragment, or an address that is not unicast
// (section 3.9.2.3, MUST-57 and MUST-63). `view` must outlive the result.
[[nodiscard]] std::optional<ArrivedSegment> read_segment(const packet::SegmentView& view);

}  // namespace tcpspec::reference
