// RFC 9293 section 3.10.7, SEGMENT ARRIVES: which connection a segment is for, and the
// states without a peer (3.10.7.1 CLOSED, 3.10.7.2 LISTEN, 3.10.7.3 SYN-SENT).
// synchronized.cc has 3.10.7.4.

#include <algorithm>
#include <utility>

#include "reference/careless.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::distance;
using packet::Flags;

void Stack::segment_arrives(const ArrivedSegment& segment, Instant now) {
  if (auto* connection = find(Pair{segment.local, segment.remote})) {
    // Section 3.10.7.4, first check: TIME-WAIT looks at a SYN before everything else.
    if (connection->state() == State::time_wait && segment.has(Flags::syn) && reopens(*connection, segment, now))
      return;
    connection->segment_arrives(segment, now);
    connection->output(now);
    settle(*connection);
    if (MUTANT(ended_connection_used) && segment.has(Flags::rst))
      careless::read(reinterpret_cast<const std::byte*>(connection), sizeof(Connection));
    return;
  }
  if (auto* listening = listener(segment.local)) return arrives_in_listen(*listening, segment, now);
  arrives_in_closed(segment);
}

// ---- 3.10.7.1. CLOSED STATE

void Stack::arrives_in_closed(const ArrivedSegment& segment) {
  // "An incoming segment containing a RST is discarded."
  if (segment.has(Flags::rst) && !MUTANT(rst_answered_with_rst)) return;
  packet::Segment reset;
  reset.source = segment.local;
  reset.destination = segment.remote;
  if (segment.has(Flags::ack)) {  // <SEQ=SEG.ACK><CTL=RST>
    reset.seq = MUTANT(reset_sequence_zero) ? Seq32(0) : segment.ack;
    reset.flags = Flags::rst;
  } else {  // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
    reset.ack = segment.seq + (MUTANT(reset_ignores_length) ? 0U : segment.length());
    reset.flags = Flags::rst | Flags::ack;
  }
  transmit(std::move(reset));
}

// ---- 3.10.7.2. LISTEN STATE

void Stack::arrives_in_listen(Connection& listener, const ArrivedSegment& segment, Instant now) {
  // First, check for a RST: "should be ignored".
  if (segment.has(Flags::rst)) return;
  // Second, check for an ACK: "any acknowledgment is bad if it arrives on a connection still
  // in the LISTEN state".
  if (segment.has(Flags::ack)) {
    if (!MUTANT(listen_ignores_ack)) arrives_in_closed(segment);
    return;
  }
  // Third, check for a SYN. Fourth, anything else is dropped.
  if (!segment.has(Flags::syn)) return;
  auto& queue = listener.queue;
  // A full queue answers nothing: the peer's SYN comes again.
  if (queue.half_open + queue.ready.size() >= queue.backlog) return;
  if (sockets_.size() >= settings_.limits.connections) return;
  auto& child = create(listener.family());
  child.parent = listener.id();
  child.place = Connection::Place::half_open;
  ++queue.half_open;
  child.opened_by(listener, segment, std::nullopt, now);
  connections_[{child.local(), child.remote()}] = &child;
  settle(child);
}

// RFC 6191 section 2, and RFC 9293 section 3.10.7.4 (MAY-2, SHLD-4): a SYN may open the pair
// anew from TIME-WAIT. The old connection is kept until the new one is established, for
// "(2) returns to TIME-WAIT state if the SYN turns out to be an old duplicate" (section 3.6.1).
bool Stack::reopens(Connection& old, const ArrivedSegment& segment, Instant now) {
  auto* listening = listener(segment.local);
  if (listening == nullptr || segment.has(Flags::rst) || segment.has(Flags::ack) || !old.yields_to(segment))
    return false;
  auto& queue = listening->queue;
  if (queue.half_open + queue.ready.size() >= queue.backlog || sockets_.size() >= settings_.limits.connections)
    return false;
  auto& child = create(old.family());
  child.parent = listening->id();
  child.place = Connection::Place::half_open;
  ++queue.half_open;
  child.revives = old.id();
  old.parked = true;
  // "(1) assigns its initial sequence number for the new connection to be larger than the
  // largest sequence number it used on the previous connection incarnation".
  child.opened_by(*listening, segment, old.snd_nxt(), now);
  connections_[{child.local(), child.remote()}] = &child;
  settle(child);
  return true;
}

bool Connection::yields_to(const ArrivedSegment& syn) const {
  if (MUTANT(time_wait_always_reopens)) return true;
  const bool stamped = syn.options.timestamps.has_value() && stack_.settings().offers.timestamps == Offers::Choice::yes;
  const bool above = distance(rcv_nxt(), syn.seq) > 0;
  if (!stamps_.on) return stamped || above;
  if (!stamped) return above;
  const auto newer = static_cast<std::int32_t>(syn.options.timestamps->value - stamps_.recent);
  return newer > 0 || (newer == 0 && above);
}

