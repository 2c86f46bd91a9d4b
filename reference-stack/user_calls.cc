// RFC 9293 sections 3.10.1 to 3.10.6: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS. In the
// dress of sockets: what would wait returns Error::would_block, and CLOSE comes in two kinds,
// shutdown() of the sending side and close() of a socket that nobody will read from again.

#include <algorithm>
#include <utility>

#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

// ---- 3.10.1. OPEN Call

void Connection::listen(const Endpoint& local, int backlog) {
  local_ = local;
  opened_ = true;
  opening_ = Opening::passive;
  queue.backlog = static_cast<std::size_t>(std::max(backlog, 1));
  become(State::listen);
}

void Connection::open_actively(const Endpoint& local, const Endpoint& remote, Instant now) {
  local_ = local;
  remote_ = remote;
  opened_ = true;
  opening_ = Opening::active;
  choose_iss(now);
  choose_timestamp_offset();
  rcv_.shift = offered_shift();
  become(State::syn_sent);
  send_syn(now);
  set_transmission_timers(now);
}

void Connection::choose_iss(Instant now) {
  snd_.iss = MUTANT(iss_constant) ? Seq32(6510) : stack_.secret().initial_sequence_number(local_, remote_, now);
  if (stack_.settings().iss) snd_.iss = *stack_.settings().iss;
  rcv_.shift = offered_shift();
  begin_sequence(snd_.iss);
}

// RFC 7323 section 5.4.
void Connection::choose_timestamp_offset() {
  const auto& given = stack_.settings().timestamp_offset;
  stamps_.offset = given ? *given : stack_.secret()(local_, remote_, SecretFunction::Purpose::timestamp);
}

void Connection::begin_sequence(Seq32 iss) {
  snd_.iss = iss;
  snd_.una = iss;
  snd_.nxt = iss + 1U;
  snd_.wl2 = iss;
  outgoing_.start_at(iss + 1U);
}

Result<void> Connection::connected() {
  if (state_ == State::syn_sent || state_ == State::syn_received) return std::unexpected(Error::would_block);
  if (error_) return std::unexpected(*std::exchange(error_, std::nullopt));
  if (state_ == State::closed || state_ == State::listen) return std::unexpected(Error::not_connected);
  return {};
}

// ---- 3.10.2. SEND Call

Result<std::size_t> Connection::send(BytesView octets, SendKind kind, Instant now) {
  if (error_) return std::unexpected(*std::exchange(error_, std::nullopt));
  if (!opened_ || state_ == State::listen) return std::unexpected(Error::not_connected);
  // "FIN-WAIT-1 ... TIME-WAIT: Return "error: connection closing" and do not service request."
  if (MUTANT(half_close_closes_both) && rcv_.fin) return std::unexpected(Error::closing);
  if (fin_wanted_ || state_ == State::closed || state_ > State::close_wait) return std::unexpected(Error::closing);
  // "SYN-SENT, SYN-RECEIVED: Queue the data for transmission after entering ESTABLISHED state."
  if (octets.empty()) return 0U;
  const auto taken = outgoing_.append(octets, kind == SendKind::more ? SendBuffer::Push::no : SendBuffer::Push::yes);
  if (taken == 0) return std::unexpected(Error::would_block);
  // "If the urgent flag is set, then SND.UP <- SND.NXT-1 and set the urgent pointer in the outgoing
  // segments": behind the last urgent octet (RFC 6093, MUST-62).
  if (kind == SendKind::urgent) snd_.up = outgoing_.end();
  output(now);
  return taken;
}

// ---- 3.10.3. RECEIVE Call

Result<std::size_t> Connection::receive(std::span<std::byte> into, Instant now) {
  if (!opened_ || state_ == State::listen) return std::unexpected(Error::not_connected);
  if (into.empty()) return 0U;
  if (incoming_.readable() > 0) {
    if (MUTANT(end_of_file_before_data) && rcv_.fin) return 0U;
    const auto got = incoming_.read(into);
    const Seq32 consumed = incoming_.next() - static_cast<std::uint32_t>(incoming_.readable());
    if (rcv_.up && packet::distance(*rcv_.up, consumed) >= 0) rcv_.up.reset();
    announce_reopened_window();
    output(now);
    return got;
  }
  // "CLOSE-WAIT: [...] If no text is awaiting delivery, the RECEIVE will get a "error: connection
  // closing" response": the end of file. An error comes before it: what was lost is not the end.
  if (error_) return std::unexpected(*std::exchange(error_, std::nullopt));
  if ((rcv_.fin && !MUTANT(end_of_file_not_told)) || !reading_ || state_ == State::closed) return 0U;
  return std::unexpected(Error::would_block);
}

