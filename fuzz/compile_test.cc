#include "fuzz/compile.hh"

#include <gtest/gtest.h>

#include "fuzz/conversation.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;
using Base = Number::Base;

std::expected<Program, std::string> compiled(const std::string& body) {
  const auto suite = test::load("suite: s\ntests:\n  - {id: t, about: x, requirement: none, " + body + "}\n");
  return compile(suite.tests.front(), {.seed = 5, .make_peer = runner::make_reference_peer});
}

const SendSegment& sent(const Program& program, std::size_t step) {
  return std::get<SendSegment>(program.steps.at(step).action);
}

TEST(Compile, NumbersCountFromWhatLiesNear) {
  const auto program = compiled(R"(given: ESTABLISHED, tolerate: any, steps: [
      send: {flags: A, seq: rcv_nxt + rcv_wnd, data: 1},
      send: {flags: R, seq: rcv_nxt + 1},
      send: {flags: A, ack: snd_nxt - 1},
      send: {flags: A, seq: 0},
      send: {flags: A, win: 1000}, send: {flags: A, win: 1000}])");
  ASSERT_TRUE(program.has_value()) << program.error();
  EXPECT_EQ(program->fixture.state, script::State::established);
  EXPECT_EQ(sent(*program, 0).seq, (Number{Base::rcv_edge, 0}));
  EXPECT_EQ(sent(*program, 1).seq, (Number{Base::rcv_nxt, 1}));
  EXPECT_EQ(sent(*program, 2).ack, (Number{Base::snd_nxt, -1}));
  EXPECT_FALSE(sent(*program, 2).seq) << "the default is not said";
  EXPECT_EQ(sent(*program, 3).seq, (Number{Base::rcv_nxt, -1})) << "the first of the near ones";
  EXPECT_EQ(sent(*program, 4).window, 1000);
  EXPECT_FALSE(sent(*program, 5).window) << "it was advertised last";
}

TEST(Compile, RepeatsAndAlternativesBecomeOneLine) {
  const auto program = compiled(R"(given: ESTABLISHED, steps: [
      repeat: {times: 3, steps: [send: {flags: PA, data: 10}, wait: 1s]},
      {silence: 2s},
      {call: {recv: 30}}])");
  ASSERT_TRUE(program.has_value()) << program.error();
  ASSERT_EQ(program->steps.size(), 7U);
  EXPECT_EQ(std::get<Pause>(program->steps[1].action).length, std::chrono::seconds(1));
  EXPECT_EQ(std::get<Pause>(program->steps[5].action).length, std::chrono::seconds(3));
  EXPECT_EQ(std::get<Call>(program->steps[6].action).number, 30);
}

TEST(Compile, APeersSegmentsAreSteps) {
  const auto program = compiled("given: ESTABLISHED, peer: auto, steps: [send: {data: 5000}, call: {recv: 5000}]");
  ASSERT_TRUE(program.has_value()) << program.error();
  std::int64_t octets = 0;
  for (const auto& step : program->steps)
    if (const auto* send = std::get_if<SendSegment>(&step.action)) {
      EXPECT_TRUE(send->literal.empty());
      octets += send->length.base == Base::rcv_mss ? 1460 + send->length.offset : send->length.offset;
    }
  EXPECT_EQ(octets, 5000);
}

TEST(Compile, ALaterIncarnationCountsFromTheEarlierOne) {
  const auto program = compiled(R"(connections: {a: {}, b: {tuple: a, iss: rcv_nxt + 1000}}, given: TIME-WAIT, steps: [
      {send: {flags: S}, on: b}, {expect: {flags: SA}, on: b}])");
  ASSERT_TRUE(program.has_value()) << program.error();
  EXPECT_EQ(program->connections.at(1), (Connection{0, Number{Base::rcv_nxt, 1000}}));
}

TEST(Compile, WhatIsNoFixtureIsSteps) {
  const auto program = compiled("given: {state: ESTABLISHED, options: [mss: 536]}, steps: [send: {flags: A}]");
  ASSERT_TRUE(program.has_value()) << program.error();
  EXPECT_EQ(program->fixture, Fixture{});
  EXPECT_EQ(program->steps.size(), 5U);  // listen, SYN, ACK, accept, and that one
}

TEST(Compile, WhatCannotBePlayedSaysWhy) {
  const auto needs = compiled("needs: [levitation], steps: [call: listen]");
  ASSERT_FALSE(needs.has_value());
  EXPECT_EQ(needs.error(), "the reference stack has no levitation");
  const auto nothing = compiled("steps: [icmp: {type: 3}]");
  ASSERT_FALSE(nothing.has_value());
  EXPECT_NE(nothing.error().find("quotes a segment of the target"), std::string::npos) << nothing.error();
}

}  // namespace
}  // namespace tcpspec::fuzz
