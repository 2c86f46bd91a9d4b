#include "target/remote/ethernet.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/if_ether.h>
#include <tins/arp.h>
#include <tins/ethernetII.h>
#include <tins/exceptions.h>
#include <tins/icmpv6.h>
#include <tins/ipv6.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "packet/segment_view.hh"

namespace tcpspec::target {
namespace {

constexpr std::uint8_t neighbour_hop_limit = 255;  // RFC 4861 section 7.1: nobody beyond the link can say it
constexpr std::size_t fixed_ipv4_header = 20;
constexpr std::size_t fixed_ipv6_header = 40;
constexpr std::size_t least_payload = 46;  // shorter ones are padded
constexpr std::uint8_t first_discovery = 133;
constexpr std::uint8_t last_discovery = 137;  // RFC 4861 section 4: router solicitation ... redirect

Tins::HWAddress<6> hardware(const MacAddress& mac) {
  return Tins::HWAddress<6>(mac.data());
}
MacAddress mac_of(const Tins::HWAddress<6>& address) {
  MacAddress mac{};
  std::ranges::copy(address, mac.begin());
  return mac;
}
Tins::IPv4Address ipv4(const packet::Address& address) {
  return Tins::IPv4Address(to_string(address));
}
Tins::IPv6Address ipv6(const packet::Address& address) {
  return Tins::IPv6Address(address.bytes.data());
}
packet::Address address_of(const Tins::IPv4Address& address) {
  const auto raw = static_cast<std::uint32_t>(address);  // in network order
  packet::Address out;
  std::memcpy(out.bytes.data(), &raw, sizeof raw);
  return out;
}
packet::Address address_of(const Tins::IPv6Address& address) {
  packet::Address out;
  out.family = packet::Family::ipv6;
  std::ranges::copy(address, out.bytes.begin());
  return out;
}
bool is_unspecified(const packet::Address& address) {
  return std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
}

// RFC 4291 section 2.7.1 and RFC 2464 section 7.
packet::Address solicited_node(const packet::Address& address) {
  packet::Address out{.family = packet::Family::ipv6, .bytes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy_n(address.bytes.end() - 3, 3, out.bytes.end() - 3);
  return out;
}
MacAddress multicast_mac(const packet::Address& group) {
  return {0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]};
}
const packet::Address all_nodes{.family = packet::Family::ipv6,
                                .bytes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

Bytes octets_of(Tins::PDU&& frame) {
  const auto serialized = frame.serialize();
  const auto octets = std::as_bytes(std::span(serialized));
  return {octets.begin(), octets.end()};
}

// What the payload says as a PDU; nullopt for what libtins refuses.
template <class T>
std::optional<T> parse(BytesView payload) {
  try {
    return T(reinterpret_cast<const std::uint8_t*>(payload.data()), static_cast<std::uint32_t>(payload.size()));
  } catch (const Tins::exception_base&) {
    return std::nullopt;
  }
}

struct Discovery {
  packet::Address source;
  Tins::ICMPv6 message;
};
std::optional<Discovery> read_discovery(const Frame& frame) {
  if (frame.type != ETH_P_IPV6 || !is_neighbour_talk(frame)) return std::nullopt;
  const packet::SegmentView view(frame.payload);
  if (view.ttl() != neighbour_hop_limit) return std::nullopt;
  auto message = parse<Tins::ICMPv6>(view.ip_payload());
  if (!message) return std::nullopt;
  return Discovery{.source = view.source_address(), .message = std::move(*message)};
}

std::optional<MacAddress> link_address_in(const Discovery& discovery, Tins::ICMPv6::OptionTypes kind) {
  const auto* option = discovery.message.search_option(kind);
  if (option == nullptr || option->data_size() < MacAddress{}.size()) return std::nullopt;
  MacAddress mac{};
  std::copy_n(option->data_ptr(), mac.size(), mac.begin());
  return mac;
}

}  // namespace

std::string to_string(const MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac, ":"));
}

std::optional<Frame> view_frame(BytesView octets) {
  if (octets.size() < ethernet_header) return std::nullopt;
  Frame frame;
  std::memcpy(frame.destination.data(), octets.data(), frame.destination.size());
  std::memcpy(frame.source.data(), octets.data() + frame.destination.size(), frame.source.size());
  frame.type =
      static_cast<std::uint16_t>(std::to_integer<unsigned>(octets[12]) << 8 | std::to_integer<unsigned>(octets[13]));
  frame.payload = octets.subspan(ethernet_header);
  return frame;
}

Bytes frame_of(const MacAddress& destination, const MacAddress& source, packet::Family family, BytesView datagram) {
  const std::uint16_t type = family == packet::Family::ipv4 ? ETH_P_IP : ETH_P_IPV6;
  Bytes out;
  out.reserve(ethernet_header + datagram.size());
  const auto append = [&](auto octets) { out.insert(out.end(), octets.begin(), octets.end()); };
  append(std::as_bytes(std::span(destination)));
  append(std::as_bytes(std::span(source)));
  out.push_back(static_cast<std::byte>(type >> 8));
  out.push_back(static_cast<std::byte>(type & 0xff));
  append(datagram);
  return out;
}

