#include "target/remote/network.hh"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tcpspec::target {
namespace {

constexpr unsigned most_host_bits = 20;

unsigned bits_of(const packet::Address& address) {
  return static_cast<unsigned>(address.size()) * 8;
}

bool bit(const packet::Address& address, unsigned number) {
  return (address.bytes[number / 8] >> (7 - number % 8) & 1) != 0;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = packet::Address::parse(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), length);
  if (!address || error != std::errc{} || end != digits.end() || length > bits_of(*address)) return std::nullopt;
  for (unsigned i = length; i < bits_of(*address); ++i)
    if (bit(*address, i)) return std::nullopt;
  return Network{.prefix = *address, .length = length};
}

bool Network::contains(const packet::Address& address) const {
  if (address.family != prefix.family) return false;
  for (unsigned i = 0; i < length; ++i)
    if (bit(address, i) != bit(prefix, i)) return false;
  return true;
}

std::uint32_t Network::hosts() const {
  const auto host_bits = std::min(bits_of(prefix) - length, most_host_bits);
  const auto addresses = std::uint32_t{1} << host_bits;
  const std::uint32_t reserved = prefix.family == packet::Family::ipv4 ? 2 : 1;
  return addresses > reserved ? addresses - reserved : 0;
}

packet::Address Network::host(std::uint32_t number) const {
  auto address = prefix;
  auto rest = number + 1;
  for (std::size_t i = address.size(); rest != 0 && i-- > 0; rest >>= 8)
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] | (rest & 0xff));
  return address;
}

std::string to_string(const Network& network) {
  return fmt::format("{}/{}", to_string(network.prefix), network.length);
}

}  // namespace tcpspec::target
