#include "oracle/invariant_segment.hh"

#include <algorithm>

#include "packet/wire.hh"

namespace tcpspec::oracle {
namespace {

namespace wire = packet::wire;
using packet::BytesView;
using packet::OptionKind;

// RFC 9293 section 3.2, RFC 7323 sections 2.2 and 3.2, RFC 2018 sections 2 and 3, RFC 5482 section 2.
bool length_is_its_own(OptionKind kind, std::size_t length) {
  switch (kind) {
    case OptionKind::mss:
    case OptionKind::user_timeout:
      return length == 4;
    case OptionKind::window_scale:
      return length == 3;
    case OptionKind::sack_permitted:
      return length == 2;
    case OptionKind::sack:
      return length >= 10 && length % 8 == 2;
    case OptionKind::timestamps:
      return length == 10;
    default:
      return true;
  }
}

void take(OptionKind kind, BytesView data, OptionFacts& facts) {
  switch (kind) {
    case OptionKind::mss:
      ++facts.mss_count;
      facts.mss = std::max(facts.mss, wire::load16(data, 0));
      break;
    case OptionKind::window_scale:
      ++facts.scale_count;
      facts.shift = std::max(facts.shift, wire::load8(data, 0));
      break;
    case OptionKind::sack_permitted:
      ++facts.sack_permitted_count;
      break;
    case OptionKind::sack:
      if (facts.sack_count++ == 0) facts.sack_blocks = data;
      break;
    case OptionKind::timestamps:
      if (facts.timestamps_count++ == 0) {
        facts.ts_value = wire::load32(data, 0);
        facts.ts_echo = wire::load32(data, 4);
      }
      break;
    default:
      break;
  }
}

void note(OptionFacts& facts, OptionFacts::Defect defect, std::uint8_t kind, std::size_t length) {
  if (facts.defect != OptionFacts::Defect::none) return;
  facts.defect = defect;
  facts.defect_kind = kind;
  facts.defect_length = static_cast<std::uint8_t>(length);
}

}  // namespace

OptionFacts read_options(BytesView options) {
  using Defect = OptionFacts::Defect;
  OptionFacts facts;
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t octet = wire::load8(options, at);
    const auto kind = static_cast<OptionKind>(octet);
    if (kind == OptionKind::end_of_list) {
      facts.octets_after_end = std::ranges::any_of(options.subspan(at), [](std::byte b) { return b != std::byte{0}; });
      return facts;
    }
    if (kind == OptionKind::nop) {
      ++at;
      continue;
    }
    const std::size_t left = options.size() - at;
    const std::size_t length = left < 2 ? 0 : wire::load8(options, at + 1);
    if (left < 2) note(facts, Defect::no_length, octet, 0);
    if (left >= 2 && length < 2) note(facts, Defect::length_too_short, octet, length);
    if (length > left) note(facts, Defect::length_too_long, octet, length);
    if (length < 2 || length > left) return facts;
    if (length_is_its_own(kind, length)) {
      take(kind, options.subspan(at + 2, length - 2), facts);
    } else {
      note(facts, Defect::length_not_its_own, octet, length);
    }
    at += length;
  }
  return facts;
}

SegmentFacts::SegmentFacts(const packet::SegmentView& view)
    : seq(view.seq()), ack(view.ack()), flags(view.flags()), window(view.window()) {
  const std::size_t header_octets = std::size_t{4} * view.data_offset();
  const std::size_t octets = view.ip_payload().size();
  offset_legal = header_octets >= wire::tcp_header_octets && header_octets <= octets;
  if (offset_legal) {
    payload = view.ip_payload().subspan(header_octets);
    option_octets = static_cast<std::uint32_t>(header_octets - wire::tcp_header_octets);
    if (option_octets != 0) options = read_options(view.option_bytes());
  }
  const std::size_t most_data = offset_legal ? payload.size() : octets;
  length =
      static_cast<std::uint32_t>(most_data) + (has(packet::Flags::syn) ? 1 : 0) + (has(packet::Flags::fin) ? 1 : 0);
}

}  // namespace tcpspec::oracle
