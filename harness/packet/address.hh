#pragma once
// IP addresses and endpoints. Bytes are in network order.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tcpspec::packet {

enum class Family : std::uint8_t { ipv4, ipv6 };

struct Address {
  Family family = Family::ipv4;
  std::array<std::uint8_t, 16> bytes{};  // IPv4 uses the first four

  [[nodiscard]] std::size_t size() const { return family == Family::ipv4 ? 4 : 16; }
  [[nodiscard]] std::span<const std::uint8_t> octets() const { return {bytes.data(), size()}; }
  friend auto operator<=>(const Address&, const Address&) = default;

  [[nodiscard]] static Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  // Dotted quad or RFC 4291 text; nullopt when it is neither.
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);
};
[[nodiscard]] std::string to_string(const Address& address);

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
[[nodiscard]] std::string to_string(const Endpoint& endpoint);  // "10.0.0.1:80", "[fd00::1]:80"

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept;
};

}  // namespace tcpspec::packet
