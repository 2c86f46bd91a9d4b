// RFC 9293 section 3.10.7.4, OTHER STATES: SYN-RECEIVED and all that follow. The eight
// checks in their order.

#include <algorithm>
#include <array>
#include <utility>

#include "reference/careless.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::Flags;
using packet::in_window;

void Connection::arrives_in_other_states(const ArrivedSegment& arrived, Instant now) {
  ArrivedSegment segment = arrived;
  if (!passes_sequence_check(segment, now)) return;
  if (!passes_rst_check(segment, now)) return;
  // Third, security and compartment: we have none (section 3.10.7.4 lets them out, appendix A.1).
  if (!passes_syn_check(segment, now)) return;
  const bool had_deferred_text = !syn_text_.empty();
  if (!passes_ack_check(segment, now)) return;
  if (had_deferred_text) trim_to_window(segment);  // RCV.NXT has moved over the text of the SYN
  check_urg(segment);
  process_text(segment, now);
  process_fin(segment, now);
}

// ---- First, check sequence number.

// "There are four cases for the acceptability test for an incoming segment."
Connection::Acceptability Connection::acceptability(const ArrivedSegment& segment) const {
  const Seq32 left = rcv_nxt();
  const std::uint32_t window = rcv_wnd();
  const std::uint32_t length = segment.length();
  if (MUTANT(any_sequence_acceptable)) return Acceptability::acceptable;
  if (MUTANT(sequence_without_wrap) && segment.seq.raw() < left.raw()) return Acceptability::unacceptable;
  if (MUTANT(zero_window_accepts_nothing) && window == 0) return Acceptability::unacceptable;
  if (window == 0) {
    if (segment.seq == left) return length == 0 ? Acceptability::acceptable : Acceptability::control_only;
    return Acceptability::unacceptable;
  }
  if (MUTANT(window_off_by_one) && segment.seq == left + window) return Acceptability::acceptable;
  if (in_window(segment.seq, left, window)) return Acceptability::acceptable;
  if (length > 0 && in_window(segment.seq + (length - 1), left, window)) return Acceptability::acceptable;
  // Left of the window at the beginning, right of it at the end: neither end is inside, but
  // all of the window is. The four cases forget it; the text below them cuts segments to the
  // window ("Segments with higher beginning sequence numbers" and so on), so it is taken.
  const bool around =
      length > 0 && distance(segment.seq, left) > 0 && distance(left + window, segment.seq + length) >= 0;
  return around ? Acceptability::acceptable : Acceptability::unacceptable;
}

bool Connection::passes_sequence_check(ArrivedSegment& segment, Instant now) {
  const bool reset = segment.has(Flags::rst);
  if (stamps_.on && (!reset || MUTANT(paws_drops_resets))) {
    // RFC 7323 section 3.2: "If a non-<RST> segment is received without a TSopt, a TCP SHOULD
    // silently drop the segment."
    if (!segment.options.timestamps && !MUTANT(missing_timestamp_accepted)) return false;
    // RFC 7323 section 5.3, R1: PAWS comes before the test of the sequence number.
    if (timestamp_too_old(segment, now)) {
      send_ack(now);
      return false;
    }
  }
  const auto verdict = acceptability(segment);
  if (verdict == Acceptability::unacceptable) {
    // "If an incoming segment is not acceptable, an acknowledgment should be sent in reply
    // (unless the RST bit is set, if so drop the segment and return)".
    if (reset) return MUTANT(any_rst_accepted);
    note_repeated_text(segment);
    if (state_ == State::time_wait && segment.has(Flags::fin) && segment.seq + segment.length() == rcv_nxt() &&
        !MUTANT(time_wait_not_restarted))
      // "The only thing that can arrive in this state is a retransmission of the remote FIN.
      // Acknowledge it, and restart the 2 MSL timeout." (fifth check, TIME-WAIT)
      enter_time_wait(now);
    // RFC 5961 section 7: where both sides find each other's ACK unacceptable, a limit ends it.
    // Text is the peer's to send again, and always gets its answer.
    if (MUTANT(unacceptable_not_answered) || (MUTANT(time_wait_silent) && state_ == State::time_wait)) return false;
    if (segment.length() == 0)
      challenge(now);
    else
      send_ack(now);
    return false;
  }
  // RFC 5961 section 3 goes by the number on the wire. One that is cut to begin at RCV.NXT would reset from
  // wherever its text reaches there.
  if (reset && !MUTANT(any_rst_accepted))
    return segment.seq == rcv_nxt() || in_window(segment.seq, rcv_nxt(), rcv_wnd());
  if (!reset) note_timestamp(segment, now);
  if (verdict == Acceptability::control_only) {
    // "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be
    // made to accept valid ACKs, URGs, and RSTs." (MUST-66)
    if ((segment.text.size() > 0 || segment.has(Flags::fin)) && !MUTANT(window_probe_unanswered))
      acknowledge(AckDue::now);
    segment.text = {};
    segment.flags = segment.flags.without(Flags::fin);
    return true;
  }
  // "In the following it is assumed that the segment is the idealized segment that begins at
  // RCV.NXT and does not exceed the window."
  trim_to_window(segment);
  return true;
}

