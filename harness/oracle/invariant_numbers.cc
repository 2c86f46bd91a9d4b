#include "oracle/invariant_numbers.hh"

#include <algorithm>
#include <limits>
#include <span>

namespace tcpspec::oracle {

// Joins the two where they overlap or meet.
bool NumberSet::join(Range& into, const Range& other, bool& full) {
  const std::uint32_t behind = other.begin - into.begin;
  const std::uint32_t ahead = into.begin - other.begin;
  Range joined;
  std::uint64_t count = 0;
  if (behind <= into.count) {
    joined.begin = into.begin;
    count = std::max<std::uint64_t>(into.count, std::uint64_t{behind} + other.count);
  } else if (ahead <= other.count) {
    joined.begin = other.begin;
    count = std::max<std::uint64_t>(other.count, std::uint64_t{ahead} + into.count);
  } else {
    return false;
  }
  if (count > std::numeric_limits<std::uint32_t>::max()) full = true;
  joined.count = static_cast<std::uint32_t>(count);
  into = joined;
  return true;
}

void NumberSet::add(packet::Seq32 begin, std::uint32_t count) {
  if (covers(begin, count)) return;
  Range joined{begin.raw(), count};
  for (std::size_t i = 0; i < size_;) {
    if (join(joined, ranges_[i], full_)) {
      ranges_[i] = ranges_[--size_];
      i = 0;  // it has grown: what did not meet it before may do so now
    } else {
      ++i;
    }
  }
  ranges_[size_++] = joined;
  if (size_ > capacity) close_narrowest_gap();
}

bool NumberSet::covers(packet::Seq32 begin, std::uint32_t count) const {
  if (full_) return true;
  for (std::size_t i = 0; i < size_; ++i) {
    const std::uint32_t offset = begin.raw() - ranges_[i].begin;
    if (offset <= ranges_[i].count && count <= ranges_[i].count - offset) return true;
  }
  return false;
}

void NumberSet::close_narrowest_gap() {
  const auto used = std::span(ranges_).first(size_);
  std::ranges::sort(used, {}, &Range::begin);
  std::size_t left = 0;
  std::uint32_t narrowest = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < used.size(); ++i) {
    const std::uint32_t gap = used[(i + 1) % used.size()].begin - (used[i].begin + used[i].count);
    if (gap < narrowest) {
      narrowest = gap;
      left = i;
    }
  }
  const std::size_t right = (left + 1) % used.size();
  const Range bridge{used[left].begin, used[left].count + narrowest};
  const Range last = used[right];
  ranges_[right] = ranges_[--size_];
  Range& kept = left == size_ ? ranges_[right] : ranges_[left];
  kept = bridge;
  join(kept, last, full_);
}

}  // namespace tcpspec::oracle
