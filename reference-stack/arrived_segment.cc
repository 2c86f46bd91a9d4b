#include "reference/arrived_segment.hh"

#include <algorithm>

#include "packet/wire.hh"
#include "reference/careless.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {
namespace {

using packet::Address;
using packet::Family;

// RFC 1122 section 3.2.1.3 and RFC 4291 section 2.7. Subnet broadcasts cannot be told
// from here; a host with one address receives none.
bool is_unicast(const Address& address) {
  if (address.family == Family::ipv6) {
    const bool unspecified = std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
    return address.bytes[0] != 0xff && !unspecified;
  }
  return address.bytes[0] != 0 && address.bytes[0] < 224;
}

// RFC 791 section 3.1: more fragments to come, or not the first. (SegmentView finds no
// TCP header in a later fragment.) We reassemble nothing: TCP avoids fragments (RFC 9293
// section 3.7.2), and whoever sends them all the same is not understood.
bool is_fragment(const packet::SegmentView& view) {
  if (view.family() != Family::ipv4) return false;
  return (packet::wire::load16(view.bytes(), 6) & 0x3fffU) != 0;
}

// Of which its header speaks: RFC 791 section 3.1 and RFC 8200 section 3.
std::size_t octets_said(const packet::SegmentView& view) {
  return view.family() == Family::ipv4 ? packet::wire::load16(view.bytes(), 2)
                                       : packet::wire::ipv6_header_octets + packet::wire::load16(view.bytes(), 4);
}

bool is_cut_off(const packet::SegmentView& view) {
  return octets_said(view) > view.bytes().size();
}

// The loop of many stacks: the length octet says how far away the next option is, be it 0.
void walk_options(BytesView area) {
  volatile std::size_t at = 0;
  while (at + 1 < area.size() && area[at] != std::byte{0})
    at = at + (area[at] == std::byte{1} ? 1 : static_cast<std::size_t>(area[at + 1]));
}

struct OptionReader {
  ArrivedOptions& into;
  // A kind that comes twice counts as it came last, but for SACK, whose blocks add up.
  void operator()(const packet::Mss& mss) const { into.mss = mss.value; }
  void operator()(const packet::WindowScale& scale) const { into.window_scale = scale.shift; }
  void operator()(const packet::SackPermitted&) const { into.sack_permitted = true; }
  void operator()(const packet::Timestamps& stamps) const { into.timestamps = stamps; }
  void operator()(const packet::Sack& sack) const {
    if (MUTANT(sack_blocks_unbounded)) careless::copy_sack_blocks(sack.blocks);
    for (const auto& [left, right] : sack.blocks) into.sack.push_back({Seq32(left), Seq32(right)});
  }
  // RFC 9293 section 3.1 (MUST-6): options that we do not know are passed over.
  void operator()(const packet::UnknownOption&) const {}
  void operator()(const packet::EndOfList&) const {}
  void operator()(const packet::Nop&) const {}
  void operator()(const packet::RawBytes&) const {}
};

}  // namespace

std::optional<ArrivedSegment> read_segment(const packet::SegmentView& view) {
  if (MUTANT(datagram_length_believed) && view.has_tcp_header()) careless::read(view.bytes().data(), octets_said(view));
  if (!view.has_tcp_header() || is_fragment(view) || (is_cut_off(view) && !MUTANT(cut_off_taken))) return std::nullopt;
  if (!view.ip_checksum_ok() && !MUTANT(ip_checksum_unchecked)) return std::nullopt;
  if (!view.checksum_ok() && !MUTANT(checksum_unchecked)) return std::nullopt;
  const std::size_t header = std::size_t{4} * view.data_offset();
  if ((header < packet::wire::tcp_header_octets && !MUTANT(data_offset_unchecked)) || header > view.ip_payload().size())
    return std::nullopt;
  ArrivedSegment segment;
  segment.remote = view.source();
  segment.local = view.destination();
  if (!is_unicast(segment.remote.address) || !is_unicast(segment.local.address)) return std::nullopt;
  segment.seq = view.seq();
  segment.ack = view.ack();
  segment.flags = view.flags();
  segment.window = view.window();
  segment.urgent = view.urgent();
  segment.text = view.payload();
  // Options behind a defect are not to be trusted, those before it are whole (MUST-7: an
  // illegal length must do no harm).
  if (MUTANT(zero_length_option_loops)) walk_options(view.option_bytes());
  if (MUTANT(option_length_believed)) careless::copy_options(view.option_bytes());
  packet::OptionCursor cursor(view.option_bytes());
  while (const auto parsed = cursor.next()) {
    if (MUTANT(unknown_option_ends_list) && std::holds_alternative<packet::UnknownOption>(parsed->option)) break;
    std::visit(OptionReader{segment.options}, parsed->option);
  }
  return segment;
}

}  // namespace tcpspec::reference
