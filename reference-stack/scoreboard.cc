#include "reference/scoreboard.hh"

#include <algorithm>
#include <ranges>

#include "reference/careless.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::in_window;
using packet::later;

namespace {

Seq32 earlier(Seq32 a, Seq32 b) {
  return distance(a, b) > 0 ? a : b;
}

// Above SND.UNA, up to SND.NXT, left before right. Distances would not do: a block that is
// nearly as long as the circle seems to lie within. What lies at or below SND.UNA is a
// D-SACK (RFC 2883 section 4), or came with an acknowledgment that was overtaken; a block
// that begins at SND.UNA contradicts the acknowledgment that it came with.
bool is_sensible(SackBlock block, Flight flight) {
  const std::uint32_t sent = flight.nxt.raw() - flight.una.raw();
  const std::uint32_t length = block.right.raw() - block.left.raw();
  if (sent == 0 || length == 0) return false;
  return in_window(block.left, flight.una + 1, sent - 1) &&
         in_window(block.right - 1, block.left, flight.nxt.raw() - block.left.raw());
}

}  // namespace

Scoreboard::News Scoreboard::add(SackBlock block, Flight flight) {
  if (MUTANT(sack_counter_wraps)) careless::count_to(block.right.raw() - block.left.raw());
  if (!is_sensible(block, flight) && !MUTANT(sack_blocks_unchecked)) return News::no;
  // The ranges that overlap or touch it.
  const auto first =
      std::ranges::find_if(ranges_, [&](SackBlock range) { return distance(block.left, range.right) >= 0; });
  const auto last =
      std::find_if(first, ranges_.end(), [&](SackBlock range) { return distance(block.right, range.left) > 0; });
  if (first != last) {
    if (distance(first->left, block.left) >= 0 && distance(block.right, first->right) >= 0) return News::no;
    block = {earlier(block.left, first->left), later(block.right, std::prev(last)->right)};
  }
  const auto behind = ranges_.erase(first, last);
  // At the bound the furthest is forgotten, as if nothing had told of it: it may be sent
  // once more than needed, and no harm is done.
  if (ranges_.size() >= most_ranges_) {
    if (behind == ranges_.end()) return News::no;
    const auto position = behind - ranges_.begin();
    ranges_.pop_back();
    ranges_.insert(ranges_.begin() + position, block);
    return News::yes;
  }
  ranges_.insert(behind, block);
  return News::yes;
}

void Scoreboard::acknowledge(Seq32 una) {
  // Where SND.UNA comes to lie within a range, or at its beginning, the peer has dropped what
  // it had reported (RFC 2018 section 8): it needs all of that again.
  std::erase_if(ranges_, [&](SackBlock range) {
    return distance(una, MUTANT(reneging_not_expected) ? range.right : range.left) <= 0;
  });
}

std::optional<Seq32> Scoreboard::highest() const {
  if (ranges_.empty()) return std::nullopt;
  return ranges_.back().right;
}

std::optional<Seq32> Scoreboard::lost_before(std::uint32_t smss) const {
  // IsLost(): DupThresh ranges that do not touch, or more than (DupThresh - 1) * SMSS octets, above.
  int ranges_above = 0;
  std::uint64_t octets_above = 0;
  for (const SackBlock range : std::views::reverse(ranges_)) {
    ++ranges_above;
    octets_above += static_cast<std::uint64_t>(distance(range.left, range.right));
    if (ranges_above >= kDupThresh || octets_above > std::uint64_t{kDupThresh - 1} * smss) return range.left;
  }
  return std::nullopt;
}

std::uint32_t Scoreboard::octets_in_holes(Seq32 from, Seq32 to) const {
  std::int32_t octets = std::max(distance(from, to), 0);
  for (const SackBlock range : ranges_)
    octets -= std::max(distance(later(from, range.left), earlier(to, range.right)), 0);
  return static_cast<std::uint32_t>(octets);
}

std::optional<SackBlock> Scoreboard::first_hole(Seq32 from, Seq32 to) const {
  if (MUTANT(reported_octets_resent)) return distance(from, to) > 0 ? std::optional(SackBlock{from, to}) : std::nullopt;
  for (const SackBlock range : ranges_) {
    if (distance(from, range.left) > 0) {
      to = earlier(to, range.left);
      break;
    }
    from = later(from, range.right);
  }
  if (distance(from, to) <= 0) return std::nullopt;
  return SackBlock{from, to};
}

std::optional<SackBlock> Scoreboard::last_hole(Seq32 from, Seq32 to) const {
  for (const SackBlock range : std::views::reverse(ranges_)) {
    if (distance(range.right, to) > 0) {
      from = later(from, range.right);
      break;
    }
    to = earlier(to, range.left);
  }
  if (distance(from, to) <= 0) return std::nullopt;
  return SackBlock{from, to};
}

}  // namespace tcpspec::reference
