#include "reports/layout.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpspec::reports {
namespace {

using ::testing::ElementsAre;

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("→"), 1U);
  EXPECT_EQ(display_width("漢字"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);
  EXPECT_EQ(display_width("\xff\xfe"), 2U);
}

TEST(FirstCodePoint, RefusesWhatIsNotWellFormed) {
  EXPECT_TRUE(first_code_point("\xe2\x86\x92").valid);
  EXPECT_FALSE(first_code_point("\xc0\xaf").valid) << "overlong";
  EXPECT_FALSE(first_code_point("\xed\xa0\x80").valid) << "surrogate";
  EXPECT_FALSE(first_code_point("\xf4\x90\x80\x80").valid) << "beyond U+10FFFF";
  EXPECT_FALSE(first_code_point("\xe2\x86").valid) << "cut short";
}

TEST(Visible, ShowsControlCharactersAndStrayBytes) {
  EXPECT_EQ(visible("a\x1b[2Jb\n\tc\xff"), "a\\x1b[2Jb\\n\\tc\\xff");
  EXPECT_EQ(visible("→ ok"), "→ ok");
  EXPECT_EQ(visible("\xc2\x9b"), "\\x9b") << "the eight-bit CSI";
}

TEST(Wrap, BreaksAtSpacesAndCutsLongWords) {
  EXPECT_THAT(wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrap("→→→ →", 3), ElementsAre("→→→", "→"));
  EXPECT_THAT(wrap("", 3), ElementsAre(""));
  EXPECT_THAT(wrap("ab", 0), ElementsAre("a", "b"));
}

TEST(Pad, CountsColumns) {
  EXPECT_EQ(pad_right("→", 3), "→  ");
  EXPECT_EQ(pad_left("→", 3), "  →");
  EXPECT_EQ(pad_left("long", 3), "long");
}

TEST(HumanDuration, KeepsThreePlaces) {
  EXPECT_EQ(human_duration(200'000), "0.2 ms");
  EXPECT_EQ(human_duration(9'940'000), "9.9 ms");
  EXPECT_EQ(human_duration(42'000'000), "42 ms");
  EXPECT_EQ(human_duration(1'500'000'000), "1.50 s");
  EXPECT_EQ(human_duration(119'000'000'000), "119.0 s");
  EXPECT_EQ(human_duration(125'000'000'000), "2 min 5 s");
  EXPECT_EQ(human_duration(9'400'000'000'000), "2 h 36 min");
}

TEST(RelativeSeconds, AlwaysHasASign) {
  EXPECT_EQ(relative_seconds(0), "+0.000");
  EXPECT_EQ(relative_seconds(-10'000'000), "-0.010");
  EXPECT_EQ(relative_seconds(7'200'000'000'000), "+7200.000");
}

}  // namespace
}  // namespace tcpspec::reports
