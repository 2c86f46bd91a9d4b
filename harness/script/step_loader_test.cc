// Steps, segments and calls.

#include <cerrno>

#include "script/loading_test.hh"

namespace tcpspec::script {
namespace {

using packet::Flags;

TEST(SendStep, SaysOnlyWhatIsWritten) {
  const auto test = load_with_steps({"send: {flags: SA, seq: rcv_nxt + 1, win: 0xffff, data: 100}",
                                     "send: {flags: '-', text: hi}", "send: {flags: A, hex: 'ff 00'}"});
  const auto& first = action<SendSegment>(test.steps, 0);
  EXPECT_EQ(first.flags, Flags::syn | Flags::ack);
  EXPECT_EQ(first.seq->text(), "rcv_nxt + 1");
  EXPECT_EQ(first.window->constant(), 65535);
  EXPECT_EQ(first.length->constant(), 100);
  EXPECT_FALSE(first.ack || first.urgent || first.options || first.ttl || first.traffic_class || first.ignored);
  EXPECT_EQ(action<SendSegment>(test.steps, 1).flags, Flags());
  EXPECT_EQ(action<SendSegment>(test.steps, 1).literal.size(), 2u);
  EXPECT_EQ(action<SendSegment>(test.steps, 2).literal, (packet::Bytes{std::byte{0xff}, std::byte{0}}));
}

TEST(SendStep, OptionsKeepTheirOrder) {
  const auto test =
      load_with_steps({"send: {flags: S, options: [mss: 1460, nop, wscale: 7, ts, ts: {val: 1, ecr: 2}, sack: [[1, 2], "
                       "[3, 4]], unknown: {kind: 254, data: '0102'}, raw: '02 00', eol]}",
                       "send: {flags: S, options: none}"});
  const auto& options = *action<SendSegment>(test.steps, 0).options;
  using Kind = SendOption::Kind;
  std::vector<Kind> kinds;
  for (const auto& option : options) kinds.push_back(option.kind);
  EXPECT_EQ(kinds, (std::vector{Kind::mss, Kind::nop, Kind::window_scale, Kind::timestamps, Kind::timestamps,
                                Kind::sack, Kind::unknown, Kind::raw, Kind::end_of_list}));
  EXPECT_TRUE(options[3].numbers.empty());
  EXPECT_EQ(options[4].numbers.size(), 2u);
  EXPECT_EQ(options[5].numbers.size(), 4u);
  EXPECT_EQ(options[6].bytes.size(), 2u);
  EXPECT_TRUE(action<SendSegment>(test.steps, 1).options->empty());
}

TEST(SendStep, MalformationsAndIgnored) {
  const auto test = load_with_steps({"send: {flags: A, checksum: bad, data_offset: 4, truncate: 30, ignored: true}",
                                     "send: {flags: A, checksum: 0}"});
  const auto& bad = action<SendSegment>(test.steps, 0);
  EXPECT_NE(bad.malformation.tcp_checksum_xor, 0);
  EXPECT_EQ(bad.malformation.data_offset, 4);
  EXPECT_EQ(bad.malformation.truncate_to, 30);
  EXPECT_TRUE(bad.ignored);
  EXPECT_EQ(action<SendSegment>(test.steps, 1).malformation.tcp_checksum, 0);
}

TEST(ExpectStep, FlagsThatMatter) {
  const auto test =
      load_with_steps({"expect: {flags: PA}", "expect: {flags: A!P}", "expect: {flags: '-'}", "expect: {}"});
  constexpr auto kAlways = Flags::syn | Flags::fin | Flags::rst | Flags::ack | Flags::urg;
  EXPECT_EQ(action<Expect>(test.steps, 0).segment.flags, Flags::psh | Flags::ack);
  EXPECT_EQ(action<Expect>(test.steps, 0).segment.flags_cared, kAlways | Flags::psh);
  EXPECT_EQ(action<Expect>(test.steps, 1).segment.flags, Flags(Flags::ack));
  EXPECT_EQ(action<Expect>(test.steps, 1).segment.flags_cared, kAlways | Flags::psh);
  EXPECT_EQ(action<Expect>(test.steps, 2).segment.flags, Flags());
  EXPECT_EQ(action<Expect>(test.steps, 2).segment.flags_cared, kAlways);
  EXPECT_EQ(action<Expect>(test.steps, 3).segment.flags, std::nullopt);
}

TEST(ExpectStep, OptionsPresentAbsentAndMatched) {
  const auto test = load_with_steps(
      {"expect: {options: {mss: 1460, wscale: absent, ts: {ecr: ts_recent}, sack: [[1, 2]], kind-254: present}}",
       "expect: {options: none}"});
  const auto& options = action<Expect>(test.steps, 0).segment.options;
  ASSERT_EQ(options.size(), 5u);
  EXPECT_EQ(options[0].value.kind, NumberMatch::Kind::equal);
  EXPECT_TRUE(options[1].absent);
  EXPECT_EQ(options[2].value.kind, NumberMatch::Kind::any);
  EXPECT_EQ(options[2].echo.text, "ts_recent");
  EXPECT_EQ(options[3].blocks.size(), 1u);
  EXPECT_EQ(options[4].number, 254);
  EXPECT_FALSE(options[4].absent);
  EXPECT_TRUE(action<Expect>(test.steps, 1).segment.no_options);
}

TEST(ExpectStep, AlternativesInOrderWithTheirEnds) {
  const auto test =
      load_with_steps({"{expect: {flags: A}, or: [{expect: {flags: R}, outcome: warn, why: old, then: end}, {silence: "
                       "1s, why: quiet}, {silence: 2s, outcome: info, why: x, then: [{wait: 1s}]}]}"});
  const auto& alternatives = action<Expect>(test.steps, 0).alternatives;
  ASSERT_EQ(alternatives.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<ExpectSegment>(alternatives[0].accept));
  EXPECT_EQ(alternatives[0].outcome, Outcome::warn);
  EXPECT_EQ(alternatives[0].then, Alternative::Then::end);
  EXPECT_EQ(std::get<Duration>(alternatives[1].accept), std::chrono::seconds(1));
  EXPECT_EQ(alternatives[1].outcome, Outcome::pass);
  EXPECT_EQ(alternatives[1].then, Alternative::Then::go_on);
  EXPECT_EQ(alternatives[2].then, Alternative::Then::end);
  EXPECT_EQ(alternatives[2].steps.size(), 1u);
}

TEST(StreamStep, DataOrAcknowledgements) {
  const auto test = load_with_steps(
      {"expect-stream: {data: 1..2001, len: <= 536, reply: ack, fin: true}", "expect-stream: {acked: rcv_nxt}"});
  const auto& data = action<ExpectStream>(test.steps, 0);
  EXPECT_EQ(data.data->second.constant(), 2001);
  EXPECT_EQ(data.reply, ExpectStream::Reply::ack);
  EXPECT_EQ(data.ending, ExpectStream::Ending::fin);
  EXPECT_EQ(data.segment_length->kind, NumberMatch::Kind::at_most);
  EXPECT_EQ(action<ExpectStream>(test.steps, 1).acked->text(), "rcv_nxt");
}

TEST(TimeSteps, DurationsMarksAndGaps) {
  const auto test = load_with_steps({"{wait: 3s, mark: t0, comment: now}", "silence: {for: 1s, strict: true}",
                                     "{expect: {flags: A, gap: 1.5..2.5}, within: 2s, after: 900ms..1s, since: t0}"});
  EXPECT_EQ(test.steps[0].mark, "t0");
  EXPECT_EQ(test.steps[0].comment, "now");
  EXPECT_EQ(action<Silence>(test.steps, 1).kind, Silence::Kind::strict);
  EXPECT_EQ(test.steps[2].since, "t0");
  EXPECT_EQ(test.steps[2].within, std::chrono::seconds(2));
  EXPECT_EQ(test.steps[2].after->low, std::chrono::milliseconds(900));
  const auto& gap = *action<Expect>(test.steps, 2).segment.gap;
  EXPECT_EQ(gap.operands[0].constant(), 1500);
  EXPECT_EQ(gap.operands[1].constant(), 2500);
}

TEST(Captures, OneNumberPerNameInOrderOfAppearance) {
  const auto test = load_with_steps({"{expect: {flags: A}, capture: {isn: seq, w: win}}", "capture: {before: isn + 1}",
                                     "{call: {getsockopt: TCP_MAXSEG}, capture: mss_now}", "capture: {isn: before}",
                                     "send: {flags: A, seq: isn, data: mss_now}"});
  EXPECT_EQ(test.captures, (std::vector<std::string>{"isn", "w", "before", "mss_now"}));
  EXPECT_EQ(test.steps[0].captures, (std::vector<std::pair<int, std::string>>{{0, "seq"}, {1, "win"}}));
  EXPECT_EQ(action<Capture>(test.steps, 1).values.at(0).first, 2);
  EXPECT_EQ(action<Call>(test.steps, 2).capture, 3);
  EXPECT_EQ(action<Capture>(test.steps, 3).values.at(0).first, 0);
}

TEST(RepeatStep, StartedCallsAreMultiplied) {
  const auto test =
      load_with_steps({"repeat: {times: 2, steps: [{call: {recv: 1}, as: r}]}", "result: r", "{result: r, is: eof}"});
  EXPECT_EQ(action<Repeat>(test.steps, 0).times, 2);
  EXPECT_EQ(action<Result>(test.steps, 2).of, "r");
  const auto third = load_text(one_test(
      "    steps: [{repeat: {times: 2, steps: [{call: {recv: 1}, as: r}]}}, {result: r}, {result: r}, {result: r}]\n"));
  EXPECT_NE(messages(third).find("the call `r` has completed already"), std::string::npos);
}

TEST(CallStep, SocketsByDefaultAndByName) {
  const auto test =
      load_with_steps({"call: listen", "call: accept", "call: {accept: second}", "call: {send: 5}",
                       "{call: close, socket: second}", "{call: {shutdown: both}, on: b}", "{call: accept, on: b}"},
                      "    connections: {a: {}, b: {}}\n");
  EXPECT_EQ(action<Call>(test.steps, 0).socket, "listener");
  EXPECT_EQ(action<Call>(test.steps, 1).socket, "listener");
  EXPECT_EQ(action<Call>(test.steps, 1).accepted, "a");
  EXPECT_EQ(action<Call>(test.steps, 2).accepted, "second");
  EXPECT_EQ(action<Call>(test.steps, 3).socket, "a");
  EXPECT_EQ(action<Call>(test.steps, 4).socket, "second");
  EXPECT_EQ(action<Call>(test.steps, 5).socket, "b");
  EXPECT_EQ(action<Call>(test.steps, 5).kind, CallKind::shutdown_both);
  EXPECT_EQ(action<Call>(test.steps, 6).accepted, "b");
}

TEST(CallStep, WhatMustComeBack) {
  const auto test = load_with_steps({"call: close", "call: {recv: 5}", "{call: {recv: 5}, is: eof}",
                                     "{call: {send: 1}, is: [EPIPE, ECONNRESET]}", "{call: {send: 1}, is: EWOULDBLOCK}",
                                     "{call: state, is: FIN-WAIT-1}", "{call: {getsockopt: TCP_MAXSEG}, is: '>= 536'}",
                                     "{call: {recv: 1}, is: [1, 2], or: [{is: ETIMEDOUT, outcome: warn, why: slow}]}"});
  const auto is = [&](std::size_t index) { return action<Call>(test.steps, index).is.is; };
  EXPECT_TRUE(std::holds_alternative<ResultMatch::Success>(is(0)));
  EXPECT_EQ(std::get<NumberMatch>(is(1)).operands.at(0).constant(), 5);
  EXPECT_TRUE(std::holds_alternative<ResultMatch::EndOfFile>(is(2)));
  EXPECT_EQ(std::get<ResultMatch::Error>(is(3)).numbers, (std::vector{EPIPE, ECONNRESET}));
  EXPECT_EQ(std::get<ResultMatch::Error>(is(4)).numbers, std::vector{EWOULDBLOCK});
  EXPECT_EQ(std::get<std::string>(is(5)), "FIN-WAIT-1");
  EXPECT_EQ(std::get<NumberMatch>(is(6)).kind, NumberMatch::Kind::at_least);
  EXPECT_EQ(std::get<NumberMatch>(is(7)).kind, NumberMatch::Kind::one_of);
  EXPECT_EQ(action<Call>(test.steps, 7).alternatives.at(0).outcome, Outcome::warn);
}

TEST(IcmpStep, QuotesTheLastSegmentUnlessItSays) {
  const auto test =
      load_with_steps({"icmp: {type: 3, code: 4, mtu: 600}", "icmp: {type: 11, seq: snd_una, quoted_port: 5}"});
  EXPECT_EQ(action<SendIcmp>(test.steps, 0).code, 4);
  EXPECT_EQ(action<SendIcmp>(test.steps, 0).rest_of_header->constant(), 600);
  EXPECT_FALSE(action<SendIcmp>(test.steps, 0).quoted_seq);
  EXPECT_EQ(action<SendIcmp>(test.steps, 1).quoted_seq->text(), "snd_una");
  EXPECT_EQ(action<SendIcmp>(test.steps, 1).quoted_source_port->constant(), 5);
}

// Matrix variables in every place where a step itself, or a list of steps, may stand.
TEST(Substitution, WholeSteps) {
  const auto test = load_one(
      "    for: {v: [{name: a, step: {wait: 1s}, steps: [{wait: 2s}, {wait: 3s}]}]}\n    steps:\n      - $v.step\n     "
      " - repeat: {times: 1, steps: $v.steps}\n");
  EXPECT_EQ(action<Wait>(test.steps, 0).duration, std::chrono::seconds(1));
  EXPECT_EQ(action<Repeat>(test.steps, 1).steps.size(), 2u);
}

}  // namespace
}  // namespace tcpspec::script
