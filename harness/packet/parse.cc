#include <tins/exceptions.h>
#include <tins/ip.h>
#include <tins/ipv6.h>
#include <tins/rawpdu.h>
#include <tins/tcp.h>

#include <algorithm>
#include <cstring>

#include "packet/segment_view.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

// Cheap refusals first: an exception from libtins costs more than all of parse().
bool is_plain_datagram(const SegmentView& view) {
  if (!view.has_tcp_header()) return false;
  const std::size_t header_octets = view.family() == Family::ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets;
  const std::size_t tcp_header = std::size_t{4} * view.data_offset();
  return view.ip_payload().size() == view.bytes().size() - header_octets && tcp_header >= wire::tcp_header_octets &&
         tcp_header <= view.ip_payload().size() && view.ip_checksum_ok() && view.checksum_ok();
}

// From the view, because libtins drops end-of-list and what follows it. Up to three
// zeros at the end are the padding that serialize() adds; more must be said.
std::optional<std::vector<Option>> well_formed_options(const SegmentView& view) {
  ParsedOptions parsed = view.options();
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  if (parsed.defect || !std::ranges::all_of(parsed.after_end_of_list, is_zero)) return std::nullopt;
  std::vector<Option> options;
  options.reserve(parsed.options.size());
  for (ParsedOption& option : parsed.options) options.push_back(std::move(option.option));
  if (!options.empty() && std::holds_alternative<EndOfList>(options.back())) {
    options.pop_back();
    const std::size_t zeros = 1 + parsed.after_end_of_list.size();
    if (zeros > 3) options.insert(options.end(), zeros - 3, EndOfList{});
  }
  return options;
}

Address from_tins(const Tins::IPv4Address& address) {
  Address result;
  const std::uint32_t network_order = address;
  std::memcpy(result.bytes.data(), &network_order, sizeof network_order);
  return result;
}

Address from_tins(const Tins::IPv6Address& address) {
  Address result{Family::ipv6, {}};
  std::ranges::copy(address, result.bytes.begin());
  return result;
}

IpHeader ip_header(const Tins::IP& ip) {
  return {.ttl = ip.ttl(),
          .traffic_class = ip.tos(),
          .identification = ip.id(),
          .dont_fragment = (ip.flags() & Tins::IP::DONT_FRAGMENT) != 0,
          .flow_label = 0};
}

IpHeader ip_header(const Tins::IPv6& ip) {
  return {.ttl = ip.hop_limit(),
          .traffic_class = ip.traffic_class(),
          .identification = 0,
          .dont_fragment = true,
          .flow_label = ip.flow_label()};
}

void take_tcp(const Tins::TCP& tcp, Segment& segment) {
  segment.source.port = tcp.sport();
  segment.destination.port = tcp.dport();
  segment.seq = Seq32(tcp.seq());
  segment.ack = Seq32(tcp.ack_seq());
  segment.flags = Flags(static_cast<std::uint16_t>(tcp.flags()));
  segment.window = tcp.window();
  segment.urgent = tcp.urg_ptr();
  if (const auto* raw = tcp.find_pdu<Tins::RawPDU>()) {
    segment.payload.resize(raw->payload().size());
    std::memcpy(segment.payload.data(), raw->payload().data(), segment.payload.size());
  }
}

template <class TinsIp>
std::optional<Segment> read(BytesView datagram) {
  const TinsIp ip(reinterpret_cast<const std::uint8_t*>(datagram.data()), static_cast<std::uint32_t>(datagram.size()));
  const auto* tcp = ip.template find_pdu<Tins::TCP>();
  if (tcp == nullptr) return std::nullopt;
  Segment segment;
  segment.source.address = from_tins(ip.src_addr());
  segment.destination.address = from_tins(ip.dst_addr());
  segment.ip = ip_header(ip);
  take_tcp(*tcp, segment);
  return segment;
}

}  // namespace

std::optional<Segment> parse(BytesView datagram) {
  const SegmentView view(datagram);
  if (!is_plain_datagram(view)) return std::nullopt;
  auto options = well_formed_options(view);
  if (!options) return std::nullopt;
  try {
    auto segment = view.family() == Family::ipv4 ? read<Tins::IP>(datagram) : read<Tins::IPv6>(datagram);
    if (!segment) return std::nullopt;
    segment->options = *std::move(options);
    // The promise of this function, kept by trying it: reserved bits, fragment
    // flags, an odd spelling of a checksum show here.
    if (!std::ranges::equal(serialize(*segment), datagram)) return std::nullopt;
    return segment;
  } catch (const Tins::exception_base&) {
    return std::nullopt;
  }
}

}  // namespace tcpspec::packet
