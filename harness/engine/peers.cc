// `peer: auto`: a TCP of its own plays the tester's side of a connection, and `send` is what
// its application does. What it sends takes the way of the tester's own segments.

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "engine/play.hh"

namespace tcpspec::engine {

using packet::distance;
using packet::Flags;
using packet::SegmentView;
using script::PeerSend;
using script::PlayPeer;
using script::Step;

// ---- the steps

void Play::run_peer(const PlayPeer& play, const Step& step, Instant now) {
  auto& own = connection(step.connection);
  done_at(now);
  if (play.kind == PlayPeer::Kind::automatic) return begin_peer(step, now);
  if (!own.side) return;
  if (play.kind == PlayPeer::Kind::off) return own.side.reset();
  own.side->peer->read(play.kind == PlayPeer::Kind::reading ? Peer::Reading::at_once : Peer::Reading::stopped, now);
  deliver_for_peer(step.connection, now);
}

void Play::run_peer_send(const PeerSend& send, const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  if (!own.side) return give_up(step, "its peer is gone: an injected RST has reset the connection");
  auto& side = *own.side;
  packet::Bytes octets = send.literal;
  if (!octets.empty()) {
    literals_.push_back({index, false, side.written, octets});
  } else if (send.length) {
    const auto length = std::clamp<std::int64_t>(send.length->evaluate(*this), 0, 64 << 20);
    octets = tester_octets(index, side.written, static_cast<std::size_t>(length));
  }
  std::string words = send.kind == PeerSend::Kind::open    ? "the peer opens"
                      : send.kind == PeerSend::Kind::abort ? "the peer aborts"
                      : octets.empty()                     ? "the peer shuts down"
                                                           : fmt::format("the peer sends {} octets", octets.size());
  if (!octets.empty() && send.ending == PeerSend::Ending::fin) words += " and shuts down";
  note(EntryKind::note, Mark::none, &step, now, std::move(words));
  done_at(now);
  side.written += octets.size();
  if (send.kind == PeerSend::Kind::open) side.peer->open(peer_place(index).target, now);
  if (send.kind == PeerSend::Kind::abort) side.peer->abort(now);
  if (!octets.empty()) side.peer->send(std::move(octets), now);
  if (send.ending == PeerSend::Ending::fin) side.peer->shutdown(now);
  deliver_for_peer(index, now);
}

// ---- adoption

PeerPlace Play::peer_place(int index) const {
  const auto& own = connection(index);
  const auto target_port = own.target_port != 0 ? own.target_port : setup_.attachment.port;
  return {{setup_.attachment.tester, own.tester_port},
          {setup_.attachment.target, target_port},
          setup_.attachment.mtu,
          own.view.tester_iss(),
          outcome_.started,
          first_timestamp};
}

packet::Bytes Play::tester_octets(int index, std::uint64_t offset, std::size_t count) const {
  packet::Bytes out(count);
  write_pattern(Stream::from_tester, offset, out);
  for (const auto& literal : literals_) {
    if (literal.connection != index || literal.from_target) continue;
    for (std::size_t i = 0; i < literal.bytes.size(); ++i)
      if (const auto at = static_cast<std::uint32_t>(literal.offset + i - offset); at < count)
        out[at] = literal.bytes[i];
  }
  return out;
}

PeerAdoption Play::peer_adoption(int index) const {
  using script::Variable;
  const auto& view = connection(index).view;
  const auto number = [&](Variable variable) { return static_cast<std::uint32_t>(view.variable(variable)); };
  const bool all_acknowledged = view.acked() == view.rcv_nxt();
  const bool all_taken = number(Variable::snd_una) == view.snd_nxt();
  using Fin = PeerAdoption::Fin;
  PeerAdoption out;
  if (view.tester_fin_taken()) out.own = all_acknowledged ? Fin::acknowledged : Fin::sent;
  if (view.target_fin_seen()) out.targets = all_taken ? Fin::acknowledged : Fin::sent;
  out.iss = view.tester_iss();
  out.irs = view.target_iss();
  out.snd_una = view.from_tester_space(view.acked());
  out.snd_nxt = view.from_tester_space(view.rcv_nxt());
  const auto flight = view.rcv_nxt() - view.acked() - (out.own == Fin::sent ? 1U : 0U);
  out.in_flight = tester_octets(index, view.acked() - 1U, flight);
  out.snd_wnd = number(Variable::rcv_wnd);
  out.target_mss = static_cast<std::uint16_t>(number(Variable::rcv_mss));
  out.rcv_nxt = view.from_target_space(view.snd_nxt());
  out.acknowledged = view.from_target_space(number(Variable::snd_una));
  // What was offered counts from what was acknowledged.
  const auto not_taken = view.snd_nxt() - number(Variable::snd_una);
  out.rcv_wnd = number(Variable::snd_wnd) - std::min(number(Variable::snd_wnd), not_taken);
  out.announced_mss = static_cast<std::uint16_t>(number(Variable::snd_mss));
  if (view.scaling_in_force())
    out.shifts = PeerAdoption::Shifts{static_cast<std::uint8_t>(number(Variable::rcv_wind_shift)),
                                      static_cast<std::uint8_t>(number(Variable::snd_wind_shift))};
  if (view.timestamps_in_force()) out.ts_recent = view.target_timestamp();
  if (view.sack_in_force()) out.sack = PeerAdoption::Sack::yes;
  return out;
}

// The peer goes on where the script has come to. What has arrived and was not taken notice
// of is news for it. Where nobody has opened yet it listens, and a SYN that waits for its
// answer gets it.
void Play::begin_peer(const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  if (!setup_.make_peer) return give_up(step, "there is no peer here that could play");
  if (own.view.tester_syn_sent() && !own.view.target_iss_known())
    return give_up(step, "a peer cannot take over while a SYN of the script waits for its answer");
  auto& side = own.side.emplace(PeerSide{});
  side.peer = setup_.make_peer(peer_place(index));
  side.unshown = own.queue.size();
  side.sent = own.view.tester_iss();
  if (!own.view.tester_syn_sent()) {
    side.peer->listen();
    if (own.view.target_iss_known() && own.last_recorded)
      side.peer->arrives(outcome_.trace[*own.last_recorded].packet, now);
  } else {
    auto adoption = peer_adoption(index);
    side.written = own.view.rcv_nxt() - 1U;
    side.sent = adoption.snd_nxt;
    side.heard = adoption.rcv_nxt;
    side.heard_ack = adoption.snd_una;
    side.peer->adopt(adoption, now);
  }
  deliver_for_peer(index, now);
  play_peers(now);
}

// ---- what it hears and says

// At one instant it hears what came, then its timers run, and then the script goes on.
void Play::play_peers(Instant now) {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (!connections_[i].side) continue;
    const auto index = static_cast<int>(i);
    show_arrivals(index, now);
    connections_[i].side->peer->advance(now);
    deliver_for_peer(index, now);
  }
}

