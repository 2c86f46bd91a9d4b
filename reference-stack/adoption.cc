// A connection taken over in mid-conversation. What cannot be known of its past counts as if
// nothing special had happened: no loss, no measured round trip, the initial congestion window.

#include "reference/adoption.hh"

#include <algorithm>

#include "reference/connection.hh"

namespace tcpspec::reference {

namespace {

// Whether this side has sent its FIN, and whether it has the other one's (section 3.3.2).
bool has_sent_fin(State state) {
  return state == State::fin_wait_1 || state == State::fin_wait_2 || state >= State::closing;
}
bool has_received_fin(State state) {
  return state == State::close_wait || state >= State::closing;
}

}  // namespace

Result<SocketId> Stack::adopt(const Adoption& adoption, Instant now) {
  if (adoption.state < State::established) return std::unexpected(Error::invalid);
  if (sockets_.size() >= settings_.limits.connections) return std::unexpected(Error::no_resources);
  const Pair pair{adoption.local, adoption.remote};
  if (connections_.contains(pair)) return std::unexpected(Error::address_in_use);
  auto& connection = create(adoption.local.address.family);
  connections_[pair] = &connection;
  connection.adopt(adoption, now);
  settle(connection);
  return connection.id();
}

void Connection::adopt(const Adoption& adoption, Instant now) {
  local_ = adoption.local;
  remote_ = adoption.remote;
  opened_ = true;
  rcv_known_ = true;
  wish_.max_segment_size = adoption.local_mss;
  fin_wanted_ = has_sent_fin(adoption.state);
  scaling_ = adoption.scaling.has_value();
  sack_ = adoption.sack == Adoption::Sack::yes;
  if (adoption.stamps) {
    stamps_.on = true;
    stamps_.recent = adoption.stamps->recent;
    stamps_.recent_at = now;
    stamps_.offset = adoption.stamps->value - (timestamp_now(now) - stamps_.offset);
  }
  adopt_receiving(adoption);
  adopt_sending(adoption, now);
  if (adoption.state == State::time_wait)
    enter_time_wait(now);
  else
    become(adoption.state);
  heard(now);
  if (adoption.last_ack_sent != adoption.rcv_nxt) acknowledge(AckDue::now);
  output(now);
}

void Connection::adopt_receiving(const Adoption& adoption) {
  rcv_.irs = adoption.irs;
  rcv_.fin = has_received_fin(adoption.state);
  rcv_.shift = adoption.scaling ? adoption.scaling->rcv_shift : std::uint8_t{0};
  rcv_.edge = adoption.rcv_nxt + adoption.rcv_wnd;
  rcv_.last_ack_sent = adoption.last_ack_sent;
  incoming_.start_at(adoption.rcv_nxt - (rcv_.fin ? 1U : 0U));
}

void Connection::adopt_sending(const Adoption& adoption, Instant now) {
  snd_.iss = adoption.iss;
  snd_.una = adoption.snd_una;
  snd_.nxt = adoption.snd_nxt;
  snd_.shift = adoption.scaling ? adoption.scaling->snd_shift : std::uint8_t{0};
  snd_.wnd = snd_.max_wnd = adoption.snd_wnd;
  snd_.peer_mss = adoption.remote_mss;
  // Whatever comes next is newer than what told the window.
  snd_.wl1 = adoption.rcv_nxt;
  snd_.wl2 = adoption.snd_una;
  const bool fin_acknowledged_before = fin_wanted_ && adoption.snd_una == adoption.snd_nxt;
  outgoing_.start_at(adoption.snd_una - (fin_acknowledged_before ? 1U : 0U));
  outgoing_.set_capacity(std::max(outgoing_.capacity(), adoption.in_flight.size()));
  (void)outgoing_.append(adoption.in_flight, SendBuffer::Push::yes);
  recovery_.emplace(effective_mss(now), sack_ ? LossRecovery::Sack::yes : LossRecovery::Sack::no,
                    LossRecovery::Syn::arrived, snd_.una, stack_.settings().limits.sack_ranges);
  if (flight_size() > 0) note_transmission(snd_.una, flight_size(), LossRecovery::Transmission::fresh, now);
}

}  // namespace tcpspec::reference
