#include "runner/result.hh"

#include <gmock/gmock.h>

#include "packet/segment.hh"
#include "runner/test_target.hh"

namespace tcpspec::runner {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ResultTest : public testing::Test {
 protected:
  ResultTest() {
    test.id = "s/open";
    test.suite = "s";
    test.requirements = {"R"};
    played.test = &test;
    played.outcome.verdict = engine::Verdict::fail;
    played.outcome.reason = "it is wrong";
    played.outcome.started = at(0ms);
    played.outcome.finished = at(70ms);
    add(engine::EntryKind::call, 0ms, true).text = "listen";
    add(engine::EntryKind::sent, 10ms, true).packet = segment();
    add(engine::EntryKind::time, 20ms, false).text = "wait 10ms";
    auto& wrong = add(engine::EntryKind::received, 50ms, false);
    wrong.packet = segment();
    wrong.divergence = true;
    wrong.mark = engine::Mark::mismatch;
    wrong.differences.push_back({"flags", "A", "S"});
    played.outcome.findings.push_back({engine::Verdict::fail, "name", "what", "reference", 3});
  }
  static packet::Instant at(packet::Duration since) { return packet::Instant{1h + since}; }
  static packet::Bytes segment() {
    packet::Segment out;
    out.source = {packet::Address::ipv4(10, 0, 0, 1), 1};
    out.destination = {packet::Address::ipv4(10, 0, 0, 2), 2};
    out.flags = packet::Flags::syn;
    return packet::serialize(out);
  }
  engine::TraceEntry& add(engine::EntryKind kind, packet::Duration since, bool fixture) {
    auto& entry = played.outcome.trace.emplace_back();
    entry.kind = kind;
    entry.at = at(since);
    entry.fixture = fixture;
    return entry;
  }
  [[nodiscard]] reports::TestResult result() const {
    return to_result(played,
                     {.catalogue = catalogue, .target = "fake", .rerun_options = " --target fake", .rerun_files = {}});
  }

  script::Test test;
  Catalogue catalogue;
  Played played;
};

TEST_F(ResultTest, TimesCountFromTheFirstStepOfTheTestItself) {
  const auto lines = result().conversation;
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1].time_ns, -10'000'000);
  EXPECT_EQ(lines[2].time_ns, 0);
  EXPECT_EQ(lines[3].time_ns, 30'000'000);
}

TEST_F(ResultTest, LinesAreNumberedAndPacketsAreFrames) {
  const auto lines = result().conversation;
  EXPECT_EQ(lines[0].number, 1);
  EXPECT_EQ(lines[0].frame, 0);
  EXPECT_EQ(lines[1].frame, 1);
  EXPECT_EQ(lines[3].number, 4);
  EXPECT_EQ(lines[3].frame, 2);
  EXPECT_TRUE(lines[3].first_divergence);
  EXPECT_EQ(lines[3].differences.at(0).observed, "S");
}

TEST_F(ResultTest, SaysWhatItIsAboutAndHowToHaveItAgain) {
  const auto out = result();
  EXPECT_EQ(out.verdict, reports::Verdict::fail);
  EXPECT_EQ(out.level, "MUST");
  EXPECT_EQ(out.duration_ns, 70'000'000);
  EXPECT_EQ(out.findings.at(0).line, 4);
  EXPECT_EQ(out.rerun, "tcpspec run 's/open' --target fake");
}

TEST_F(ResultTest, LaterRepetitionsBearANumber) {
  played.repetition = 1;
  EXPECT_EQ(result().id, "s/open#2");
}

TEST_F(ResultTest, WhatWasNotPlayedIsUnsupportedOrAnError) {
  played.missing = {"a", "b"};
  EXPECT_EQ(result().verdict, reports::Verdict::unsupported);
  EXPECT_EQ(result().reason, "the target does not offer: a, b");
  played.missing = {"a", "target.msl"};
  EXPECT_EQ(result().reason, "the target does not offer: a; the target's file does not give: msl");
  played.missing.clear();
  played.refused = target::EnvironmentError{"no room", "make some"};
  EXPECT_EQ(result().verdict, reports::Verdict::error);
  EXPECT_EQ(result().reason, "no room. make some");
}

TEST_F(ResultTest, TheCaptureHasACommentOnThePacketThatDiverged) {
  const auto bytes = to_pcapng(played, result());
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_THAT(text, HasSubstr("first divergence: it is wrong"));
}

}  // namespace
}  // namespace tcpspec::runner
