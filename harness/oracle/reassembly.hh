#pragma once
// Octets of one sequence space as a receiver puts them in order. Numbers are relative
// to an ISS, and comparisons are on the circle of 2^32.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tcpspec::oracle {

// How far `to` lies ahead of `from`; negative when it lies behind.
[[nodiscard]] constexpr std::int32_t ahead(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

class Reassembly {
 public:
  enum class Ending : std::uint8_t { open, fin };  // fin: the last number of the range is the FIN's

  // Behind the SYN.
  void begin(std::uint32_t next) { next_ = next; }
  // [from, to). Nothing follows a FIN: what lies behind the first one is left out.
  void add(std::uint32_t from, std::uint32_t to, Ending ending);
  // Everything before `next` turned out to have been received; `source` knows where its FIN is.
  void catch_up(std::uint32_t next, const Reassembly& source);
  [[nodiscard]] std::uint32_t next() const { return next_; }  // behind what is there in order

 private:
  void join();

  std::uint32_t next_ = 0;
  std::optional<std::uint32_t> end_;                           // behind the FIN
  std::vector<std::pair<std::uint32_t, std::uint32_t>> held_;  // out of order, beyond next_
};

}  // namespace tcpspec::oracle
