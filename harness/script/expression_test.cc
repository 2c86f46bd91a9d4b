#include "script/expression.hh"

#include <gtest/gtest.h>

#include <cstdint>

namespace tcpspec::script {
namespace {

// rcv_nxt is 1000, snd_nxt 2000, and so on; connection n adds n million; capture n is 7 + n.
struct Fixed final : Scope {
  std::int64_t variable(Variable variable, int connection) const override {
    return (static_cast<std::int64_t>(variable) + 1) * 1000 + (connection < 0 ? 0 : connection * 1'000'000);
  }
  std::int64_t capture(int index) const override { return 7 + index; }
};

const Names kNames{{"a", "b"}, {"isn", "w"}};

std::int64_t value(std::string_view text) {
  const auto parsed = Expression::parse(text, kNames);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? parsed->evaluate(Fixed{}) : -999;
}

ExpressionError error(std::string_view text) {
  const auto parsed = Expression::parse(text, kNames);
  EXPECT_FALSE(parsed) << text;
  return parsed ? ExpressionError{} : parsed.error();
}

TEST(Expression, NumbersAreDecimalOrHexadecimal) {
  EXPECT_EQ(value("0"), 0);
  EXPECT_EQ(value("  1460 "), 1460);
  EXPECT_EQ(value("0x10"), 16);
  EXPECT_EQ(value("0xFFffFFff"), 4294967295);
  EXPECT_EQ(value("010"), 10);
  EXPECT_EQ(value("9223372036854775807"), INT64_MAX);
}

TEST(Expression, ProductsBindTighterThanSumsAndBothGoLeftToRight) {
  EXPECT_EQ(value("2 + 3 * 4"), 14);
  EXPECT_EQ(value("(2 + 3) * 4"), 20);
  EXPECT_EQ(value("20 - 5 - 3"), 12);
  EXPECT_EQ(value("100 / 5 / 2"), 10);
  EXPECT_EQ(value("7 % 4 * 2"), 6);
  EXPECT_EQ(value("1 << 4 + 1"), 17);  // shifts are products
  EXPECT_EQ(value("256 >> 4 << 1"), 32);
  EXPECT_EQ(value("-3 + 5"), 2);
  EXPECT_EQ(value("2 * -3"), -6);
  EXPECT_EQ(value("--3"), 3);
  EXPECT_EQ(value("min(2, max(5, 3)) + 1"), 3);
}

TEST(Expression, VariablesConnectionsAndCaptures) {
  EXPECT_EQ(value("rcv_nxt"), 1000);
  EXPECT_EQ(value("snd_nxt-1"), 1999);
  EXPECT_EQ(value("a.rcv_nxt"), 1000);
  EXPECT_EQ(value("b.snd_nxt + 1"), 1'002'001);
  EXPECT_EQ(value("isn + w"), 15);
  EXPECT_EQ(value("2 * ts_val"), 24'000);
}

TEST(Expression, OnlyWhatNeedsNoPlayIsConstant) {
  EXPECT_EQ(Expression::parse("2 * (3 + 4)", kNames)->constant(), 14);
  EXPECT_FALSE(Expression::parse("rcv_nxt - rcv_nxt", kNames)->constant());
  EXPECT_FALSE(Expression::parse("isn", kNames)->is_constant());
  EXPECT_EQ(Expression(5).constant(), 5);
  EXPECT_EQ(Expression::parse(" rcv_nxt+1 ", kNames)->text(), "rcv_nxt+1");
}

// A broken peer's numbers must neither stop the harness nor be undefined behaviour.
TEST(Expression, ArithmeticWrapsAndDivisionByZeroIsZero) {
  EXPECT_EQ(value("9223372036854775807 + 1"), INT64_MIN);
  EXPECT_EQ(value("-9223372036854775807 - 2"), INT64_MAX);
  EXPECT_EQ(value("9223372036854775807 * 2"), -2);
  EXPECT_EQ(value("(-9223372036854775807 - 1) / -1"), INT64_MIN);
  EXPECT_EQ(value("(-9223372036854775807 - 1) % -1"), 0);
  EXPECT_EQ(value("-(-9223372036854775807 - 1)"), INT64_MIN);
  EXPECT_EQ(value("5 / 0"), 0);
  EXPECT_EQ(value("5 % (rcv_nxt - 1000)"), 0);
  EXPECT_EQ(value("1 << 63"), INT64_MIN);
  EXPECT_EQ(value("1 << 64"), 0);
  EXPECT_EQ(value("1 << -1"), 0);
  EXPECT_EQ(value("8 >> 64"), 0);
  EXPECT_EQ(value("-8 >> 1"), -4);
}

TEST(Expression, ErrorsPointAtTheirCause) {
  EXPECT_EQ(error("rcv_nxt + recv_wnd").offset, 10u);
  EXPECT_EQ(error("rcv_nxt + recv_wnd").message, "undefined variable `recv_wnd`");
  EXPECT_EQ(error("rcv_nxt + recv_wnd").hint, "did you mean `rcv_wnd`?");
  EXPECT_EQ(error("ins").hint, "did you mean `isn`?");
  EXPECT_EQ(error("1 + c.snd_nxt").offset, 4u);
  EXPECT_EQ(error("1 + c.snd_nxt").message, "there is no connection `c`");
  EXPECT_EQ(error("b.snd_next").offset, 2u);
  EXPECT_EQ(error("b.snd_next").hint, "did you mean `snd_nxt`?");
  EXPECT_EQ(error("b.isn").message, "undefined variable `isn`");
  EXPECT_EQ(error("(1 + 2").offset, 6u);
  EXPECT_EQ(error("1 2").offset, 2u);
  EXPECT_EQ(error("1 +").offset, 3u);
  EXPECT_EQ(error("").offset, 0u);
  EXPECT_EQ(error("min(1)").offset, 5u);
  EXPECT_EQ(error("5ms").offset, 0u);
  EXPECT_EQ(error("0x").offset, 0u);
  EXPECT_EQ(error("9223372036854775808").offset, 0u);
  EXPECT_EQ(error("1 + \x80").offset, 4u);
}

TEST(Expression, NestingHasABoundBelowTheEvaluatorsStack) {
  const auto nested = [](std::string_view open, std::string_view close, int depth) {
    std::string out;
    for (int i = 0; i < depth; ++i) out += open;
    out += "1";
    for (int i = 0; i < depth; ++i) out += close;
    return out;
  };
  EXPECT_EQ(value(nested("(", ")", 20)), 1);
  EXPECT_EQ(value(nested("1 + 2 * (", ")", 20)), (1 << 21) - 1);
  EXPECT_EQ(value(nested("max(0, ", ")", 20)), 1);
  for (const auto& [open, close] : {std::pair("(", ")"), std::pair("-", ""), std::pair("max(0, 1 + 2 * ", ")")})
    EXPECT_EQ(error(nested(open, close, 100'000)).message, "the expression is nested too deeply") << open;
}

TEST(Expression, LongSumsNeedNoDepth) {
  std::string text = "0";
  for (int i = 0; i < 10'000; ++i) text += " + 1";
  EXPECT_EQ(value(text), 10'000);
}

NumberMatch match(std::string_view text) {
  auto parsed = NumberMatch::parse(text, kNames);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : NumberMatch{};
}

bool matches(std::string_view text, std::int64_t number) {
  return match(text).matches(number, Fixed{});
}
bool matches_seq(std::string_view text, std::uint32_t number) {
  return match(text).matches_modulo32(number, Fixed{});
}

TEST(NumberMatch, EachKindAtItsEdges) {
  EXPECT_TRUE(matches("any", -1) && matches("present", 5));
  EXPECT_TRUE(matches("5", 5));
  EXPECT_FALSE(matches("5", 6));
  EXPECT_TRUE(matches("5..7", 5) && matches("5..7", 7));
  EXPECT_FALSE(matches("5..7", 4) || matches("5..7", 8));
  EXPECT_TRUE(matches(">= 5", 5) && matches(">=5", 6));
  EXPECT_FALSE(matches(">= 5", 4));
  EXPECT_TRUE(matches("<= snd_mss", 6000));
  EXPECT_FALSE(matches("<= snd_mss", 6001));
  EXPECT_TRUE(matches("not 0", 1) && matches("not(0)", 1));
  EXPECT_FALSE(matches("not 0", 0));
  EXPECT_TRUE(matches("a.rcv_nxt..b.rcv_nxt", 2000));
}

TEST(NumberMatch, SequenceNumbersAreComparedOnTheCircle) {
  EXPECT_TRUE(matches_seq("0 - 1", 0xffffffff));
  EXPECT_TRUE(matches_seq("0x100000005", 5));
  EXPECT_TRUE(matches_seq("0 - 2..3", 0xfffffffe) && matches_seq("0 - 2..3", 0) && matches_seq("0 - 2..3", 3));
  EXPECT_FALSE(matches_seq("0 - 2..3", 0xfffffffd) || matches_seq("0 - 2..3", 4));
  EXPECT_TRUE(matches_seq(">= 0xfffffff0", 5) && matches_seq(">= 0xfffffff0", 0xfffffff0));
  EXPECT_FALSE(matches_seq(">= 0xfffffff0", 0xffffffef));
  EXPECT_TRUE(matches_seq("<= 5", 0xfffffff0) && matches_seq("<= 5", 5));
  EXPECT_FALSE(matches_seq("<= 5", 6));
  EXPECT_FALSE(matches_seq("not 0x100000000", 0));
}

TEST(NumberMatch, SaysItsNumbers) {
  EXPECT_EQ(match("rcv_nxt + 1").describe(Fixed{}), "1001");
  EXPECT_EQ(match("1..snd_mss").describe(Fixed{}), "1..6000");
  EXPECT_EQ(match(">= 536").describe(Fixed{}), ">= 536");
  EXPECT_EQ(match("<= 536").describe(Fixed{}), "<= 536");
  EXPECT_EQ(match("not 0").describe(Fixed{}), "not 0");
  EXPECT_EQ(match("any").describe(Fixed{}), "any");
}

TEST(NumberMatch, ErrorsCountFromTheWholeText) {
  const auto fails = [](std::string_view text) { return NumberMatch::parse(text, kNames).error(); };
  EXPECT_EQ(fails("1..zzz").offset, 3u);
  EXPECT_EQ(fails(" >= zzz").offset, 4u);
  EXPECT_EQ(fails("not zzz").offset, 4u);
  EXPECT_EQ(fails("1..").offset, 3u);
  EXPECT_EQ(fails("7..5").message, "nothing lies between 7 and 5");
  EXPECT_EQ(fails("> 5").offset, 0u);
  EXPECT_TRUE(NumberMatch::parse("5..5", kNames));
  EXPECT_TRUE(NumberMatch::parse("rcv_nxt..5", kNames));
}

}  // namespace
}  // namespace tcpspec::script
