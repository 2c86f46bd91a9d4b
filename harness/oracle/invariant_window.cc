#include "oracle/invariant_window.hh"

#include <algorithm>

namespace tcpspec::oracle {

void SendLimit::allow(packet::Seq32 ack, std::uint32_t window) {
  widest_ = std::max(widest_, window);
  const std::int32_t offset = iss_ ? distance(*iss_, ack) : -1;
  if (offset < 0) {
    keep_for_later({ack, window});
  } else {
    edge_ = std::max(edge_, std::int64_t{offset} + window);
  }
}

void SendLimit::allow_as_before(packet::Seq32 ack) {
  allow(ack, std::max<std::uint32_t>(widest_, syn_window_.value_or(0)));
}

void SendLimit::allow_from_syn(std::uint16_t window) {
  syn_window_ = std::max(syn_window_.value_or(0), window);
  if (iss_) edge_ = std::max(edge_, std::int64_t{1} + window);
}

void SendLimit::begin(packet::Seq32 iss) {
  if (iss_ == iss) return;
  std::int64_t edge = -1;
  // The maximum that was folded for the old ISS stands for all that went into it.
  if (iss_ && edge_ >= 0) edge = edge_ - distance(*iss_, iss);
  if (syn_window_) edge = std::max(edge, std::int64_t{1} + *syn_window_);
  for (std::size_t i = 0; i < stray_count_; ++i) {
    const std::int32_t offset = distance(iss, strays_[i].ack);
    if (offset >= 0) edge = std::max(edge, std::int64_t{offset} + strays_[i].window);
  }
  iss_ = iss;
  edge_ = std::max(edge, std::int64_t{-1});
  unknown_ = strays_lost_;
}

void SendLimit::keep_for_later(const Advertised& advertised) {
  for (std::size_t i = 0; i < stray_count_; ++i) {
    if (strays_[i].ack != advertised.ack) continue;
    strays_[i].window = std::max(strays_[i].window, advertised.window);
    return;
  }
  if (stray_count_ == most_strays) {
    strays_lost_ = true;
  } else {
    strays_[stray_count_++] = advertised;
  }
}

std::optional<std::int64_t> SendLimit::right_edge() const {
  if (!iss_ || unknown_ || edge_ < 0) return std::nullopt;
  return edge_;
}

}  // namespace tcpspec::oracle
