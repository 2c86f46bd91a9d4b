// `peer: auto`: who plays, and what `send` and `alive` are then.

#include "script/loading_test.hh"

namespace tcpspec::script {
namespace {

PlayPeer::Kind player(const Steps& steps, std::size_t index) {
  return action<PlayPeer>(steps, index).kind;
}

TEST(Peer, BeginsBehindTheFixtureAsAPartOfIt) {
  const auto test = load_with_steps({"send: {data: 1}"}, "    given: LISTEN\n    peer: auto\n");
  EXPECT_EQ(player(test.steps, 1), PlayPeer::Kind::automatic);
  EXPECT_TRUE(test.steps[1].fixture);
  action<PeerSend>(test.steps, 2);
}

TEST(Peer, OfASuiteIsForAllItsTestsButThoseThatSayNo) {
  const auto of_suite = load_one("    steps: [{send: {data: 1}}]\n", "peer: auto\n");
  EXPECT_EQ(player(of_suite.steps, 0), PlayPeer::Kind::automatic);
  const auto without = load_one("    peer: off\n    steps: [{send: {flags: A}}]\n", "peer: auto\n");
  action<SendSegment>(without.steps, 0);
}

TEST(Peer, PlaysEachConnectionButLaterIncarnations) {
  const auto test = load_with_steps({"{send: {data: 1}, on: b}", "{send: {flags: S}, on: later}"},
                                    "    peer: auto\n    connections: {a: {}, b: {}, later: {tuple: a}}\n");
  ASSERT_EQ(test.steps.size(), 4u);
  EXPECT_EQ(test.steps[0].connection, 0);
  EXPECT_EQ(test.steps[1].connection, 1);
  action<PeerSend>(test.steps, 2);
  action<SendSegment>(test.steps, 3);
}

TEST(Peer, SendIsWhatItsApplicationDoes) {
  const auto test = load_with_steps(
      {"send: {data: 300000}", "send: {flags: FA, text: end}", "peer: auto", "send: {flags: F}", "peer: auto",
       "send: {flags: RA}", "peer: auto", "send: {flags: S}", "send: {flags: PA, hex: '00'}"},
      "    peer: auto\n");
  EXPECT_EQ(action<PeerSend>(test.steps, 1).length->constant(), 300'000);
  EXPECT_EQ(action<PeerSend>(test.steps, 1).ending, PeerSend::Ending::open);
  EXPECT_EQ(action<PeerSend>(test.steps, 2).literal.size(), 3u);
  EXPECT_EQ(action<PeerSend>(test.steps, 2).ending, PeerSend::Ending::fin);
  EXPECT_EQ(action<PeerSend>(test.steps, 4).ending, PeerSend::Ending::fin);
  EXPECT_EQ(action<PeerSend>(test.steps, 6).kind, PeerSend::Kind::abort);
  EXPECT_EQ(action<PeerSend>(test.steps, 8).kind, PeerSend::Kind::open);
  EXPECT_EQ(action<PeerSend>(test.steps, 9).literal.size(), 1u);
}

TEST(Peer, ComesAndGoes) {
  const auto test = load_with_steps({"send: {flags: A}", "peer: auto", "send: {data: 1}", "inject: {flags: A}",
                                     "peer: {reading: off}", "peer: {reading: on}", "peer: off", "send: {flags: A}"});
  action<SendSegment>(test.steps, 0);
  EXPECT_EQ(player(test.steps, 1), PlayPeer::Kind::automatic);
  action<PeerSend>(test.steps, 2);
  action<SendSegment>(test.steps, 3);
  EXPECT_EQ(player(test.steps, 4), PlayPeer::Kind::not_reading);
  EXPECT_EQ(player(test.steps, 5), PlayPeer::Kind::reading);
  EXPECT_EQ(player(test.steps, 6), PlayPeer::Kind::off);
  action<SendSegment>(test.steps, 7);
}

TEST(Peer, InjectIsASendThatIsScripted) {
  const auto test = load_with_steps({"inject: {flags: PA, seq: 7, data: 3}"});
  const auto& segment = action<SendSegment>(test.steps, 0);
  EXPECT_EQ(segment.seq->constant(), 7);
  EXPECT_EQ(segment.length->constant(), 3);
}

TEST(Peer, AliveGoesThroughIt) {
  const auto test = load_with_steps({"{alive: , on: b}", "peer: off", "alive"},
                                    "    given: ESTABLISHED\n    peer: auto\n    connections: {a: {}, b: {}}\n");
  const auto& steps = test.steps;
  const auto& probe = action<Block>(steps, steps.size() - 3).steps;
  action<PeerSend>(probe, 0);
  EXPECT_EQ(probe.at(0).connection, 1);
  const auto& scripted = action<Block>(steps, steps.size() - 1).steps;
  action<SendSegment>(scripted, 0);
}

// What is due is acknowledged at once: FIN-WAIT-1 becomes FIN-WAIT-2, and so on.
TEST(Peer, MovesTheStateThatAliveMeans) {
  const std::vector<std::pair<std::string, std::string>> moves = {{"SYN-RECEIVED", "ESTABLISHED"},
                                                                  {"FIN-WAIT-1", "FIN-WAIT-2"},
                                                                  {"CLOSING", "TIME-WAIT"},
                                                                  {"LAST-ACK", "CLOSED"},
                                                                  {"CLOSE-WAIT", "CLOSE-WAIT"}};
  for (const auto& [from, to] : moves) {
    const auto test = load_with_steps({"alive"}, "    peer: auto\n    given: " + from + "\n");
    EXPECT_EQ(action<Block>(test.steps, test.steps.size() - 1).title, "alive (" + to + ")");
  }
}

// A probe of TIME-WAIT goes round the peer, whose connection is over; one of CLOSED is a connection of its own.
TEST(Peer, AliveWithoutAPeersPartIsScripted) {
  for (const auto* state : {"TIME-WAIT", "CLOSED", "LISTEN"}) {
    const auto test = load_with_steps({std::string("alive: ") + state}, "    peer: auto\n    given: ESTABLISHED\n");
    action<SendSegment>(action<Block>(test.steps, test.steps.size() - 1).steps, 0);
  }
}

TEST(Peer, ABranchDoesNotChangeWhatFollows) {
  const auto test = load_with_steps(
      {"{expect: {flags: A}, or: [{expect: {flags: R}, why: x, then: [{peer: off}]}]}", "send: {data: 1}"},
      "    peer: auto\n");
  action<PeerSend>(test.steps, 2);
}

}  // namespace
}  // namespace tcpspec::script