// Section 3.10.7.2, third: the passive OPEN's SYN. The listener's preferences are inherited.
void Connection::opened_by(const Connection& listener, const ArrivedSegment& syn, std::optional<Seq32> above,
                           Instant now) {
  wish_ = listener.wish_;
  incoming_.set_capacity(wish_.receive_buffer);
  outgoing_.set_capacity(wish_.send_buffer);
  local_ = syn.local;
  remote_ = syn.remote;
  opened_ = true;
  opening_ = Opening::passive;
  choose_iss(now);
  if (above && distance(*above, snd_.iss) <= 0) snd_.iss = *above + 64'001U;
  begin_sequence(snd_.iss);
  take_peer_syn(syn, now);
  if (stamps_.on) choose_timestamp_offset();
  become(State::syn_received);
  // "Any other incoming control or data (combined with SYN) will be processed in the
  // SYN-RECEIVED state, but processing of SYN and ACK should not be repeated": it waits there.
  defer_text_of_syn(syn);
  send_syn(now);
  set_transmission_timers(now);
}

void Connection::segment_arrives(const ArrivedSegment& segment, Instant now) {
  if (state_ == State::syn_sent) return arrives_in_syn_sent(segment, now);
  if (state_ >= State::syn_received) arrives_in_other_states(segment, now);
}

// ---- 3.10.7.3. SYN-SENT STATE

void Connection::arrives_in_syn_sent(const ArrivedSegment& segment, Instant now) {
  // First, check the ACK bit: "If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset".
  const bool has_ack = segment.has(Flags::ack);
  const bool acceptable = has_ack && ((distance(snd_.una, segment.ack) > 0 && distance(segment.ack, snd_.nxt) >= 0) ||
                                      MUTANT(syn_sent_any_ack));
  if (has_ack && !acceptable) {
    if (!segment.has(Flags::rst)) send_reset(segment.ack, now);
    return;
  }
  // Second, check the RST bit: only with an acceptable ACK does it end the attempt (RFC 5961
  // section 3.2 points to this text).
  if (segment.has(Flags::rst)) {
    if (acceptable || MUTANT(syn_sent_any_rst)) enter_closed(Error::refused);
    return;
  }
  // Third, security: we have none. Fifth, if neither SYN nor RST is set, drop the segment.
  if (!segment.has(Flags::syn)) return;

  // Fourth, check the SYN bit.
  take_peer_syn(segment, now);
  heard(now);
  if (has_ack) {
    // "our SYN has been ACKed": ESTABLISHED.
    snd_.una = segment.ack;
    measure_round_trip(segment, now);
    enter_established(now);
    acknowledge(AckDue::now);
    // "If there are other controls or text in the segment, then continue processing at the
    // sixth step": 3.10.7.4 checks URG, text and FIN.
    ArrivedSegment rest = segment;
    trim_to_window(rest);
    check_urg(rest);
    process_text(rest, now);
    process_fin(rest, now);
    return;
  }
  if (MUTANT(simultaneous_open_refused)) {
    send_reset(snd_.nxt, now);
    return enter_closed(Error::refused);
  }
  // Both sides open: section 3.5, figure 7. "Otherwise, enter SYN-RECEIVED, form a SYN,ACK".
  defer_text_of_syn(segment);
  become(State::syn_received);
  stop(Timer::retransmission);
  send_syn(now);
}

// RCV.NXT and IRS, what the SYN's options say, and SND.WND: a SYN's window is never scaled
// (RFC 7323 section 2.2).
void Connection::take_peer_syn(const ArrivedSegment& syn, Instant now) {
  rcv_.irs = syn.seq;
  incoming_.start_at(syn.seq + 1U);
  // Our SYN, if it was sent, offered this much behind it.
  rcv_.edge = syn.seq + 1U + (state_ == State::syn_sent ? window_of_syn() : 0U);
  take_syn_options(syn, now);
  snd_.wnd = static_cast<std::uint32_t>(syn.window) << (MUTANT(syn_window_scaled) ? snd_.shift : 0);
  snd_.max_wnd = snd_.wnd;
  if (MUTANT(mss_zero_divides) && syn.options.mss) snd_.max_wnd -= snd_.max_wnd % *syn.options.mss;  // whole segments
  snd_.wl1 = syn.seq;
  snd_.wl2 = syn.has(Flags::ack) ? syn.ack : snd_.una;
}

void Connection::defer_text_of_syn(const ArrivedSegment& syn) {
  const auto most = std::min(syn.text.size(), incoming_.capacity());
  syn_text_.assign(syn.text.begin(), syn.text.begin() + static_cast<std::ptrdiff_t>(most));
  if (syn.has(Flags::fin) && most == syn.text.size())
    deferred_fin_ = syn.text_begin() + static_cast<std::uint32_t>(syn.text.size());
}

// Both SYNs have been acknowledged. What the SYN carried is processed now (3.10.7.2, 3.10.7.3).
void Connection::enter_established(Instant now) {
  become(State::established);
  stop(Timer::retransmission);
  stop(Timer::user);
  unanswered_since_.reset();
  transmissions_ = 0;
  if (syn_lost_) rto_.lost_syn();
  begin_sending(now);
  if (!syn_text_.empty()) {
    const Bytes text = std::exchange(syn_text_, {});
    (void)incoming_.insert(rcv_.irs + 1U, text);
    if (MUTANT(syn_text_lost)) discard_unread();
    acknowledge(AckDue::now);
    stack_.changed(id_);
  }
  take_deferred_fin(now);
  if (fin_wanted_) become(State::fin_wait_1);  // CLOSE came before ESTABLISHED (3.10.4)
  stack_.changed(id_);
}

}  // namespace tcpspec::reference