void Play::show_arrivals(int index, Instant now) {
  auto& own = connection(index);
  auto& side = *own.side;
  for (; side.unshown > 0; --side.unshown) {
    const auto& datagram = own.queue[own.queue.size() - side.unshown].datagram;
    const SegmentView segment{packet::BytesView(datagram)};
    own.view.heard(segment);
    if (hidden(side, segment)) continue;
    const auto end = segment.seq() + segment.length();
    const bool numbered = !segment.flags().has(Flags::rst);
    if (numbered && (!side.heard || distance(*side.heard, end) > 0)) side.heard = end;
    if (numbered && segment.flags().has(Flags::ack)) {
      side.heard_ack = segment.ack();
      side.heard_window = segment.window();
    }
    side.peer->arrives(datagram, now);
    deliver_for_peer(index, now);
  }
}

// What the target says to an injected segment is not for the peer, which knows nothing of that
// segment: each would tell the other, for ever, that it acknowledges what was never sent. From
// the first `inject` on the peer does not see
//   - what acknowledges more than it has sent,
//   - a RST that is not at its RCV.NXT,
//   - and, until it sends something itself, an ACK that repeats the last one.
bool Play::hidden(const PeerSide& side, const SegmentView& segment) {
  if (side.injected == PeerSide::Injected::nothing) return false;
  const auto flags = segment.flags().without(Flags::psh | Flags::ece | Flags::cwr | Flags::ae);
  if (flags.has(Flags::ack) && distance(side.sent, segment.ack()) > 0) return true;
  if (flags.has(Flags::rst)) return side.heard && segment.seq() != *side.heard;
  const bool repeats = flags == Flags(Flags::ack) && segment.length() == 0 && side.heard == segment.seq() &&
                       segment.ack() == side.heard_ack && segment.window() == side.heard_window &&
                       !segment.find<packet::Sack>();
  return repeats && side.injected == PeerSide::Injected::just_now;
}

void Play::deliver_for_peer(int index, Instant now) {
  for (auto& datagram : connection(index).side->peer->take_output()) send_for_peer(index, std::move(datagram), now);
}

void Play::send_for_peer(int index, packet::Bytes datagram, Instant now) {
  auto& own = connection(index);
  const auto segment = packet::parse(datagram);
  assert(segment && "a peer sends only what is well-formed");
  if (setup_.observer) setup_.observer->sends(index, own.view, *segment, {}, oracle::Acceptance::certain);
  monitor_.sent(datagram);
  commands_.inject(datagram);
  own.view.sent(*segment, oracle::Acceptance::certain, now);
  auto& side = *own.side;
  const auto end = segment->seq + segment->length();
  if (!segment->flags.has(Flags::rst) && distance(side.sent, end) > 0) side.sent = end;
  if (side.injected == PeerSide::Injected::just_now) side.injected = PeerSide::Injected::before;
  if (own.target_port == 0) own.target_port = segment->destination.port;
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = EntryKind::sent;
  entry.fixture = !fixture_done_;
  entry.by_peer = true;
  entry.at = now;
  entry.connection = index;
  entry.bases = oracle::bases(own.view);
  entry.packet = std::move(datagram);
}

// An injected RST that the target has to obey ends the connection. The peer has not heard of
// it, and must not disturb what is looked at now: it leaves.
void Play::went_round_peer(int index, const packet::Segment& segment, oracle::Acceptance acceptance) {
  auto& own = connection(index);
  own.side->injected = PeerSide::Injected::just_now;
  const bool resets = segment.flags.has(Flags::rst) && acceptance == oracle::Acceptance::expected &&
                      own.view.in_tester_space(segment.seq) == own.view.rcv_nxt();
  if (resets) own.side.reset();
}

}  // namespace tcpspec::engine
