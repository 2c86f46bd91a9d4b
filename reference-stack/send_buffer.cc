#include "reference/send_buffer.hh"

#include <algorithm>
#include <cassert>

namespace tcpspec::reference {

using packet::distance;

SendBuffer::SendBuffer(Seq32 first, std::size_t capacity) : begin_(first), capacity_(capacity) {}

void SendBuffer::start_at(Seq32 first) {
  assert(octets_.empty() && "the first sequence number is chosen before anything is appended");
  begin_ = first;
}

std::size_t SendBuffer::append(BytesView octets, Push push) {
  const std::size_t taken = std::min(octets.size(), room());
  octets_.append(octets.first(taken));
  // Where nothing was taken, nothing was pushed: a call that sends no octets ends no data.
  if (push == Push::yes && taken > 0) pushes_.push_back(end());
  return taken;
}

void SendBuffer::acknowledge(Seq32 una) {
  // SND.UNA may lie behind the last octet, when the FIN is acknowledged too. begin() stays
  // before the FIN, so that end() goes on to say where the octets ended.
  const auto held = static_cast<std::int32_t>(octets_.size());
  const std::int32_t dropped = std::clamp(distance(begin_, una), 0, held);
  octets_.drop(static_cast<std::size_t>(dropped));
  begin_ += static_cast<std::uint32_t>(dropped);
  const auto behind = std::ranges::find_if(pushes_, [this](Seq32 push) { return distance(begin_, push) > 0; });
  pushes_.erase(pushes_.begin(), behind);
}

std::size_t SendBuffer::room() const {
  return capacity_ - std::min(capacity_, octets_.size());
}

void SendBuffer::set_capacity(std::size_t capacity) {
  capacity_ = capacity;
}

Bytes SendBuffer::copy(Seq32 from, std::size_t count) const {
  const auto skipped = distance(begin_, from);
  assert(skipped >= 0 && static_cast<std::size_t>(skipped) + count <= octets_.size() &&
         "only what is held can be sent");
  const auto octets = octets_.view().subspan(static_cast<std::size_t>(skipped), count);
  return {octets.begin(), octets.end()};
}

bool SendBuffer::push_within(Seq32 from, Seq32 to) const {
  // All positions lie ahead of begin(), and so they can be ordered.
  const auto position = [this](Seq32 s) { return distance(begin_, s); };
  const auto next = std::ranges::upper_bound(pushes_, position(from), {}, position);
  return next != pushes_.end() && position(*next) <= position(to);
}

std::size_t SendBuffer::pushed_from(Seq32 from) const {
  if (pushes_.empty()) return 0;
  return static_cast<std::size_t>(std::max(distance(from, pushes_.back()), 0));
}

}  // namespace tcpspec::reference
