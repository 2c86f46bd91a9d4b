// RFC 9293 section 3.10.8, TIMEOUTS, and the timers that sections 3.8.1, 3.8.3, 3.8.4, 3.8.6
// and RFC 6298 speak of.

#include <algorithm>
#include <utility>

#include "reference/careless.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

std::optional<Instant> Connection::deadline() const {
  std::optional<Instant> earliest;
  for (const auto& at : timers_)
    if (at && (!earliest || *at < *earliest)) earliest = at;
  return earliest;
}

// Those that are due, in the order of Timer: at one instant it is always the same.
void Connection::advance(Instant now) {
  for (std::size_t i = 0; i < timer_count; ++i) {
    const auto which = static_cast<Timer>(i);
    if (!timer(which) || *timer(which) > now) continue;
    stop(which);
    expire(which, now);
  }
  output(now);
}

void Connection::expire(Timer which, Instant now) {
  switch (which) {
    case Timer::retransmission:
      return retransmission_timeout(now);
    case Timer::persist:
      return persist_timeout(now);
    case Timer::override:
      override_ = true;
      return;
    case Timer::delayed_ack:
      return acknowledge(AckDue::now);
    case Timer::user:
      // "USER TIMEOUT: For any state if the user timeout expires, flush all queues, signal the
      // user "error: connection aborted due to user timeout" in general and for any outstanding
      // calls, delete the TCB, enter the CLOSED state, and return."
      return give_up(soft_error_.value_or(Error::timed_out), Manner::silent, now);
    case Timer::time_wait:
      // "TIME-WAIT TIMEOUT: If the time-wait timeout expires on a connection, delete the TCB,
      // enter the CLOSED state, and return." And an orphan in FIN-WAIT-2.
      return enter_closed(std::nullopt);
    case Timer::keep_alive:
      return keep_alive_timeout(now);
    case Timer::linger:
      linger_over_ = true;
      stack_.changed(id_);
      return;
  }
}

// "RETRANSMISSION TIMEOUT: For any state if the retransmission timeout expires on a segment in
// the retransmission queue, send the segment at the front of the retransmission queue again,
// reinitialize the retransmission timer, and return." How: RFC 6298 sections 5.4 to 5.7.
void Connection::retransmission_timeout(Instant now) {
  if (snd_.una == snd_.nxt || MUTANT(never_retransmits)) return;
  if (MUTANT(fin_not_retransmitted) && fin_sent() && snd_.una == outgoing_.end()) return;
  if (!MUTANT(rto_not_backed_off)) rto_.expired();
  if (!MUTANT(karn_ignored)) timed_.reset();
  if (++transmissions_ == stack_.settings().times.r1) ++stack_.statistics_.reached_r1;
  start(Timer::retransmission, now + rto_.value());
  if (snd_.una == snd_.iss && !recovery_) {
    syn_lost_ = true;
    ++stack_.statistics_.retransmissions;
    return send_syn(now);
  }
  if (recovery_) recovery_->timed_out(flight());
}

// Section 3.8.6.1: SHLD-29 and SHLD-30: the first probe after one RTO, then ever later.
void Connection::persist_timeout(Instant now) {
  if (MUTANT(window_never_probed)) return;
  if (MUTANT(probe_timer_stands) && flight_size() > 0) return start(Timer::persist, now);
  ++window_probes_;
  send_window_probe(now);
}

// Section 3.8.4: SEG.SEQ = SND.NXT-1, and no data (MAY-6: or one octet of garbage).
void Connection::keep_alive_timeout(Instant now) {
  if ((!wish_.keep_alive && !MUTANT(keep_alive_unasked)) || state_ < State::established || state_ == State::time_wait)
    return;
  if (flight_size() == 0) {
    if (probes_ >= (MUTANT(keep_alive_gives_up_at_once) ? 1 : wish_.keep_alive_probes))
      return give_up(Error::timed_out, Manner::with_reset, now);
    ++probes_;
    auto probe = blank(packet::Flags::ack, snd_.nxt - (MUTANT(keep_alive_in_window) ? 0U : 1U));
    probe.options = data_options(now);
    emit(std::move(probe), now);
  }
  start(Timer::keep_alive,
        now + (MUTANT(keep_alive_in_a_burst) ? std::chrono::milliseconds(10) : wish_.keep_alive_interval));
}

