// What is sent, and when: segmentation (RFC 9293 section 3.7), Nagle (3.7.4), the silly-window
// avoidance of sender and receiver (3.8.6.2), and acknowledgments (3.8.6.3).

#include <algorithm>
#include <utility>

#include "reference/careless.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::Flags;
using Transmission = LossRecovery::Transmission;

// ---- segments

packet::Segment Connection::blank(packet::Flags flags, Seq32 seq) const {
  packet::Segment segment;
  segment.source = local_;
  segment.destination = remote_;
  segment.seq = seq;
  segment.flags = flags;
  segment.ip.ttl = wish_.ttl;
  segment.ip.traffic_class = wish_.traffic_class;
  return segment;
}

// Every segment that carries an ACK acknowledges all there is: none is due any more.
void Connection::emit(packet::Segment segment, Instant now) {
  if (segment.flags.has(Flags::ack)) {
    segment.ack = rcv_nxt();
    if (MUTANT(acks_one_too_many) && segment.payload.empty() && incoming_.readable() > 0) segment.ack += 1U;
    rcv_.last_ack_sent = segment.ack;
    segment.window = offer_window(segment.flags);
    ack_due_ = AckDue::none;
    segments_unacknowledged_ = 0;
    stop(Timer::delayed_ack);
  }
  last_sent_ = now;
  stack_.transmit(std::move(segment));
}

// SYN, or SYN-ACK once the peer's SYN is here. Again and again until it is acknowledged.
void Connection::send_syn(Instant now) {
  auto segment = blank(rcv_known_ ? Flags::syn | Flags::ack : Flags(Flags::syn), snd_.iss);
  segment.options = syn_options(now);
  if (!rcv_known_) segment.window = window_of_syn();
  if (!unanswered_since_) {
    unanswered_since_ = now;
    timed_ = TimedSegment{snd_.iss + 1U, now};
  }
  emit(std::move(segment), now);
  if (!timer(Timer::retransmission)) start(Timer::retransmission, now + rto_.value());
}

std::uint16_t Connection::window_of_syn() const {
  return static_cast<std::uint16_t>(std::min<std::size_t>(incoming_.capacity(), 0xffff));
}

// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
void Connection::send_ack(Instant now) {
  auto segment = blank(Flags::ack, snd_.nxt);
  segment.options = data_options(now);
  emit(std::move(segment), now);
}

// <SEQ=seq><CTL=RST>. RFC 7323 section 3.2: timestamps SHOULD be on a RST as well.
void Connection::send_reset(Seq32 seq, Instant now) {
  auto segment = blank(Flags::rst, seq);
  if (stamps_.on)
    segment.options = {packet::Nop{}, packet::Nop{}, packet::Timestamps{timestamp_now(now), stamps_.recent}};
  stack_.transmit(std::move(segment));
}

void Connection::acknowledge(AckDue due) {
  if (due > ack_due_) ack_due_ = due;
}

// ---- the window that we offer

// As much as the buffer has room for, and never less than was offered before (section 3.8.6,
// SHLD-14: a receiver SHOULD NOT shrink the window).
Seq32 Connection::best_edge() const {
  const std::uint32_t tellable = 0xffffU << (synchronized() ? rcv_.shift : 0U);
  const Seq32 possible = rcv_nxt() + std::min(static_cast<std::uint32_t>(incoming_.room()), tellable);
  if (MUTANT(window_shrunk)) return possible;
  return packet::later(rcv_.edge, possible);
}

