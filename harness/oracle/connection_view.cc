#include "oracle/connection_view.hh"

#include <algorithm>

namespace tcpspec::oracle {

using packet::Flags;

struct ConnectionView::Offer {
  std::uint32_t from = 0;
  std::uint32_t length = 0;
  std::uint32_t ack = 0;
  std::uint16_t window = 0;
  Reassembly::Ending ending = Reassembly::Ending::open;
  std::optional<std::uint32_t> stamp;

  [[nodiscard]] std::uint32_t to() const { return from + length; }
};

namespace {

std::optional<std::uint32_t> stamp_of(const packet::Segment& segment) {
  for (const auto& option : segment.options)
    if (const auto* stamp = std::get_if<packet::Timestamps>(&option)) return stamp->value;
  return std::nullopt;
}

Reassembly::Ending ending_of(const packet::Segment& segment) {
  return segment.flags.has(Flags::fin) ? Reassembly::Ending::fin : Reassembly::Ending::open;
}

}  // namespace

ConnectionView::ConnectionView(packet::Family family, packet::Seq32 tester_iss, std::uint16_t mtu)
    : family_(family), tester_iss_(tester_iss), mtu_(mtu) {}

// RFC 9293 section 3.7.1
std::uint32_t ConnectionView::default_mss() const {
  return family_ == packet::Family::ipv4 ? 536 : 1220;
}

void ConnectionView::read_option(Syn& syn, const packet::Option& option) {
  if (const auto* mss = std::get_if<packet::Mss>(&option)) syn.mss = mss->value;
  if (const auto* scale = std::get_if<packet::WindowScale>(&option)) syn.shift = scale->shift;
  if (std::holds_alternative<packet::Timestamps>(option)) syn.timestamps = true;
  if (std::holds_alternative<packet::SackPermitted>(option)) syn.sack = true;
}

ConnectionView::Syn ConnectionView::read_syn(const packet::SegmentView& segment) {
  Syn syn;
  syn.seen = true;
  for (const auto& [option, offset] : segment.options().options) read_option(syn, option);
  return syn;
}

// RFC 7323 section 2.2: scaling is in force only if both SYNs offered it, and a shift
// above 14 counts as 14 (section 2.3).
std::uint32_t ConnectionView::shift_of(const Syn& advertiser) const {
  return scaling_in_force() ? std::min<std::uint8_t>(*advertiser.shift, 14) : 0;
}

void ConnectionView::widen(std::uint32_t right_edge) {
  if (ahead(right_edge_, right_edge) > 0) right_edge_ = right_edge;
}

// ---- what the tester sends: the checks of RFC 9293 section 3.10.7, in its order

void ConnectionView::sent(const packet::Segment& segment, Acceptance acceptance, packet::Instant now) {
  used_ = true;
  if (acceptance == Acceptance::refused || segment.flags.has(Flags::rst)) return;
  window_sent_ = segment.window;
  if (segment.flags.has(Flags::syn)) return sent_syn(segment, acceptance, now);
  if (!tester_syn_.seen || !segment.flags.has(Flags::ack)) return;
  process({in_tester_space(segment.seq), segment.length(), in_target_space(segment.ack), segment.window,
           ending_of(segment), stamp_of(segment)},
          acceptance, now);
}

// An acknowledgement of what the script has not taken notice of counts once it has.
void ConnectionView::take_ack(std::uint32_t ack) {
  if (ahead(snd_nxt_, ack) > 0)
    early_ack_ = ack;
  else if (ahead(snd_una_, ack) > 0)
    snd_una_ = ack;
}

void ConnectionView::sent_syn(const packet::Segment& segment, Acceptance acceptance, packet::Instant now) {
  const auto seq = in_tester_space(segment.seq);
  const auto ack = in_target_space(segment.ack);
  const bool acks = segment.flags.has(Flags::ack);
  // With its SYN a target in SYN-SENT wants just that acknowledged, and a listening one nothing.
  const bool right_ack =
      acceptance == Acceptance::certain || (target_iss_ && ahead(0, ack) > 0 && ahead(ack, snd_nxt_) >= 0);
  if (acks && !right_ack) return;
  if (tester_syn_.seen) {
    // In a simultaneous open our SYN-ACK repeats our SYN (RFC 9293 section 3.5). Any
    // other SYN of a connection that has one changes nothing (section 3.10.7.4).
    if (acks && target_opened_ && snd_una_ == 0 && seq + 1 == received_.next()) take_ack(ack);
    return;
  }
  tester_syn_.seen = true;
  for (const auto& option : segment.options) read_option(tester_syn_, option);
  received_.begin(seq + 1);
  possible_.begin(seq + 1);
  // RFC 9293 section 3.10.7.2: data on a SYN may be kept for later, or left out.
  possible_.add(seq + 1, seq + segment.length(), ending_of(segment));
  right_edge_ = received_.next() + std::max(rcv_wnd_, heard_wnd_);
  snd_wnd_ = max_snd_wnd_ = segment.window;
  snd_wl1_ = seq;
  if (const auto stamp = stamp_of(segment)) take_stamp(*stamp, now);
  if (!acks) return;
  take_ack(ack);
  snd_wl2_ = ack;
}

void ConnectionView::process(const Offer& offer, Acceptance acceptance, packet::Instant now) {
  possible_.add(offer.from, offer.to(), offer.ending);
  if (!target_iss_ || !in_window(offer) || too_old(offer, now)) return;
  // RFC 7323 section 5.3 R3, for a target that acknowledges at once.
  if (offer.stamp && ahead(offer.from, received_.next()) >= 0) take_stamp(*offer.stamp, now);
  if (ahead(snd_nxt_, offer.ack) > 0) early_ack_ = offer.ack;
  if (acceptance != Acceptance::certain && !acceptable_ack(offer.ack)) return;
  take_ack(offer.ack);
  if (offer.ending == Reassembly::Ending::fin && !tester_fin_taken()) tester_fin_ = offer.to();
  if (ahead(offer.ack, snd_una_) <= 0) take_window(offer.window, offer.from, offer.ack);
  if (ahead(right_edge_, offer.to()) <= 0) return received_.add(offer.from, offer.to(), offer.ending);
  // Behind the window nothing has to be taken, and a FIN there is not one.
  received_.add(offer.from, right_edge_, Reassembly::Ending::open);
}

// RFC 9293 section 3.10.7.4, first check. At RCV.NXT the acknowledgement counts even where the window is closed.
bool ConnectionView::in_window(const Offer& offer) const {
  const auto next = received_.next();
  if (offer.from == next) return true;
  const auto size = static_cast<std::uint32_t>(std::max(ahead(next, right_edge_), 0));
  return offer.from - next < size || (offer.length > 0 && offer.to() - 1 - next < size);
}

// RFC 7323 sections 5.3 R1 and 5.5.
bool ConnectionView::too_old(const Offer& offer, packet::Instant now) const {
  if (!timestamps_in_force() || !offer.stamp) return false;
  return ahead(ts_recent_, *offer.stamp) < 0 && now - ts_recent_at_ <= std::chrono::days(24);
}

void ConnectionView::take_stamp(std::uint32_t value, packet::Instant now) {
  ts_recent_ = value;
  ts_recent_at_ = now;
}

// RFC 9293 section 3.10.7.4, fifth check. What lies before the ISS was never sent either;
// a target may drop what is older than RFC 5961 section 5.2 allows.
bool ConnectionView::acceptable_ack(std::uint32_t ack) const {
  if (ahead(ack, snd_nxt_) < 0) return false;
  if (snd_una_ == 0) return ahead(0, ack) > 0;  // SYN-RECEIVED
  return ahead(0, ack) >= 0 && ahead(snd_una_ - max_snd_wnd_, ack) >= 0;
}

void ConnectionView::take_window(std::uint32_t window, std::uint32_t seq, std::uint32_t ack) {
  if (ahead(snd_wl1_, seq) < 0 || (snd_wl1_ == seq && ahead(snd_wl2_, ack) < 0)) return;
  snd_wnd_ = window << shift_of(tester_syn_);
  max_snd_wnd_ = std::max(max_snd_wnd_, snd_wnd_);
  snd_wl1_ = seq;
  snd_wl2_ = ack;
}

// ---- what the target sends

// RFC 7323 section 2.2: the window of a SYN is not scaled.
std::uint32_t ConnectionView::window_of(const packet::SegmentView& segment) const {
  if (segment.flags().has(Flags::syn)) return segment.window();
  return static_cast<std::uint32_t>(segment.window()) << shift_of(target_syn_);
}

void ConnectionView::arrived(const packet::SegmentView& segment) {
  const auto flags = segment.flags();
  if (!target_iss_ || flags.has(Flags::rst) || flags.has(Flags::syn) || !flags.has(Flags::ack)) return;
  widen(in_tester_space(segment.ack()) + window_of(segment));
}

void ConnectionView::heard(const packet::SegmentView& segment) {
  const auto flags = segment.flags();
  if (flags.has(Flags::rst)) return;
  if (flags.has(Flags::syn)) consumed_syn(segment);
  if (!target_iss_ || (flags.has(Flags::syn) && segment.seq() != *target_iss_)) return;
  const auto window = window_of(segment);
  if (flags.has(Flags::ack)) return widen(in_tester_space(segment.ack()) + window);
  heard_wnd_ = window;
  if (tester_syn_.seen) widen(received_.next() + window);
}

void ConnectionView::consumed(const packet::SegmentView& segment) {
  used_ = true;
  const auto flags = segment.flags();
  if (flags.has(Flags::rst)) return;
  if (flags.has(Flags::syn)) consumed_syn(segment);
  // Before its SYN, and with a SYN of another ISS, its numbers are those of another incarnation.
  if (!target_iss_ || (flags.has(Flags::syn) && segment.seq() != *target_iss_)) return;
  const auto end = in_target_space(segment.seq()) + segment.length();
  if (ahead(snd_nxt_, end) > 0) snd_nxt_ = end;
  target_fin_ = target_fin_ || flags.has(Flags::fin);
  if (early_ack_ && ahead(*early_ack_, snd_nxt_) >= 0) {
    if (ahead(snd_una_, *early_ack_) > 0) snd_una_ = *early_ack_;
    early_ack_.reset();
  }
  if (timestamps_in_force() || flags.has(Flags::syn))
    if (const auto stamp = segment.find<packet::Timestamps>()) target_timestamp_ = stamp->value;
  rcv_wnd_ = window_of(segment);
  if (!flags.has(Flags::ack)) {
    if (tester_syn_.seen) widen(received_.next() + rcv_wnd_);
    return;
  }
  target_answered_ = true;
  const auto ack = in_tester_space(segment.ack());
  if (ahead(acked_, ack) > 0) acked_ = ack;
  if (ahead(ack, possible_.next()) >= 0) received_.catch_up(ack, possible_);
  widen(ack + rcv_wnd_);
}

void ConnectionView::consumed_syn(const packet::SegmentView& segment) {
  const bool acks = segment.flags().has(Flags::ack);
  if (!target_iss_) {
    target_iss_ = segment.seq();
    target_syn_ = read_syn(segment);
    target_opened_ = !acks;
  } else if (segment.seq() != *target_iss_) {
    target_began_again_ = true;
  } else if (acks) {
    // In a simultaneous open the SYN-ACK repeats the SYN; its options count.
    target_syn_ = read_syn(segment);
  }
}

ConnectionView::Character ConnectionView::character(const packet::SegmentView& segment) const {
  const auto flags = segment.flags().without(Flags::psh | Flags::ece | Flags::cwr | Flags::ae);
  if (!target_iss_ || flags.has(Flags::rst)) return Character::other;
  const auto from = in_target_space(segment.seq());
  const auto length = segment.length();
  if (flags == Flags(Flags::ack) && length == 0) return character_of_ack(segment);
  if (flags == Flags(Flags::ack) && length == 1) {
    if (snd_wnd_ == 0 && (from == snd_una_ || from == snd_nxt_)) return Character::probe;
    // A keep-alive may carry one octet of garbage (RFC 9293 section 3.8.4).
    if (snd_una_ == snd_nxt_ && from + 1 == snd_nxt_) return Character::probe;
  }
  // In a simultaneous open the SYN-ACK has the number of the SYN, and news.
  if (flags == (Flags::syn | Flags::ack) && !target_answered_) return Character::other;
  const bool repeated = length > 0 && ahead(0, from) >= 0 && ahead(from + length, snd_nxt_) >= 0;
  return repeated ? Character::retransmission : Character::other;
}

ConnectionView::Character ConnectionView::character_of_ack(const packet::SegmentView& segment) const {
  const auto from = in_target_space(segment.seq());
  // Keep-alives and some window probes repeat an old octet's number with no data (RFC 9293 section 3.8.4).
  if (from + 1 == snd_una_ || from + 1 == snd_nxt_) return Character::probe;
  if (from != snd_nxt_) return Character::other;
  const auto ack = in_tester_space(segment.ack());
  if (ahead(acked_, ack) > 0) return ahead(ack, possible_.next()) >= 0 ? Character::advancing_ack : Character::other;
  if (ack != acked_) return Character::other;
  // The window of a SYN is finer than the scaled ones that follow.
  const auto shift = shift_of(target_syn_);
  return rcv_wnd_ >> shift == segment.window() ? Character::duplicate_ack : Character::window_update;
}

std::int64_t ConnectionView::variable(script::Variable variable) const {
  using script::Variable;
  switch (variable) {
    case Variable::rcv_nxt:
      return received_.next();
    case Variable::snd_nxt:
      return snd_nxt_;
    case Variable::snd_una:
      return snd_una_;
    case Variable::rcv_wnd:
      return rcv_wnd_;
    case Variable::snd_wnd:
      return snd_wnd_;
    case Variable::snd_mss:
      return tester_syn_.mss.value_or(static_cast<std::uint16_t>(default_mss()));
    case Variable::rcv_mss:
      return target_syn_.mss.value_or(static_cast<std::uint16_t>(default_mss()));
    case Variable::mtu:
      return mtu_;
    case Variable::snd_wind_shift:
      return shift_of(tester_syn_);
    case Variable::rcv_wind_shift:
      return shift_of(target_syn_);
    case Variable::ts_recent:
      return ts_recent_;
    case Variable::ts_val:
      return target_timestamp_;
  }
  return 0;
}

ConnectionView::Variables ConnectionView::variables() const {
  Variables out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = variable(static_cast<script::Variable>(i));
  return out;
}

}  // namespace tcpspec::oracle
