// The invariants that need no history.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "oracle/invariant_test_wire.hh"

namespace tcpspec::oracle::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// What a plain SYN-ACK to a SYN breaks when it is changed so.
std::vector<std::string> broken_by(const Malformation& malformation, Family family = Family::ipv4,
                                   const Options& options = {Mss{1460}}) {
  Wire wire(family);
  wire.tester({.flags = S, .options = {Mss{1460}}});
  return wire.target({.flags = SA, .ack = 1, .options = options}, malformation);
}
packet::Bytes octets(std::initializer_list<int> values) {
  packet::Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}
std::vector<std::string> broken_by_options(std::initializer_list<int> values) {
  return broken_by({}, Family::ipv4, {RawBytes{octets(values)}});
}

TEST(InvariantCatalogue, IsOrderedByNameAndSaysWhyAndWhere) {
  EXPECT_TRUE(std::ranges::is_sorted(invariants(), {}, &Invariant::name));
  std::set<std::string_view> names;
  for (const Invariant& invariant : invariants()) {
    EXPECT_TRUE(names.insert(invariant.name).second) << invariant.name;
    EXPECT_TRUE(invariant.statement.ends_with(".")) << invariant.name;
    EXPECT_THAT(std::string(invariant.reference), testing::ContainsRegex("RFC [0-9]+ section")) << invariant.name;
  }
}

TEST(InvariantForm, NothingIsWrongWithAPlainAnswer) {
  EXPECT_THAT(broken_by({}), IsEmpty());
  EXPECT_THAT(broken_by({}, Family::ipv6), IsEmpty());
}

TEST(InvariantForm, Checksums) {
  EXPECT_THAT(broken_by({.tcp_checksum_xor = 1}), ElementsAre("tcp-checksum-correct"));
  EXPECT_THAT(broken_by({.tcp_checksum_xor = 0x8000}, Family::ipv6), ElementsAre("tcp-checksum-correct"));
  EXPECT_THAT(broken_by({.ip_checksum_xor = 1}), ElementsAre("ip-checksum-correct"));
}

TEST(InvariantForm, LengthsOfIp) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    EXPECT_THAT(broken_by({.ip_total_length = 2000}, family), ElementsAre("ip-length-legal"));
    EXPECT_THAT(broken_by({.truncate_to = 39}, family), ElementsAre("ip-length-legal"));
  }
  EXPECT_THAT(broken_by({.truncate_to = 0}), ElementsAre("ip-length-legal"));
  Wire wire;
  auto padded = serialize(wire.from_target({.flags = S}));
  padded.resize(60);  // as Ethernet does
  EXPECT_THAT(wire.monitor.received(padded), IsEmpty());
}

TEST(InvariantForm, ZeroTtl) {
  Wire wire;
  Segment segment = wire.from_target({.flags = S});
  segment.ip.ttl = 1;
  EXPECT_THAT(wire.receive(segment), IsEmpty());
  segment.ip.ttl = 0;
  EXPECT_THAT(wire.receive(segment), ElementsAre("ttl-not-zero"));
}

TEST(InvariantForm, AddressesOfMany) {
  for (const char* address : {"224.0.0.1", "239.1.2.3", "255.255.255.255", "ff02::1"}) {
    const auto many = packet::Address::parse(address).value();
    Wire wire(many.family);
    Segment segment = wire.from_target({.flags = S});
    segment.destination.address = many;
    EXPECT_THAT(wire.receive(segment), ElementsAre("addresses-unicast")) << address;
    segment = wire.from_target({.flags = S});
    segment.source.address = many;
    EXPECT_THAT(wire.receive(segment), ElementsAre("addresses-unicast")) << address;
  }
  for (const char* address : {"223.255.255.255", "fe80::1"}) {
    const auto one = packet::Address::parse(address).value();
    Wire wire(one.family);
    Segment segment = wire.from_target({.flags = S});
    segment.destination.address = one;
    EXPECT_THAT(wire.receive(segment), IsEmpty()) << address;
  }
}

TEST(InvariantForm, DataOffset) {
  EXPECT_THAT(broken_by({.data_offset = 4}), ElementsAre("data-offset-legal"));
  EXPECT_THAT(broken_by({.data_offset = 5}), IsEmpty());  // the option becomes data of the SYN-ACK
  EXPECT_THAT(broken_by({.data_offset = 6}), IsEmpty());  // all that is there
  EXPECT_THAT(broken_by({.data_offset = 7}), ElementsAre("data-offset-legal"));
  EXPECT_THAT(broken_by({.ip_total_length = 39}), ElementsAre("data-offset-legal"));  // 19 octets of TCP
}

TEST(InvariantForm, ReservedBits) {
  for (const std::uint8_t bits : {1, 2, 4})
    EXPECT_THAT(broken_by({.reserved = bits}), ElementsAre("reserved-bits-zero"));
}

