#include "target/linux/numbering.hh"

namespace tcpspec::target {

packet::Address tester_address(packet::Family family, std::uint32_t number) {
  const auto octet = [](std::uint32_t value, int shift) { return static_cast<std::uint8_t>(value >> shift); };
  if (family == packet::Family::ipv4)
    return packet::Address::ipv4(10, static_cast<std::uint8_t>(1 + (number >> 16)), octet(number, 8), octet(number, 0));
  const std::uint32_t interface = number + 1;  // ::0 is the subnet-router anycast address (RFC 4291 section 2.6.1)
  return {.family = family,
          .bytes = {0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, octet(interface, 24), octet(interface, 16),
                    octet(interface, 8), octet(interface, 0)}};
}

std::optional<std::uint32_t> Circle::take() {
  const auto size = static_cast<std::uint32_t>(taken_.size());
  for (std::uint32_t tried = 0; tried < size; ++tried) {
    const auto number = next_;
    next_ = next_ + 1 == size ? 0 : next_ + 1;
    if (taken_[number]) continue;
    taken_[number] = true;
    return number;
  }
  return std::nullopt;
}

}  // namespace tcpspec::target
