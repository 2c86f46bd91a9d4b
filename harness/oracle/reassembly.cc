#include "oracle/reassembly.hh"

namespace tcpspec::oracle {

void Reassembly::add(std::uint32_t from, std::uint32_t to, Ending ending) {
  if (end_ && ahead(*end_, to) > 0) to = *end_;
  if (ahead(from, to) <= 0 || ahead(next_, to) <= 0) return;
  if (ending == Ending::fin && !end_) end_ = to;
  held_.emplace_back(from, to);
  join();
}

void Reassembly::catch_up(std::uint32_t next, const Reassembly& source) {
  if (ahead(next_, next) <= 0) return;
  next_ = next;
  if (!end_ && source.end_ && ahead(*source.end_, next) >= 0) end_ = source.end_;
  join();
}

void Reassembly::join() {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto [left, right] : held_) {
      // Held from before the FIN was known.
      if (end_ && ahead(*end_, right) > 0) right = *end_;
      if (ahead(left, next_) < 0 || ahead(next_, right) <= 0) continue;
      next_ = right;
      moved = true;
    }
  }
  std::erase_if(held_, [&](const auto& range) { return ahead(next_, range.second) <= 0; });
}

}  // namespace tcpspec::oracle
