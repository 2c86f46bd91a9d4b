#include "reports/html.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "reports/page_data.hh"
#include "reports/sample_run.hh"
#include "reports/templates.hh"

namespace tcpspec::reports {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return "";
  return text.substr(from + begin.size(), text.find(end, from) - from - begin.size());
}

std::string data_of(const std::string& html) {
  return between(html, "id=\"data\">", "</script>");
}

// The document without its data, styles and scripts: what a reader without JavaScript gets.
std::string markup_of(const std::string& html) {
  return between(html, "<body>", "<script type=\"application/json\"");
}

std::string unzipped(const std::string& packed) {
  std::string text(10'000'000, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int done = inflate(&stream, Z_FINISH);
  text.resize(done == Z_STREAM_END ? stream.total_out : 0);
  inflateEnd(&stream);
  return text;
}

TEST(Html, ContainsEveryTestWithItsVerdictBeforeAnyScript) {
  const auto run = sample_run();
  const std::string markup = markup_of(to_html(run));
  for (const TestResult& test : run.tests) {
    EXPECT_THAT(markup, HasSubstr(">" + test.id + "</th>"));
    EXPECT_THAT(markup, HasSubstr("</b> " + std::string(to_string(test.verdict))));
  }
  EXPECT_THAT(markup, HasSubstr("5 unexpected results"));
  EXPECT_THAT(markup, HasSubstr("net.ipv4.tcp_congestion_control"));
}

TEST(Html, LoadsNothingFromAnywhere) {
  const std::string html = to_html(sample_run());
  const std::string outside = "(src|href|action|data) *= *[\"']? *(https?:|//)|@import|url\\(|<link|<iframe";
  EXPECT_THAT("<a href=\"https://x\">", ContainsRegex(outside)) << "the pattern must find something";
  for (const std::string& part :
       {markup_of(html), std::string(templates::style), std::string(templates::script), std::string(templates::page)}) {
    EXPECT_THAT(part, Not(ContainsRegex(outside)));
  }
  EXPECT_THAT(html, HasSubstr("Content-Security-Policy\" content=\"default-src 'none'"));
}

TEST(Html, HostileStringsStayInert) {
  const std::string html = to_html(hostile_run());
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(html, Not(HasSubstr("href=\"javascript:")));
  EXPECT_THAT(html, HasSubstr("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;"));
  EXPECT_THAT(data_of(html), Not(HasSubstr("<")));
  EXPECT_THAT(data_of(html), Not(HasSubstr("\xe2\x80\xa8")));
  EXPECT_TRUE(nlohmann::json::accept(data_of(html)));
}

TEST(Html, TheScriptsCannotEndTheirElement) {
  EXPECT_EQ(templates::script.find("</script"), std::string_view::npos);
  EXPECT_EQ(templates::script.find("<!--"), std::string_view::npos);
  EXPECT_EQ(templates::style.find("</style"), std::string_view::npos);
}

TEST(Html, TwoThousandTestsOnFiveTargetsFit) {
  const auto run = large_run(2000, 5);
  const std::string html = to_html(run);
  EXPECT_LT(html.size(), 5'000'000U);
  EXPECT_THAT(html, Not(HasSubstr("Left out")));
  const auto data = nlohmann::json::parse(data_of(html));
  EXPECT_EQ(data["tests"].size(), 2000U);
  EXPECT_EQ(data["tests"][0]["results"].size(), 5U);
}

TEST(Html, ASmallLimitLeavesOutConversationsAndSaysSo) {
  const auto run = large_run(200, 5);
  const std::string whole = to_html(run);
  const std::string cut = to_html(run, {.size_limit = whole.size() - 1});
  EXPECT_LT(cut.size(), whole.size());
  EXPECT_THAT(cut, HasSubstr("Left out to keep this file small"));
  EXPECT_THAT(to_html(run, {.size_limit = 1}), HasSubstr("captures and all conversations"));
}

TEST(Html, ARunWithoutResultsIsAPage) {
  EXPECT_THAT(markup_of(to_html(reports::Run{})), HasSubstr("Nothing was run"));
}

TEST(PageData, DetailsAreFoundWhereTheResultsPoint) {
  const auto run = sample_run();
  const auto data = nlohmann::json::parse(page_data(run, Depth::everything));
  const auto& fail = data["tests"][0]["results"][0];
  EXPECT_EQ(fail["v"], static_cast<int>(Verdict::fail));
  const auto& detail = data["chunks"][fail["x"][0].get<int>()][fail["x"][1].get<int>()];
  EXPECT_EQ(detail["rerun"], run.tests[0].rerun);
  EXPECT_EQ(detail["pcapng"], "Cg0NChwAAABNPCsa");
  EXPECT_EQ(detail["talk"].size(), 7U);
  EXPECT_EQ(detail["talk"][6]["first"], 1);
}

TEST(PageData, EachDepthIsSmallerAndNamesWhatIsMissing) {
  const auto run = sample_run();
  std::size_t before = page_data(run, Depth::everything).size();
  EXPECT_EQ(left_out(Depth::everything), "");
  for (int depth = 1; depth <= static_cast<int>(Depth::no_conversations); ++depth) {
    const std::size_t size = page_data(run, static_cast<Depth>(depth)).size();
    EXPECT_LT(size, before) << depth;
    EXPECT_NE(left_out(static_cast<Depth>(depth)), "");
    before = size;
  }
}

TEST(PageData, ResultsOfOneTestAreTogether) {
  const auto run = sample_run();
  const auto groups = group_by_test(run);
  EXPECT_EQ(groups.size(), 9U);
  EXPECT_EQ(groups[0].by_target, (std::vector<const TestResult*>{&run.tests[0], &run.tests[1]}));
  EXPECT_EQ(groups[1].by_target, (std::vector<const TestResult*>{&run.tests[2], nullptr}));
}

TEST(Base64, PadsAsRfc4648Says) {
  EXPECT_EQ(base64({}), "");
  EXPECT_EQ(base64({'f'}), "Zg==");
  EXPECT_EQ(base64({'f', 'o'}), "Zm8=");
  EXPECT_EQ(base64({'f', 'o', 'o'}), "Zm9v");
  EXPECT_EQ(base64({0xff, 0xfe, 0xfd, 0xfc}), "//79/A==");
}

TEST(Gzip, IsReadBack) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "segment " + std::to_string(i);
  const auto packed = gzip(text);
  EXPECT_EQ(unzipped(std::string(packed.begin(), packed.end())), text);
  EXPECT_LT(packed.size(), text.size());
  EXPECT_EQ(packed, gzip(text));
}

}  // namespace
}  // namespace tcpspec::reports
