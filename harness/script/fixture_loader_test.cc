// Fixtures and liveness probes, in every state and role.

#include "script/loading_test.hh"

namespace tcpspec::script {
namespace {

// "call listen, send S, expect SA, ..."
std::string story(const Steps& steps) {
  std::string out;
  for (const auto& step : steps) {
    std::string word;
    if (const auto* send = std::get_if<SendSegment>(&step.action))
      word = "send " + to_string(send->flags);
    else if (const auto* expect = std::get_if<Expect>(&step.action))
      word = "expect " + to_string(*expect->segment.flags);
    else if (std::get_if<ExpectStream>(&step.action))
      word = "stream";
    else if (const auto* call = std::get_if<Call>(&step.action))
      word = "call " + std::to_string(static_cast<int>(call->kind));
    else if (const auto* result = std::get_if<Result>(&step.action))
      word = "result " + result->of;
    else if (const auto* block = std::get_if<Block>(&step.action))
      word = block->title;
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

std::string call(CallKind kind) {
  return "call " + std::to_string(static_cast<int>(kind));
}

const std::string kPassive = call(CallKind::listen) + ", send S, expect SA, send A, " + call(CallKind::accept);
const std::string kActive = call(CallKind::connect) + ", expect S, send SA, expect A, result opening";
const std::string kShut = ", " + call(CallKind::shutdown_write) + ", expect FA";

Test given(const std::string& state) {
  return load_one("    given: " + state + "\n    steps: []\n");
}

TEST(Fixture, EveryStateOfThePassiveRole) {
  EXPECT_EQ(story(given("CLOSED").steps), "");
  EXPECT_EQ(story(given("LISTEN").steps), call(CallKind::listen));
  EXPECT_EQ(story(given("SYN-RECEIVED").steps), call(CallKind::listen) + ", send S, expect SA");
  EXPECT_EQ(story(given("ESTABLISHED").steps), kPassive);
  EXPECT_EQ(story(given("FIN-WAIT-1").steps), kPassive + kShut);
  EXPECT_EQ(story(given("FIN-WAIT-2").steps), kPassive + kShut + ", send A");
  EXPECT_EQ(story(given("CLOSING").steps), kPassive + kShut + ", send FA, expect A");
  EXPECT_EQ(story(given("TIME-WAIT").steps), kPassive + kShut + ", send A, send FA, expect A");
  EXPECT_EQ(story(given("CLOSE-WAIT").steps), kPassive + ", send FA, expect A");
  EXPECT_EQ(story(given("LAST-ACK").steps), kPassive + ", send FA, expect A" + kShut);
}

TEST(Fixture, EveryStateOfTheActiveRole) {
  const auto active = [](const std::string& state) {
    return story(given("{state: " + state + ", role: active}").steps);
  };
  EXPECT_EQ(active("CLOSED"), "");
  EXPECT_EQ(active("SYN-SENT"), call(CallKind::connect) + ", expect S");
  EXPECT_EQ(story(given("SYN-SENT").steps), active("SYN-SENT")) << "there is no other way into SYN-SENT";
  EXPECT_EQ(active("SYN-RECEIVED"), call(CallKind::connect) + ", expect S, send S, expect SA");
  EXPECT_EQ(active("ESTABLISHED"), kActive);
  EXPECT_EQ(active("FIN-WAIT-1"), kActive + kShut);
  EXPECT_EQ(active("FIN-WAIT-2"), kActive + kShut + ", send A");
  EXPECT_EQ(active("CLOSING"), kActive + kShut + ", send FA, expect A");
  EXPECT_EQ(active("TIME-WAIT"), kActive + kShut + ", send A, send FA, expect A");
  EXPECT_EQ(active("CLOSE-WAIT"), kActive + ", send FA, expect A");
  EXPECT_EQ(active("LAST-ACK"), kActive + ", send FA, expect A" + kShut);
}

TEST(Fixture, CrossingSynsAreNeededByThoseThatAskForThem) {
  const auto needs = [](const std::string& steps) { return load_one(steps).needs; };
  EXPECT_EQ(needs("    given: {state: SYN-RECEIVED, role: active}\n    steps: []\n"),
            (std::set<std::string>{"connect", "simultaneous-open"}));
  EXPECT_EQ(needs("    steps:\n      - {reach: {state: SYN-RECEIVED, role: active}}\n"),
            (std::set<std::string>{"connect", "simultaneous-open"}));
  EXPECT_EQ(needs("    given: {state: ESTABLISHED, role: active}\n    steps: []\n"), std::set<std::string>{"connect"});
  EXPECT_EQ(needs("    given: SYN-RECEIVED\n    steps: []\n"), std::set<std::string>{"listen"});
}

TEST(Fixture, StepsAreMarkedAndShownAtTheLineThatAskedForThem) {
  const auto test = load_one("    given: LAST-ACK\n    steps:\n      - wait: 1s\n");
  ASSERT_EQ(test.steps.size(), 10u);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(test.steps[i].fixture);
    EXPECT_EQ(test.steps[i].where.line, 6);
    EXPECT_EQ(test.steps[i].where.file->path, "t.yaml");
  }
  EXPECT_FALSE(test.steps[9].fixture);
}

TEST(Fixture, Parameters) {
  const auto test = given(
      "{state: FIN-WAIT-1, options: [mss: 536, nop], win: 1000, backlog: 1, by: close, sockopt: {SO_RCVBUF: 8192, "
      "TCP_NODELAY: 1}}");
  EXPECT_EQ(action<Call>(test.steps, 0).option, "SO_RCVBUF");
  EXPECT_EQ(action<Call>(test.steps, 0).socket, "listener");
  EXPECT_EQ(action<Call>(test.steps, 0).number->constant(), 8192);
  EXPECT_EQ(action<Call>(test.steps, 1).option, "TCP_NODELAY");
  EXPECT_EQ(action<Call>(test.steps, 2).number->constant(), 1);
  const auto& syn = action<SendSegment>(test.steps, 3);
  EXPECT_EQ(syn.options->size(), 2u);
  EXPECT_EQ(syn.options->at(0).numbers.at(0).constant(), 536);
  EXPECT_EQ(syn.window->constant(), 1000);
  EXPECT_EQ(action<Call>(test.steps, 7).kind, CallKind::close);
  EXPECT_EQ(action<Call>(given("{state: SYN-SENT, sockopt: {SO_RCVBUF: 1}}").steps, 0).socket, "c");
}

TEST(Fixture, ReachOnAnotherConnectionUsesItsNames) {
  const auto test = load_one(
      "    connections: {a: {}, b: {}}\n    given: ESTABLISHED\n    steps:\n      - {reach: {state: FIN-WAIT-1, role: "
      "active}, on: b}\n      - reach: CLOSE-WAIT\n");
  EXPECT_EQ(test.given, State::established);
  const auto& block = action<Block>(test.steps, 5);
  EXPECT_EQ(story(block.steps), call(CallKind::connect) + ", expect S, send SA, expect A, result opening_b" + kShut);
  for (const auto& step : block.steps) {
    EXPECT_EQ(step.connection, 1);
    EXPECT_TRUE(step.fixture);
    EXPECT_EQ(step.where.line, 9);
  }
  EXPECT_EQ(action<Call>(block.steps, 0).socket, "b");
  EXPECT_EQ(action<Call>(block.steps, 0).as, "opening_b");
  EXPECT_EQ(action<Call>(block.steps, 5).socket, "b");
  EXPECT_EQ(action<Block>(test.steps, 6).steps.at(0).connection, 0);
}

TEST(Fixture, PassiveReachOnAnotherConnectionAcceptsIntoItsSocket) {
  const auto test = load_one("    connections: {a: {}, b: {}}\n    steps:\n      - {reach: ESTABLISHED, on: b}\n");
  const auto& block = action<Block>(test.steps, 0);
  EXPECT_EQ(action<Call>(block.steps, 4).socket, "listener");
  EXPECT_EQ(action<Call>(block.steps, 4).accepted, "b");
}

const Block& probe_of(const Test& test) {
  static const Block none;
  const auto* block = test.steps.empty() ? nullptr : std::get_if<Block>(&test.steps.back().action);
  EXPECT_TRUE(block);
  return block ? *block : none;
}

TEST(Alive, EachStateHasItsProbe) {
  const auto alive = [](const std::string& state) {
    return story(probe_of(load_one("    given: " + state + "\n    steps: [alive]\n")).steps);
  };
  const auto accept = call(CallKind::accept), recv = call(CallKind::receive), send = call(CallKind::send);
  EXPECT_EQ(alive("CLOSED"), "send S, expect RA");
  EXPECT_EQ(alive("LISTEN"), "send S, expect SA, send R");
  EXPECT_EQ(alive("SYN-SENT"), "send SA, expect A, result opening");
  EXPECT_EQ(alive("SYN-RECEIVED"), "send A, " + accept + ", send PA, stream, " + recv);
  EXPECT_EQ(alive("{state: SYN-RECEIVED, role: active}"), "send A, result opening, send PA, stream, " + recv);
  EXPECT_EQ(alive("ESTABLISHED"), "send PA, " + recv + ", " + send + ", expect A, send A");
  EXPECT_EQ(alive("FIN-WAIT-1"), "send A, send PA, stream, " + recv);
  EXPECT_EQ(alive("FIN-WAIT-2"), "send PA, stream, " + recv);
  EXPECT_EQ(alive("CLOSE-WAIT"), send + ", expect A, send A");
  EXPECT_EQ(alive("CLOSING"), "send A, send FA, expect A");
  EXPECT_EQ(alive("LAST-ACK"), "send FA, expect A");
  EXPECT_EQ(alive("TIME-WAIT"), "send FA, expect A");
}

std::vector<std::string> probes(const Test& test) {
  std::vector<std::string> out;
  for (const auto& step : test.steps)
    if (const auto* block = std::get_if<Block>(&step.action); block && block->title.starts_with("alive"))
      out.push_back(block->title);
  return out;
}
using Titles = std::vector<std::string>;

TEST(Alive, AProbeThatMovesTheStateIsRememberedByTheNext) {
  const auto twice = [](const std::string& state) {
    return probes(load_one("    given: " + state + "\n    steps: [alive, alive]\n"));
  };
  EXPECT_EQ(twice("SYN-SENT"), (Titles{"alive (SYN-SENT)", "alive (ESTABLISHED)"}));
  EXPECT_EQ(twice("SYN-RECEIVED"), (Titles{"alive (SYN-RECEIVED)", "alive (ESTABLISHED)"}));
  EXPECT_EQ(twice("FIN-WAIT-1"), (Titles{"alive (FIN-WAIT-1)", "alive (FIN-WAIT-2)"}));
  EXPECT_EQ(twice("CLOSING"), (Titles{"alive (CLOSING)", "alive (TIME-WAIT)"}));
  EXPECT_EQ(twice("LISTEN"), (Titles{"alive (LISTEN)", "alive (LISTEN)"}));
}

TEST(Alive, EachConnectionHasItsOwnState) {
  const auto test = load_one(
      "    connections: {a: {}, b: {}}\n    given: CLOSE-WAIT\n    steps:\n      - {reach: FIN-WAIT-2, on: b}\n      - "
      "alive\n      - {alive: , on: b}\n      - {alive: TIME-WAIT, on: b}\n");
  EXPECT_EQ(probes(test), (Titles{"alive (CLOSE-WAIT)", "alive (FIN-WAIT-2)", "alive (TIME-WAIT)"}));
  for (const auto& step : probe_of(test).steps) EXPECT_EQ(step.connection, 1);
}

TEST(Alive, WithoutAFixtureItMeansEstablished) {
  const auto test = load_one("    steps:\n      - alive\n");
  EXPECT_EQ(probes(test), Titles{"alive (ESTABLISHED)"});
  EXPECT_EQ(test.steps[0].where.line, 7);
  EXPECT_EQ(test.steps[0].where.file->path, "t.yaml");
  for (const auto& step : probe_of(test).steps) EXPECT_FALSE(step.fixture);
}

TEST(Alive, APendingConnectOfTheTestItselfIsCompletedToo) {
  const auto test = load_with_steps({"{call: connect, as: opening}", "expect: {flags: S}", "alive: SYN-SENT"});
  EXPECT_EQ(story(probe_of(test).steps), "send SA, expect A, result opening");
}

TEST(Alive, AnEstablishedProbeNeedsNoPendingConnect) {
  const auto test = load_one("    given: SYN-SENT\n    steps:\n      - alive: ESTABLISHED\n");
  EXPECT_EQ(probes(test), Titles{"alive (ESTABLISHED)"});
}

TEST(Alive, ListenersAreProbedByAConnectionOfTheirOwn) {
  const auto test = load_one("    given: LISTEN\n    connections: {a: {}, b: {}}\n    steps: [alive, alive]\n");
  ASSERT_EQ(test.connections.size(), 3u);
  EXPECT_EQ(test.connections[2].name, "probe");
  for (const auto& step : probe_of(test).steps) EXPECT_EQ(step.connection, 2);
}

}  // namespace
}  // namespace tcpspec::script
