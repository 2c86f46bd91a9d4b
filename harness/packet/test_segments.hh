#pragma once
// What the tests of this folder share: bytes from hex text, a plain SYN, random
// segments from a seed, and a checksum that shares no code with the one under test.

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "packet/segment.hh"

namespace tcpspec::packet::test {

inline Bytes bytes_of(std::string_view hex) {
  std::string digits;
  for (const char c : hex)
    if (c != ' ' && c != '\n') digits += c;
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(std::byte(std::stoul(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

inline Address address(std::string_view text) {
  return Address::parse(text).value();
}

inline Segment syn(Family family) {
  Segment segment;
  segment.source = {address(family == Family::ipv4 ? "10.0.0.1" : "fd00::1"), 1000};
  segment.destination = {address(family == Family::ipv4 ? "10.0.0.2" : "fd00::2"), 80};
  segment.seq = Seq32(0xfffffffe);
  segment.flags = Flags::syn;
  segment.window = 0xffff;
  segment.options = {Mss{static_cast<std::uint16_t>(family == Family::ipv4 ? 1460 : 1440)}, SackPermitted{},
                     Timestamps{1, 0}, Nop{}, WindowScale{7}};
  segment.ip.identification = family == Family::ipv4 ? 0xabcd : 0;
  return segment;
}

// One octet at a time, as RFC 1071 defines it.
inline std::uint16_t bytewise_sum(BytesView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

// The sum over a pseudo header written out and `message`: 0xffff where the checksum is right.
inline std::uint16_t bytewise_transport_sum(BytesView datagram, std::uint8_t protocol, BytesView message) {
  const bool ipv4 = std::to_integer<int>(datagram[0] >> 4) == 4;
  const BytesView addresses = ipv4 ? datagram.subspan(12, 8) : datagram.subspan(8, 32);
  Bytes summed(addresses.begin(), addresses.end());
  for (int shift = 24; shift >= 0; shift -= 8) summed.push_back(std::byte(message.size() >> shift & 0xff));
  for (const std::uint8_t octet : {std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}, protocol})
    summed.push_back(std::byte{octet});
  summed.insert(summed.end(), message.begin(), message.end());
  return bytewise_sum(summed);
}

// TCPSPEC_SEED when it is set, so that a failure can be had again.
inline std::uint64_t seed() {
  const char* given = std::getenv("TCPSPEC_SEED");
  return given == nullptr ? 0x5f31 : std::stoull(given, nullptr, 0);
}

class RandomSegments {
 public:
  explicit RandomSegments(std::uint64_t from) : engine_(from) {}

  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
  }
  [[nodiscard]] bool once_in(std::uint32_t n) { return below(n) == 0; }
  template <class T>
  [[nodiscard]] T any() {
    return static_cast<T>(engine_());
  }
  [[nodiscard]] Bytes bytes(std::size_t size) {
    Bytes result(size);
    for (std::byte& octet : result) octet = any<std::byte>();
    return result;
  }

  // Every field at random; options of at most 40 octets, in the one form that parse() gives.
  [[nodiscard]] Segment segment() {
    Segment s;
    const Family family = once_in(2) ? Family::ipv4 : Family::ipv6;
    s.source = endpoint(family);
    s.destination = endpoint(family);
    s.seq = Seq32(any<std::uint32_t>());
    s.ack = Seq32(any<std::uint32_t>());
    s.flags = Flags(any<std::uint16_t>());
    s.window = any<std::uint16_t>();
    s.urgent = any<std::uint16_t>();
    s.options = options();
    s.payload = bytes(once_in(3) ? 0 : below(1500));
    s.ip.ttl = any<std::uint8_t>();
    s.ip.traffic_class = any<std::uint8_t>();
    if (family == Family::ipv4) {
      s.ip.identification = any<std::uint16_t>();
      s.ip.dont_fragment = once_in(2);
    } else {
      s.ip.flow_label = below(1U << 20);
    }
    return s;
  }

  [[nodiscard]] Malformation malformation() {
    Malformation m;
    if (once_in(8)) m.tcp_checksum = any<std::uint16_t>();
    if (once_in(8)) m.tcp_checksum_xor = any<std::uint16_t>();
    if (once_in(4)) m.data_offset = any<std::uint8_t>();
    if (once_in(4)) m.reserved = any<std::uint8_t>();
    if (once_in(4)) m.ip_total_length = once_in(2) ? any<std::uint16_t>() : below(200);
    if (once_in(8)) m.ip_checksum_xor = any<std::uint16_t>();
    if (once_in(8)) m.ip_protocol = any<std::uint8_t>();
    if (once_in(4)) m.ip_options = bytes(below(60));
    if (once_in(4)) m.truncate_to = below(150);
    return m;
  }

 private:
  Endpoint endpoint(Family family) {
    Endpoint result{{family, {}}, any<std::uint16_t>()};
    if (once_in(20)) return result;  // the unspecified address is an address too
    for (std::size_t i = 0; i < result.address.size(); ++i) result.address.bytes[i] = any<std::uint8_t>();
    return result;
  }

  std::vector<Option> options() {
    std::vector<Option> result;
    std::size_t left = 40;
    while (!once_in(5)) {
      const auto [option, size] = one_option();
      if (size > left) continue;
      result.push_back(option);
      left -= size;
      if (left == 0) break;
    }
    // An end of list counts as said only where padding alone would not put it there.
    if (left % 4 == 0 && left >= 4 && once_in(5)) result.insert(result.end(), 1 + left / 4 * 4 - 4, EndOfList{});
    return result;
  }

  std::pair<Option, std::size_t> one_option() {
    switch (below(7)) {
      case 0:
        return {Nop{}, 1};
      case 1:
        return {Mss{any<std::uint16_t>()}, 4};
      case 2:
        return {WindowScale{any<std::uint8_t>()}, 3};
      case 3:
        return {SackPermitted{}, 2};
      case 4:
        return {Timestamps{any<std::uint32_t>(), any<std::uint32_t>()}, 10};
      case 5: {
        Sack sack;
        for (std::uint32_t n = below(5); n > 0; --n)
          sack.blocks.emplace_back(any<std::uint32_t>(), any<std::uint32_t>());
        return {sack, 2 + 8 * sack.blocks.size()};
      }
      default: {
        const std::size_t size = below(12);
        return {UnknownOption{static_cast<std::uint8_t>(9 + below(247)), bytes(size)}, 2 + size};
      }
    }
  }

  std::mt19937_64 engine_;
};

}  // namespace tcpspec::packet::test
