// Any octets as the option area of a TCP header: what SegmentView reads is what stands there, the
// reference stack reads the same, and neither a listener nor a connection is harmed.
//
// Reading costs half a microsecond, a round trip through libtins several times as much and a
// conversation a hundred times: those are for some of the inputs, which a hash of the octets
// chooses, so that one input always does the same.

#include <algorithm>
#include <cstring>
#include <utility>

#include "fuzz/fenced_room.hh"
#include "fuzz/harness_memory.hh"
#include "fuzz/targets/hosts.hh"
#include "fuzz/targets/require.hh"
#include "packet/checksum.hh"
#include "packet/segment_view.hh"
#include "packet/wire.hh"
#include "reference/arrived_segment.hh"

namespace {

using namespace tcpspec;
using fuzz::broken;
using fuzz::Host;
using fuzz::require;
using packet::Bytes;
using packet::BytesView;
using packet::Flags;
namespace wire = packet::wire;

constexpr std::size_t most_octets = 40;
constexpr std::size_t headers = wire::ipv4_header_octets + wire::tcp_header_octets;

const packet::Segment& plain_segment() {
  static const packet::Segment plain = Host({}).next_segment(Flags::ack);
  return plain;
}
const Bytes& plain_datagram() {
  static const Bytes plain = packet::serialize(plain_segment());
  return plain;
}

// Of a datagram without IP options and without text.
void correct_checksums(std::span<std::byte> datagram) {
  const auto [header, tcp] =
      std::pair(datagram.first(wire::ipv4_header_octets), datagram.subspan(wire::ipv4_header_octets));
  wire::store16(header, 10, 0);
  wire::store16(header, 10, static_cast<std::uint16_t>(~packet::ones_complement_sum(header)));
  wire::store16(tcp, 16, 0);
  const auto addresses = packet::address_octets(datagram, packet::Family::ipv4);
  wire::store16(tcp, 16, static_cast<std::uint16_t>(~packet::pseudo_header_sum(addresses, wire::protocol_tcp, tcp)));
}

// `area`, padded as a header must be, in an otherwise plain segment.
Bytes datagram_with(BytesView area) {
  Bytes datagram(headers + (area.size() + 3) / 4 * 4);
  std::ranges::copy(plain_datagram(), datagram.begin());
  std::ranges::copy(area, datagram.begin() + headers);
  const std::span<std::byte> octets(datagram);
  wire::store16(octets, 2, static_cast<std::uint16_t>(datagram.size()));
  wire::store8(octets, wire::ipv4_header_octets + 12, static_cast<std::uint8_t>((datagram.size() - 20) / 4 << 4));
  correct_checksums(octets);
  return datagram;
}

// Reads one option back from the octets, by another way than SegmentView: how many it spans.
struct Spelling {
  BytesView at;  // from the option's kind on

