// The reference stack as a peer, against another one as the target.

#include "runner/reference_peer.hh"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>

#include "packet/segment_view.hh"
#include "reference/stack.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"
#include "script/loader.hh"
#include "target/reference_target.hh"

namespace tcpspec::runner {
namespace {

using engine::Peer;
using engine::PeerAdoption;
using packet::Bytes;
using packet::Flags;
using packet::Instant;
using packet::Seq32;
using namespace std::chrono_literals;

constexpr std::uint32_t kFirstTimestamp = 0xfffff000u;

struct Pair {
  explicit Pair(packet::Family family = packet::Family::ipv4)
      : target({}),
        tester_address(family == packet::Family::ipv4 ? packet::Address::ipv4(10, 1, 0, 1)
                                                      : *packet::Address::parse("fd01::1")) {
    const auto host = family == packet::Family::ipv4 ? target.settings().ipv4 : target.settings().ipv6;
    peer = make_reference_peer({{tester_address, 4000}, {host, 5000}, 1500, Seq32(0xffffff00u), now, kFirstTimestamp});
    const auto listener = target.open(family).value();
    EXPECT_TRUE(target.listen(listener, 5000, 1));
    peer->listen();
    peer->open({host, 5000}, now);
    talk();
    socket = target.accept(listener).value();
  }
  void talk() {
    for (bool quiet = false; !quiet;) {
      quiet = true;
      for (const auto& datagram : peer->take_output()) {
        quiet = false;
        last = packet::parse(datagram).value();
        ++sent;
        target.input(datagram, now);
      }
      for (const auto& datagram : target.take_output()) {
        quiet = false;
        peer->arrives(datagram, now);
        peer->advance(now);
      }
    }
  }
  std::size_t read(std::size_t most) {
    std::vector<std::byte> into(most);
    std::size_t got = 0;
    for (std::size_t n = 1; n > 0 && got < most; got += n) {
      n = target.receive(socket, std::span(into).subspan(got), now).value_or(0);
      talk();
    }
    return got;
  }