void Connection::trim_to_window(ArrivedSegment& segment) {
  const Seq32 left = rcv_nxt();
  const auto before = distance(segment.text_begin(), left);
  if (before > 0 && !segment.text.empty()) {
    const auto cut = std::min(segment.text.size(), static_cast<std::size_t>(before));
    incoming_.note_duplicate(segment.text_begin(), segment.text_begin() + static_cast<std::uint32_t>(cut));
    repeated_ = true;
    segment.seq += static_cast<std::uint32_t>(cut) + (segment.has(Flags::syn) ? 1U : 0U);
    segment.bore_syn = segment.has(Flags::syn);
    segment.flags = segment.flags.without(Flags::syn);
    if (!MUTANT(old_text_not_trimmed)) segment.text = segment.text.subspan(cut);
    if (MUTANT(overlapping_text_dropped)) segment.text = {};
  }
  const auto room = distance(segment.text_begin(), left + rcv_wnd());
  if (MUTANT(text_beyond_window_written) && segment.has(Flags::fin))
    careless::copy(segment.text, static_cast<std::size_t>(std::max(room, 0)));
  if (room < static_cast<std::int32_t>(segment.text.size())) {
    segment.text = segment.text.first(static_cast<std::size_t>(std::max(room, 0)));
    segment.flags = segment.flags.without(Flags::fin);
    acknowledge(AckDue::now);  // what lay beyond is not taken: say so
  } else if (room == static_cast<std::int32_t>(segment.text.size()) && segment.has(Flags::fin)) {
    segment.flags = segment.flags.without(Flags::fin);  // the FIN itself lies beyond
    acknowledge(AckDue::now);
  }
}

// ---- Second, check the RST bit. RFC 5961 section 3, mitigation against blind resets.

bool Connection::passes_rst_check(const ArrivedSegment& segment, Instant now) {
  if (!segment.has(Flags::rst)) return true;
  // "2) If the RST bit is set and the sequence number exactly matches the next expected
  // sequence number (RCV.NXT), then TCP endpoints MUST reset the connection".
  if (segment.seq == rcv_nxt() || MUTANT(rst_anywhere_in_window) || MUTANT(any_rst_accepted)) {
    switch (state_) {
      case State::syn_received:
        // "If this connection was initiated with a passive OPEN, then return this connection to
        // the LISTEN state": the listener is still there, and this child goes.
        enter_closed(opening_ == Opening::passive ? std::nullopt : std::optional(Error::refused));
        break;
      case State::established:
      case State::fin_wait_1:
      case State::fin_wait_2:
      case State::close_wait:
        enter_closed(MUTANT(reset_not_told) ? std::nullopt : std::optional(Error::reset));
        break;
      default:  // CLOSING, LAST-ACK, TIME-WAIT: "enter the CLOSED state"
        enter_closed(std::nullopt);
        break;
    }
    return false;
  }
  // "3) [...] does not exactly match the next expected sequence value, yet is within the
  // current receive window, TCP endpoints MUST send an acknowledgment (challenge ACK)".
  if (!MUTANT(rst_not_challenged)) challenge(now);
  return false;
}

// ---- Fourth, check the SYN bit. RFC 5961 section 4.

