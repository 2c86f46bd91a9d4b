#include "packet/address.hh"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tcpspec::packet {

Address Address::ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {Family::ipv4, {a, b, c, d}};
}

std::optional<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::ranges::copy(text, terminated.begin());

  Address address;
  if (inet_pton(AF_INET, terminated.data(), address.bytes.data()) == 1) return address;
  address = {Family::ipv6, {}};
  if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family == Family::ipv4 ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const Endpoint& endpoint) {
  return endpoint.address.family == Family::ipv4 ? fmt::format("{}:{}", to_string(endpoint.address), endpoint.port)
                                                 : fmt::format("[{}]:{}", to_string(endpoint.address), endpoint.port);
}

std::size_t AddressHash::operator()(const Address& address) const noexcept {
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), address.bytes.data(), address.bytes.size());
  // Neighbouring addresses differ in their last octets only: multiply, so that these reach all bits.
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;
  std::uint64_t hash = (words[0] + static_cast<std::uint64_t>(address.family)) * odd;
  hash = ((hash ^ (hash >> 32)) + words[1]) * odd;
  return hash ^ (hash >> 32);
}

}  // namespace tcpspec::packet
