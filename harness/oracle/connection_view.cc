#include "oracle/connection_view.hh"

#include <algorithm>

namespace tcpspec::oracle {

using packet::Flags;

namespace {

std::int32_t ahead(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

}  // namespace

ConnectionView::ConnectionView(packet::Family family, packet::Seq32 tester_iss, std::uint16_t mtu) : family_(family), tester_iss_(tester_iss), mtu_(mtu) {}

std::uint32_t ConnectionView::default_mss() const { return family_ == packet::Family::ipv4 ? 536 : 1220; }  // RFC 9293 section 3.7.1

ConnectionView::Syn ConnectionView::read_syn(const packet::SegmentView& segment) {
  Syn syn;
  syn.seen = true;
  for (const auto& [option, offset] : segment.options().options) {
    if (const auto* mss = std::get_if<packet::Mss>(&option)) syn.mss = mss->value;
    if (const auto* scale = std::get_if<packet::WindowScale>(&option)) syn.shift = scale->shift;
    if (std::holds_alternative<packet::Timestamps>(option)) syn.timestamps = true;
  }
  return syn;
}

// RFC 7323 section 2.2: scaling is in force only if both SYNs offered it, and a shift
// above 14 counts as 14 (section 2.3).
std::uint32_t ConnectionView::scaled(std::uint16_t window, const Syn& advertiser) const {
  if (!tester_syn_.shift || !target_syn_.shift || !advertiser.shift) return window;
  return static_cast<std::uint32_t>(window) << std::min<std::uint8_t>(*advertiser.shift, 14);
}

void ConnectionView::accept(std::uint32_t from, std::uint32_t to) {
  // Beyond the window nothing has to be taken (RFC 9293 section 3.10.7.4, first check).
  if (ahead(right_edge_, to) > 0) to = right_edge_;
  if (ahead(from, to) <= 0) return;
  held_.emplace_back(from, to);
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& [left, right] : held_) {
      if (ahead(left, rcv_nxt_) < 0 || ahead(rcv_nxt_, right) <= 0) continue;
      rcv_nxt_ = right;
      moved = true;
    }
  }
  std::erase_if(held_, [&](const auto& range) { return ahead(rcv_nxt_, range.second) <= 0; });
}

void ConnectionView::sent(const packet::Segment& segment, Acceptance acceptance) {
  used_ = true;
  window_sent_ = segment.window;
  for (const auto& option : segment.options)
    if (const auto* stamp = std::get_if<packet::Timestamps>(&option); stamp && acceptance == Acceptance::expected) ts_recent_ = stamp->value;
  if (segment.flags.has(Flags::syn) && acceptance == Acceptance::expected && !tester_syn_.seen) {
    tester_syn_.seen = true;
    for (const auto& option : segment.options) {
      if (const auto* mss = std::get_if<packet::Mss>(&option)) tester_syn_.mss = mss->value;
      if (const auto* scale = std::get_if<packet::WindowScale>(&option)) tester_syn_.shift = scale->shift;
      if (std::holds_alternative<packet::Timestamps>(option)) tester_syn_.timestamps = true;
    }
    // Data on a SYN may be taken or left: it is not counted.
    if (rcv_nxt_ == 0) rcv_nxt_ = in_tester_space(segment.seq) + 1;
    right_edge_ = std::max(right_edge_, rcv_nxt_);
  }
  if (acceptance == Acceptance::refused || segment.flags.has(Flags::rst)) return;
  snd_wnd_ = segment.flags.has(Flags::syn) ? segment.window : scaled(segment.window, tester_syn_);
  if (!segment.flags.has(Flags::ack)) return;
  const auto ack = in_target_space(segment.ack);
  if (ahead(snd_una_, ack) > 0 && ahead(ack, snd_nxt_) >= 0) snd_una_ = ack;
  if (segment.flags.has(Flags::syn)) return;
  const auto from = in_tester_space(segment.seq);
  accept(from, from + segment.length());
}