// Section 3.8.6.2.2 (MUST-39): the right edge moves on "when the increase is at least
// min( Fr * RCV.BUFF, Eff.snd.MSS )", Fr = 1/2.
std::uint16_t Connection::offer_window(packet::Flags flags) {
  const Seq32 best = best_edge();
  const auto gain = distance(rcv_.edge, best);
  const auto worth = static_cast<std::int32_t>(
      std::min<std::size_t>(incoming_.capacity() / 2, std::max<std::uint32_t>(largest_segment_, announced_mss())));
  const bool moves = flags.has(Flags::syn) || gain >= worth || MUTANT(silly_window_offered);
  // A window is told in units of 2^shift; a SYN's never is (RFC 7323 section 2.2).
  const unsigned shift = flags.has(Flags::syn) && !MUTANT(syn_window_scaled_out) ? 0U : rcv_.shift;
  const std::uint32_t unit = (1U << shift) - 1U;
  const Seq32 from = rcv_nxt();
  // The edge that was offered stays offered: rounded up, where the buffer allows for less
  // than a unit more than it should. A new one is rounded down.
  std::uint32_t field = (static_cast<std::uint32_t>(std::max(distance(from, rcv_.edge), 0)) + unit) >> shift;
  if (moves) field = std::max(field, static_cast<std::uint32_t>(std::max(distance(from, best), 0)) >> shift);
  if (MUTANT(window_shrunk)) field = static_cast<std::uint32_t>(std::max(distance(from, best), 0)) >> shift;
  field = std::min(field, 0xffffU);
  rcv_.edge = from + (field << shift);
  return static_cast<std::uint16_t>(field);
}

std::uint32_t Connection::rcv_wnd() const {
  return static_cast<std::uint32_t>(std::max(distance(rcv_nxt(), rcv_.edge), 0));
}

// After a read: whoever was told of a small window waits to hear of a larger one.
void Connection::announce_reopened_window() {
  if (state_ < State::established || rcv_.fin) return;
  const auto gain = distance(rcv_.edge, best_edge());
  const auto mss = static_cast<std::int32_t>(announced_mss());
  const bool was_closed = static_cast<std::int32_t>(rcv_wnd()) < mss;
  const auto half = static_cast<std::int32_t>(incoming_.capacity() / 2);
  if (MUTANT(reopened_window_not_told)) return;
  if (gain >= std::min(half, was_closed ? mss : 2 * mss)) acknowledge(AckDue::now);
}

// ---- the data that we send

std::uint32_t Connection::usable_window() const {
  const auto usable = distance(snd_.nxt, snd_.una + snd_.wnd);
  if (MUTANT(window_ignored)) return 0xffff;
  if (MUTANT(shrunk_window_underflows)) return static_cast<std::uint32_t>(usable);
  return static_cast<std::uint32_t>(std::max(usable + (MUTANT(window_overrun_by_one) ? 1 : 0), 0));
}

std::uint32_t Connection::unsent() const {
  return static_cast<std::uint32_t>(std::max(distance(snd_.nxt, outgoing_.end()), 0));
}

bool Connection::fin_sent() const {
  return fin_wanted_ && snd_.nxt == outgoing_.end() + 1U;
}

bool Connection::fin_to_send() const {
  return fin_wanted_ && snd_.nxt == outgoing_.end();
}

void Connection::output(Instant now) {
  const bool may_send = state_ >= State::established && state_ != State::time_wait && recovery_;
  if (may_send) {
    // What was learnt of the path may have been forgotten since (RFC 1191 section 6.3).
    if (const auto mss = effective_mss(now); mss != recovery_->smss()) recovery_->smss_became(mss);
    // RFC 5681 section 4.1: after an idle RTO the window that is known is too old.
    if (flight_size() == 0 && unsent() > 0 && now - last_sent_ > rto_.value()) recovery_->restart_after_idle();
    while (send_next(now)) {
    }
  }
  if (ack_due_ == AckDue::now) send_ack(now);
  if (ack_due_ == AckDue::delayed && !timer(Timer::delayed_ack))
    start(Timer::delayed_ack, now + (MUTANT(ack_after_a_second) ? std::chrono::seconds(1) : Duration{}) +
                                  stack_.settings().times.delayed_ack);
  set_transmission_timers(now);
}