BytesView datagram_in(const Frame& frame) {
  if (frame.type != ETH_P_IP && frame.type != ETH_P_IPV6) return {};
  if (frame.payload.size() > least_payload) return frame.payload;
  const auto octet = [&](std::size_t at) { return std::to_integer<std::size_t>(frame.payload[at]); };
  const auto header = frame.type == ETH_P_IP ? fixed_ipv4_header : fixed_ipv6_header;
  if (frame.payload.size() < header) return frame.payload;
  const auto said = frame.type == ETH_P_IP ? octet(2) << 8 | octet(3) : header + (octet(4) << 8 | octet(5));
  return said < header ? frame.payload : frame.payload.first(std::min(said, frame.payload.size()));
}

bool is_neighbour_talk(const Frame& frame) {
  if (frame.type == ETH_P_ARP) return true;
  if (frame.type != ETH_P_IPV6) return false;
  const packet::SegmentView view(frame.payload);
  const auto payload = view.ip_payload();
  if (!view.is_icmp() || payload.empty()) return false;
  const auto type = std::to_integer<std::uint8_t>(payload.front());
  return type >= first_discovery && type <= last_discovery;
}

std::optional<NeighbourQuestion> read_question(const Frame& frame) {
  NeighbourQuestion question{.wanted = {}, .asker = std::nullopt, .from = frame.source};
  Neighbour asker;
  if (frame.type == ETH_P_ARP) {
    const auto arp = parse<Tins::ARP>(frame.payload);
    if (!arp || arp->opcode() != Tins::ARP::REQUEST) return std::nullopt;
    question.wanted = address_of(arp->target_ip_addr());
    asker = {.address = address_of(arp->sender_ip_addr()), .mac = mac_of(arp->sender_hw_addr())};
  } else {
    const auto discovery = read_discovery(frame);
    if (!discovery || discovery->message.type() != Tins::ICMPv6::NEIGHBOUR_SOLICIT) return std::nullopt;
    question.wanted = address_of(discovery->message.target_addr());
    asker = {.address = discovery->source,
             .mac = link_address_in(*discovery, Tins::ICMPv6::SOURCE_ADDRESS).value_or(frame.source)};
  }
  if (!is_unspecified(asker.address)) question.asker = asker;
  return question;
}

std::optional<Neighbour> read_announcement(const Frame& frame) {
  if (frame.type == ETH_P_ARP) {
    const auto arp = parse<Tins::ARP>(frame.payload);
    if (!arp || is_unspecified(address_of(arp->sender_ip_addr()))) return std::nullopt;
    return Neighbour{.address = address_of(arp->sender_ip_addr()), .mac = mac_of(arp->sender_hw_addr())};
  }
  const auto discovery = read_discovery(frame);
  if (!discovery) return std::nullopt;
  if (discovery->message.type() == Tins::ICMPv6::NEIGHBOUR_ADVERT)
    return Neighbour{.address = address_of(discovery->message.target_addr()),
                     .mac = link_address_in(*discovery, Tins::ICMPv6::TARGET_ADDRESS).value_or(frame.source)};
  const auto question = read_question(frame);
  return question ? question->asker : std::nullopt;
}

Bytes question_frame(const packet::Address& wanted, const Neighbour& asker, const std::optional<MacAddress>& to) {
  const auto from = hardware(asker.mac);
  if (wanted.family == packet::Family::ipv4) {
    const auto destination = to ? hardware(*to) : Tins::ARP::hwaddress_type::broadcast;
    Tins::ARP arp(ipv4(wanted), ipv4(asker.address), Tins::ARP::hwaddress_type(), from);
    arp.opcode(Tins::ARP::REQUEST);
    return octets_of(Tins::EthernetII(destination, from) / arp);
  }
  const auto group = solicited_node(wanted);
  Tins::ICMPv6 solicitation(Tins::ICMPv6::NEIGHBOUR_SOLICIT);
  solicitation.target_addr(ipv6(wanted));
  solicitation.source_link_layer_addr(from);
  Tins::IPv6 header(ipv6(to ? wanted : group), ipv6(asker.address));
  header.hop_limit(neighbour_hop_limit);
  return octets_of(Tins::EthernetII(hardware(to ? *to : multicast_mac(group)), from) / header / solicitation);
}

Bytes answer_frame(const NeighbourQuestion& question, const MacAddress& mac) {
  const auto to = hardware(question.asker ? question.asker->mac : question.from);
  const auto from = hardware(mac);
  if (question.wanted.family == packet::Family::ipv4) {
    const auto asker = question.asker ? ipv4(question.asker->address) : Tins::IPv4Address();
    Tins::ARP arp(asker, ipv4(question.wanted), to, from);
    arp.opcode(Tins::ARP::REPLY);
    return octets_of(Tins::EthernetII(to, from) / arp);
  }
  // RFC 4861 section 7.2.4: who has no address yet hears it with all others.
  Tins::ICMPv6 advertisement(Tins::ICMPv6::NEIGHBOUR_ADVERT);
  advertisement.target_addr(ipv6(question.wanted));
  advertisement.solicited(question.asker ? 1 : 0);
  advertisement.override(1);
  advertisement.target_link_layer_addr(from);
  Tins::IPv6 header(ipv6(question.asker ? question.asker->address : all_nodes), ipv6(question.wanted));
  header.hop_limit(neighbour_hop_limit);
  const auto destination = question.asker ? to : hardware(multicast_mac(all_nodes));
  return octets_of(Tins::EthernetII(destination, from) / header / advertisement);
}

}  // namespace tcpspec::target
