#pragma once
// The tester's sides of a program's connections, and how its numbers count: as the player (player.hh)
// takes notice of answers, each at once. For who writes a program down, or puts a record of one into words.

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/beginning.hh"
#include "fuzz/program.hh"
#include "oracle/connection_view.hh"

namespace tcpspec::fuzz {

[[nodiscard]] std::int64_t value_of(const Number& number, const oracle::ConnectionView& view);
// `own`: of the tester's clock.
[[nodiscard]] packet::Option option_of(const OptionItem& item, const oracle::ConnectionView& view,
                                       const packet::Timestamps& own);
// What breaks a checksum or a length must not be taken, whether or not it says so.
[[nodiscard]] bool breaks(const packet::Malformation& malformation);
// Of the pattern in the text of a segment: the first octet of the stream has number 1, and on a SYN it
// follows the SYN itself. `seq` is relative to the ISS.
[[nodiscard]] constexpr std::uint32_t text_offset(std::uint32_t seq, packet::Flags flags) {
  return seq + (flags.has(packet::Flags::syn) ? 1U : 0U) - 1U;
}

class Sides {
 public:
  struct Side {
    oracle::ConnectionView view;
    std::uint16_t tester_port = 0;
    int tuple_of = -1;
    Bytes last_answer;
  };

  Sides(packet::Family family, std::uint16_t mtu, std::uint64_t seed) : family_(family), mtu_(mtu), draw_(seed) {}

  // In the order of the connections. Without an ISS it is as drawn.
  void add(int tuple_of, std::optional<packet::Seq32> iss);
  void begin(std::size_t index, packet::Seq32 iss);  // with this ISS, before anything was sent
  // Whether a later incarnation would take its ports over with the next thing that it does.
  [[nodiscard]] bool takes_over(std::size_t index) const;
  void take_over(std::size_t index);
  // Which connection a datagram of the target is for, -1: none.
  [[nodiscard]] int route(BytesView datagram) const;
  void take(int index, BytesView datagram);

  [[nodiscard]] Side& operator[](std::size_t index) { return sides_[index]; }
  [[nodiscard]] const Side& operator[](std::size_t index) const { return sides_[index]; }
  [[nodiscard]] std::size_t size() const { return sides_.size(); }

 private:
  packet::Family family_;
  std::uint16_t mtu_;
  engine::Draw draw_;
  std::vector<Side> sides_;
  std::vector<int> active_;
};

}  // namespace tcpspec::fuzz
