#include "script/diagnostic.hh"

#include <gtest/gtest.h>

namespace tcpspec::script {
namespace {

TEST(SourceFile, LinesWithoutTheirEndsAndWithoutAByteOrderMark) {
  const SourceFile file{"f", "\xef\xbb\xbfone\r\ntwo\n\nfour"};
  EXPECT_EQ(file.line(1), "one");
  EXPECT_EQ(file.line(2), "two");
  EXPECT_EQ(file.line(3), "");
  EXPECT_EQ(file.line(4), "four");
  EXPECT_EQ(file.line(5), "");
}

std::string shown(std::string line, int column) {
  return to_string({{std::make_shared<SourceFile>(SourceFile{"f", std::move(line)}), 1, column}, "m", ""});
}

TEST(DiagnosticText, TheCaretCountsCharactersNotOctets) {
  EXPECT_EQ(shown("a\tb c", 3), "f:1:3: error: m\n     1 | a b c\n       |   ^\n");
  EXPECT_EQ(shown("\xc5\xbc\xc3\xb3 x", 6), "f:1:4: error: m\n     1 | \xc5\xbc\xc3\xb3 x\n       |    ^\n");
  EXPECT_EQ(shown("\xff x", 3), "f:1:3: error: m\n     1 | ? x\n       |   ^\n");
}

TEST(DiagnosticText, LongLinesAreCutAroundTheColumn) {
  const auto text = shown(std::string(500, 'x') + "!" + std::string(500, 'y'), 501);
  EXPECT_LT(text.size(), 300u);
  const auto line = text.substr(text.find("| ") + 2);
  const auto caret = text.substr(text.rfind("| ") + 2);
  EXPECT_EQ(line[caret.find('^')], '!');
}

TEST(DiagnosticText, WithoutALineOrAFile) {
  EXPECT_EQ(to_string({{std::make_shared<SourceFile>(SourceFile{"f", ""}), 0, 0}, "empty", "fill it"}),
            "f: error: empty\n         fill it\n");
  EXPECT_EQ(to_string({{}, "odd", ""}), "<input>: error: odd\n");
}

TEST(DiagnosticText, QuotedTextCannotDriveATerminalNorFillIt) {
  EXPECT_EQ(to_string({{}, "unknown `\x1b[31m`", ""}), "<input>: error: unknown `\\x1b[31m`\n");
  EXPECT_LT(to_string({{}, "unknown `" + std::string(10'000, 'x') + "` here", ""}).size(), 120u);
}

TEST(Nearest, ForgivesWhatTypistsDo) {
  const std::vector<std::string_view> words = {"seq", "ack", "flags", "options"};
  EXPECT_EQ(nearest("sqe", words), "seq");
  EXPECT_EQ(nearest("flag", words), "flags");
  EXPECT_EQ(nearest("optoins", words), "options");
  EXPECT_EQ(nearest("window", words), "");
  EXPECT_EQ(nearest(std::string(1'000, 'x'), words), "");
}

TEST(Utf8, SequencesOfRfc3629) {
  EXPECT_EQ(utf8_length("a", 0), 1u);
  EXPECT_EQ(utf8_length("\xc5\xbc", 0), 2u);
  EXPECT_EQ(utf8_length("\xe2\x89\xa5", 0), 3u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x90\x9f", 0), 4u);
  for (const auto bad : {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                         "\xf5\x80\x80\x80", "\xe2\x89", "\xff"})
    EXPECT_EQ(utf8_length(bad, 0), 0u) << bad;
}

}  // namespace
}  // namespace tcpspec::script
