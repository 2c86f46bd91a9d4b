#pragma once
// Sequence numbers: 32-bit, modulo 2^32 (RFC 9293 section 3.4).
//
//        left                      left + size
//   ------|===========window===========|------      (the line is a circle:
//         a               b                          there is no "less than",
//         '--distance(a,b)'> positive                only distance and window)
//
// There is deliberately no operator<: on a circle it has no meaning, and using
// the integer one is the classic bug at the wrap.

#include <compare>
#include <cstdint>

namespace tcpspec::packet {

class Seq32 {
 public:
  constexpr Seq32() = default;
  constexpr explicit Seq32(std::uint32_t raw) : raw_(raw) {}

  [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }

  constexpr Seq32& operator+=(std::uint32_t n) {
    raw_ += n;
    return *this;
  }
  friend constexpr Seq32 operator+(Seq32 s, std::uint32_t n) { return Seq32(s.raw_ + n); }
  friend constexpr Seq32 operator-(Seq32 s, std::uint32_t n) { return Seq32(s.raw_ - n); }
  friend constexpr bool operator==(Seq32, Seq32) = default;

 private:
  std::uint32_t raw_ = 0;
};

// How far `to` lies ahead of `from`; negative when it lies behind.
[[nodiscard]] constexpr std::int32_t distance(Seq32 from, Seq32 to) {
  return static_cast<std::int32_t>(to.raw() - from.raw());
}

// left <= s < left + size, on the circle.
[[nodiscard]] constexpr bool in_window(Seq32 s, Seq32 left, std::uint32_t size) {
  return s.raw() - left.raw() < size;
}

// The one of the two that lies further ahead.
[[nodiscard]] constexpr Seq32 later(Seq32 a, Seq32 b) {
  return distance(a, b) > 0 ? b : a;
}

}  // namespace tcpspec::packet