  [[nodiscard]] std::size_t with_length(std::uint8_t kind, std::size_t length) const {
    require(at.size() >= length && wire::load8(at, 0) == kind && wire::load8(at, 1) == length, "an option's length");
    return length;
  }
  [[nodiscard]] std::size_t without_length(std::uint8_t kind) const {
    require(!at.empty() && wire::load8(at, 0) == kind, "an option of one octet");
    return 1;
  }
  std::size_t operator()(const packet::EndOfList&) const { return without_length(0); }
  std::size_t operator()(const packet::Nop&) const { return without_length(1); }
  std::size_t operator()(const packet::Mss& mss) const {
    const auto length = with_length(2, 4);
    require(wire::load16(at, 2) == mss.value, "the value of MSS");
    return length;
  }
  std::size_t operator()(const packet::WindowScale& scale) const {
    const auto length = with_length(3, 3);
    require(wire::load8(at, 2) == scale.shift, "the shift of window scale");
    return length;
  }
  std::size_t operator()(const packet::SackPermitted&) const { return with_length(4, 2); }
  std::size_t operator()(const packet::Sack& sack) const {
    const auto length = with_length(5, 2 + 8 * sack.blocks.size());
    for (std::size_t i = 0; i < sack.blocks.size(); ++i)
      require(
          wire::load32(at, 2 + 8 * i) == sack.blocks[i].first && wire::load32(at, 6 + 8 * i) == sack.blocks[i].second,
          "the blocks of SACK");
    return length;
  }
  std::size_t operator()(const packet::Timestamps& stamps) const {
    const auto length = with_length(8, 10);
    require(wire::load32(at, 2) == stamps.value && wire::load32(at, 6) == stamps.echo_reply, "timestamps");
    return length;
  }
  std::size_t operator()(const packet::UnknownOption& unknown) const {
    const auto length = with_length(unknown.kind, 2 + unknown.data.size());
    require(unknown.kind > 1 && std::ranges::equal(unknown.data, at.subspan(2, length - 2)), "an unknown option");
    return length;
  }
  std::size_t operator()(const packet::RawBytes&) const { broken("SegmentView makes no raw bytes"); }
};

struct Reading {
  packet::ParsedOptions parsed;
  std::size_t end = 0;  // of what was understood
};

// One option behind the other, and nothing between, before or left over.
Reading read_options(const packet::SegmentView& view) {
  Reading reading{view.options(), 0};
  const auto area = view.option_bytes();
  for (const auto& [option, offset] : reading.parsed.options) {
    require(offset == reading.end && offset < area.size(), "options follow each other");
    reading.end += std::visit(Spelling{area.subspan(offset)}, option);
  }
  const bool ended = !reading.parsed.options.empty() &&
                     std::holds_alternative<packet::EndOfList>(reading.parsed.options.back().option);
  if (reading.parsed.defect)
    require(!ended && reading.end < area.size(), "a defect has its place");
  else
    require(reading.end + reading.parsed.after_end_of_list.size() == area.size(), "the area is read to its end");
  require(ended || reading.parsed.after_end_of_list.empty(), "only an end of list has something behind it");
  return reading;
}

// The stack keeps of each kind the last, and all blocks of SACK.
void compare_with_the_stack(const packet::SegmentView& view, const packet::ParsedOptions& parsed) {
  const fuzz::WatchedMemory watched;
  const auto segment = reference::read_segment(view);
  require(segment.has_value(), "the stack takes a sound segment, whatever its options");
  reference::ArrivedOptions expected;
  std::size_t blocks = 0;
  for (const auto& [option, offset] : parsed.options) {
    if (const auto* mss = std::get_if<packet::Mss>(&option)) expected.mss = mss->value;
    if (const auto* scale = std::get_if<packet::WindowScale>(&option)) expected.window_scale = scale->shift;
    if (const auto* stamps = std::get_if<packet::Timestamps>(&option)) expected.timestamps = *stamps;
    if (std::holds_alternative<packet::SackPermitted>(option)) expected.sack_permitted = true;
    if (const auto* sack = std::get_if<packet::Sack>(&option)) blocks += sack->blocks.size();
  }
  const auto& options = segment->options;
  require(options.mss == expected.mss && options.window_scale == expected.window_scale &&
              options.timestamps == expected.timestamps && options.sack_permitted == expected.sack_permitted &&
              options.sack.size() == blocks,
          "the stack reads the options that are there");
}

void write_again(BytesView datagram, const packet::SegmentView& view, const Reading& reading) {
  packet::Segment segment = plain_segment();
  for (const auto& parsed : reading.parsed.options) segment.options.push_back(parsed.option);
  const auto rest = view.option_bytes().subspan(reading.end);
  if (!rest.empty()) segment.options.emplace_back(packet::RawBytes{{rest.begin(), rest.end()}});
  require(std::ranges::equal(packet::serialize(segment), datagram),
          "the options, written again, are the octets that were read");

  const bool sound =
      !reading.parsed.defect &&
      std::ranges::all_of(reading.parsed.after_end_of_list, [](std::byte octet) { return octet == std::byte{}; });
  const auto parsed = packet::parse(datagram);
  require(parsed.has_value() == sound, "parse() takes what is sound, and nothing else");
  if (parsed) require(std::ranges::equal(packet::serialize(*parsed), datagram), "serialize(*parse(b)) == b");
}

void converse(BytesView datagram) {
  const fuzz::WatchedMemory watched;
  Host host({});
  host.inject(datagram);
  Bytes syn(datagram.begin(), datagram.end());  // the same options in a SYN, of somebody else
  const std::span<std::byte> octets(syn);
  wire::store16(octets, wire::ipv4_header_octets, 40'002);
  wire::store8(octets, wire::ipv4_header_octets + 13, Flags::syn);
  correct_checksums(octets);
  host.inject(syn);
  host.let_time_pass(3);
  host.probe();
}

std::uint32_t hash(BytesView octets) {  // FNV-1a
  std::uint32_t hash = 2166136261U;
  for (const auto octet : octets) hash = (hash ^ std::to_integer<std::uint32_t>(octet)) * 16777619U;
  return hash ^ hash >> 16;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::HarnessMemory harness;
  static fuzz::FencedRoom room;
  const auto area = std::as_bytes(std::span(data, size)).first(std::min(size, most_octets));
  room.lend(datagram_with(area), [area](BytesView datagram) {
    const packet::SegmentView view(datagram);
    const auto reading = read_options(view);
    compare_with_the_stack(view, reading.parsed);
    const auto chosen = hash(area);
    if (chosen % 64 == 0) write_again(datagram, view, reading);
    if (chosen % 1024 == 1) converse(datagram);
  });
  return 0;
}