bool Connection::passes_syn_check(const ArrivedSegment& segment, Instant now) {
  if (!segment.has(Flags::syn)) return true;
  if (state_ == State::syn_received && opening_ == Opening::passive) {
    // "If the connection was initiated with a passive OPEN, then return this connection to the
    // LISTEN state and return."
    enter_closed(std::nullopt);
    return false;
  }
  if (MUTANT(syn_resets)) {
    send_reset(segment.has(Flags::ack) ? segment.ack : Seq32(0), now);
    enter_closed(Error::reset);
    return false;
  }
  challenge(now);
  return false;
}

// ---- Fifth, check the ACK field.

bool Connection::passes_ack_check(const ArrivedSegment& segment, Instant now) {
  // "If the ACK bit is off, drop the segment and return".
  if (!segment.has(Flags::ack) && !MUTANT(ack_bit_not_required)) return false;
  const bool of_what_was_sent = distance(segment.ack, snd_.nxt) >= 0;
  if (state_ == State::syn_received) {
    // "If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED state [...] If the segment
    // acknowledgment is not acceptable, form a reset segment <SEQ=SEG.ACK><CTL=RST>".
    if ((distance(snd_.una, segment.ack) <= 0 || !of_what_was_sent) && !MUTANT(syn_received_any_ack)) {
      send_reset(segment.ack, now);
      return false;
    }
    heard(now);
    snd_.wnd = static_cast<std::uint32_t>(segment.window) << snd_.shift;
    snd_.max_wnd = std::max(snd_.max_wnd, snd_.wnd);
    snd_.wl1 = segment.seq;
    snd_.wl2 = segment.ack;
    // The SYN is acknowledged; what else is, ESTABLISHED's processing below sees.
    snd_.una = snd_.iss + 1U;
    measure_round_trip(segment, now);
    enter_established(now);
  } else {
    // RFC 5961 section 5.2: "(SND.UNA - MAX.SND.WND) =< SEG.ACK =< SND.NXT".
    const bool too_old =
        distance(segment.ack, snd_.una) > static_cast<std::int32_t>(std::min(snd_.max_wnd, 0x7fffffffU));
    if (too_old || (!of_what_was_sent && !MUTANT(ack_of_unsent_taken))) {
      // "If the ACK acks something not yet sent (SEG.ACK > SND.NXT), then send an ACK, drop
      // the segment, and return."
      challenge(now);
      return false;
    }
    heard(now);
  }
  take_acknowledgment(segment, now);

  switch (state_) {
    case State::fin_wait_1:
      if (fin_acknowledged()) {
        become(State::fin_wait_2);
        if (!held_) start(Timer::time_wait, now + stack_.settings().times.orphan_fin_wait_2);
      }
      return true;
    case State::closing:
      if (fin_acknowledged()) enter_time_wait(now);
      return false;
    case State::last_ack:
      if (fin_acknowledged()) enter_closed(std::nullopt);
      return false;
    case State::time_wait:
      // A FIN that lies in the window is not the one that was received: nothing more can come.
      return false;
    default:
      return true;
  }
}

// ---- Sixth, check the URG bit.

void Connection::check_urg(const ArrivedSegment& segment) {
  if (!segment.has(Flags::urg) && !MUTANT(urgent_without_flag)) return;
  if (state_ != State::established && state_ != State::fin_wait_1 && state_ != State::fin_wait_2) return;
  // "RCV.UP <- max(RCV.UP,SEG.UP), and signal the user that the remote side has urgent data
  // if the urgent pointer (RCV.UP) is in advance of the data consumed." RFC 6093 section 2.1:
  // it points behind the urgent data.
  if (MUTANT(urgent_length_underflows))
    careless::copy_end(segment.text, static_cast<std::int32_t>(segment.text.size()) - segment.urgent);
  const auto counted_from =
      MUTANT(urgent_pointer_off_by_segment) ? static_cast<std::uint32_t>(segment.text.size()) : 0U;
  const Seq32 pointed = segment.seq + counted_from + segment.urgent + (MUTANT(urgent_pointer_off_by_one) ? 1U : 0U);
  const Seq32 consumed = incoming_.next() - static_cast<std::uint32_t>(incoming_.readable());
  if (distance(consumed, pointed) <= 0) return;
  if (rcv_.up && distance(*rcv_.up, pointed) <= 0) return;
  rcv_.up = pointed;
  stack_.changed(id_);
}

// ---- Seventh, process the segment text.