TEST(InvariantForm, LengthsOfOptions) {
  EXPECT_THAT(broken_by_options({1, 1, 1, 2}), ElementsAre("options-well-formed"));    // no length
  EXPECT_THAT(broken_by_options({254, 0, 0, 0}), ElementsAre("options-well-formed"));  // too short
  EXPECT_THAT(broken_by_options({254, 1, 0, 0}), ElementsAre("options-well-formed"));
  EXPECT_THAT(broken_by_options({254, 2, 1, 1}), IsEmpty());
  EXPECT_THAT(broken_by_options({254, 4, 9, 9}), IsEmpty());
  EXPECT_THAT(broken_by_options({254, 5, 9, 9}), ElementsAre("options-well-formed"));  // beyond the header
  EXPECT_THAT(broken_by_options({2, 3, 5, 1}), ElementsAre("options-well-formed"));    // MSS
  EXPECT_THAT(broken_by_options({3, 4, 5, 1}), ElementsAre("options-well-formed"));    // window scale
  EXPECT_THAT(broken_by_options({4, 3, 0, 1}), ElementsAre("options-well-formed"));    // SACK-permitted
  EXPECT_THAT(broken_by_options({5, 2, 1, 1}), ElementsAre("options-well-formed"));    // SACK without a block
  EXPECT_THAT(broken_by_options({5, 6, 0, 0, 0, 0, 1, 1}), ElementsAre("options-well-formed"));
  EXPECT_THAT(broken_by_options({8, 6, 0, 0, 0, 0, 1, 1}), ElementsAre("options-well-formed"));  // timestamps
  EXPECT_THAT(broken_by_options({28, 3, 0, 1}), ElementsAre("options-well-formed"));             // user timeout
}

TEST(InvariantForm, OctetsBehindTheEndOfTheOptions) {
  EXPECT_THAT(broken_by_options({1, 0, 0, 0}), IsEmpty());
  EXPECT_THAT(broken_by_options({1, 0, 0, 1}), ElementsAre("nothing-after-end-of-list"));
}

TEST(InvariantForm, OptionsThatBelongOnASyn) {
  const auto on_data = [](const Option& option) {
    Wire wire;
    wire.open({Mss{1460}, SackPermitted{}, WindowScale{1}}, {Mss{1460}, SackPermitted{}, WindowScale{14}});
    return wire.target({.flags = A, .seq = 1, .ack = 1, .options = {option}});
  };
  EXPECT_THAT(on_data(Mss{1460}), ElementsAre("mss-only-on-syn"));
  EXPECT_THAT(on_data(WindowScale{1}), ElementsAre("window-scale-only-on-syn"));
  EXPECT_THAT(on_data(SackPermitted{}), ElementsAre("sack-permitted-only-on-syn"));
  EXPECT_THAT(on_data(packet::Nop{}), IsEmpty());
}

TEST(InvariantForm, ShiftsAbove14) {
  Wire wire;
  EXPECT_THAT(wire.open({WindowScale{15}}, {WindowScale{14}}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = SA, .ack = 1, .options = {WindowScale{15}}}),
              ElementsAre("window-scale-at-most-14"));
}

TEST(InvariantForm, FlagsThatNobodyForms) {
  Wire wire;
  wire.open();
  const auto with = [&](Flags flags) { return wire.target({.flags = flags, .seq = 1, .ack = 1}); };
  EXPECT_THAT(with(Flags{}), ElementsAre("no-impossible-flags"));
  EXPECT_THAT(with(Flags::ece | Flags::cwr), ElementsAre("no-impossible-flags"));
  EXPECT_THAT(with(SA | F), Contains("no-impossible-flags"));
  EXPECT_THAT(with(SA | R), Contains("no-impossible-flags"));
  EXPECT_THAT(with(FA | R), Contains("no-impossible-flags"));
  EXPECT_THAT(with(A | Flags::psh), IsEmpty());
}

TEST(InvariantForm, SegmentsWithoutAck) {
  Wire wire;
  EXPECT_THAT(wire.target({.flags = S}), IsEmpty());  // a connection that the target opens
  wire.tester({.flags = SA, .ack = 1});
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 1}), IsEmpty());
  EXPECT_THAT(wire.target({.flags = Flags::psh, .seq = 1}), ElementsAre("ack-set-when-synchronized"));
  EXPECT_THAT(wire.target({.flags = F, .seq = 1}), ElementsAre("ack-set-when-synchronized"));
  EXPECT_THAT(wire.target({.flags = R, .seq = 1}), IsEmpty());
}

TEST(InvariantForm, FragmentsOfTheTargetAreNotReadAsSegments) {
  Wire wire;
  auto bytes = serialize(wire.from_target({.flags = S, .data = 20}));
  bytes[6] = std::byte{0x20};  // more fragments
  bytes[10] = bytes[11] = std::byte{0};
  const std::uint16_t sum =
      static_cast<std::uint16_t>(~packet::ones_complement_sum(packet::BytesView(bytes).first(20)));
  bytes[10] = static_cast<std::byte>(sum >> 8);
  bytes[11] = static_cast<std::byte>(sum & 0xff);
  bytes[36] ^= std::byte{1};  // the TCP checksum covers more than this fragment
  EXPECT_THAT(wire.monitor.received(bytes), IsEmpty());
  bytes[10] ^= std::byte{1};
  EXPECT_THAT(Wire::names(wire.monitor.received(bytes)), ElementsAre("ip-checksum-correct"));
}

}  // namespace
}  // namespace tcpspec::oracle::test
