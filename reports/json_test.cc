#include "reports/json.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "reports/sample_run.hh"

namespace tcpspec::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Empty when the document fits the schema; else what does not, and where.
std::string schema_errors(const nlohmann::json& document) {
  std::ifstream file(TCPSPEC_SOURCE_DIR "/reports/schema/result.schema.json");
  const auto schema_json = nlohmann::json::parse(file);
  valijson::Schema schema;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  valijson::ValidationResults results;
  valijson::Validator validator;
  std::string errors;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return errors;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& step : error.context) errors += step;
    errors += ": " + error.description + "\n";
  }
  return errors;
}

Run without_captures(Run run) {
  for (TestResult& test : run.tests) test.capture_bytes.clear();
  return run;
}

TEST(Json, FitsTheSchema) {
  EXPECT_EQ(schema_errors(nlohmann::json::parse(to_json(sample_run()))), "");
  EXPECT_EQ(schema_errors(nlohmann::json::parse(to_json(hostile_run()))), "");
  EXPECT_EQ(schema_errors(nlohmann::json::parse(to_json(reports::Run{}))), "");
}

TEST(Json, TheSchemaRefusesWhatItDoesNotDocument) {
  auto document = nlohmann::json::parse(to_json(sample_run()));
  document["tests"][0]["verdict"] = "green";
  EXPECT_NE(schema_errors(document), "");
  document = nlohmann::json::parse(to_json(sample_run()));
  document["tests"][0]["conversation"][0]["colour"] = "red";
  EXPECT_NE(schema_errors(document), "");
  document = nlohmann::json::parse(to_json(sample_run()));
  document.erase("suite_hash");
  EXPECT_NE(schema_errors(document), "");
}

TEST(Json, ReadsBackWhatItWrote) {
  const auto run = without_captures(sample_run());
  const auto read = from_json(to_json(run));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, run);
  EXPECT_EQ(to_json(*read), to_json(run));
}

TEST(Json, KeepsExtremeNumbers) {
  auto run = sample_run();
  run.seed = ~std::uint64_t{0};
  run.duration_ns = INT64_MIN;
  run.time_scale = 0.1;
  const auto read = from_json(to_json(run));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->seed, ~std::uint64_t{0});
  EXPECT_EQ(read->duration_ns, INT64_MIN);
  EXPECT_EQ(read->time_scale, 0.1);
}

TEST(Json, LeavesOutTheConversationsOfPlainPassesWhenAsked) {
  const auto run = sample_run();
  const auto read = from_json(to_json(run, Conversations::interesting));
  ASSERT_TRUE(read) << read.error();
  for (std::size_t i = 0; i < run.tests.size(); ++i) {
    const bool kept = is_interesting(run.tests[i]);
    EXPECT_EQ(read->tests[i].conversation.size(), kept ? run.tests[i].conversation.size() : 0U) << run.tests[i].id;
  }
  EXPECT_FALSE(is_interesting(run.tests[3]));
  EXPECT_FALSE(run.tests[3].conversation.empty()) << "the sample must have a plain pass with a conversation";
}

TEST(Json, AnInfoWithAFindingIsInteresting) {
  TestResult test;
  test.verdict = Verdict::info;
  EXPECT_FALSE(is_interesting(test));
  test.findings.emplace_back();
  EXPECT_TRUE(is_interesting(test));
}

TEST(Json, OneResultIsOneLine) {
  EXPECT_THAT(to_json(sample_run().tests[0]), Not(HasSubstr("\n")));
  EXPECT_THAT(to_json(sample_run().tests[0]), HasSubstr("\"seed\":\"0x5f31\""));
}

TEST(Json, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_THAT(to_json(hostile_run()), HasSubstr("\xef\xbf\xbd"));
  EXPECT_TRUE(from_json(to_json(hostile_run())));
}

std::string error_after(const std::string& from, const std::string& to) {
  std::string text = to_json(sample_run());
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const auto read = from_json(text);
  return read ? "no error" : read.error();
}

TEST(FromJson, NamesThePlaceOfAnError) {
  EXPECT_EQ(error_after("\"verdict\": \"fail\"", "\"verdict\": \"green\""),
            "tests[0].verdict: \"green\" is not a verdict");
  EXPECT_EQ(error_after("\"jobs\": 8", "\"jobs\": \"8\""), "jobs: expected an integer, found string");
  EXPECT_EQ(error_after("\"jobs\": 8", "\"jobs\": 4294967296"), "jobs: 4294967296 is out of range");
  EXPECT_EQ(error_after("\"jobs\": 8", "\"jobs\": 18446744073709551615"), "jobs: 18446744073709551615 is out of range");
  EXPECT_EQ(error_after("\"jobs\": 8", "\"job\": 8"), "top level: the key \"jobs\" is missing");
  EXPECT_EQ(error_after("\"seed\": \"0x5f31\"", "\"seed\": \"0xzz\""),
            "seed: expected a seed like \"0x5f31\", found \"0xzz\"");
  EXPECT_EQ(error_after("\"format\": 1", "\"format\": 2"), "format: this program reads 1, the file has 2");
  EXPECT_THAT(from_json("{").error(), HasSubstr("not JSON"));
  EXPECT_EQ(from_json("[]").error(), "top level: expected an object, found array");
}

TEST(FromJson, IgnoresKeysThatItDoesNotKnow) {
  EXPECT_EQ(error_after("\"jobs\": 8", "\"jobs\": 8, \"moon\": \"full\""), "no error");
}

TEST(Names, ComeBackFromTheirText) {
  for (int i = 0; i <= static_cast<int>(Verdict::error); ++i) {
    EXPECT_EQ(parse_verdict(to_string(static_cast<Verdict>(i))), static_cast<Verdict>(i));
  }
  for (int i = 0; i <= static_cast<int>(Mark::invariant); ++i) {
    EXPECT_EQ(parse_mark(to_string(static_cast<Mark>(i))), static_cast<Mark>(i));
  }
  EXPECT_EQ(to_string(Verdict::hang), "hang");
  EXPECT_EQ(to_string(Overlay::flaky), "flaky");
  EXPECT_EQ(to_string(Lane::note), "note");
  EXPECT_EQ(to_string(Mark::invariant), "invariant");
  EXPECT_EQ(parse_verdict("Pass"), std::nullopt);
  EXPECT_EQ(parse_lane("time"), Lane::time);
  EXPECT_EQ(parse_overlay("fixed"), Overlay::fixed);
}

}  // namespace
}  // namespace tcpspec::reports