// The peer is there: whatever was counted against it is forgotten.
void Connection::heard(Instant now) {
  probes_ = 0;
  last_heard_ = now;
  if (snd_.wnd == 0 && unanswered_since_ && !MUTANT(zero_window_times_out)) unanswered_since_ = now;
  if ((wish_.keep_alive || MUTANT(keep_alive_unasked)) && state_ >= State::established)
    start(Timer::keep_alive,
          now + (MUTANT(keep_alive_too_early) ? std::min<Duration>(wish_.keep_alive_idle, std::chrono::minutes(10))
                                              : wish_.keep_alive_idle));
  else
    stop(Timer::keep_alive);
}

// How long the oldest transmission may stay without an answer: R2 (section 3.8.3), and the user
// timeout (section 3.9.1.1).
Duration Connection::patience() const {
  const auto& times = stack_.settings().times;
  if (wish_.user_timeout) return *wish_.user_timeout;
  if (state_ == State::syn_sent || state_ == State::syn_received)
    return std::min(MUTANT(syn_gives_up_early) ? std::chrono::seconds(30) : times.r2_syn, times.user_timeout);
  return std::min(MUTANT(r2_too_short) ? std::chrono::seconds(40) : times.r2, times.user_timeout);
}

// Which of retransmission, persist and override runs. They exclude each other: an open window
// with something in flight, a closed one with something to say, and a small one.
void Connection::set_transmission_timers(Instant now) {
  if (state_ == State::closed || state_ == State::listen || state_ == State::time_wait) {
    stop(Timer::retransmission);
    stop(Timer::persist);
    stop(Timer::override);
    stop(Timer::user);
    return;
  }
  const bool waiting = unsent() > 0 || fin_to_send();
  const bool outstanding = flight_size() > 0;
  const bool closed_window = state_ >= State::established && snd_.wnd == 0 && recovery_;
  if (outstanding && !closed_window) {
    if (!timer(Timer::retransmission)) start(Timer::retransmission, now + rto_.value());
  } else {
    stop(Timer::retransmission);
  }
  if (closed_window && (outstanding || waiting)) {
    if (!timer(Timer::persist)) start(Timer::persist, now + persist_interval());
  } else {
    stop(Timer::persist);
  }
  if (state_ >= State::established && !outstanding && waiting && snd_.wnd > 0 && unsent() > 0) {
    if (!timer(Timer::override)) start(Timer::override, now + stack_.settings().times.silly_window_override);
  } else {
    stop(Timer::override);
  }
  if (unanswered_since_ && outstanding && !MUTANT(user_timeout_ignored))
    start(Timer::user, *unanswered_since_ + patience());
  else
    stop(Timer::user);
}

Duration Connection::persist_interval() const {
  const auto& times = stack_.settings().times;
  const int doublings = MUTANT(probes_not_backed_off) ? 0 : std::min(window_probes_, 16);
  return std::min(rto_.value() * (1 << doublings), times.greatest_rto);
}

void Connection::give_up(Error error, Manner manner, Instant now) {
  if (manner == Manner::with_reset && state_ >= State::syn_received) send_reset(snd_.nxt, now);
  enter_closed(error);
}

// "start the time-wait timer, turn off the other timers"
void Connection::enter_time_wait(Instant now) {
  become(State::time_wait);
  for (auto& at : timers_) at.reset();
  const auto& times = stack_.settings().times;
  start(Timer::time_wait, now + (MUTANT(time_wait_skipped) ? Duration{} : 2 * times.msl));
}

void Connection::become(State state) {
  if (state_ == state) return;
  state_ = state;
  stack_.changed(id_);
}

void Connection::enter_closed(std::optional<Error> error) {
  if (MUTANT(reset_loses_memory) && incoming_.has_gap()) careless::lose(incoming_);
  for (auto& at : timers_) at.reset();
  if (error) error_ = error;
  ack_due_ = AckDue::none;
  recovery_.reset();
  become(State::closed);
}

}  // namespace tcpspec::reference
