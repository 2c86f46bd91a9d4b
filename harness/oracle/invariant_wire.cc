#include "oracle/invariant_wire.hh"

#include <algorithm>

#include "packet/wire.hh"

namespace tcpspec::oracle {
namespace {

namespace wire = packet::wire;
using packet::Family;
using packet::Flags;

bool is_unicast(const packet::Address& address) {
  if (address.family == Family::ipv6) return address.bytes[0] != 0xff;
  const bool multicast = (address.bytes[0] & 0xf0) == 0xe0;
  const bool limited_broadcast = std::ranges::all_of(address.octets(), [](std::uint8_t b) { return b == 0xff; });
  return !multicast && !limited_broadcast;
}

void check_options(const OptionFacts& options, Findings& findings) {
  switch (options.defect) {
    case OptionFacts::Defect::none:
      break;
    case OptionFacts::Defect::no_length:
      findings.add(Rule::options_well_formed, "option kind {} stands last and has no length", options.defect_kind);
      break;
    case OptionFacts::Defect::length_too_short:
      findings.add(Rule::options_well_formed, "option kind {} says length {}, less than its own two octets",
                   options.defect_kind, options.defect_length);
      break;
    case OptionFacts::Defect::length_too_long:
      findings.add(Rule::options_well_formed, "option kind {} says length {} and reaches beyond the header",
                   options.defect_kind, options.defect_length);
      break;
    case OptionFacts::Defect::length_not_its_own:
      findings.add(Rule::options_well_formed, "option kind {} never has length {}", options.defect_kind,
                   options.defect_length);
      break;
  }
  if (options.octets_after_end)
    findings.add(Rule::nothing_after_end_of_list, "octets other than zero follow the end of the options");
}

void check_syn_options(const SegmentFacts& segment, Findings& findings) {
  const OptionFacts& options = segment.options;
  if (options.scale_count != 0 && options.shift > 14)
    findings.add(Rule::window_scale_at_most_14, "the option offers a shift of {}", options.shift);
  if (segment.has(Flags::syn)) return;
  if (options.mss_count != 0) findings.add(Rule::mss_only_on_syn, "MSS {} without SYN", options.mss);
  if (options.scale_count != 0)
    findings.add(Rule::window_scale_only_on_syn, "window scale {} without SYN", options.shift);
  if (options.sack_permitted_count != 0) findings.add(Rule::sack_permitted_only_on_syn, "SACK-permitted without SYN");
}

void check_flags(const SegmentFacts& segment, Findings& findings) {
  const bool syn = segment.has(Flags::syn), fin = segment.has(Flags::fin), rst = segment.has(Flags::rst);
  constexpr std::uint16_t controls = 0x3f;  // URG to FIN; the ECN bits say nothing alone
  if ((segment.flags.bits() & controls) == 0) {
    findings.add(Rule::no_impossible_flags, "no control bit is set");
    return;
  }
  if (syn && fin) findings.add(Rule::no_impossible_flags, "SYN and FIN together ({})", to_string(segment.flags));
  if (syn && rst) findings.add(Rule::no_impossible_flags, "SYN and RST together ({})", to_string(segment.flags));
  if (fin && rst) findings.add(Rule::no_impossible_flags, "FIN and RST together ({})", to_string(segment.flags));
  if (!syn && !rst && !segment.has(Flags::ack))
    findings.add(Rule::ack_set_when_synchronized, "flags {} without ACK", to_string(segment.flags));
}

}  // namespace

bool may_be_fragment(packet::BytesView datagram) {
  if (datagram.size() < wire::ipv4_header_octets) return false;
  const int version = wire::load8(datagram, 0) >> 4;
  if (version == 4) return (wire::load16(datagram, 6) & 0x3fff) != 0;
  if (version != 6) return false;
  const std::uint8_t next_header = wire::load8(datagram, 6);
  return next_header == 0 || next_header == 43 || next_header == 44 || next_header == 60;
}

void check_datagram(const packet::SegmentView& view, Findings& findings) {
  const packet::BytesView bytes = view.bytes();
  const auto family = view.family();
  const std::size_t fixed = family == Family::ipv6 ? wire::ipv6_header_octets : wire::ipv4_header_octets;
  if (!family || bytes.size() < fixed) {
    findings.add(Rule::ip_length_legal, "{} octets that are no IP header", bytes.size());
    return;
  }
  if (family == Family::ipv6) {
    const std::size_t said = fixed + wire::load16(bytes, 4);
    if (said > bytes.size()) findings.add(Rule::ip_length_legal, "{} octets where {} are said", bytes.size(), said);
    return;
  }
  const std::size_t header = std::size_t{4} * (wire::load8(bytes, 0) & 0x0f);
  const std::size_t said = wire::load16(bytes, 2);
  if (header < fixed || header > said || said > bytes.size()) {
    findings.add(Rule::ip_length_legal, "header of {} octets, total length {}, {} octets there", header, said,
                 bytes.size());
    return;
  }
  if (!view.ip_checksum_ok()) findings.add(Rule::ip_checksum_correct, "{:#06x} is wrong", wire::load16(bytes, 10));
  if (view.ttl() == 0) findings.add(Rule::ttl_not_zero, "TTL 0");
}

bool check_segment_form(const packet::SegmentView& view, const SegmentFacts& segment, Findings& findings) {
  const bool checksum_ok = view.checksum_ok();
  if (!checksum_ok) findings.add(Rule::tcp_checksum_correct, "{:#06x} is wrong", view.checksum());
  if (!is_unicast(view.source_address()) || !is_unicast(view.destination_address()))
    findings.add(Rule::addresses_unicast, "from {} to {}", to_string(view.source()), to_string(view.destination()));
  if (view.reserved() != 0) findings.add(Rule::reserved_bits_zero, "the reserved bits are {:03b}", view.reserved());
  check_flags(segment, findings);
  if (!segment.offset_legal) {
    findings.add(Rule::data_offset_legal, "data offset {} in a segment of {} octets", view.data_offset(),
                 view.ip_payload().size());
    return false;
  }
  if (segment.option_octets == 0) return checksum_ok;
  check_options(segment.options, findings);
  check_syn_options(segment, findings);
  return checksum_ok && segment.options.unambiguous();
}

}  // namespace tcpspec::oracle
