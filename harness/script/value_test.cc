#include "script/value.hh"

#include <gtest/gtest.h>

namespace tcpspec::script {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ParseDuration, AUnitIsNeededBesideZero) {
  EXPECT_EQ(parse_duration("500ms"), Duration(milliseconds(500)));
  EXPECT_EQ(parse_duration("1.5s"), Duration(milliseconds(1500)));
  EXPECT_EQ(parse_duration("2h"), Duration(seconds(7200)));
  EXPECT_EQ(parse_duration("24d"), Duration(seconds(24 * 86400)));
  EXPECT_EQ(parse_duration("3min"), Duration(seconds(180)));
  EXPECT_EQ(parse_duration("7us"), Duration(7'000));
  EXPECT_EQ(parse_duration("9ns"), Duration(9));
  EXPECT_EQ(parse_duration("0"), Duration(0));
  for (const auto bad : {"", "5", "ms", "5 ms", "-1s", "1s2", "1sec", "nans", "infs", "400d", "1e99h", "1..2s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Durations, Arithmetic) {
  using std::chrono::milliseconds;
  EXPECT_EQ(compute_duration("2 * 60s + 500ms"), Duration(milliseconds(120'500)));
  EXPECT_EQ(compute_duration("60s*2"), Duration(milliseconds(120'000)));
  EXPECT_EQ(compute_duration("(1s + 200ms) / 2"), Duration(milliseconds(600)));
  EXPECT_EQ(compute_duration("1s - 0.25 * 1s"), Duration(milliseconds(750)));
  EXPECT_EQ(compute_duration("1.5s"), Duration(milliseconds(1500)));
  EXPECT_EQ(compute_duration("0"), Duration(0));
  EXPECT_EQ(compute_duration("min(2 * 1s, 500ms)"), Duration(milliseconds(500)));
  EXPECT_EQ(compute_duration("max( 0s , 1s - 3s ) + 1min / max(2, 3)"), Duration(milliseconds(20'000)));
  for (const auto* bad : {"", "2", "min(1s)", "max(1s, 2)", "min(1s, 2s, 3s)", "max (1s, 2s)", "min(1s, 2s", "2 * 3",
                          "1s * 1s", "2 / 1s", "1s / 0", "1s -", "1s - 2s", "(1s", "1s)", "1s + 2",
                          "((((((((((((((((((((((((((((((((((1s))))))))))))))))))))))))))))))))))", "1s 2s"})
    EXPECT_FALSE(compute_duration(bad)) << bad;
}

TEST(DurationText, TheLargestUnitThatFits) {
  EXPECT_EQ(to_string(Duration(milliseconds(1500))), "1.5s");
  EXPECT_EQ(to_string(Duration(milliseconds(250))), "250ms");
  EXPECT_EQ(to_string(Duration(1)), "1ns");
  EXPECT_EQ(to_string(Duration(milliseconds(-300))), "-300ms");
  EXPECT_EQ(to_string(Duration(0)), "0ns");
  EXPECT_EQ(to_string(Duration(seconds(7200))), "7200s");
}

// A document, and what was said about it.
struct Document {
  explicit Document(std::string text) : file(std::make_shared<SourceFile>(SourceFile{"v.yaml", std::move(text)})) {}
  Value root(const Bindings* bound = nullptr) { return Value(YAML::Load(file->text), file, bound, complaints); }
  Value operator[](std::string_view key) { return *root(&bindings).find(key); }
  // "line:column message", of the only complaint.
  std::string said() {
    const auto all = complaints.take();
    if (all.size() != 1) return std::to_string(all.size()) + " complaints";
    return std::to_string(all[0].where.line) + ":" + std::to_string(all[0].where.column) + " " + all[0].message;
  }
  std::shared_ptr<const SourceFile> file;
  Complaints complaints;
  Bindings bindings;
};

TEST(Value, HexTakesPairsOfDigits) {
  Document d("a: \"02 04:05b4\"\nb: 0x\nc: 123\nd: \"\"\n");
  EXPECT_EQ(d["a"].hex(), (packet::Bytes{std::byte{2}, std::byte{4}, std::byte{5}, std::byte{0xb4}}));
  EXPECT_TRUE(d["d"].hex().empty());
  EXPECT_EQ(d.complaints.count(), 0u);
  static_cast<void>(d["b"].hex());
  EXPECT_EQ(d.said(), "2:4 `0x` is not a string of hexadecimal octets");
  static_cast<void>(d["c"].hex());
  EXPECT_EQ(d.said(), "3:4 `123` has an odd number of hexadecimal digits");
}

TEST(Value, IntegersHaveBoundsAndMayBeHexadecimal) {
  Document d("a: 0xff\nb: 256\nc: -1\nd: 1x\n");
  EXPECT_EQ(d["a"].integer(0, 255), 255);
  EXPECT_EQ(d["c"].integer(-1, 5), -1);
  EXPECT_EQ(d.complaints.count(), 0u);
  for (const auto key : {"b", "c", "d"}) {
    EXPECT_EQ(d[key].integer(0, 255), 0);
    EXPECT_EQ(d.complaints.take().size(), 1u) << key;
  }
}

TEST(Value, RangesOfDurations) {
  Document d("a: 900ms..1.5s\nb: 1s..1s\nc: 2s..1s\n");
  EXPECT_EQ(d["a"].duration_range().low, Duration(milliseconds(900)));
  EXPECT_EQ(d["a"].duration_range().high, Duration(milliseconds(1500)));
  EXPECT_EQ(d["b"].duration_range().high, Duration(seconds(1)));
  EXPECT_EQ(d.complaints.count(), 0u);
  EXPECT_EQ(d["c"].duration_range().high, Duration(0));
  EXPECT_EQ(d.said(), "3:4 `2s..1s` is not a range of durations");
}

TEST(Value, ANameAloneStandsForTheWholeNode) {
  Document d("x: $list\ny: $case.options\nlist: [1, 2]\ncase: {name: a, options: {mss: 5}}\n");
  const auto plain = d.root();
  d.bindings.emplace("list", *plain.find("list"));
  d.bindings.emplace("case", *plain.find("case"));
  ASSERT_EQ(d["x"].items().size(), 2u);
  EXPECT_EQ(d["x"].items()[1].text(), "2");
  EXPECT_EQ(d["x"].where().line, 3);  // where it was written
  EXPECT_TRUE(d["y"].is_map());
  EXPECT_EQ(d["y"].find("mss")->text(), "5");
  EXPECT_EQ(d.complaints.count(), 0u);
}

TEST(Value, NamesInsideOfATextAreReplaced) {
  Document d("x: a-$n-$case.b.\ny: costs $5 or $\nn: 7\ncase: {b: c}\n");
  const auto plain = d.root();
  d.bindings.emplace("n", *plain.find("n"));
  d.bindings.emplace("case", *plain.find("case"));
  EXPECT_EQ(d["x"].text(), "a-7-c.");
  EXPECT_EQ(d["y"].text(), "costs $5 or $");
  EXPECT_EQ(d.complaints.count(), 0u);
}

TEST(Value, ASubstitutedSumIsOneOperand) {
  Document d("x: 2 * $n\ny: $lo..$n\nz: $op 5\nn: 3 + 4\nlo: 5 - 2\nop: '>='\n");
  const auto plain = d.root();
  for (const auto key : {"n", "lo", "op"}) d.bindings.emplace(key, *plain.find(key));
  EXPECT_EQ(d["x"].expression({}).constant(), 14);
  EXPECT_EQ(d["y"].number_match({}).operands[1].constant(), 7);
  EXPECT_EQ(d["z"].number_match({}).kind, NumberMatch::Kind::at_least);
  EXPECT_EQ(d.complaints.count(), 0u);
}

TEST(Value, AMistakeInASubstitutedValueIsShownWhereItWasWritten) {
  Document d("x: 1 + $n + 2\nn: [a, rcv_nxt + zzz]\n");
  d.bindings.emplace("n", d.root().find("n")->items()[1]);
  static_cast<void>(d["x"].expression({}));
  EXPECT_EQ(d.said(), "2:18 in `1 + (rcv_nxt + zzz) + 2`: undefined variable `zzz`");
}

TEST(Value, AnUndefinedNameIsTheOnlyComplaint) {
  Document d("x: $nam\ny: [1]\n");
  d.bindings.emplace("name", *d.root().find("y"));
  const auto x = d["x"];
  EXPECT_EQ(x.text(), "");
  EXPECT_EQ(x.duration(), Duration(0));
  EXPECT_FALSE(x.check_keys("it", {"a"}));
  EXPECT_EQ(d.said(), "1:4 undefined variable `$nam`");
}

TEST(Value, NothingIsShownAtItsKeyOrAtItsDash) {
  Document d("# c\na:\n\n# c\nb:\n  - 1\n  -\n\n  # c\n  - 2\nc: ~\n");
  EXPECT_EQ(d["a"].where().line, 2);
  EXPECT_EQ(d["a"].where().column, 1);
  const auto items = d["b"].items();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[1].where().line, 7);
  EXPECT_EQ(items[1].where().column, 3);
  EXPECT_EQ(d["c"].where().line, 11);
  EXPECT_EQ(d["a"].nothing().where().line, 2);
}

TEST(Value, NothingIsShownAtItsDashInFilesOfEveryKind) {
  for (const std::string prefix : {"", "\xef\xbb\xbf"})
    for (const std::string end : {"\n", "\r\n"}) {
      Document d(prefix + "- 1" + end + "-" + end + end + "- 2" + end);
      const auto items = d.root().items();
      ASSERT_EQ(items.size(), 3u);
      EXPECT_EQ(items[1].where().line, 2);
      EXPECT_EQ(items[1].where().column, 1);
    }
}

TEST(Value, KeysThatStandTwice) {
  Document d("a: 1\nb: 2\na: 3\n");
  EXPECT_EQ(d.root().entries().size(), 3u);
  EXPECT_EQ(d.said(), "3:1 the key `a` stands here twice");
}

TEST(Complaints, EachOnceAndNoMoreThanAnybodyReads) {
  Complaints complaints;
  for (int round = 0; round < 2; ++round)
    for (int line = 1; line < 200; ++line) complaints.add({nullptr, line, 1}, "wrong");
  EXPECT_EQ(complaints.count(), Complaints::kMost);
  EXPECT_TRUE(complaints.full());
}

TEST(Complaints, WhatIsSpentIsGoneAndSaidOnce) {
  Complaints complaints;
  EXPECT_TRUE(complaints.spend(10, {}));
  EXPECT_FALSE(complaints.spend(1'000'000'000, {}));
  EXPECT_FALSE(complaints.spend(1, {}));
  EXPECT_EQ(complaints.count(), 1u);
}

}  // namespace
}  // namespace tcpspec::script