bool Connection::send_next(Instant now) {
  return send_again(recovery_->next_retransmission(flight()), now) || send_fresh(now) ||
         send_again(recovery_->last_resort(flight()), now);
}

// Section 3.8.6: what lies beyond a window that has shrunk waits, and the rest goes again.
bool Connection::send_again(std::optional<SequenceRange> range, Instant now) {
  if (!range) return false;
  const auto room = distance(range->from, snd_.una + snd_.wnd);
  if (room <= 0) return false;
  auto octets = std::min(range->octets, static_cast<std::uint32_t>(room));
  // A short end is filled up with what follows (section 3.7.1 asks for no particular cuts).
  const std::uint32_t mss = effective_mss(now);
  if (range->from + octets == snd_.nxt && octets < mss && !fin_sent())
    octets += std::min({mss - octets, unsent(), usable_window()});
  ++stack_.statistics_.retransmissions;
  send_range(range->from, octets, Transmission::again, now);
  return true;
}

bool Connection::send_fresh(Instant now) {
  const std::uint32_t allowed =
      MUTANT(congestion_window_ignored) ? 0xffffff : recovery_->fresh_octets_allowed(flight());
  std::uint32_t octets = sendable(now, allowed);
  // A FIN has its place in the window, and waits for nothing else. It leaves with the data
  // before it where both fit.
  const bool last = fin_wanted_ && octets == unsent() && (octets > 0 || fin_to_send());
  const bool with_fin = last && usable_window() > octets && !(MUTANT(fin_held_back) && flight_size() > 0);
  if (with_fin) ++octets;
  if (octets == 0) return false;
  send_range(snd_.nxt, octets, Transmission::fresh, now);
  override_ = false;
  return true;
}

// Section 3.8.6.2.1 (MUST-38): how much of the data may go now, in one segment. D is
// what waits, U the usable window.
std::uint32_t Connection::sendable(Instant now, std::uint32_t allowed) const {
  const std::uint32_t mss = effective_mss(now);
  const std::uint32_t waiting = unsent();
  const std::uint32_t usable = std::min(usable_window(), allowed);
  const std::uint32_t octets = std::min({waiting, usable, mss});
  if (MUTANT(shrunk_window_overreads)) {
    const Bytes held = outgoing_.copy(outgoing_.begin(), outgoing_.size());
    const auto open = std::min(static_cast<std::int32_t>(waiting), distance(snd_.nxt, snd_.una + snd_.wnd));
    if (open != 0)
      careless::read(held.data() + distance(outgoing_.begin(), snd_.nxt),
                     std::min(static_cast<std::size_t>(open), static_cast<std::size_t>(mss)));
  }
  if (octets == 0) return 0;
  // "(1) if a maximum-sized segment can be sent"
  if (octets == mss) return octets;
  // Nagle, section 3.7.4 (SHLD-7): "If there is unacknowledged data (i.e., SND.NXT > SND.UNA),
  // then the sending TCP endpoint buffers all user data [...] until the outstanding data has been
  // acknowledged or until the TCP endpoint can send a full-sized segment". After CLOSE nothing
  // more can come that would be worth waiting for.
  const bool idle = flight_size() == 0 || (wish_.no_delay && !MUTANT(no_delay_ignored)) ||
                    (fin_wanted_ && waiting <= usable) || MUTANT(nagle_ignored);
  if (!idle) return 0;
  // "(2) [...] if the data is pushed and all queued data can be sent now"
  if (waiting <= usable && (fin_wanted_ || outgoing_.pushed_from(snd_.nxt) > 0)) return octets;
  // "(3) [...] if at least a fraction Fs of the maximum window can be sent", Fs = 1/2
  if (octets >= snd_.max_wnd / 2 && snd_.max_wnd > 0) return octets;
  // "(4) if the override timeout occurs"
  return override_ || MUTANT(silly_window_sent) ? octets : 0;
}

