#pragma once
// What the monitor reads of one segment, once: no allocation, no judgement.

#include <cstdint>

#include "packet/segment_view.hh"

namespace tcpspec::oracle {

struct OptionFacts {
  enum class Defect : std::uint8_t { none, no_length, length_too_short, length_too_long, length_not_its_own };

  std::uint8_t mss_count = 0, scale_count = 0, sack_permitted_count = 0, sack_count = 0, timestamps_count = 0;
  std::uint16_t mss = 0;                    // the largest
  std::uint8_t shift = 0;                   // the largest
  std::uint32_t ts_value = 0, ts_echo = 0;  // of the first timestamps option
  packet::BytesView sack_blocks;            // of the first SACK option; 8 octets each

  Defect defect = Defect::none;  // the first; reading ends at one after which no option can be found
  std::uint8_t defect_kind = 0, defect_length = 0;
  bool octets_after_end = false;  // something other than zeros behind the end of the list

  // Whether every reader of these octets finds the same options.
  [[nodiscard]] bool unambiguous() const { return defect == Defect::none && !octets_after_end; }
};
[[nodiscard]] OptionFacts read_options(packet::BytesView options);

struct SegmentFacts {
  explicit SegmentFacts(const packet::SegmentView& view);  // one with has_tcp_header()

  [[nodiscard]] bool has(packet::Flags::Bit bit) const { return flags.has(bit); }
  [[nodiscard]] packet::Seq32 data_begin() const { return has(packet::Flags::syn) ? seq + 1 : seq; }
  [[nodiscard]] packet::Seq32 data_end() const { return data_begin() + static_cast<std::uint32_t>(payload.size()); }

  packet::Seq32 seq, ack;
  packet::Flags flags;
  std::uint16_t window = 0;
  bool offset_legal = false;
  std::uint32_t length = 0;   // SEG.LEN; where the offset lies, the most that it can be
  packet::BytesView payload;  // empty where the offset lies
  std::uint32_t option_octets = 0;
  OptionFacts options;
};

}  // namespace tcpspec::oracle