void Connection::process_text(const ArrivedSegment& segment, Instant now) {
  if (segment.text.empty()) {
    if (MUTANT(acks_answered) && segment.length() == 0) acknowledge(AckDue::now);
    if (std::exchange(repeated_, false)) acknowledge(AckDue::now);
    return;
  }
  switch (state_) {
    case State::established:
    case State::fin_wait_1:
    case State::fin_wait_2:
      break;
    default:
      // "This should not occur since a FIN has been received from the remote side. Ignore the
      // segment text."
      return;
  }
  if (!held_) {
    // RFC 1122 section 4.2.2.13 and RFC 9293 section 3.6.1 (SHLD-3): "if new data is received
    // after CLOSE is called, its TCP SHOULD send a RST to show that data was lost".
    if (!MUTANT(data_after_close_dropped)) send_reset(snd_.nxt, now);
    return enter_closed(std::nullopt);
  }
  const bool gap_before = incoming_.has_gap();
  auto outcome = incoming_.insert(segment.text_begin(), segment.text);
  if (!reading_ || (MUTANT(half_close_loses_data) && fin_wanted_)) discard_unread();
  const bool repeated = std::exchange(repeated_, false) || outcome.duplicate > 0;
  if (outcome.advanced > 0) stack_.changed(id_);
  ++segments_unacknowledged_;
  largest_segment_ = std::max(largest_segment_, static_cast<std::uint32_t>(segment.text.size()));
  // RFC 5681 section 4.2: "a TCP receiver SHOULD send an immediate duplicate ACK when an
  // out-of-order segment arrives [...] and SHOULD send an immediate ACK when the incoming
  // segment fills in all or part of a gap in the sequence space." RFC 9293 section 3.8.6.3
  // (SHLD-18, MUST-58): at least every second full-sized segment, and within 0.5 s.
  const bool at_once = outcome.out_of_order || outcome.filled_gap || gap_before || repeated || outcome.advanced == 0;
  if (at_once && !MUTANT(out_of_order_ack_delayed))
    acknowledge(AckDue::now);
  else
    acknowledge(segments_unacknowledged_ >= (MUTANT(acks_stretched) ? 8U : 2U) ? AckDue::now : AckDue::delayed);
}

// RFC 2883 section 4: what a segment below the window repeats is told in the ACK that answers it.
void Connection::note_repeated_text(const ArrivedSegment& segment) {
  const Seq32 begin = segment.text_begin();
  const Seq32 end = begin + static_cast<std::uint32_t>(segment.text.size());
  if (synchronized() && !segment.text.empty() && distance(end, incoming_.next()) >= 0)
    incoming_.note_duplicate(begin, end);
}

void Connection::discard_unread() {
  std::array<std::byte, 4096> nowhere;
  while (incoming_.read(nowhere) > 0) {
  }
}

// ---- Eighth, check the FIN bit.

void Connection::process_fin(const ArrivedSegment& segment, Instant now) {
  if (state_ == State::closed) return;
  if (segment.has(Flags::fin) && !rcv_.fin) {
    deferred_fin_ = segment.text_begin() + static_cast<std::uint32_t>(segment.text.size());
    acknowledge(AckDue::now);
  }
  take_deferred_fin(now);
}

// "If the FIN bit is set, signal the user "connection closing" [...], advance RCV.NXT over the
// FIN, and send an acknowledgment for the FIN": once everything before it is here.
void Connection::take_deferred_fin(Instant now) {
  if (!deferred_fin_ || rcv_.fin) return;
  if (incoming_.next() != *deferred_fin_ && !MUTANT(fin_out_of_order_taken)) return;
  deferred_fin_.reset();
  rcv_.fin = !MUTANT(fin_not_acknowledged);
  incoming_.drop_out_of_order();
  if (distance(rcv_nxt(), rcv_.edge) < 0) rcv_.edge = rcv_nxt();
  acknowledge(AckDue::now);
  stack_.changed(id_);
  switch (state_) {
    case State::syn_received:
    case State::established:
      become(State::close_wait);
      break;
    case State::fin_wait_1:
      // "If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT, start the
      // time-wait timer, turn off the other timers; otherwise, enter the CLOSING state."
      if (fin_acknowledged() || MUTANT(closing_skipped))
        enter_time_wait(now);
      else
        become(State::closing);
      break;
    case State::fin_wait_2:
      enter_time_wait(now);
      break;
    default:
      break;
  }
}

}  // namespace tcpspec::reference
