#pragma once
// Octets in a row: appended at the end, dropped at the beginning. An empty one holds no memory before its first octet.

#include <cassert>
#include <cstddef>

#include "packet/segment.hh"

namespace tcpspec::reference {

class OctetQueue {
 public:
  [[nodiscard]] std::size_t size() const { return octets_.size() - first_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  // Until the next append() or drop().
  [[nodiscard]] packet::BytesView view() const { return packet::BytesView(octets_).subspan(first_); }

  void append(packet::BytesView octets) { octets_.insert(octets_.end(), octets.begin(), octets.end()); }
  void drop(std::size_t count) {
    assert(count <= size() && "only what is there can go");
    first_ += count;
    // Each octet is moved once at the most for each one that was dropped.
    if (first_ < size()) return;
    octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }

 private:
  packet::Bytes octets_;
  std::size_t first_ = 0;  // those before it are dropped
};

}  // namespace tcpspec::reference
