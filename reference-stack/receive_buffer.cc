#include "reference/receive_buffer.hh"

#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>

#include "reference/careless.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::later;

namespace {

std::uint32_t size_of(BytesView octets) {
  return static_cast<std::uint32_t>(octets.size());
}

Seq32 earlier(Seq32 a, Seq32 b) {
  return distance(a, b) > 0 ? a : b;
}

// What both ranges cover; left and right are equal or cross over where that is nothing.
SackBlock common(SackBlock a, SackBlock b) {
  return {later(a.left, b.left), earlier(a.right, b.right)};
}

}  // namespace

ReceiveBuffer::ReceiveBuffer(Seq32 next, std::size_t capacity, std::size_t most_blocks)
    : next_(next), capacity_(capacity), most_blocks_(most_blocks) {}

void ReceiveBuffer::start_at(Seq32 next) {
  assert(in_order_.empty() && blocks_.empty() && "the IRS is known before anything comes");
  next_ = next;
}

ReceiveBuffer::Outcome ReceiveBuffer::insert(Seq32 seq, BytesView octets) {
  if (octets.empty()) return {};
  assert(distance(next_, seq) >= 0 && "what begins before RCV.NXT is cut by the caller");
  Outcome outcome = compare_with_waiting({seq, seq + size_of(octets)});
  Block joined = join(seq, octets);
  if (joined.left == next_ || MUTANT(gap_delivered)) {
    // RFC 9293 section 3.10.7.4, seventh check: RCV.NXT moves over what is taken, and
    // with it over all that waited for this gap to close.
    in_order_.append(joined.octets);
    outcome.advanced = size_of(joined.octets);
    next_ += outcome.advanced;
    return outcome;
  }
  outcome.out_of_order = true;
  if (MUTANT(out_of_order_dropped)) return outcome;
  joined.touched = ++arrivals_;
  const auto position = std::ranges::upper_bound(blocks_, offset(joined.left), {},
                                                 [this](const Block& block) { return offset(block.left); });
  blocks_.insert(position, std::move(joined));
  if (blocks_.size() > most_blocks_) blocks_.pop_back();
  return outcome;
}

// What `segment` has in common with the blocks that wait, before it joins them.
ReceiveBuffer::Outcome ReceiveBuffer::compare_with_waiting(SackBlock segment) {
  // RFC 2883 section 4 (1): a D-SACK tells of the most recent segment only. Where that one
  // began before RCV.NXT, the beginning was noted a moment ago; it is then the first
  // duplicate of several, and the only one told (section 4.2).
  const bool continues = duplicate_ && duplicate_->right == segment.left && segment.left == next_;
  if (!continues) duplicate_.reset();

  Outcome outcome;
  for (const Block& block : blocks_) {
    const SackBlock twice = common(segment, range_of(block));
    if (distance(twice.left, twice.right) <= 0) continue;
    outcome.duplicate += static_cast<std::uint32_t>(distance(twice.left, twice.right));
    if (!duplicate_) duplicate_ = twice;
  }
  if (!blocks_.empty()) {
    // What is new lies in a gap, or behind all that waits.
    const Seq32 furthest = range_of(blocks_.back()).right;
    const std::int32_t length = distance(segment.left, segment.right);
    const std::int32_t behind = std::clamp(distance(furthest, segment.right), 0, length);
    outcome.filled_gap = static_cast<std::uint32_t>(length - behind) > outcome.duplicate;
  }
  return outcome;
}

// Takes out the blocks that the octets overlap or touch, and makes one of all of them.
// Where octets came twice, those that came first stay: they may have been told already.
ReceiveBuffer::Block ReceiveBuffer::join(Seq32 seq, BytesView octets) {
  const Seq32 end = seq + size_of(octets);
  const auto first =
      std::ranges::find_if(blocks_, [&](const Block& block) { return distance(seq, range_of(block).right) >= 0; });
  const auto last =
      std::find_if(first, blocks_.end(), [&](const Block& block) { return distance(end, block.left) > 0; });

  Block joined{.left = seq, .octets = {}};
  const auto fill_up_to = [&](Seq32 to) {
    const Seq32 from = range_of(joined).right;
    if (distance(from, to) <= 0) return;
    const BytesView missing =
        octets.subspan(static_cast<std::size_t>(distance(seq, from)), static_cast<std::size_t>(distance(from, to)));
    joined.octets.insert(joined.octets.end(), missing.begin(), missing.end());
  };
  auto block = first;
  if (block != last && distance(block->left, seq) >= 0) {
    joined = std::move(*block++);
    if (MUTANT(overlap_underflows)) careless::copy_end(octets, distance(range_of(joined).right, end));
  }
  for (; block != last; ++block) {
    fill_up_to(block->left);
    joined.octets.insert(joined.octets.end(), block->octets.begin(), block->octets.end());
  }
  fill_up_to(end);
  blocks_.erase(first, last);
  return joined;
}

void ReceiveBuffer::note_duplicate(Seq32 left, Seq32 right) {
  // What lies behind RCV.NXT is for insert() to judge.
  if (distance(next_, right) > 0) right = next_;
  if (distance(left, right) > 0) duplicate_ = SackBlock{left, right};
}

std::size_t ReceiveBuffer::room() const {
  return capacity_ - std::min(capacity_, in_order_.size());
}

void ReceiveBuffer::set_capacity(std::size_t capacity) {
  capacity_ = capacity;
}

std::size_t ReceiveBuffer::octets_held() const {
  return std::accumulate(blocks_.begin(), blocks_.end(), in_order_.size(),
                         [](std::size_t sum, const Block& block) { return sum + block.octets.size(); });
}

std::size_t ReceiveBuffer::read(std::span<std::byte> into) {
  const auto count = std::min(into.size(), in_order_.size());
  std::ranges::copy(in_order_.view().first(count), into.begin());
  in_order_.drop(count);
  return count;
}

void ReceiveBuffer::drop_out_of_order() {
  if (MUTANT(freed_text_used) && has_gap()) {
    const BytesView waited = blocks_.front().octets;
    blocks_.clear();
    careless::read(waited.data(), waited.size());
  }
  blocks_.clear();
}

std::vector<SackBlock> ReceiveBuffer::take_sack_blocks(std::size_t most) {
  std::vector<SackBlock> told;
  if (most == 0) return told;
  // RFC 2883 section 4 (2) and (4): the duplicate comes first, and is told once. The block
  // that it is part of was touched by it, and is the next one therefore.
  if (duplicate_) told.push_back(*duplicate_);
  if (!MUTANT(dsack_told_again)) duplicate_.reset();

  // RFC 2018 section 4: first the block that holds what came most recently, then those that
  // were first in the ACKs before. Each arrival is told at once, so this is the same order.
  std::vector<const Block*> recent;
  for (const Block& block : blocks_) recent.push_back(&block);
  std::ranges::sort(recent, std::greater(), &Block::touched);
  if (MUTANT(sack_oldest_first)) std::ranges::reverse(recent);
  for (const Block* block : recent) {
    if (told.size() == most) break;
    told.push_back(range_of(*block));
  }
  return told;
}

SackBlock ReceiveBuffer::range_of(const Block& block) {
  return {block.left, block.left + size_of(block.octets)};
}

std::int32_t ReceiveBuffer::offset(Seq32 s) const {
  return distance(next_, s);
}

}  // namespace tcpspec::reference
