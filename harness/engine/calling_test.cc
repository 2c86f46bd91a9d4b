// The application's calls and their results.

#include <gmock/gmock.h>

#include <cerrno>

#include "engine/test_rig.hh"

namespace tcpspec::engine {
namespace {

using namespace std::chrono_literals;
using test::Rig;
using testing::HasSubstr;

target::CallResult received(target::CallId id, std::initializer_list<std::uint64_t> offsets) {
  target::CallResult result;
  result.id = id;
  for (const auto offset : offsets) result.data.push_back(pattern_octet(Stream::from_tester, offset));
  result.value = static_cast<std::int64_t>(offsets.size());
  return result;
}

TEST(Call, WaitsForItsCompletion) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - call: {getsockopt: TCP_MAXSEG}\n    is: 1460\n  - send: {flags: A, seq: 77}\n");
  rig.establish();
  rig.pass(1s - 1ns);
  EXPECT_FALSE(rig.finished());
  rig.complete_last(1460);
  rig.go();
  EXPECT_EQ(rig.sent_seq(), 77u);
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Call, ThatNeverCompletesDiverges) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: close\n    within: 2s\n");
  rig.establish();
  rig.pass(2s - 1ns);
  EXPECT_FALSE(rig.finished());
  rig.pass(1ns);
  EXPECT_TRUE(rig.finished());
  EXPECT_THAT(rig.outcome().reason, HasSubstr("did not complete within 2s"));
}

TEST(Call, AWrongResultDiverges) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: {getsockopt: TCP_MAXSEG}\n    is: 1460\n");
  rig.establish();
  rig.complete_last(536);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::fail);
  ASSERT_EQ(rig.divergence()->differences.size(), 1u);
  EXPECT_EQ(rig.divergence()->differences[0].observed, "536");
}

TEST(Call, AnAlternativeResultHasItsOutcome) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - call: {send: 1}\n    is: ECONNRESET\n    or: [{is: EPIPE, outcome: warn, why: "
      "because}]\n");
  rig.establish();
  rig.complete_last(0, EPIPE);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::warn);
  EXPECT_EQ(rig.outcome().reason, "because");
}

TEST(Call, WhatTheTargetCannotDoIsUnsupported) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - call: {setsockopt: {TCP_NODELAY: 1}}\n");
  rig.establish();
  rig.complete_last(0, ENOTSUP);
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::unsupported);
}

TEST(Call, WhatTheTargetCannotDoExplainsWhatDidNotCome) {
  for (const auto* given : {"given: {state: ESTABLISHED, role: active}\nsteps: []\n",
                            "steps:\n  - {call: connect, as: opening}\n  - expect: {flags: S}\n"}) {
    Rig rig(given);
    rig.complete_last(0, ENOTSUP);
    EXPECT_EQ(rig.verdict(), Verdict::unsupported);
    EXPECT_EQ(rig.outcome().reason, "the target cannot do `connect = EOPNOTSUPP`");
  }
}

TEST(Result, CompletesACallThatWasOnlyStarted) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - {call: {recv: 2}, as: reading}\n  - send: {flags: PA, data: 2}\n  - {result: "
      "reading, is: 2}\n");
  rig.establish();
  rig.arrive({"A", 1, 3});  // in the same round as the completion
  rig.complete(received(rig.calls.back().id, {0, 1}));
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(Result, ThatNobodyMentionsDiverges) {
  for (const auto& [error, verdict] : {std::pair{0, Verdict::fail}, std::pair{ENOTSUP, Verdict::unsupported}}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - {call: {recv: 2}, as: reading}\n  - send: {flags: A}\n");
    rig.establish();
    rig.complete_last(0, error);
    rig.go();
    EXPECT_EQ(rig.verdict(), verdict);
  }
}

TEST(Result, OfACallThatIsStillPendingAtTheEndIsNotMissed) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - {call: {recv: 2}, as: reading}\n");
  rig.establish();
  EXPECT_EQ(rig.verdict(), Verdict::pass);
}

TEST(Result, CanBeCaptured) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - call: {getsockopt: TCP_MAXSEG}\n    capture: mss\n  - send: {flags: A, win: "
      "mss}\n");
  rig.establish();
  rig.complete_last(1448);
  rig.go();
  EXPECT_EQ(rig.sent().window(), 1448);
}

TEST(Connect, TellsTheTargetsPort) {
  Rig rig(
      "given: SYN-SENT\nsteps:\n  - send: {flags: SA, options: [mss: 1460]}\n  - expect: {flags: A, seq: 1, ack: 1}\n  "
      "- {result: opening, is: ok}\n");
  rig.target_port = 40001;
  rig.reply({"S", 0, 0, 0, 65000, {packet::Mss{1460}}});
  EXPECT_EQ(rig.sent().destination_port(), 40001);
  rig.arrive({"A", 1, 1});
  rig.complete_last();
  rig.go();
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

// ---- delivery

TEST(Delivery, MustBeIntact) {
  for (const std::uint64_t second : {1u, 2u}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 4}\n  - call: {recv: 2}\n");
    rig.establish();
    rig.complete(received(rig.calls.back().id, {0, second}));
    rig.go();
    EXPECT_EQ(rig.found("delivery-intact"), second == 2);
  }
}

