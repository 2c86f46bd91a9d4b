// What an acceptable ACK does: RFC 9293 section 3.10.7.4, fifth check, ESTABLISHED; the
// measurement of the round trip (RFC 6298, RFC 7323); and our challenge ACKs (RFC 5961).

#include <algorithm>

#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::Flags;

// "If SND.UNA < SEG.ACK =< SND.NXT, then set SND.UNA <- SEG.ACK. Any segments on the
// retransmission queue that are thereby entirely acknowledged are removed."
void Connection::take_acknowledgment(const ArrivedSegment& segment, Instant now) {
  const Seq32 una_before = snd_.una;
  const bool was_closed = snd_.wnd == 0;
  const bool duplicate = is_duplicate_ack(segment);
  if (distance(snd_.una, segment.ack) > 0) {
    const bool syn_acknowledged = snd_.una == snd_.iss;
    snd_.una = segment.ack;
    keep_right_edge(una_before);
    if (syn_acknowledged && !recovery_) begin_sending(now);
    measure_round_trip(segment, now);
    if (distance(outgoing_.begin(), snd_.una) > 0)
      outgoing_.acknowledge(distance(outgoing_.end(), snd_.una) > 0 ? outgoing_.end() : snd_.una);
    if (snd_.up && distance(*snd_.up, snd_.una) >= 0) snd_.up.reset();
    transmissions_ = 0;
    unanswered_since_.reset();
    if (flight_size() > 0) unanswered_since_ = now;
    stack_.changed(id_);
  }
  update_send_window(segment, now);
  if (!recovery_) return;
  recovery_->acknowledged(
      {.una_before = una_before,
       .flight = flight(),
       .duplicate = duplicate,
       .blocks = sack_ ? std::span<const SackBlock>(segment.options.sack) : std::span<const SackBlock>()});
  if (snd_.una != una_before) {
    // RFC 6298 sections 5.2 and 5.3: off when all is acknowledged, anew otherwise. (RFC 6582
    // section 4: of the partial acknowledgments of one recovery the first alone does so.)
    if (flight_size() == 0 || recovery_->restarts_timer()) stop(Timer::retransmission);
    if (flight_size() > 0 && !timer(Timer::retransmission)) start(Timer::retransmission, now + rto_.value());
  }
  if (was_closed && snd_.wnd > 0) {
    // What went into the closed window was not taken: send it again with what follows it.
    stop(Timer::persist);
    window_probes_ = 0;
    if (flight_size() > 0) recovery_->window_opened(flight());
  }
}

// "Note that SND.WND is an offset from SND.UNA": the peer has offered a right edge, and where
// SND.UNA moves on by a segment that may not update the window (one with an old SEG.SEQ and a
// new SEG.ACK: what the peer sends again), the edge stays.
void Connection::keep_right_edge(Seq32 una_before) {
  if (MUTANT(window_edge_moves_with_una)) return;
  const auto moved = static_cast<std::uint32_t>(distance(una_before, snd_.una));
  snd_.wnd -= std::min(snd_.wnd, moved);
}

// "If SND.UNA =< SEG.ACK =< SND.NXT, the send window should be updated. If (SND.WL1 < SEG.SEQ
// or (SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK)), set SND.WND <- SEG.WND [...]" The variables
// guard against old segments; an ACK below SND.UNA updates nothing.
void Connection::update_send_window(const ArrivedSegment& segment, Instant now) {
  (void)now;
  if (distance(segment.ack, snd_.una) > 0) return;
  const auto later = distance(snd_.wl1, segment.seq);
  const bool newer =
      later > 0 || (later == 0 && distance(snd_.wl2, segment.ack) >= (MUTANT(window_update_needs_new_ack) ? 1 : 0));
  if (!newer && !MUTANT(old_segment_updates_window)) return;
  // RFC 7323 section 2.2: a window on a segment with SYN is never scaled.
  const bool scaled = !segment.bore_syn && !MUTANT(window_not_scaled);
  snd_.wnd = static_cast<std::uint32_t>(segment.window) << (scaled ? snd_.shift : 0);
  snd_.max_wnd = std::max(snd_.max_wnd, snd_.wnd);
  snd_.wl1 = segment.seq;
  snd_.wl2 = segment.ack;
}

// RFC 5681 section 2: "(a) the receiver of the ACK has outstanding data, (b) the incoming
// acknowledgment carries no data, (c) the SYN and FIN bits are both off, (d) the
// acknowledgment number is equal to the greatest acknowledgment received on the given
// connection and (e) the advertised window in the incoming acknowledgment equals the
// advertised window in the last incoming acknowledgment."
bool Connection::is_duplicate_ack(const ArrivedSegment& segment) const {
  if (MUTANT(any_ack_counts_as_duplicate)) return flight_size() > 0 && segment.ack == snd_.una;
  // What answers a probe of a closed window tells of the window, and of no loss.
  if (snd_.wnd == 0) return false;
  return flight_size() > 0 && segment.length() == 0 && segment.ack == snd_.una &&
         (static_cast<std::uint32_t>(segment.window) << snd_.shift) == snd_.wnd;
}

// RFC 6298 section 3, Karn's algorithm; RFC 7323 section 4.1, RTTM: "A TSecr value received in
// a segment MAY be used to update the averaged RTT measurement only if the segment advances
// the left edge of the send window".
void Connection::measure_round_trip(const ArrivedSegment& segment, Instant now) {
  const bool timed = timed_ && distance(timed_->end, segment.ack) >= 0;
  if (stamps_.on && segment.options.timestamps && segment.options.timestamps->echo_reply != 0) {
    if (timed) timed_.reset();
    const std::uint32_t ticks = timestamp_now(now) - segment.options.timestamps->echo_reply;
    const auto& times = stack_.settings().times;
    // An echo of what we never sent measures nothing.
    if (ticks * times.timestamp_tick > times.greatest_rto) return;
    const auto per_window = recovery_ ? flight_size() / (2 * recovery_->smss()) : 0U;
    rto_.measured(ticks * times.timestamp_tick, std::max(per_window, 1U));
    return;
  }
  if (!timed) return;
  rto_.measured(now - timed_->sent);
  timed_.reset();
}

// Our FIN was sent, and the peer has it.
bool Connection::fin_acknowledged() const {
  return fin_wanted_ && snd_.una == outgoing_.end() + 1U;
}

// RFC 5961 section 7: challenge ACKs are limited, here by connection, so that nobody can tell
// from one connection what another one drew.
void Connection::challenge(Instant now) {
  const auto& times = stack_.settings().times;
  while (!challenges_.empty() && now - challenges_.front() >= times.challenge_ack_period) challenges_.pop_front();
  if (challenges_.size() >= static_cast<std::size_t>(times.challenge_acks) && !MUTANT(challenges_unlimited)) return;
  challenges_.push_back(now);
  send_ack(now);
}

// The peer has acknowledged our SYN: from here on data may flow.
void Connection::begin_sending(Instant now) {
  recovery_.emplace(effective_mss(now), sack_ ? LossRecovery::Sack::yes : LossRecovery::Sack::no,
                    syn_lost_ ? LossRecovery::Syn::was_lost : LossRecovery::Syn::arrived, snd_.iss + 1U,
                    stack_.settings().limits.sack_ranges);
}

}  // namespace tcpspec::reference
