#include "fuzz/decompile.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzz/conversation.hh"
#include "packet/segment_view.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t seed = 9;

SendSegment segment(std::string_view flags) {
  SendSegment out;
  out.flags = Flags::parse(flags).value();
  return out;
}

Program in(script::State state, std::vector<Step> steps) {
  Program out;
  out.fixture.state = state;
  out.steps = std::move(steps);
  return out;
}

Call call_of(Call::Kind kind, std::int64_t number = 0) {
  Call out;
  out.kind = kind;
  out.socket = 1;
  out.number = number;
  return out;
}

Played played(const Program& program) {
  const auto target = target::open_reference_target();
  auto out = play(program, *target, {.seed = seed, .drain = 150ms});
  if (!out) throw std::runtime_error(out.error().what);
  return std::move(*out);
}

engine::Verdict verdict_of(const std::string& yaml) {
  const auto suite = test::load(yaml);
  return test::Recording(suite.tests.front(), seed).play().verdict;
}

TEST(Decompile, AConversationIsRead) {
  auto beyond = segment("R");
  beyond.seq = Number{Number::Base::rcv_nxt, 1};
  auto data = segment("PA");
  data.length = {Number::Base::zero, 100};
  const auto program = in(script::State::established, {{0, beyond},
                                                       {0, call_of(Call::Kind::receive, 100)},
                                                       {0, Pause{2s}},
                                                       {0, data},
                                                       {0, call_of(Call::Kind::send, 10)},
                                                       {0, Pause{1500ms}}});
  Telling telling;
  telling.seed = seed;
  telling.about = "A line: with a colon.";
  telling.comments = {"found", "two\nlines"};
  const auto yaml = to_yaml(program, played(program), telling);
  EXPECT_EQ(yaml, R"(# found
# two
# lines
suite: found
tests:
  - id: program
    about: "A line: with a colon."
    requirement: none
    level: PRACTICE
    given: ESTABLISHED
    steps:
      - send: {flags: R, seq: rcv_nxt + 1}
      - expect: {flags: A, seq: snd_nxt, ack: rcv_nxt, len: 0}
      - {call: {recv: 100}, as: receiving}
      - wait: 2s
      - send: {flags: PA, data: 100}
      - {result: receiving, is: 100}
      - call: {send: 10}
      - expect: {flags: A, seq: snd_nxt, ack: rcv_nxt, len: 10}
      - {expect: {flags: A, seq: snd_una, ack: rcv_nxt, len: 10}, within: 2s}
      - wait: 500ms
)");
  EXPECT_EQ(verdict_of(yaml), engine::Verdict::pass);
}

// RFC 9293 section 3.10.7.1: sequence number zero, which is another distance from each ISS.
TEST(Decompile, AResetFromClosedIsTheSameForEachSeed) {
  auto program = in(script::State::established, {{0, segment("R")}, {0, segment("-")}});
  program.fixture.role = script::Role::active;  // nobody listens
  Telling telling;
  telling.seed = seed;
  const auto yaml = to_yaml(program, played(program), telling);
  EXPECT_THAT(yaml, HasSubstr("- expect: {flags: RA, ack: rcv_nxt}"));
  const auto suite = test::load(yaml);
  for (const auto other : {seed, seed + 1})
    EXPECT_EQ(test::Recording(suite.tests.front(), other).play().verdict, engine::Verdict::pass);
}

TEST(Decompile, RealTimesAreToldAsIfNothingTookTime) {
  auto data = segment("PA");
  data.length = {Number::Base::zero, 10};
  const auto program = in(script::State::established,
                          {{0, data}, {0, call_of(Call::Kind::receive, 10)}, {0, Pause{2s}}, {0, segment("A")}});
  auto record = played(program);
  Telling telling;
  telling.seed = seed;
  const auto exact = to_yaml(program, record, telling);
  auto late = 0us;
  for (auto& entry : record.entries) entry.at += late += 7us;
  record.ended += late;
  EXPECT_NE(to_yaml(program, record, telling), exact);
  telling.grain = 1ms;
  EXPECT_EQ(to_yaml(program, record, telling), exact);
}