TEST(Delivery, OfOverlappingOctetsThatDifferMayBeEither) {
  for (const char kept : {'a', 'b', 'c'}) {
    Rig rig(
        "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, seq: 2, text: a}\n  - send: {flags: PA, seq: 2, text: b}\n  "
        "- send: {flags: PA, seq: 1, data: 1}\n  - call: {recv: 2}\n");
    rig.establish();
    auto result = received(rig.calls.back().id, {0, 1});
    result.data[1] = static_cast<std::byte>(kept);
    rig.complete(std::move(result));
    rig.go();
    EXPECT_EQ(rig.found("delivery-intact"), kept == 'c') << kept;
  }
}

// Where the SYN was, which is the number before the first octet's.
TEST(Delivery, OfTextThatBeginsBeforeTheStream) {
  for (const char read : {'e', 't'}) {
    Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: PA, seq: 0, text: text}\n  - call: {recv: 1}\n");
    rig.establish();
    auto result = received(rig.calls.back().id, {0});
    result.data[0] = static_cast<std::byte>(read);
    rig.complete(std::move(result));
    rig.go();
    EXPECT_EQ(rig.found("delivery-intact"), read == 't') << read;
  }
}

// Ten blocks and more: a data offset says 15 words, and what lies behind them is text (RFC 9293 section 3.1).
TEST(Delivery, OptionsBeyondTheirAreaAreText) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 1, options: [raw: "
      "\"01010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101\"]}\n  "
      "- call: {recv: 1}\n");
  rig.establish();
  auto result = received(rig.calls.back().id, {0});
  result.data[0] = std::byte{1};
  rig.complete(std::move(result));
  rig.go();
  EXPECT_FALSE(rig.found("delivery-intact"));
}

TEST(Delivery, OfASocketThatIsAcceptedAnewIsAnothers) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 2}\n  - call: {recv: 2}\n  - call: close\n"
      "  - call: accept\n  - call: {recv: 1}\n");
  rig.establish();
  rig.complete(received(rig.calls.back().id, {0, 1}));
  rig.go();
  for (int calls = 0; calls < 2; ++calls) {
    target::CallResult done;
    done.id = rig.calls.back().id;
    rig.complete(std::move(done));
    rig.go();
  }
  rig.complete(received(rig.calls.back().id, {0}));
  rig.go();
  EXPECT_FALSE(rig.found("delivery-intact"));
}

TEST(Delivery, UrgentDataMayBeTakenOut) {
  Rig rig("given: ESTABLISHED\nsteps:\n  - send: {flags: PAU, data: 4, urg: 2}\n  - call: {recv: 3}\n");
  rig.establish();
  rig.complete(received(rig.calls.back().id, {0, 2, 3}));
  rig.go();
  EXPECT_FALSE(rig.found("delivery-intact"));
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(Delivery, OfASocketWithANameOfItsOwnBelongsToTheStepsConnection) {
  Rig rig(
      "connections: {a: {}, b: {}}\ntolerate: [any]\nsteps:\n  - {call: accept, on: b, as: taking}\n  - {send: {flags: "
      "S, options: [mss: 1460]}, on: b}\n  - {expect: {flags: SA}, on: b}\n  - {send: {flags: PA, text: hi}, on: b}\n  "
      "- {call: {recv: 2}, on: b, socket: other}\n");
  rig.reply({"SA", 0, 1, 0, 65000, {packet::Mss{1460}}});
  target::CallResult result;
  result.id = rig.calls.back().id;
  result.value = 2;
  result.data = {std::byte{'h'}, std::byte{'i'}};
  rig.complete(std::move(result));
  rig.go();
  EXPECT_FALSE(rig.found("delivery-intact"));
}

TEST(Writing, ASendThatFellShortDoesNotShiftTheNext) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - call: {send: 100}\n    is: EAGAIN\n  - call: {send: 10}\n  - expect: {flags: A, "
      "seq: 1, len: 10}\n");
  rig.establish();
  rig.complete_last(0, EAGAIN);
  rig.go();
  const auto& data = std::get<target::Send>(rig.calls.back().operation).data;
  EXPECT_EQ(data.at(0), pattern_octet(Stream::from_target, 0));
  rig.complete_last(10);
  rig.reply({"A", 1, 1, 10});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

TEST(Writing, BehindASendThatFellShortNothingIsKnown) {
  Rig rig(
      "given: ESTABLISHED\nsteps:\n  - {call: {send: 100}, as: first}\n  - {call: {send: 10}, as: second}\n  - "
      "{result: first, is: EAGAIN}\n  - {result: second, is: 10}\n  - expect: {flags: A, seq: 1, len: 10}\n");
  rig.establish();
  target::CallResult first;
  first.id = rig.calls.back().id - 1;
  first.error = EAGAIN;
  rig.complete(std::move(first));
  rig.complete_last(10);
  rig.reply({"A", 1, 1, 10, 65000, {}, 100});
  EXPECT_EQ(rig.verdict(), Verdict::pass) << rig.outcome().reason;
}

}  // namespace
}  // namespace tcpspec::engine