// Octets `from` on, the FIN counted where it is one of them; as one segment.
void Connection::send_range(Seq32 from, std::uint32_t octets, Transmission kind, Instant now) {
  const std::uint32_t mss = effective_mss(now);
  auto segment = blank(Flags::ack, from);
  segment.options = data_options(now);
  // SACK blocks take room that the MSS did not count.
  const std::uint32_t whole = mss + option_octets();
  std::uint32_t taken = 0;
  for (const auto& option : segment.options)
    if (const auto* sack = std::get_if<packet::Sack>(&option))
      taken = 4 + 8 * static_cast<std::uint32_t>(sack->blocks.size());
  if (MUTANT(sack_octets_not_counted)) taken = 0;
  if (taken + option_octets() >= whole) {
    std::erase_if(segment.options, [](const auto& option) { return std::holds_alternative<packet::Sack>(option); });
    taken = 0;
  }
  const auto held = static_cast<std::uint32_t>(std::max(distance(from, outgoing_.end()), 0));
  const std::uint32_t text = std::min({octets, held, mss - std::min(taken, mss - 1)});
  const Seq32 end = from + text;
  if (text > 0) {
    segment.payload = outgoing_.copy(from, text);
    if (MUTANT(retransmits_other_octets) && kind == Transmission::again) segment.payload[0] ^= std::byte{1};
    // SHLD-27 of section 3.9.1.2: PSH on the last segment of what was queued.
    if ((outgoing_.push_within(from, end) || end == outgoing_.end()) && !MUTANT(push_never_set))
      segment.flags = segment.flags | Flags::psh;
  }
  const bool fin = octets > text && text == held && fin_wanted_;
  if (fin) segment.flags = segment.flags | Flags::fin;
  // Section 3.8.5: the pointer is behind the urgent data (RFC 6093), and goes with every
  // segment that lies before it.
  if (snd_.up && distance(from, *snd_.up) > 0) {
    segment.flags = segment.flags | Flags::urg;
    segment.urgent = static_cast<std::uint16_t>(
        std::min<std::int32_t>(distance(from, *snd_.up) - (MUTANT(urgent_sent_off_by_one) ? 1 : 0), 0xffff));
  }
  const std::uint32_t length = text + (fin ? 1U : 0U);
  if (length == 0) return;
  note_transmission(from, length, kind, now);
  emit(std::move(segment), now);
  if (fin && state_ == State::close_wait) become(State::last_ack);  // section 3.10.4, CLOSE-WAIT
}

void Connection::note_transmission(Seq32 from, std::uint32_t length, Transmission kind, Instant now) {
  const Seq32 end = from + length;
  if (!unanswered_since_) unanswered_since_ = now;
  if (kind == Transmission::fresh) {
    if (!timed_) timed_ = TimedSegment{end, now};
  } else if (timed_ && !MUTANT(karn_ignored)) {
    timed_.reset();  // Karn: an ACK could be for the one or the other
  }
  const auto fresh = static_cast<std::uint32_t>(std::max(distance(snd_.nxt, end), 0));
  snd_.nxt += fresh;
  if (recovery_ && kind == Transmission::again) recovery_->transmitted({from, length - fresh}, kind);
  if (recovery_ && fresh > 0) recovery_->transmitted({end - fresh, fresh}, Transmission::fresh);
  if (!timer(Timer::retransmission) && snd_.wnd != 0) start(Timer::retransmission, now + rto_.value());
}

// Section 3.8.6.1 (MUST-36): "The sending TCP peer must regularly transmit at least one octet of
// new data (if available), or retransmit to the receiving TCP peer even if the send window is zero".
void Connection::send_window_probe(Instant now) {
  if (flight_size() > 0)
    send_range(snd_.una, 1, Transmission::again, now);
  else if (unsent() > 0 || fin_to_send())
    send_range(snd_.nxt, 1, Transmission::fresh, now);
}

}  // namespace tcpspec::reference
