#include "fuzz/targets/hosts.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "fuzz/targets/require.hh"
#include "packet/checksum.hh"
#include "packet/segment_view.hh"
#include "packet/wire.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Address;
using packet::Family;
using packet::Flags;
using packet::Seq32;
namespace wire = packet::wire;

constexpr std::uint16_t tester_mss = 1000;
constexpr std::size_t unacknowledged = 3 * tester_mss;  // what the host has sent, for SACKs to speak of

std::vector<packet::Option> syn_options(const Offer& offer) {
  std::vector<packet::Option> options = {packet::Mss{tester_mss}, packet::SackPermitted{}, packet::WindowScale{2}};
  if (offer.timestamps) options.emplace_back(packet::Timestamps{1'000, 0});
  return options;
}

bool is_syn_ack(BytesView datagram) {
  const packet::SegmentView view(datagram);
  return view.has_tcp_header() && view.flags().has(Flags::syn) && view.flags().has(Flags::ack);
}

}  // namespace

Address tester_address(Family family) {
  static const Address ipv6 = *Address::parse("fd00::2");
  return family == Family::ipv4 ? Address::ipv4(10, 0, 0, 2) : ipv6;
}
Address host_address(Family family) {
  static const reference::Settings settings;
  return family == Family::ipv4 ? settings.ipv4 : settings.ipv6;
}
std::uint16_t tester_port(const Offer& offer) {
  return offer.timestamps ? 40'001 : 40'000;
}

Host::Host(const Offer& offer)
    : offer_(offer),
      stack_(reference::Settings{}),
      tester_{tester_address(offer.family), tester_port(offer)},
      local_{host_address(offer.family), listening_port},
      snd_nxt_(0x10000) {
  const auto opened = stack_.open(offer.family);
  require(opened.has_value(), "the stack opens a socket");
  listener_ = *opened;
  require(stack_.listen(listener_, listening_port, 8).has_value(), "the stack listens");
  establish();
}

void Host::establish() {
  auto syn = next_segment(Flags::syn);
  syn.options = syn_options(offer_);
  const auto opening = packet::serialize(syn);
  monitor_.sent(opening);
  stack_.input(opening, now_);
  auto answers = stack_.take_output();
  require(answers.size() == 1 && is_syn_ack(answers[0]), "a SYN is answered with a SYN-ACK");
  static_cast<void>(monitor_.received(answers[0]));
  const packet::SegmentView answer(answers[0]);
  snd_nxt_ += 1;
  rcv_nxt_ = answer.seq() + 1;
  if (const auto stamps = answer.find<packet::Timestamps>()) stamps_ = {1'001, stamps->value};
  inject(packet::serialize(next_segment(Flags::ack)));
  const auto accepted = stack_.accept(listener_);
  require(accepted.has_value(), "a handshake makes a connection");
  connection_ = *accepted;
  static const Bytes octets(unacknowledged, std::byte{'d'});
  require(stack_.send(connection_, octets, reference::SendKind::pushed, now_).has_value(), "the stack sends");
  hold_answers();
}

packet::Segment Host::next_segment(Flags flags) const {
  packet::Segment segment;
  segment.source = tester_;
  segment.destination = local_;
  segment.seq = snd_nxt_;
  segment.ack = flags.has(Flags::ack) ? rcv_nxt_ : Seq32{};
  segment.flags = flags;
  segment.window = 20'000;
  if (offer_.timestamps && !flags.has(Flags::syn)) segment.options = {packet::Nop{}, packet::Nop{}, stamps_};
  return segment;
}

std::size_t Host::hold_answers() {
  const auto answers = stack_.take_output();
  for (const auto& answer : answers)
    if (const auto violations = monitor_.received(answer); !violations.empty())
      broken(fmt::format("{}: {}", violations[0].invariant->name, violations[0].what));
  return answers.size();
}

void Host::inject(BytesView datagram) {
  monitor_.sent(datagram);
  stack_.input(datagram, now_);
  hold_answers();
}

void Host::read() {
  std::array<std::byte, 4096> octets;
  for (int reads = 0; reads < 100; ++reads) {
    const auto read = stack_.receive(connection_, octets, now_);
    if (!read || *read == 0) break;
  }
  hold_answers();
}

void Host::let_time_pass(int deadlines) {
  for (; deadlines > 0; --deadlines) {
    const auto due = stack_.deadline();
    if (!due) return;
    now_ = std::max(now_, *due);
    stack_.advance(now_);
    hold_answers();
  }
}

void Host::probe() {
  auto syn = next_segment(Flags::syn);
  syn.source.port = 50'000;
  const auto datagram = packet::serialize(syn);
  monitor_.sent(datagram);
  stack_.input(datagram, now_);
  require(hold_answers() > 0, "a SYN to a port that listens is answered");
}

void readdress(std::span<std::byte> datagram, const Address& source, const Address& destination) {
  const auto family = packet::SegmentView(datagram).family();
  if (!family || *family != source.family) return;
  const bool ipv4 = *family == Family::ipv4;
  const std::size_t fixed = ipv4 ? wire::ipv4_header_octets : wire::ipv6_header_octets;
  if (datagram.size() < fixed) return;
  const std::size_t octets = ipv4 ? 4 : 16, at = ipv4 ? 12 : 8;
  std::ranges::copy(std::as_bytes(std::span(source.bytes)).first(octets), datagram.subspan(at).begin());
  std::ranges::copy(std::as_bytes(std::span(destination.bytes)).first(octets), datagram.subspan(at + octets).begin());

  const std::size_t header = ipv4 ? std::size_t{4} * (wire::load8(datagram, 0) & 15U) : fixed;
  if (header < fixed || header > datagram.size()) return;
  const auto complement = [](std::uint16_t sum) { return static_cast<std::uint16_t>(~sum); };
  if (ipv4) {
    wire::store16(datagram, 10, 0);
    wire::store16(datagram, 10, complement(packet::ones_complement_sum(datagram.first(header))));
  }
  const auto payload = packet::SegmentView(datagram).ip_payload().size();
  if (payload > datagram.size() - header) return;
  const auto message = datagram.subspan(header, payload);
  const std::uint8_t protocol = wire::load8(datagram, ipv4 ? 9 : 6);
  const bool tcp = protocol == wire::protocol_tcp;
  if (!tcp && protocol != wire::protocol_icmp && protocol != wire::protocol_icmpv6) return;
  const std::size_t place = tcp ? 16 : 2;
  if (message.size() < place + 2) return;
  wire::store16(message, place, 0);
  const auto sum = protocol == wire::protocol_icmp
                       ? packet::ones_complement_sum(message)
                       : packet::pseudo_header_sum(packet::address_octets(datagram, *family), protocol, message);
  wire::store16(message, place, complement(sum));
}

}  // namespace tcpspec::fuzz