  Instant now{1h};
  reference::Stack target;
  packet::Address tester_address;
  std::unique_ptr<Peer> peer;
  reference::SocketId socket = 0;
  packet::Segment last;
  std::size_t sent = 0;
};

TEST(ReferencePeer, CountsFromTheNumbersOfTheTester) {
  Pair pair;
  EXPECT_EQ(pair.last.seq, Seq32(0xffffff01u));
  const auto* stamp = std::get_if<packet::Timestamps>(&pair.last.options.at(2));
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->value, kFirstTimestamp);
  pair.now += 7ms;
  pair.peer->send(Bytes(1), pair.now);
  pair.talk();
  EXPECT_EQ(std::get<packet::Timestamps>(pair.last.options.at(2)).value, kFirstTimestamp + 7);
}

TEST(ReferencePeer, WritesMoreThanItsBufferHoldsAndThenCloses) {
  for (const auto family : {packet::Family::ipv4, packet::Family::ipv6}) {
    Pair pair(family);
    pair.peer->send(Bytes(2'000'000), pair.now);
    pair.peer->shutdown(pair.now);
    pair.talk();
    EXPECT_EQ(pair.read(3'000'000), 2'000'000u);
    std::array<std::byte, 1> nothing;
    EXPECT_EQ(pair.target.receive(pair.socket, nothing, pair.now), 0u) << "end of file";
  }
}

TEST(ReferencePeer, ClosesItsWindowWhileItDoesNotRead) {
  Pair pair;
  pair.peer->read(Peer::Reading::stopped, pair.now);
  ASSERT_EQ(pair.target.send(pair.socket, Bytes(100'000), reference::SendKind::pushed, pair.now), 100'000u);
  pair.talk();
  pair.now += 200ms;  // less than a segment is left: it goes when the override timer says so
  pair.target.advance(pair.now);
  pair.talk();
  EXPECT_EQ(pair.last.window, 0);
  EXPECT_EQ(pair.target.status(pair.socket)->unsent_and_unacknowledged, 100'000u - 65'535u);
  pair.peer->read(Peer::Reading::at_once, pair.now);
  pair.talk();
  EXPECT_EQ(pair.target.status(pair.socket)->unsent_and_unacknowledged, 0u);
}

TEST(ReferencePeer, AcknowledgesWithoutDelay) {
  Pair pair;
  ASSERT_TRUE(pair.target.send(pair.socket, Bytes(1), reference::SendKind::pushed, pair.now));
  pair.talk();
  EXPECT_EQ(pair.target.status(pair.socket)->unsent_and_unacknowledged, 0u);
}

// A host would answer with a RST, and end the target's TIME-WAIT with it.
TEST(ReferencePeer, IsSilentOnceItsConnectionIsOver) {
  Pair pair;
  ASSERT_TRUE(pair.target.shutdown(pair.socket, reference::Direction::send, pair.now));
  pair.talk();
  pair.peer->shutdown(pair.now);
  pair.talk();
  ASSERT_EQ(pair.target.status(pair.socket)->state, reference::State::time_wait);
  packet::Segment stray;
  stray.source = {pair.target.settings().ipv4, 5000};
  stray.destination = {pair.tester_address, 4000};
  stray.flags = Flags::ack;
  pair.sent = 0;
  pair.peer->arrives(packet::serialize(stray), pair.now);
  pair.talk();
  EXPECT_EQ(pair.sent, 0u);
  EXPECT_EQ(pair.peer->deadline(), std::nullopt);
}

TEST(ReferencePeer, IsSilentAfterAnAbort) {
  Pair pair;
  pair.peer->abort(pair.now);
  pair.talk();
  EXPECT_TRUE(pair.last.flags.has(Flags::rst));
  std::array<std::byte, 1> nothing;
  EXPECT_EQ(pair.target.receive(pair.socket, nothing, pair.now).error(), reference::Error::reset);
  pair.sent = 0;
  pair.peer->send(Bytes(1), pair.now);
  pair.talk();
  EXPECT_EQ(pair.sent, 0u);
}

// ---- in a play, with the reference stack on both sides

// A trace points into its suite.
struct Kept {
  script::Suite suite;
  engine::Outcome outcome;
};

Kept play(const std::string& keys) {
  const auto text = "suite: s\ntests:\n  - {id: t, about: a test, requirement: R, " + keys + "}\n";
  Kept out{script::load_suite(std::make_shared<script::SourceFile>(script::SourceFile{"s.yaml", text})).value(), {}};
  const auto target = target::open_reference_target();
  const std::atomic<int> interrupt = 0;
  static_cast<void>(play_all({&out.suite.tests.at(0)}, {}, *target, {}, interrupt,
                             [&](Played&& played) { out.outcome = std::move(played.outcome); }, {}));
  return out;
}

constexpr auto kBothWays =
    "given: {state: ESTABLISHED, options: [mss: 1460, sack_permitted, ts, wscale: 2]}, peer: auto, steps: "
    "[{send: {data: 100000}}, {call: {send: 100000}, as: w}, {call: {recv: 100000}}, "
    "{expect-stream: {data: 1..100001}}, {result: w}]";

TEST(PeerInAPlay, TwoRunsAreTheSame) {
  const auto first = play(kBothWays), second = play(kBothWays);
  EXPECT_EQ(first.outcome.verdict, engine::Verdict::pass) << first.outcome.reason;
  ASSERT_EQ(first.outcome.trace.size(), second.outcome.trace.size());
  for (std::size_t i = 0; i < first.outcome.trace.size(); ++i) {
    EXPECT_EQ(first.outcome.trace[i].packet, second.outcome.trace[i].packet) << i;
    EXPECT_EQ(first.outcome.trace[i].at - first.outcome.started, second.outcome.trace[i].at - second.outcome.started);
  }
}

TEST(PeerInAPlay, ReportsTellWhatThePeerSent) {
  const auto played = play(kBothWays);
  std::size_t by_peer = 0;
  for (const auto& line : to_conversation(played.outcome)) by_peer += line.comment == "by the peer";
  EXPECT_GE(by_peer, 100'000u / 1460);
}

TEST(PeerInAPlay, NoTimePassesBetweenTheTargetAndThePeer) {
  const auto played = play(
      "given: ESTABLISHED, peer: auto, steps: [{call: shutdown}, {expect: {flags: FA}}, {send: {data: 10}}, "
      "{call: {recv: 10}}, {send: {flags: F}}, {call: {recv: 1}, is: eof}, {call: state, is: TIME-WAIT}]");
  EXPECT_EQ(played.outcome.verdict, engine::Verdict::pass) << played.outcome.reason;
  EXPECT_EQ(played.outcome.finished - played.outcome.started, 150ms) << "the drain";
}

// Each state in which a script can leave the tester's side: what is due leaves at once.
struct Left {
  PeerAdoption::Fin own, targets;
  std::string_view flags;  // of what it says at once; empty: nothing
};
class Adopting : public ::testing::TestWithParam<Left> {};

TEST_P(Adopting, AcknowledgesWhatIsDue) {
  const Instant now{1h};
  const auto peer = make_reference_peer({{packet::Address::ipv4(10, 1, 0, 1), 4000},
                                         {packet::Address::ipv4(10, 0, 0, 1), 5000},
                                         1500,
                                         Seq32(0xffffff00u),
                                         now,
                                         kFirstTimestamp});
  using Fin = PeerAdoption::Fin;
  PeerAdoption adoption;
  adoption.own = GetParam().own;
  adoption.targets = GetParam().targets;
  adoption.iss = Seq32(0xffffff00u);
  adoption.snd_una = adoption.iss + (adoption.own == Fin::acknowledged ? 2U : 1U);
  adoption.snd_nxt = adoption.iss + (adoption.own == Fin::none ? 1U : 2U);
  adoption.irs = Seq32(7);
  adoption.rcv_nxt = adoption.irs + (adoption.targets == Fin::none ? 1U : 2U);
  adoption.acknowledged = adoption.irs + (adoption.targets == Fin::acknowledged ? 2U : 1U);
  adoption.snd_wnd = adoption.rcv_wnd = 65'535;
  peer->adopt(adoption, now);
  const auto said = peer->take_output();
  if (GetParam().flags.empty()) {
    EXPECT_TRUE(said.empty());
    return;
  }
  ASSERT_EQ(said.size(), 1u);
  const auto segment = packet::parse(said[0]).value();
  EXPECT_EQ(segment.flags, Flags::parse(GetParam().flags).value());
  EXPECT_EQ(segment.ack, adoption.rcv_nxt);
}

using Fin = PeerAdoption::Fin;
INSTANTIATE_TEST_SUITE_P(States, Adopting,
                         ::testing::Values(Left{Fin::none, Fin::none, ""}, Left{Fin::sent, Fin::none, ""},
                                           Left{Fin::acknowledged, Fin::none, ""}, Left{Fin::none, Fin::sent, "A"},
                                           Left{Fin::none, Fin::acknowledged, ""}, Left{Fin::sent, Fin::sent, "A"},
                                           Left{Fin::acknowledged, Fin::sent, "A"},
                                           Left{Fin::acknowledged, Fin::acknowledged, ""}));

}  // namespace
}  // namespace tcpspec::runner