// ---- 3.10.4. CLOSE Call

Result<void> Connection::shutdown(Direction direction, Instant now) {
  if (!opened_ || state_ == State::closed || state_ == State::listen || state_ == State::syn_sent)
    return std::unexpected(Error::not_connected);
  if (direction != Direction::send) {
    reading_ = false;
    discard_unread();
    stack_.changed(id_);
  }
  if (direction != Direction::receive) begin_closing(now);
  return {};
}

void Connection::begin_closing(Instant now) {
  if (fin_wanted_) return;
  fin_wanted_ = true;
  if (MUTANT(close_drops_unsent) && unsent() > 0) return abort(now);
  switch (state_) {
    case State::syn_received:
      // "If no SENDs have been issued and there is no pending data to send, then form a FIN
      // segment and send it, and enter FIN-WAIT-1 state; otherwise, queue for processing after
      // entering ESTABLISHED state."
      if (outgoing_.empty()) {
        become(State::fin_wait_1);
        send_range(snd_.nxt, 1, LossRecovery::Transmission::fresh, now);
      }
      break;
    case State::established:
      // "Queue this until all preceding SENDs have been segmentized, then form a FIN segment and
      // send it. In any case, enter FIN-WAIT-1 state."
      become(State::fin_wait_1);
      break;
    default:
      // CLOSE-WAIT: LAST-ACK comes with the FIN (send_range).
      break;
  }
  output(now);
}

Result<void> Connection::close(Instant now) {
  if (wish_.linger && *wish_.linger == Duration{}) {
    abort(now);
    held_ = false;
    return {};
  }
  switch (state_) {
    case State::closed:
    case State::listen:
    case State::syn_sent:  // "Delete the TCB and return "error: closing" responses to any queued SENDs"
      enter_closed(std::nullopt);
      held_ = false;
      return {};
    default:
      break;
  }
  // Section 3.6.1 (SHLD-3): "If such a host issues a CLOSE call while received data is still
  // pending in the TCP connection [...] its TCP implementation SHOULD send a RST to show that
  // data was lost."
  if (incoming_.readable() > 0 && state_ != State::time_wait && !MUTANT(unread_data_lost_silently)) {
    send_reset(snd_.nxt, now);
    enter_closed(std::nullopt);
    held_ = false;
    return {};
  }
  begin_closing(now);
  const bool undelivered = flight_size() > 0 || unsent() > 0 || fin_to_send();
  if (wish_.linger && undelivered && state_ != State::closed && !linger_over_) {
    if (!timer(Timer::linger)) start(Timer::linger, now + *wish_.linger);
    return std::unexpected(Error::would_block);
  }
  held_ = false;
  if (state_ == State::fin_wait_2 && !timer(Timer::time_wait))
    start(Timer::time_wait, now + stack_.settings().times.orphan_fin_wait_2);
  return {};
}

// ---- 3.10.5. ABORT Call

void Connection::abort(Instant now) {
  switch (state_) {
    case State::syn_received:
    case State::established:
    case State::fin_wait_1:
    case State::fin_wait_2:
    case State::close_wait:
      if (!MUTANT(abort_without_reset)) send_reset(snd_.nxt, now);  // <SEQ=SND.NXT><CTL=RST>
      break;
    default:
      // LISTEN, SYN-SENT, CLOSING, LAST-ACK, TIME-WAIT: no reset.
      break;
  }
  enter_closed(std::nullopt);
}

// ---- 3.10.6. STATUS Call

Status Connection::status() const {
  Status status;
  status.state = state_;
  status.local = local_;
  status.remote = remote_;
  status.unsent_and_unacknowledged = outgoing_.size();
  status.readable = incoming_.readable();
  if (rcv_.up) {
    const Seq32 consumed = incoming_.next() - static_cast<std::uint32_t>(incoming_.readable());
    status.urgent_ahead = static_cast<std::size_t>(std::max(packet::distance(consumed, *rcv_.up), 0));
  }
  if (recovery_) {
    status.cwnd = recovery_->cwnd();
    status.ssthresh = recovery_->ssthresh();
    status.send_mss = recovery_->smss();
  }
  status.send_window = snd_.wnd;
  status.rto = rto_.value();
  return status;
}

Result<void> Connection::take_error() {
  if (error_) return std::unexpected(*std::exchange(error_, std::nullopt));
  return {};
}

std::size_t Connection::octets_held() const {
  return outgoing_.size() + incoming_.octets_held() + syn_text_.size();
}

}  // namespace tcpspec::reference
