#include "reference/loss_recovery.hh"

#include <algorithm>
#include <cassert>

#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::later;

namespace {

// RFC 7323 section 2.3: no peer can advertise more, and a larger window allows nothing that this one does not.
constexpr std::uint32_t kGreatestWindow = 65'535U << 14;

std::uint32_t octets_between(Seq32 from, Seq32 to) {
  return static_cast<std::uint32_t>(std::max(distance(from, to), 0));
}

}  // namespace

LossRecovery::LossRecovery(std::uint32_t smss, Sack sack, Syn syn, Seq32 una, std::size_t most_ranges)
    : smss_(smss),
      sack_(sack),
      scoreboard_(most_ranges),
      // RFC 5681 section 3.1: arbitrarily high in the beginning.
      ssthresh_(kGreatestWindow),
      una_(una),
      initial_window_(syn == Syn::was_lost ? InitialWindow::one_segment : InitialWindow::rfc_6928),
      lost_before_(una),
      high_rxt_(una),
      rescue_rxt_(una) {
  assert(smss > 0 && "a segment holds an octet at least");
  set_cwnd(initial_window());
  initial_flight_end_ = una + cwnd_;
}

std::uint32_t LossRecovery::initial_window() const {
  if (MUTANT(no_initial_slow_start)) return kGreatestWindow;
  switch (initial_window_) {
    case InitialWindow::rfc_6928:  // section 2
      return std::min(10 * smss_, std::max(2 * smss_, 14'600U));
    case InitialWindow::rfc_3390:  // section 1
      return std::min(4 * smss_, std::max(2 * smss_, 4'380U));
    case InitialWindow::one_segment:  // RFC 6928 section 2, RFC 5681 section 3.1
      return MUTANT(lost_syn_forgotten) ? 10 * smss_ : smss_;
  }
  return smss_;
}

void LossRecovery::acknowledged(const Acknowledgment& ack) {
  scoreboard_.acknowledge(ack.flight.una);
  auto news = Scoreboard::News::no;
  if (sack_ == Sack::yes)
    for (const SackBlock block : ack.blocks)
      if (scoreboard_.add(block, ack.flight) == Scoreboard::News::yes) news = Scoreboard::News::yes;

  const std::uint32_t octets = octets_between(ack.una_before, ack.flight.una);
  if (octets > 0) advanced(octets, ack.flight);

  // RFC 6675 section 2: with SACK a duplicate is what tells something new, whatever else it
  // does. One that tells nothing new (a D-SACK, say) is none, so that what was retransmitted
  // without need starts no recovery.
  const bool duplicate = sack_ == Sack::yes ? news == Scoreboard::News::yes : ack.duplicate && octets == 0;
  if (duplicate) duplicated(ack.flight);
}

void LossRecovery::advanced(std::uint32_t octets, Flight flight) {
  una_ = flight.una;
  lost_before_ = later(lost_before_, una_);
  high_rxt_ = later(high_rxt_, una_);
  initial_flight_end_ = later(initial_flight_end_, una_);
  timed_out_at_.reset();
  duplicates_ = 0;  // RFC 6675 section 5
  limited_ = 0;
  if (!recovering_) {
    grow(octets);
  } else if (distance(*recover_, una_) >= 0) {
    leave_recovery(flight);
  } else {
    partially_acknowledged(octets, flight);
  }
  if (recover_ && distance(*recover_, una_) > 0) recover_.reset();
}

void LossRecovery::grow(std::uint32_t acknowledged) {
  if (cwnd_ < ssthresh_ || MUTANT(slow_start_for_ever)) {
    // RFC 5681 section 3.1 equation 2 (RFC 3465 with L = 1 SMSS): slow start.
    set_cwnd(std::uint64_t{cwnd_} + (MUTANT(growth_by_acks) ? smss_ : std::min(acknowledged, smss_)));
    return;
  }
  if (MUTANT(extra_additive_constant)) set_cwnd(std::uint64_t{cwnd_} + smss_ / 8);
  // RFC 5681 section 3.1, the recommended way: one SMSS for every cwnd of octets that are
  // acknowledged, which is one per round trip at the most.
  acknowledged_in_avoidance_ += acknowledged;
  if (acknowledged_in_avoidance_ < cwnd_) return;
  acknowledged_in_avoidance_ = std::min(acknowledged_in_avoidance_ - cwnd_, cwnd_);
  set_cwnd(std::uint64_t{cwnd_} + smss_);
}

void LossRecovery::duplicated(Flight flight) {
  duplicates_ = std::min(duplicates_ + 1, kDupThresh);
  if (recovering_) {
    // RFC 5681 section 3.2 step 4: a segment has left the network. With SACK, pipe tells.
    if (sack_ == Sack::no) set_cwnd(std::uint64_t{cwnd_} + smss_);
    return;
  }
  if (below_recover(flight.una) || MUTANT(no_fast_retransmit)) return;
  // RFC 6675 section 5 (1) and (2), RFC 5681 section 3.2 step 2.
  if (duplicates_ == (MUTANT(first_duplicate_is_a_loss) ? 1 : kDupThresh) || scoreboard_.lost_before(smss_))
    enter_recovery(flight);
}

// What is left of an earlier recovery, or timeout, must not start another one.
bool LossRecovery::below_recover(Seq32 una) const {
  if (!recover_) return false;
  // RFC 6675 section 5.1: until HighACK reaches RecoveryPoint.
  if (sack_ == Sack::yes) return distance(una, *recover_) > 0;
  // RFC 6582 section 3.2 step 2: more than `recover` is to be covered, since the duplicates
  // at that very point may come of what was sent again without need (section 4).
  return distance(una, *recover_) >= 0;
}

void LossRecovery::enter_recovery(Flight flight) {
  assert(flight.una != flight.nxt && "a duplicate is one only while data is outstanding (RFC 5681 section 2 (a))");
  halve(flight);
  recovering_ = true;
  partial_acknowledgments_ = 0;
  recover_ = flight.nxt;  // RFC 6582 section 3.2 step 2, RFC 6675 section 5 (4.1)
  at_once_ = true;        // RFC 5681 section 3.2 step 3, RFC 6675 section 5 (4.3)
  high_rxt_ = flight.una;
  if (sack_ == Sack::yes) {
    set_cwnd(ssthresh_);  // RFC 6675 section 5 (4.2)
  } else {
    set_cwnd(std::uint64_t{ssthresh_} + 3 * smss_);  // RFC 5681 section 3.2 step 3
    lost_before_ = flight.una + std::min(smss_, octets_between(flight.una, flight.nxt));
  }
}

void LossRecovery::partially_acknowledged(std::uint32_t octets, Flight flight) {
  ++partial_acknowledgments_;
  if (sack_ == Sack::yes) return;
  // RFC 6582 section 3.2 step 3: the next segment is lost too. The window gives back what
  // was acknowledged, and takes one segment for that which is sent again.
  const std::uint32_t deflated = cwnd_ - std::min(cwnd_, octets) + (octets >= smss_ ? smss_ : 0);
  set_cwnd(deflated);
  at_once_ = true;
  high_rxt_ = flight.una;
  lost_before_ = flight.una + std::min(smss_, octets_between(flight.una, *recover_));
}

void LossRecovery::leave_recovery(Flight flight) {
  recovering_ = false;
  at_once_ = false;
  high_rxt_ = flight.una;          // RFC 6675 section 5 (3.1)
  if (sack_ == Sack::yes) return;  // (A): cwnd is ssthresh since the beginning
  if (MUTANT(window_not_deflated)) return;
  // RFC 6582 section 3.2 step 3, full acknowledgment, (1): no burst where little is in flight.
  const std::uint32_t in_flight = octets_between(flight.una, flight.nxt);
  set_cwnd(std::min(ssthresh_, std::max(in_flight, smss_) + smss_));
}

void LossRecovery::timed_out(Flight flight) {
  // RFC 5681 section 3.1 equation 4: but where the timer has sent the same segment before, ssthresh stays.
  if (timed_out_at_ != flight.una) halve(flight);
  timed_out_at_ = flight.una;
  // RFC 2018 sections 5 and 5.1: the peer may have dropped what it reported, and nothing of it
  // counts any longer. RFC 6675 section 5.1 would allow to keep it; but the answers to what is
  // sent now tell it again, and they alone are certain.
  if (!MUTANT(reneging_not_expected)) scoreboard_.clear();
  mark_all_lost(flight);
  if (MUTANT(no_slow_start_after_timeout)) return;
  set_cwnd(MUTANT(timeout_resends_three) ? 3 * smss_ : smss_);  // RFC 5681 section 3.1: the loss window
}

void LossRecovery::resend_all(Flight flight) {
  // RFC 1191 section 6.4: the segments were too large, and no congestion is to blame. Slow
  // start it is, one segment until acknowledgments come, but back to the same window.
  if (!recovering_) ssthresh_ = std::max(ssthresh_, cwnd_);
  mark_all_lost(flight);
  set_cwnd(smss_);
}

void LossRecovery::window_opened(Flight flight) {
  if (!recovering_) mark_all_lost(flight);
}

void LossRecovery::mark_all_lost(Flight flight) {
  lost_before_ = flight.nxt;
  high_rxt_ = flight.una;
  // RFC 6582 section 3.2 step 4, RFC 6675 section 5.1: fast recovery ends, and none begins
  // until everything that was sent by now is acknowledged.
  recovering_ = false;
  at_once_ = false;
  recover_ = flight.nxt;
  duplicates_ = 0;
  limited_ = 0;
  acknowledged_in_avoidance_ = 0;
}

void LossRecovery::halve(Flight flight) {
  // RFC 5681 section 3.1 equation 4. Section 3.2 step 2: without what limited transmit sent.
  if (!MUTANT(window_not_halved)) ssthresh_ = std::max(flight_size(flight) / 2, 2 * smss_);
  limited_ = 0;
  acknowledged_in_avoidance_ = 0;
  // RFC 6928 section 2: where an initial window was too much, later ones are RFC 3390's.
  if (initial_window_ == InitialWindow::rfc_6928 && distance(flight.una, initial_flight_end_) > 0)
    initial_window_ = InitialWindow::rfc_3390;
}

void LossRecovery::transmitted(SequenceRange range, Transmission kind) {
  const Seq32 end = range.from + range.octets;
  if (kind == Transmission::fresh) {
    // RFC 3042 section 2: what the first two duplicates let go beyond the window.
    const std::uint32_t in_flight = octets_between(una_, end);
    if (!recovering_ && duplicates_ > 0 && in_flight > cwnd_)
      limited_ = std::min(limited_ + range.octets, in_flight - cwnd_);
  } else if (at_once_) {
    // RFC 6675 section 5 (4.3): no premature rescue.
    at_once_ = false;
    high_rxt_ = end;
    rescue_rxt_ = end;
  } else if (is_rescue(range)) {
    rescue_rxt_ = *recover_;  // RFC 6675 section 4 NextSeg (4): once, and HighRxt stays
  } else {
    high_rxt_ = later(high_rxt_, end);  // RFC 6675 section 5 (C.2)
  }
}

// Rules (1) and (3) go on from HighRxt and end before what was reported; (4) does not.
bool LossRecovery::is_rescue(SequenceRange range) const {
  if (!recovering_ || sack_ == Sack::no) return false;
  const Seq32 highest = scoreboard_.highest().value_or(una_);
  return distance(high_rxt_, range.from) < 0 || distance(highest, range.from + range.octets) > 0;
}

void LossRecovery::restart_after_idle() {
  // RFC 5681 section 4.1: RW = min(IW, cwnd).
  if (!MUTANT(idle_window_kept)) set_cwnd(std::min(initial_window(), cwnd_));
  initial_flight_end_ = una_ + cwnd_;
}

void LossRecovery::smss_became(std::uint32_t smss) {
  assert(smss > 0 && "a segment holds an octet at least");
  // RFC 5681 section 3.1: as many segments as before, not as many octets.
  if (smss < smss_) cwnd_ = static_cast<std::uint32_t>(std::uint64_t{cwnd_} * smss / smss_);
  smss_ = smss;
  set_cwnd(cwnd_);
}

// SetPipe() of RFC 6675 section 4: each hole counts where it is not lost, and where it was
// sent again. Without SACK that is FlightSize, but after a timeout: what is lost then and was
// not sent again is in the network no longer.
std::uint32_t LossRecovery::pipe(Flight flight) const {
  const Seq32 lost = later(lost_before_, scoreboard_.lost_before(smss_).value_or(flight.una));
  return scoreboard_.octets_in_holes(lost, flight.nxt) + scoreboard_.octets_in_holes(flight.una, high_rxt_);
}

std::uint32_t LossRecovery::room(Flight flight) const {
  return cwnd_ - std::min(cwnd_, pipe(flight));
}

// RFC 5681 section 2. A sender that goes back to SND.UNA after a timeout has no more in flight
// than what it has sent again since, and so a second timeout further on halves that.
std::uint32_t LossRecovery::flight_size(Flight flight) const {
  const std::uint32_t sent = octets_between(flight.una, flight.nxt);
  const std::uint32_t lost = recovering_ ? 0 : scoreboard_.octets_in_holes(high_rxt_, lost_before_);
  const std::uint32_t excluded = limited_ + lost;
  return sent - std::min(sent, excluded);
}

std::optional<SequenceRange> LossRecovery::next_retransmission(Flight flight) const {
  if (at_once_) {
    const auto hole = scoreboard_.first_hole(flight.una, sack_ == Sack::yes ? flight.nxt : lost_before_);
    return hole ? std::optional(first_segment_of(*hole)) : std::nullopt;
  }
  // RFC 6675 section 4 NextSeg (1), with section 5 (C). After a timeout, where NextSeg() is
  // inappropriate (section 5.1): all holes in their order, as slow start allows.
  const bool by_sack = recovering_ && sack_ == Sack::yes;
  const Seq32 lost = by_sack ? scoreboard_.lost_before(smss_).value_or(flight.una) : lost_before_;
  const auto hole = scoreboard_.first_hole(high_rxt_, lost);
  if (!hole) return std::nullopt;
  const SequenceRange range = first_segment_of(*hole);
  if (room(flight) < (by_sack ? smss_ : range.octets)) return std::nullopt;
  return range;
}

std::uint32_t LossRecovery::fresh_octets_allowed(Flight flight) const {
  // What is lost goes first. Of a recovery by SACK, next_retransmission() has given what it could.
  if (at_once_ || scoreboard_.first_hole(high_rxt_, lost_before_)) return 0;
  if (sack_ == Sack::yes) {
    // RFC 6675 section 5 (C), and (3.3) for limited transmit: whole segments.
    const bool whole = recovering_ || duplicates_ > 0;
    return whole ? room(flight) / smss_ * smss_ : room(flight);
  }
  // RFC 3042 section 2: FlightSize may exceed cwnd by two segments, and cwnd stays.
  const int limited = recovering_ ? 0 : std::min(duplicates_, kDupThresh - 1);
  const std::uint32_t allowed = cwnd_ + static_cast<std::uint32_t>(limited) * smss_;
  return allowed - std::min(allowed, pipe(flight));
}

std::optional<SequenceRange> LossRecovery::last_resort(Flight flight) const {
  if (!recovering_ || sack_ == Sack::no || at_once_ || room(flight) < smss_) return std::nullopt;
  // NextSeg (3): a hole that is not lost yet, below what was reported.
  if (const auto hole = scoreboard_.first_hole(high_rxt_, scoreboard_.highest().value_or(flight.una)))
    return first_segment_of(*hole);
  // NextSeg (4): a rescue, once in a recovery: the last segment of what was not reported.
  if (distance(rescue_rxt_, flight.una) <= 0) return std::nullopt;
  const auto hole = scoreboard_.last_hole(flight.una, flight.nxt);
  if (!hole) return std::nullopt;
  const std::uint32_t octets = std::min(smss_, octets_between(hole->left, hole->right));
  return SequenceRange{hole->right - octets, octets};
}

SequenceRange LossRecovery::first_segment_of(SackBlock hole) const {
  return {hole.left, std::min(smss_, octets_between(hole.left, hole.right))};
}

bool LossRecovery::restarts_timer() const {
  return !recovering_ || sack_ == Sack::yes || partial_acknowledgments_ <= 1;
}

void LossRecovery::set_cwnd(std::uint64_t octets) {
  cwnd_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(octets, smss_, kGreatestWindow));
}

}  // namespace tcpspec::reference
