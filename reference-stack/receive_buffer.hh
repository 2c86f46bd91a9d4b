#pragma once
// Octets that have come: in order and waiting for the application, and out of order
// and waiting for a gap to close. RFC 9293 section 3.10.7.4, seventh check; what SACK
// tells of them: RFC 2018 section 4 and RFC 2883 section 4.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "packet/segment.hh"
#include "packet/seq32.hh"
#include "reference/octet_queue.hh"

namespace tcpspec::reference {

using packet::Bytes;
using packet::BytesView;
using packet::Seq32;

// [left, right) on the circle.
struct SackBlock {
  Seq32 left;
  Seq32 right;
  friend bool operator==(const SackBlock&, const SackBlock&) = default;
};

class ReceiveBuffer {
 public:
  ReceiveBuffer(Seq32 next, std::size_t capacity, std::size_t most_blocks);
  void start_at(Seq32 next);  // only while nothing has come: the IRS is learnt late

  // What a segment's text did.
  struct Outcome {
    std::uint32_t advanced = 0;   // octets by which next() moved on
    bool out_of_order = false;    // it lies behind a gap, whether there was room for it or not
    bool filled_gap = false;      // all or part of a gap below waiting octets was filled (RFC 5681 section 4.2)
    std::uint32_t duplicate = 0;  // octets that were here before
  };
  // `octets` begin at `seq` and lie within the window: the caller has cut what begins
  // before next() (and has told note_duplicate() first) or ends beyond the window.
  // Where the bound on blocks is reached, octets behind the furthest gap are forgotten
  // (never acknowledged, so nothing is lost).
  Outcome insert(Seq32 seq, BytesView octets);
  // The text of a segment of which everything or the beginning lies before next(): that
  // part is a duplicate, to be told as D-SACK (RFC 2883 section 4). Nothing is stored.
  void note_duplicate(Seq32 left, Seq32 right);

  [[nodiscard]] Seq32 next() const { return next_; }  // RCV.NXT without the FIN
  [[nodiscard]] std::size_t readable() const { return in_order_.size(); }
  [[nodiscard]] bool has_gap() const { return !blocks_.empty(); }
  // RCV.BUFF less RCV.USER (RFC 9293 section 3.8.6.2.2): the room to the right of next(),
  // part of which out-of-order octets may occupy.
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  void set_capacity(std::size_t capacity);
  [[nodiscard]] std::size_t octets_held() const;  // in order and out of order

  // Takes up to `into.size()` octets that are in order.
  std::size_t read(std::span<std::byte> into);
  // Forgets everything that waits behind a gap (RFC 2018 section 8 allows it; a FIN that
  // is in order does it too: nothing may follow).
  void drop_out_of_order();

  // Blocks for the next ACK, at most `most`: a D-SACK first where a duplicate is to be told
  // (once: telling it forgets it), then the block with what came most recently, then the
  // others, the one reported most recently first.
  [[nodiscard]] std::vector<SackBlock> take_sack_blocks(std::size_t most);

 private:
  struct Block {
    Seq32 left;
    Bytes octets;
    std::uint64_t touched = 0;  // order of arrival of its latest octets
  };
  [[nodiscard]] static SackBlock range_of(const Block& block);
  [[nodiscard]] std::int32_t offset(Seq32 s) const;  // from next()
  Outcome compare_with_waiting(SackBlock segment);
  Block join(Seq32 seq, BytesView octets);

  Seq32 next_;
  std::size_t capacity_;
  std::size_t most_blocks_;
  OctetQueue in_order_;
  std::vector<Block> blocks_;  // by position, disjoint, not adjacent
  std::optional<SackBlock> duplicate_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace tcpspec::reference