void ConnectionView::consumed(const packet::SegmentView& segment) {
  used_ = true;
  const auto flags = segment.flags();
  if (flags.has(Flags::rst)) return;
  if (flags.has(Flags::syn) && !target_iss_) {
    target_iss_ = segment.seq();
    target_syn_ = read_syn(segment);
  } else if (flags.has(Flags::syn) && flags.has(Flags::ack) && segment.seq() == *target_iss_) {
    // In a simultaneous open the SYN-ACK repeats the SYN; its options count.
    target_syn_ = read_syn(segment);
  }
  const auto end = in_target_space(segment.seq()) + segment.length();
  if (ahead(snd_nxt_, end) > 0) snd_nxt_ = end;
  if (timestamps_in_force() || flags.has(Flags::syn))
    if (const auto stamp = segment.find<packet::Timestamps>()) target_timestamp_ = stamp->value;
  rcv_wnd_ = flags.has(Flags::syn) ? segment.window() : scaled(segment.window(), target_syn_);
  last_window_ = rcv_wnd_;
  if (!flags.has(Flags::ack)) return;
  const auto ack = in_tester_space(segment.ack());
  if (ahead(acked_, ack) > 0) acked_ = ack;
  if (ahead(right_edge_, ack + rcv_wnd_) > 0) right_edge_ = ack + rcv_wnd_;
}

ConnectionView::Character ConnectionView::character(const packet::SegmentView& segment) const {
  const auto flags = segment.flags().without(Flags::psh | Flags::ece | Flags::cwr);
  const auto from = in_target_space(segment.seq());
  const auto length = segment.length();
  if (flags.has(Flags::rst)) return Character::other;
  if (length > 0 && snd_nxt_ != 0 && ahead(from, snd_nxt_) > 0) return Character::retransmission;
  if (length == 1 && !flags.has(Flags::fin) && snd_wnd_ == 0) return Character::probe;
  if (!(flags == Flags(Flags::ack)) || length > 0) return Character::other;
  // Keep-alives and some window probes repeat an old octet's number with no data (RFC 9293 section 3.8.4).
  if (from + 1 == snd_una_ || from + 1 == snd_nxt_) return Character::probe;
  if (from != snd_nxt_) return Character::other;
  const auto ack = in_tester_space(segment.ack());
  if (ahead(acked_, ack) > 0) return Character::advancing_ack;
  if (ack == acked_ && scaled(segment.window(), target_syn_) != last_window_) return Character::window_update;
  return ack == acked_ ? Character::duplicate_ack : Character::other;
}

std::int64_t ConnectionView::variable(script::Variable variable) const {
  using script::Variable;
  const bool scaling = tester_syn_.shift && target_syn_.shift;
  switch (variable) {
    case Variable::rcv_nxt: return rcv_nxt_;
    case Variable::snd_nxt: return snd_nxt_;
    case Variable::snd_una: return snd_una_;
    case Variable::rcv_wnd: return rcv_wnd_;
    case Variable::snd_wnd: return snd_wnd_;
    case Variable::snd_mss: return tester_syn_.mss.value_or(static_cast<std::uint16_t>(default_mss()));
    case Variable::rcv_mss: return target_syn_.mss.value_or(static_cast<std::uint16_t>(default_mss()));
    case Variable::mtu: return mtu_;
    case Variable::snd_wind_shift: return scaling ? std::min<int>(*tester_syn_.shift, 14) : 0;
    case Variable::rcv_wind_shift: return scaling ? std::min<int>(*target_syn_.shift, 14) : 0;
    case Variable::ts_recent: return ts_recent_;
    case Variable::ts_val: return target_timestamp_;
  }
  return 0;
}

ConnectionView::Variables ConnectionView::variables() const {
  Variables out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = variable(static_cast<script::Variable>(i));
  return out;
}

}  // namespace tcpspec::oracle
