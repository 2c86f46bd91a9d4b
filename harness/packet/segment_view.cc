#include "packet/segment_view.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "packet/checksum.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

// Next-header values of RFC 8200 section 4 that lead to another header.
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t destination_options = 60;

std::uint8_t octet_or_zero(BytesView bytes, std::size_t at) {
  return at < bytes.size() ? wire::load8(bytes, at) : 0;
}
std::uint16_t word_or_zero(BytesView bytes, std::size_t at) {
  return at + 2 <= bytes.size() ? wire::load16(bytes, at) : 0;
}
std::uint32_t long_or_zero(BytesView bytes, std::size_t at) {
  return at + 4 <= bytes.size() ? wire::load32(bytes, at) : 0;
}

Address address_at(BytesView datagram, Family family, std::size_t at) {
  Address address{family, {}};
  if (at + address.size() > datagram.size()) return address;
  std::memcpy(address.bytes.data(), datagram.data() + at, address.size());
  return address;
}

}  // namespace

SegmentView::SegmentView(BytesView datagram) : datagram_(datagram) {
  const auto version = family();
  if (version == Family::ipv4) locate_in_ipv4();
  if (version == Family::ipv6) locate_in_ipv6();
}

void SegmentView::locate_in_ipv4() {
  if (datagram_.size() < wire::ipv4_header_octets) return;
  const std::size_t header_octets = std::size_t{4} * (wire::load8(datagram_, 0) & 0x0f);
  if (header_octets < wire::ipv4_header_octets || header_octets > datagram_.size()) return;
  protocol_ = wire::load8(datagram_, 9);
  ip_payload_offset_ = header_octets;
  ip_end_ = std::clamp<std::size_t>(wire::load16(datagram_, 2), header_octets, datagram_.size());
  const bool first_fragment = (wire::load16(datagram_, 6) & 0x1fff) == 0;
  if (first_fragment) transport_offset_ = header_octets;
}

void SegmentView::locate_in_ipv6() {
  if (datagram_.size() < wire::ipv6_header_octets) return;
  ip_end_ = std::min(wire::ipv6_header_octets + wire::load16(datagram_, 4), datagram_.size());
  protocol_ = wire::load8(datagram_, 6);
  ip_payload_offset_ = wire::ipv6_header_octets;
  bool first_fragment = true;
  while (first_fragment && (protocol_ == hop_by_hop || protocol_ == routing || protocol_ == destination_options ||
                            protocol_ == fragment)) {
    const std::size_t left = ip_end_ - ip_payload_offset_;
    if (left < 8) return;
    const std::size_t more = protocol_ == fragment ? 0 : wire::load8(datagram_, ip_payload_offset_ + 1);
    if (left < 8 * (more + 1)) return;
    if (protocol_ == fragment) first_fragment = (wire::load16(datagram_, ip_payload_offset_ + 2) & 0xfff8) == 0;
    protocol_ = wire::load8(datagram_, ip_payload_offset_);
    ip_payload_offset_ += 8 * (more + 1);
  }
  if (first_fragment) transport_offset_ = ip_payload_offset_;
}

std::optional<Family> SegmentView::family() const {
  if (datagram_.empty()) return std::nullopt;
  switch (wire::load8(datagram_, 0) >> 4) {
    case 4:
      return Family::ipv4;
    case 6:
      return Family::ipv6;
    default:
      return std::nullopt;
  }
}

bool SegmentView::is_tcp() const {
  return transport_offset_ != 0 && protocol_ == wire::protocol_tcp;
}
bool SegmentView::has_tcp_header() const {
  return tcp().size() >= wire::tcp_header_octets;
}
bool SegmentView::is_icmp() const {
  return transport_offset_ != 0 &&
         protocol_ == (family() == Family::ipv4 ? wire::protocol_icmp : wire::protocol_icmpv6);
}

Address SegmentView::source_address() const {
  const auto version = family();
  return version ? address_at(datagram_, *version, *version == Family::ipv4 ? 12 : 8) : Address{};
}
Address SegmentView::destination_address() const {
  const auto version = family();
  return version ? address_at(datagram_, *version, *version == Family::ipv4 ? 16 : 24) : Address{};
}
std::uint8_t SegmentView::ttl() const {
  const auto version = family();
  return version ? octet_or_zero(datagram_, *version == Family::ipv4 ? 8 : 7) : 0;
}
std::uint8_t SegmentView::traffic_class() const {
  const auto version = family();
  if (version == Family::ipv4) return octet_or_zero(datagram_, 1);
  return version ? static_cast<std::uint8_t>(word_or_zero(datagram_, 0) >> 4) : 0;
}
std::uint16_t SegmentView::identification() const {
  return family() == Family::ipv4 ? word_or_zero(datagram_, 4) : 0;
}
bool SegmentView::dont_fragment() const {
  return family() == Family::ipv4 && (octet_or_zero(datagram_, 6) & 0x40) != 0;
}
BytesView SegmentView::ip_payload() const {
  return datagram_.subspan(ip_payload_offset_, ip_end_ - ip_payload_offset_);
}

bool SegmentView::ip_checksum_ok() const {
  if (family() == Family::ipv6) return true;
  return ip_payload_offset_ != 0 && ones_complement_sum(datagram_.first(ip_payload_offset_)) == 0xffff;
}

