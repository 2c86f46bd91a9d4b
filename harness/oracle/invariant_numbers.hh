#pragma once
// A set of 32-bit numbers on the circle, as a few ranges in fixed space. It may hold
// more than was added, never less: when the ranges run out, the narrowest gap between
// two of them is closed. What is not in the set was certainly never added.

#include <array>
#include <cstddef>
#include <cstdint>

#include "packet/seq32.hh"

namespace tcpspec::oracle {

class NumberSet {
 public:
  // The numbers begin, begin + 1, ... `count` of them. Zero of them mark a place that
  // touches() finds and covers() does not.
  void add(packet::Seq32 begin, std::uint32_t count);

  [[nodiscard]] bool covers(packet::Seq32 begin, std::uint32_t count) const;
  // Whether `place` is in the set, or right behind a range of it, or a marked place.
  [[nodiscard]] bool touches(packet::Seq32 place) const { return covers(place, 0); }
  [[nodiscard]] bool empty() const { return size_ == 0 && !full_; }

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
  };
  static constexpr std::size_t capacity = 16;

  static bool join(Range& into, const Range& other, bool& full);
  void close_narrowest_gap();

  std::array<Range, capacity + 1> ranges_{};  // disjoint, in no order
  std::size_t size_ = 0;
  bool full_ = false;  // the whole circle
};

}  // namespace tcpspec::oracle
