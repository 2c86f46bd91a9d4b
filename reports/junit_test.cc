#include "reports/junit.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>

#include <memory>

#include "reports/golden.hh"
#include "reports/sample_run.hh"

namespace tcpspec::reports {
namespace {

using ::testing::HasSubstr;

// What libxml2 makes of the report.
class Document {
 public:
  explicit Document(const std::string& xml)
      : doc_(xmlReadMemory(xml.data(), static_cast<int>(xml.size()), "junit.xml", nullptr, XML_PARSE_NONET),
             xmlFreeDoc) {}

  [[nodiscard]] bool well_formed() const { return doc_ != nullptr; }

  // XPath's string value: "" where nothing matches.
  [[nodiscard]] std::string text(const std::string& path) const {
    const std::unique_ptr<xmlXPathContext, decltype(&xmlXPathFreeContext)> context(xmlXPathNewContext(doc_.get()),
                                                                                   xmlXPathFreeContext);
    const std::string whole = "string(" + path + ")";
    const std::unique_ptr<xmlXPathObject, decltype(&xmlXPathFreeObject)> found(
        xmlXPathEvalExpression(reinterpret_cast<const xmlChar*>(whole.c_str()), context.get()), xmlXPathFreeObject);
    return found ? reinterpret_cast<const char*>(found->stringval) : "";
  }

 private:
  std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> doc_;
};

TEST(Junit, LooksLikeTheGoldenText) {
  expect_golden("junit.golden", to_junit(sample_run()));
}

TEST(Junit, CountsWhatItContains) {
  const Document document(to_junit(sample_run()));
  ASSERT_TRUE(document.well_formed());
  EXPECT_EQ(document.text("count(//testcase)"), "12");
  EXPECT_EQ(document.text("/testsuites/@tests"), "12");
  for (const std::string kind : {"failure", "error", "skipped"}) {
    const std::string attribute = kind == "skipped" ? kind : kind + "s";
    EXPECT_EQ(document.text("count(//" + kind + ")"), document.text("/testsuites/@" + attribute)) << kind;
    EXPECT_EQ(document.text("count(//" + kind + ")"), document.text("sum(//testsuite/@" + attribute + ")")) << kind;
  }
  EXPECT_EQ(document.text("/testsuites/@failures"), "1");
  EXPECT_EQ(document.text("/testsuites/@errors"), "4");
  EXPECT_EQ(document.text("/testsuites/@skipped"), "3");
}

TEST(Junit, SortsVerdictsAndOverlaysIntoOutcomes) {
  const Document document(to_junit(sample_run()));
  const auto child = [&](const std::string& id, const std::string& target) {
    const std::string test = "//testcase[@name='" + id + "'][starts-with(@classname,'" + target + ".')]";
    return document.text("name(" + test + "/*[self::failure or self::error or self::skipped])");
  };
  EXPECT_EQ(child("reset/rst-inside-window-draws-challenge-ack", "linux"), "failure");
  EXPECT_EQ(child("reset/rst-inside-window-draws-challenge-ack", "lwip"), "skipped");
  EXPECT_EQ(child("window/shrink-is-survived", "lwip"), "skipped");
  EXPECT_EQ(child("timestamps/paws-after-24-idle-days", "lwip"), "skipped");
  EXPECT_EQ(child("options/length-zero:family=ipv6", "lwip"), "error");
  EXPECT_EQ(child("options/length-one", "lwip"), "error");
  EXPECT_EQ(child("close/time-wait-two-msl", "linux"), "error");
  EXPECT_EQ(child("close/time-wait-two-msl", "lwip"), "error");
  EXPECT_EQ(child("window/zero-window-probes-back-off", "linux"), "");
  EXPECT_EQ(child("reset/rst-at-rcv-nxt-resets", "lwip"), "");
}

TEST(Junit, APassThatTheBaselineForbidsIsAFailure) {
  auto run = sample_run();
  run.tests[3].overlay = Overlay::unexpected;
  EXPECT_EQ(Document(to_junit(run)).text("/testsuites/@failures"), "2");
}

TEST(Junit, HostileStringsArriveAsText) {
  const auto run = hostile_run();
  const Document document(to_junit(run));
  ASSERT_TRUE(document.well_formed());
  EXPECT_EQ(document.text("count(//img)"), "0");
  EXPECT_THAT(document.text("//testcase[1]/@name"), HasSubstr("</script><img src=x onerror=alert(1)>\"'&\\x1b[31m"));
  EXPECT_THAT(document.text("//failure[1]"), HasSubstr("\\xff"));
}

TEST(Junit, KeepsLineFeedsOfAttributesAndDropsForbiddenCharacters) {
  auto run = sample_run();
  run.tests[0].reason = std::string("one\ntwo\tthree\r\xef\xbf\xbf", 17) + '\0';
  const Document document(to_junit(run));
  ASSERT_TRUE(document.well_formed());
  EXPECT_EQ(document.text("//failure/@message"), "fail: one\ntwo\tthree\r\\xffff\\x00");
}

}  // namespace
}  // namespace tcpspec::reports
