// `peer: auto`: who plays the tester's side, and what the application of a peer does.

#include <fmt/format.h>

#include "script/step_loader.hh"

namespace tcpspec::script {

namespace {

using packet::Flags;

constexpr const char* kApplication = "send: {data: 1000}, {flags: F}, {flags: R} or {flags: S}";

// False where they ask for what no application does.
bool take_flags(const Value& flags, PeerSend& out) {
  const auto letters = Flags::parse(flags.text());
  if (!letters) {
    flags.complain(fmt::format("`{}` are not flags", flags.text()),
                   "letters of S F R P A U E C N, e.g. FA; `-` for none");
    return false;
  }
  constexpr auto kKnown = Flags(Flags::syn | Flags::fin | Flags::rst | Flags::psh | Flags::ack);
  const bool opens = letters->has(Flags::syn), closes = letters->has(Flags::fin), resets = letters->has(Flags::rst);
  if (letters->without(kKnown) != Flags() || opens + closes + resets > 1 || (opens && letters->has(Flags::ack))) {
    flags.complain(fmt::format("no application has its TCP send `{}`", flags.text()),
                   "S opens, F shuts down, R aborts; `inject` sends a segment as it stands");
    return false;
  }
  if (opens) out.kind = PeerSend::Kind::open;
  if (resets) out.kind = PeerSend::Kind::abort;
  if (closes) out.ending = PeerSend::Ending::fin;
  return true;
}

// What the target's connection comes to when the peer acknowledges what is due.
State after_adoption(State state) {
  switch (state) {
    case State::syn_sent:
    case State::syn_received:
      return State::established;
    case State::fin_wait_1:
      return State::fin_wait_2;
    case State::closing:
      return State::time_wait;
    case State::last_ack:
      return State::closed;
    default:
      return state;
  }
}

}  // namespace

PeerSend load_peer_send(const Value& value, int connection, TestContext& context) {
  const auto& names = context.names;
  PeerSend out;
  if (!value.check_keys("a segment to send", segment_keys())) return out;
  for (const auto& [key, unused] : value.entries()) {
    const auto& name = key.node().Scalar();
    if (name == "flags" || name == "data" || name == "text" || name == "hex") continue;
    key.complain(fmt::format("`{}` is for the peer's TCP to choose, which plays this side", name),
                 "`inject: {...}` sends a segment round the peer; `- peer: off` ends it");
  }
  const auto flags = value.find("flags");
  if (flags && !take_flags(*flags, out)) return out;
  constexpr std::int64_t kMost = 64 << 20;
  if (const auto data = value.find("data")) out.length = data->expression(names, 1, kMost);
  if (const auto text = value.find("text")) out.literal = text_bytes(text->text());
  if (const auto hex = value.find("hex")) out.literal = hex->hex();
  const auto kinds = value.find("data").has_value() + value.find("text").has_value() + value.find("hex").has_value();
  if (kinds > 1)
    value.complain("`data`, `text` and `hex` exclude each other", "one of them says what the application sends");
  if (kinds > 0 && out.kind != PeerSend::Kind::send)
    value.complain("an application sends no data while it opens or aborts", "a step of its own: send: {data: 100}");
  if (kinds == 0 && out.kind == PeerSend::Kind::send && out.ending == PeerSend::Ending::open)
    value.complain(flags ? "the peer acknowledges by itself: no application asks for it"
                         : "this says nothing that the peer's application could do",
                   fmt::format("{}; `inject` sends a segment as it stands", kApplication));
  if (context.closed_peers.contains(connection) && out.kind != PeerSend::Kind::abort)
    value.complain("the peer's application has shut down, and sends nothing more",
                   "`alive: CLOSE-WAIT` names a state in which it need not; `peer: auto` begins a peer anew");
  if (out.kind == PeerSend::Kind::abort || out.ending == PeerSend::Ending::fin) context.closed_peers.insert(connection);
  return out;
}

Step begin_peer(const Location& where, int connection, TestContext& context) {
  context.peers.insert(connection);
  context.closed_peers.erase(connection);
  if (const auto state = context.states.find(connection); state != context.states.end())
    state->second = after_adoption(state->second);
  Step out;
  out.where = where;
  out.connection = connection;
  out.action = PlayPeer{PlayPeer::Kind::automatic};
  return out;
}

PlayPeer load_peer_step(const Value& value, int connection, TestContext& context) {
  PlayPeer out;
  if (value.is_map()) {
    if (!value.check_keys("`peer`", {"reading"})) return out;
    if (const auto reading = value.find("reading"))
      out.kind = reading->yes_or_no() ? PlayPeer::Kind::reading : PlayPeer::Kind::not_reading;
    else if (value.entries().empty())
      value.complain("`peer` says who plays the tester's side, or whether the peer reads", "peer: {reading: off}");
  } else {
    out.kind = value.choice<PlayPeer::Kind>("player of the tester's side",
                                            {{"auto", PlayPeer::Kind::automatic}, {"off", PlayPeer::Kind::off}});
  }
  if (out.kind == PlayPeer::Kind::automatic) {
    static_cast<void>(begin_peer(value.where(), connection, context));
    return out;
  }
  if (!context.peers.contains(connection))
    value.complain(fmt::format("no peer plays the tester's side of `{}` here",
                               context.names.connections[static_cast<std::size_t>(connection)]),
                   "it begins with `peer: auto`, in the test or as a step");
  if (out.kind == PlayPeer::Kind::off) context.peers.erase(connection);
  return out;
}

}  // namespace tcpspec::script
