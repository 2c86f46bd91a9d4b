#pragma once
// The nine control bits of the TCP header (RFC 9293 section 3.1; AE is RFC 3540's
// former NS bit). Written as letters, in this order: S F R P A U E C N.
//   S SYN, F FIN, R RST, P PSH, A ACK, U URG, E ECE, C CWR, N AE; "-" for none.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tcpspec::packet {

class Flags {
 public:
  enum Bit : std::uint16_t {
    fin = 0x001,
    syn = 0x002,
    rst = 0x004,
    psh = 0x008,
    ack = 0x010,
    urg = 0x020,
    ece = 0x040,
    cwr = 0x080,
    ae = 0x100
  };

  constexpr Flags() = default;
  constexpr Flags(Bit bit) : bits_(bit) {}  // NOLINT(google-explicit-constructor): a bit is a set of one
  constexpr explicit Flags(std::uint16_t bits) : bits_(bits & 0x1ff) {}

  [[nodiscard]] constexpr bool has(Bit bit) const { return (bits_ & bit) != 0; }
  [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }
  [[nodiscard]] constexpr Flags without(Flags other) const {
    return Flags(static_cast<std::uint16_t>(bits_ & ~other.bits_));
  }
  friend constexpr Flags operator|(Flags a, Flags b) { return Flags(static_cast<std::uint16_t>(a.bits_ | b.bits_)); }
  friend constexpr bool operator==(Flags, Flags) = default;

  // Letters in any order and case, each at most once; "-" alone is the empty set.
  [[nodiscard]] static std::optional<Flags> parse(std::string_view letters);

 private:
  std::uint16_t bits_ = 0;
};
constexpr Flags operator|(Flags::Bit a, Flags::Bit b) {
  return Flags(a) | Flags(b);
}

[[nodiscard]] std::string to_string(Flags flags);

}  // namespace tcpspec::packet
