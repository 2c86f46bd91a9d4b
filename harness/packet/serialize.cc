#include <tins/rawpdu.h>
#include <tins/tcp.h>

#include <algorithm>
#include <cstring>

#include "packet/ip_layer.hh"
#include "packet/malformation.hh"
#include "packet/segment.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

// Octets that libtins cannot write, and where in the option area they belong.
struct Patch {
  std::size_t offset = 0;
  std::vector<std::byte> octets;
};

// Hands options to libtins. In place of those that it would refuse or repair (a
// length octet without data, kinds 0 and 1 with a length, raw bytes) it gets as
// many NOPs, which the patch then overwrites.
class OptionWriter {
 public:
  explicit OptionWriter(Tins::TCP& tcp) : tcp_(tcp) {}

  void operator()(const EndOfList&) { add(Tins::TCP::option(Tins::TCP::EOL), 1); }
  void operator()(const Nop&) { add(Tins::TCP::option(Tins::TCP::NOP), 1); }
  void operator()(const Mss& mss) { tcp_.mss(mss.value), size_ += 4; }
  void operator()(const WindowScale& scale) { tcp_.winscale(scale.shift), size_ += 3; }
  void operator()(const SackPermitted&) { tcp_.sack_permitted(), size_ += 2; }
  void operator()(const Timestamps& ts) { tcp_.timestamp(ts.value, ts.echo_reply), size_ += 10; }
  void operator()(const Sack& sack) {
    std::vector<std::byte> data(8 * sack.blocks.size());
    for (std::size_t i = 0; i < sack.blocks.size(); ++i) {
      wire::store32(data, 8 * i, sack.blocks[i].first);
      wire::store32(data, 8 * i + 4, sack.blocks[i].second);
    }
    add_with_length(static_cast<std::uint8_t>(OptionKind::sack), data);
  }
  void operator()(const UnknownOption& unknown) { add_with_length(unknown.kind, unknown.data); }
  void operator()(const RawBytes& raw) { add_patch(raw.bytes); }

  void pad() {
    while (size_ % 4 != 0) (*this)(EndOfList{});
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::vector<Patch>& patches() const { return patches_; }

 private:
  static constexpr std::size_t longest_data = 253;  // what a length octet can say, less kind and length

  void add(Tins::TCP::option option, std::size_t octets) {
    tcp_.add_option(std::move(option));
    size_ += octets;
  }
  void add_with_length(std::uint8_t kind, std::span<const std::byte> data) {
    if (kind > Tins::TCP::NOP && !data.empty() && data.size() <= longest_data) {
      const auto* first = reinterpret_cast<const std::uint8_t*>(data.data());
      add(Tins::TCP::option(kind, first, first + data.size()), 2 + data.size());
      return;
    }
    const auto length = static_cast<std::uint8_t>(std::min(data.size(), longest_data) + 2);
    std::vector<std::byte> octets{std::byte{kind}, std::byte{length}};
    octets.insert(octets.end(), data.begin(), data.end());
    add_patch(std::move(octets));
  }
  void add_patch(std::vector<std::byte> octets) {
    const std::size_t offset = size_;
    for (std::size_t i = 0; i < octets.size(); ++i) (*this)(Nop{});
    patches_.push_back({offset, std::move(octets)});
  }

  Tins::TCP& tcp_;
  std::size_t size_ = 0;
  std::vector<Patch> patches_;
};

std::unique_ptr<Tins::TCP> tcp_header(const Segment& segment) {
  auto tcp = std::make_unique<Tins::TCP>(segment.destination.port, segment.source.port);
  tcp->seq(segment.seq.raw());
  tcp->ack_seq(segment.ack.raw());
  tcp->flags(segment.flags.bits());
  tcp->window(segment.window);
  tcp->urg_ptr(segment.urgent);
  if (!segment.payload.empty()) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(segment.payload.data());
    tcp->inner_pdu(
        std::make_unique<Tins::RawPDU>(octets, static_cast<std::uint32_t>(segment.payload.size())).release());
  }
  return tcp;
}

// What must be said of a segment that does not fit its own header fields: the most
// that they can say.
Malformation saturated_fields(std::size_t option_octets, std::size_t datagram_octets, Family family) {
  Malformation fields;
  if (option_octets > 40) fields.data_offset = 15;
  const std::size_t counted = datagram_octets - (family == Family::ipv4 ? 0 : wire::ipv6_header_octets);
  if (counted > 0xffff) fields.ip_total_length = 0xffff;
  return fields;
}

}  // namespace

Bytes serialize(const Segment& segment, const Malformation& malformation) {
  auto tcp = tcp_header(segment);
  OptionWriter options(*tcp);
  for (const Option& option : segment.options) std::visit(options, option);
  options.pad();

  const Family family = segment.source.address.family;
  Bytes datagram = ip_datagram({segment.source.address, segment.destination.address}, segment.ip, wire::protocol_tcp,
                               std::move(tcp));
  const std::size_t option_area =
      (family == Family::ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets) + wire::tcp_header_octets;
  for (const auto& [offset, octets] : options.patches())
    std::ranges::copy(octets, datagram.begin() + static_cast<std::ptrdiff_t>(option_area + offset));

  const Malformation saturated = saturated_fields(options.size(), datagram.size(), family);
  if (!saturated.empty() || !options.patches().empty()) apply(saturated, family, datagram);
  if (!malformation.empty()) apply(malformation, family, datagram);
  return datagram;
}

}  // namespace tcpspec::packet