BytesView SegmentView::tcp() const {
  return is_tcp() ? ip_payload() : BytesView{};
}

std::uint16_t SegmentView::source_port() const {
  return word_or_zero(tcp(), 0);
}
std::uint16_t SegmentView::destination_port() const {
  return word_or_zero(tcp(), 2);
}
Seq32 SegmentView::seq() const {
  return Seq32(long_or_zero(tcp(), 4));
}
Seq32 SegmentView::ack() const {
  return Seq32(long_or_zero(tcp(), 8));
}
std::uint8_t SegmentView::data_offset() const {
  return octet_or_zero(tcp(), 12) >> 4;
}
std::uint8_t SegmentView::reserved() const {
  return (octet_or_zero(tcp(), 12) >> 1) & 0x07;
}
Flags SegmentView::flags() const {
  return Flags(word_or_zero(tcp(), 12));
}
std::uint16_t SegmentView::window() const {
  return word_or_zero(tcp(), 14);
}
std::uint16_t SegmentView::checksum() const {
  return word_or_zero(tcp(), 16);
}
std::uint16_t SegmentView::urgent() const {
  return word_or_zero(tcp(), 18);
}

bool SegmentView::checksum_ok() const {
  const auto version = family();
  return version && has_tcp_header() &&
         pseudo_header_sum(address_octets(datagram_, *version), wire::protocol_tcp, tcp()) == 0xffff;
}

BytesView SegmentView::option_bytes() const {
  const BytesView segment = tcp();
  const std::size_t header_octets = std::min<std::size_t>(std::size_t{4} * data_offset(), segment.size());
  if (header_octets <= wire::tcp_header_octets) return {};
  return segment.subspan(wire::tcp_header_octets, header_octets - wire::tcp_header_octets);
}

BytesView SegmentView::payload() const {
  const BytesView segment = tcp();
  const std::size_t header_octets = std::size_t{4} * data_offset();
  if (header_octets < wire::tcp_header_octets || header_octets > segment.size()) return {};
  return segment.subspan(header_octets);
}

std::uint32_t SegmentView::length() const {
  const Flags bits = flags();
  return static_cast<std::uint32_t>(payload().size()) + (bits.has(Flags::syn) ? 1 : 0) + (bits.has(Flags::fin) ? 1 : 0);
}

namespace {

// `data` is what stands behind kind and length. A known kind with a length that is
// not its own is kept as an unknown one, so that no octet is lost.
Option option_from(std::uint8_t kind, BytesView data) {
  switch (static_cast<OptionKind>(kind)) {
    case OptionKind::mss:
      if (data.size() == 2) return Mss{wire::load16(data, 0)};
      break;
    case OptionKind::window_scale:
      if (data.size() == 1) return WindowScale{wire::load8(data, 0)};
      break;
    case OptionKind::sack_permitted:
      if (data.empty()) return SackPermitted{};
      break;
    case OptionKind::timestamps:
      if (data.size() == 8) return Timestamps{wire::load32(data, 0), wire::load32(data, 4)};
      break;
    case OptionKind::sack:
      if (data.size() % 8 == 0) {
        Sack sack;
        for (std::size_t at = 0; at < data.size(); at += 8)
          sack.blocks.emplace_back(wire::load32(data, at), wire::load32(data, at + 4));
        return sack;
      }
      break;
    default:
      break;
  }
  return UnknownOption{kind, {data.begin(), data.end()}};
}

}  // namespace

std::optional<ParsedOption> OptionCursor::next() {
  if (ended_ || at_ == area_.size()) return std::nullopt;
  const auto at = at_;
  const std::uint8_t kind = wire::load8(area_, at);
  if (kind == static_cast<std::uint8_t>(OptionKind::end_of_list)) {
    ended_ = true;
    ++at_;
    return ParsedOption{EndOfList{}, at};
  }
  if (kind == static_cast<std::uint8_t>(OptionKind::nop)) {
    ++at_;
    return ParsedOption{Nop{}, at};
  }
  if (area_.size() - at < 2) return std::nullopt;
  const std::size_t length = wire::load8(area_, at + 1);
  if (length < 2 || length > area_.size() - at) return std::nullopt;
  at_ += length;
  return ParsedOption{option_from(kind, area_.subspan(at + 2, length - 2)), at};
}

std::optional<std::string> OptionCursor::defect() const {
  const auto left = rest();
  if (ended_ || left.empty()) return std::nullopt;
  const auto kind = wire::load8(left, 0);
  if (left.size() < 2) return fmt::format("kind {} at octet {} has no length", kind, at_);
  const std::size_t length = wire::load8(left, 1);
  auto defect = fmt::format("kind {} at octet {} says length {}", kind, at_, length);
  if (length > left.size()) defect += fmt::format(" where {} octets are left", left.size());
  return defect;
}

ParsedOptions SegmentView::options() const {
  ParsedOptions result;
  const BytesView area = option_bytes();
  result.options.reserve(std::min<std::size_t>(area.size(), 8));
  OptionCursor cursor(area);
  while (auto parsed = cursor.next()) result.options.push_back(std::move(*parsed));
  result.defect = cursor.defect();
  if (!result.defect && !result.options.empty() && std::holds_alternative<EndOfList>(result.options.back().option))
    result.after_end_of_list = cursor.rest();
  return result;
}

}  // namespace tcpspec::packet