// Where the two records part, the test wants the other's answer.
TEST(Decompile, ADifferenceIsWhatTheOtherDid) {
  auto beyond = segment("R");
  beyond.seq = Number{Number::Base::rcv_nxt, 1};
  const auto program = in(script::State::established, {{0, beyond}, {0, segment("F")}});
  const auto right = played(program);
  auto wrong = right;
  const auto challenge = std::ranges::find_if(wrong.entries, [&](const Entry& entry) {
    return entry.kind == Entry::Kind::answered && entry.step == wrong.fixture_steps;
  });
  ASSERT_NE(challenge, wrong.entries.end());
  const auto at = static_cast<std::size_t>(challenge - wrong.entries.begin());

  Telling telling;
  telling.seed = seed;
  // Another stack sent nothing: the test wants the challenge ACK, and the reference stack passes.
  wrong.entries.erase(challenge);
  telling.parting = Telling::Parting{.other = &right, .entry = at, .others_entry = at};
  const auto wants = to_yaml(program, wrong, telling);
  EXPECT_THAT(wants, HasSubstr("expect: {flags: A, seq: snd_nxt, ack: rcv_nxt, len: 0}"));
  EXPECT_THAT(wants, HasSubstr("tolerate: nothing"));
  EXPECT_THAT(wants, Not(HasSubstr("flags: F"))) << "the step in which they part is the last";
  EXPECT_EQ(verdict_of(wants), engine::Verdict::pass);

  // The other way round it wants silence, and the reference stack fails. (A practice is an `info`.)
  telling.level = script::Level::must;
  telling.parting = Telling::Parting{.other = &wrong, .entry = at, .others_entry = at};
  const auto silent = to_yaml(program, right, telling);
  EXPECT_THAT(silent, Not(HasSubstr("expect")));
  EXPECT_NE(verdict_of(silent), engine::Verdict::pass);
}

// A call that completes in one of two records only: text is there to read in the one, and broken in the other.
TEST(Decompile, ACallThatCompletesInOneRecordAlone) {
  auto text = segment("PA");
  text.length.offset = 1;
  auto broken = text;
  broken.malformation.tcp_checksum_xor = 1;
  const auto reading = call_of(Call::Kind::receive, 1);
  const auto read = played(in(script::State::established, {{0, text}, {0, reading}}));
  const auto waited = played(in(script::State::established, {{0, broken}, {0, reading}}));
  const auto completion = read.entries.size() - 1;
  ASSERT_EQ(read.entries[completion].kind, Entry::Kind::completed);
  ASSERT_EQ(waited.entries.back().kind, Entry::Kind::called);

  Telling telling;
  telling.seed = seed;
  // The other goes on waiting: nothing is said of a result, and the reference stack, which reads, fails.
  telling.level = script::Level::must;
  telling.parting =
      Telling::Parting{.other = &waited, .entry = completion, .others_entry = waited.entries.size(), .at_once = true};
  const auto waiting = to_yaml(in(script::State::established, {{0, text}, {0, reading}}), read, telling);
  EXPECT_THAT(waiting, HasSubstr("as: receiving"));
  EXPECT_THAT(waiting, Not(HasSubstr("is: ")));
  EXPECT_EQ(verdict_of(waiting), engine::Verdict::fail);

  // The other way round the result of the call that was begun is wanted, and at once.
  telling.parting =
      Telling::Parting{.other = &read, .entry = waited.entries.size(), .others_entry = completion, .at_once = true};
  const auto wanting = to_yaml(in(script::State::established, {{0, broken}, {0, reading}}), waited, telling);
  EXPECT_THAT(wanting, HasSubstr("{result: receiving, is: 1, within: 1ms}"));
}

TEST(Decompile, WhatDiffersIsSaid) {
  auto program = in(script::State::listen, {{0, segment("S")}});
  const auto record = played(program);
  const auto at = static_cast<std::size_t>(std::ranges::find(record.entries, Entry::Kind::answered, &Entry::kind) -
                                           record.entries.begin());
  Telling telling;
  telling.seed = seed;
  telling.parting =
      Telling::Parting{.other = &record, .entry = at, .others_entry = at, .windows = true, .options = true};
  const auto yaml = to_yaml(program, record, telling);
  EXPECT_THAT(yaml, HasSubstr("wscale: absent"));
  EXPECT_THAT(yaml, HasSubstr("win: "));
  EXPECT_EQ(verdict_of(yaml), engine::Verdict::pass);
}

TEST(Decompile, AtTheEndTheTargetIsAlive) {
  Telling telling;
  telling.seed = seed;
  telling.alive = true;
  const auto connected = in(script::State::established, {{0, segment("A")}});
  const auto listening = to_yaml(connected, played(connected), telling);
  EXPECT_THAT(listening, HasSubstr("alive: LISTEN"));
  EXPECT_EQ(verdict_of(listening), engine::Verdict::pass);

  auto close = call_of(Call::Kind::close);
  close.socket = 0;
  const auto closed = in(script::State::established, {{0, close}});
  const auto refusing = to_yaml(closed, played(closed), telling);
  EXPECT_THAT(refusing, HasSubstr("alive: CLOSED"));
  EXPECT_EQ(verdict_of(refusing), engine::Verdict::pass);
}

TEST(Decompile, ManySegmentsAreOneStream) {
  const auto program = in(script::State::established, {{0, call_of(Call::Kind::send, 14'600)}});
  Telling telling;
  telling.seed = seed;
  const auto yaml = to_yaml(program, played(program), telling);
  EXPECT_THAT(yaml, HasSubstr("expect-stream: {data: snd_nxt..snd_nxt + "));
  EXPECT_EQ(verdict_of(yaml), engine::Verdict::pass);
}

}  // namespace
}  // namespace tcpspec::fuzz
