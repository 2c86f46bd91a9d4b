#pragma once
// A range of addresses, "10.9.0.128/25".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "packet/address.hh"

namespace tcpspec::target {

struct Network {
  packet::Address prefix;  // its host bits are zero
  unsigned length = 0;     // in bits

  // nullopt where it is not an address, a slash and a length, or where host bits are set.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const packet::Address& address) const;
  // How many hosts there can be, at most 2^20: without the first address, which is the network's
  // (RFC 4291 section 2.6.1: that of its routers), and for IPv4 the last, to which one broadcasts.
  [[nodiscard]] std::uint32_t hosts() const;
  // 0 <= number < hosts().
  [[nodiscard]] packet::Address host(std::uint32_t number) const;
  friend bool operator==(const Network&, const Network&) = default;
};
[[nodiscard]] std::string to_string(const Network& network);

}  // namespace tcpspec::target
