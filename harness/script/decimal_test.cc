#include "script/decimal.hh"

#include <gtest/gtest.h>

namespace tcpspec::script {
namespace {

TEST(Decimal, TheSameByEitherWay) {
  for (const std::string_view text : {"0",
                                      "1.5",
                                      "1.5..2.5",
                                      "150ms",
                                      "2min",
                                      "1e3",
                                      "1e",
                                      "1e+",
                                      "1e-3s",
                                      "-1",
                                      "+1",
                                      " 1",
                                      ".5",
                                      "5.",
                                      ".",
                                      "",
                                      "-",
                                      "e5",
                                      "0x10",
                                      "1e999",
                                      "1e-999",
                                      "0.1",
                                      "123456789012345678901234567890",
                                      "1-2",
                                      "1+2",
                                      "abc",
                                      "--1"}) {
    double first = -7, second = -7;
    const auto by_library = std::from_chars(text.data(), text.data() + text.size(), first);
    const auto by_strtod = decimal_by_strtod(text, second);
    EXPECT_EQ(by_library.ptr, by_strtod.ptr) << text;
    EXPECT_EQ(by_library.ec, by_strtod.ec) << text;
    EXPECT_EQ(first, second) << text;
  }
}

}  // namespace
}  // namespace tcpspec::script
