// The suites against a stack on the wire: this kernel in a second network namespace.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/exit_code.hh"
#include "cli/test_cli.hh"
#include "target/remote/test_ground.hh"

namespace tcpspec::cli {
namespace {

using target::Ground;
using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;
using testing::Key;

// Also those of the kernel's tests that want settings, which nobody can set here.
const std::vector<std::string> kSuites = {"handshake/*", "reset/*", "teardown/*", "options-parsing/*"};

class Remote : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    auto made = Ground::make(Ground::Testers::behind_a_gateway, Ground::Offloads::off);
    if (!made) GTEST_SKIP() << made.error().what << "; " << made.error().hint;
    ground_.emplace(std::move(*made));
  }

  std::string target_file(const std::string& more) {
    write("board.yaml", "target: my-board\nbaseline: " + kSource +
                            "/suites/baselines/linux.yaml\nremote:\n  interface: wire0\n  address: 10.9.0.2\n"
                            "  testers: 10.9.128.0/17\n  gateway: 10.9.0.3\n  address6: fd09::2\n"
                            "  testers6: fd09:0:0:1::/64\n  gateway6: fd09::3\n  ports: 5000..9999\n" +
                            more);
    return (folder_ / "board.yaml").string();
  }
  Finished play(const std::vector<std::string>& what, const std::string& target) {
    std::vector<std::string> words{"run"};
    words.insert(words.end(), what.begin(), what.end());
    for (const auto& word : {std::string("--suites"), kSource + "/suites", std::string("--no-tag"), std::string("slow"),
                             std::string("--target"), target, std::string("--report"), std::string("json=r.json")})
      words.push_back(word);
    return run(words);
  }
  std::map<std::string, int> verdicts() {
    std::map<std::string, int> counts;
    const auto report = nlohmann::json::parse(read("r.json"));
    for (const auto& test : report.at("tests")) ++counts[test.at("verdict").get<std::string>()];
    return counts;
  }

  std::optional<Ground> ground_;
};

TEST_F(Remote, TheSuitesFindWhatTheyFindInThisKernelOtherwise) {
  const auto agent = ground_->start_agent();
  const auto finished = play(kSuites, target_file("  agent: 10.8.0.2:7777\n"));
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
  auto counts = verdicts();
  EXPECT_GE(counts["pass"], 500) << finished.out;
  // Known of Linux, among them.
  EXPECT_GE(counts["fail"], 1) << finished.out;
  EXPECT_GE(counts["unsupported"], 1) << finished.out;
  for (const auto* other : {"inconclusive", "crash", "hang", "error"}) EXPECT_EQ(counts[other], 0) << other;
  EXPECT_EQ(agent->line(), "a tester has come");
  EXPECT_EQ(agent->line(), "the tester has gone");
}

TEST_F(Remote, WithoutAnAgentWhatNeedsNoCallsIsPlayed) {
  const auto finished = play({"closed-and-listen/*"}, target_file(""));
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
  EXPECT_THAT(verdicts(), Each(Key(AnyOf("pass", "info", "unsupported")))) << finished.out;
  EXPECT_GE(verdicts()["pass"], 5) << finished.out;
  const auto report = nlohmann::json::parse(read("r.json"));
  for (const auto& test : report.at("tests")) {
    if (test.at("verdict") != "unsupported") continue;
    EXPECT_THAT(test.at("reason").get<std::string>(), HasSubstr("the target does not offer")) << test.at("id");
  }
}

TEST_F(Remote, AnAgentThatIsNotThereIsTheEnvironmentsFault) {
  const auto finished = play({"reset/*"}, target_file("  agent: 10.8.0.2:7777\n"));
  EXPECT_EQ(finished.code, kEnvironment);
  EXPECT_THAT(finished.err, HasSubstr("connect to the agent 10.8.0.2:7777: Connection refused"));
}

}  // namespace
}  // namespace tcpspec::cli
