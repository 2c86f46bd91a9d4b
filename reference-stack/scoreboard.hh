#pragma once
// What the peer has reported by SACK: RFC 6675 section 4, as questions about ranges of the
// sequence space. Octets that are neither acknowledged nor reported are holes.
//
//   una       holes, and reported ranges between them           nxt
//    |--------[======)-----[===)----------[=====)----------------|
//             '--- IsLost() is true of a hole below here, where enough was reported above
//
// Every position lies between SND.UNA and SND.NXT, less than 2^31 apart.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "packet/seq32.hh"
#include "reference/receive_buffer.hh"

namespace tcpspec::reference {

// So many duplicates, or so much reported above, tell of a loss: RFC 5681 section 3.2, RFC 6675 section 2.
inline constexpr int kDupThresh = 3;

struct Flight {
  Seq32 una;  // SND.UNA
  Seq32 nxt;  // SND.NXT: behind everything that was ever sent
};

class Scoreboard {
 public:
  explicit Scoreboard(std::size_t most_ranges) : most_ranges_(most_ranges) {}

  enum class News : std::uint8_t { no, yes };
  // Update() for one block: whether it tells of octets that nothing has told of before
  // (a duplicate acknowledgment by RFC 6675 section 2). Absurd blocks tell nothing.
  News add(SackBlock block, Flight flight);
  void acknowledge(Seq32 una);
  void clear() { ranges_.clear(); }

  [[nodiscard]] const std::vector<SackBlock>& ranges() const { return ranges_; }
  // Behind the highest octet that was reported; nullopt where nothing was.
  [[nodiscard]] std::optional<Seq32> highest() const;
  // IsLost() is true of all holes before this position, and false of those behind it;
  // nullopt where it is true of none.
  [[nodiscard]] std::optional<Seq32> lost_before(std::uint32_t smss) const;
  // Octets in [from, to) that were not reported.
  [[nodiscard]] std::uint32_t octets_in_holes(Seq32 from, Seq32 to) const;
  // The first hole in [from, to), the last one; cut at both ends.
  [[nodiscard]] std::optional<SackBlock> first_hole(Seq32 from, Seq32 to) const;
  [[nodiscard]] std::optional<SackBlock> last_hole(Seq32 from, Seq32 to) const;

 private:
  std::size_t most_ranges_;
  std::vector<SackBlock> ranges_;  // by position, disjoint, not adjacent, above SND.UNA
};

}  // namespace tcpspec::reference
