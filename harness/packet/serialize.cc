// Written here and not by libtins, which refuses or repairs options that are not as they should be (a length
// octet without data, kinds 0 and 1 with a length, raw bytes) and makes half a dozen objects for a segment: where
// each allocation is watched by a sanitizer they are a tenth of what an input of a fuzzer costs. parse.cc reads
// with libtins, so that each checks the other (property_test.cc).

#include <algorithm>
#include <cassert>
#include <cstring>

#include "packet/checksum.hh"
#include "packet/malformation.hh"
#include "packet/segment.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

constexpr std::size_t longest_data = 253;  // what an option's length octet can say, less kind and length
constexpr std::uint16_t do_not_fragment = 0x4000;

std::size_t octets_of(const Option& option) {
  struct {
    std::size_t operator()(const EndOfList&) const { return 1; }
    std::size_t operator()(const Nop&) const { return 1; }
    std::size_t operator()(const Mss&) const { return 4; }
    std::size_t operator()(const WindowScale&) const { return 3; }
    std::size_t operator()(const SackPermitted&) const { return 2; }
    std::size_t operator()(const Timestamps&) const { return 10; }
    std::size_t operator()(const Sack& sack) const { return 2 + 8 * sack.blocks.size(); }
    std::size_t operator()(const UnknownOption& unknown) const { return 2 + unknown.data.size(); }
    std::size_t operator()(const RawBytes& raw) const { return raw.bytes.size(); }
  } octets;
  return std::visit(octets, option);
}

// Writes one option after the other.
class OptionWriter {
 public:
  explicit OptionWriter(std::span<std::byte> area) : area_(area) {}

  void operator()(const EndOfList&) { put8(static_cast<std::uint8_t>(OptionKind::end_of_list)); }
  void operator()(const Nop&) { put8(static_cast<std::uint8_t>(OptionKind::nop)); }
  void operator()(const Mss& mss) { begin(OptionKind::mss, 2), put16(mss.value); }
  void operator()(const WindowScale& scale) { begin(OptionKind::window_scale, 1), put8(scale.shift); }
  void operator()(const SackPermitted&) { begin(OptionKind::sack_permitted, 0); }
  void operator()(const Timestamps& ts) { begin(OptionKind::timestamps, 8), put32(ts.value), put32(ts.echo_reply); }
  void operator()(const Sack& sack) {
    begin(OptionKind::sack, 8 * sack.blocks.size());
    for (const auto& [left, right] : sack.blocks) put32(left), put32(right);
  }
  void operator()(const UnknownOption& unknown) {
    begin(static_cast<OptionKind>(unknown.kind), unknown.data.size());
    put(unknown.data);
  }
  void operator()(const RawBytes& raw) { put(raw.bytes); }

 private:
  void begin(OptionKind kind, std::size_t data) {
    put8(static_cast<std::uint8_t>(kind));
    put8(static_cast<std::uint8_t>(std::min(data, longest_data) + 2));
  }
  void put8(std::uint8_t value) { wire::store8(area_, at_, value), at_ += 1; }
  void put16(std::uint16_t value) { wire::store16(area_, at_, value), at_ += 2; }
  void put32(std::uint32_t value) { wire::store32(area_, at_, value), at_ += 4; }
  void put(BytesView octets) {
    std::ranges::copy(octets, area_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += octets.size();
  }

  std::span<std::byte> area_;
  std::size_t at_ = 0;
};

std::uint16_t capped(std::size_t octets) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(octets, 0xffff));
}

void put_address(std::span<std::byte> datagram, std::size_t at, const Address& address) {
  std::memcpy(datagram.data() + at, address.bytes.data(), address.size());
}

// RFC 791 section 3.1.
void write_ipv4_header(const Segment& segment, std::span<std::byte> datagram) {
  const auto header = datagram.first(wire::ipv4_header_octets);
  wire::store8(header, 0, 0x45);
  wire::store8(header, 1, segment.ip.traffic_class);
  wire::store16(header, 2, capped(datagram.size()));
  wire::store16(header, 4, segment.ip.identification);
  wire::store16(header, 6, segment.ip.dont_fragment ? do_not_fragment : 0);
  wire::store8(header, 8, segment.ip.ttl);
  wire::store8(header, 9, wire::protocol_tcp);
  put_address(header, 12, segment.source.address);
  put_address(header, 16, segment.destination.address);
  wire::store16(header, 10, static_cast<std::uint16_t>(~ones_complement_sum(header)));
}

// RFC 8200 section 3.
void write_ipv6_header(const Segment& segment, std::span<std::byte> datagram) {
  wire::store32(
      datagram, 0,
      std::uint32_t{6} << 28 | std::uint32_t{segment.ip.traffic_class} << 20 | (segment.ip.flow_label & 0xfffffU));
  wire::store16(datagram, 4, capped(datagram.size() - wire::ipv6_header_octets));
  wire::store8(datagram, 6, wire::protocol_tcp);
  wire::store8(datagram, 7, segment.ip.ttl);
  put_address(datagram, 8, segment.source.address);
  put_address(datagram, 24, segment.destination.address);
}

// RFC 9293 section 3.1. `options`: octets, a multiple of four.
void write_tcp_header(const Segment& segment, std::size_t options, std::span<std::byte> tcp) {
  wire::store16(tcp, 0, segment.source.port);
  wire::store16(tcp, 2, segment.destination.port);
  wire::store32(tcp, 4, segment.seq.raw());
  wire::store32(tcp, 8, segment.ack.raw());
  const auto words = std::min<std::size_t>((wire::tcp_header_octets + options) / 4, 15);
  wire::store16(tcp, 12, static_cast<std::uint16_t>(words << 12 | segment.flags.bits()));
  wire::store16(tcp, 14, segment.window);
  wire::store16(tcp, 18, segment.urgent);
  OptionWriter writer(tcp.subspan(wire::tcp_header_octets, options));
  for (const Option& option : segment.options) std::visit(writer, option);
}

}  // namespace

Bytes serialize(const Segment& segment, const Malformation& malformation) {
  const Family family = segment.source.address.family;
  assert(segment.destination.address.family == family && "source and destination must be of one IP family");
  std::size_t options = 0;
  for (const Option& option : segment.options) options += octets_of(option);
  options = (options + 3) / 4 * 4;
  const auto ip_header = family == Family::ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets;
  const auto header = ip_header + wire::tcp_header_octets + options;
  Bytes datagram(header + segment.payload.size());  // zeros: options end with EOL as their padding

  const auto tcp = std::span(datagram).subspan(ip_header);
  write_tcp_header(segment, options, tcp);
  std::ranges::copy(segment.payload, datagram.begin() + static_cast<std::ptrdiff_t>(header));
  if (family == Family::ipv4)
    write_ipv4_header(segment, datagram);
  else
    write_ipv6_header(segment, datagram);

  // What length fields do not reach no checksum covers.
  const bool fits = datagram.size() - (family == Family::ipv4 ? 0 : ip_header) <= 0xffff;
  if (fits)
    wire::store16(
        tcp, 16,
        static_cast<std::uint16_t>(~pseudo_header_sum(address_octets(datagram, family), wire::protocol_tcp, tcp)));
  if (!fits || !malformation.empty()) apply(malformation, family, datagram);
  return datagram;
}

}  // namespace tcpspec::packet
