// `tcpspec fuzz`: bad targets are found out, a finding is a test that fails by itself, and one seed
// brings one result.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/exit_code.hh"
#include "cli/test_cli.hh"

namespace tcpspec::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kSuite = suite_with(R"(
  - id: alive
    about: What a fuzzer begins with.
    requirement: MUST-1
    given: ESTABLISHED
    steps: [alive]
)");

class FuzzVerb : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("suites/own.yaml", kSuite);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    unsetenv("TCPSPEC_FUZZERS");
  }
  void bad(const std::string& fault, const std::string& more = "") {
    write("bad.yaml", "target: bad\nadapter: " + kAdapters + "/bad.so\nparams: {fault: urgent-" + fault + "}\n" + more);
  }
  Finished fuzz(std::vector<std::string> words) {
    words.insert(words.begin(), "fuzz");
    return run(std::move(words));
  }
  Finished fuzz_bad(std::vector<std::string> words = {}) {
    words.insert(words.end(), {"--target", "bad.yaml", "--seed", "1", "--inputs", "6000", "--stop-at-first"});
    return fuzz(std::move(words));
  }
  // The folder of the only finding, below the test's.
  std::string finding() {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_ / "out/findings"))
      all.push_back("out/findings/" + entry.path().filename().string());
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? "" : all.front();
  }
  // Everything in a folder, by name.
  std::map<std::string, std::string> content(const std::string& folder) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / folder))
      if (entry.is_regular_file())
        out[fs::relative(entry.path(), folder_ / folder).string()] = read(fs::relative(entry.path(), folder_).string());
    return out;
  }
  // A finding that names itself, minimises, plays as a test, and is gone with the fault.
  void expect_found(const std::string& fault, const std::string& oracle) {
    const auto finished = fuzz_bad();
    EXPECT_EQ(finished.code, kFinding) << finished.out << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("FINDING " + oracle));
    const auto folder = finding();
    EXPECT_THAT(folder, HasSubstr("/" + oracle + "-"));
    for (const char* name : {"test.yaml", "program.bin", "capture.pcapng", "report.txt"})
      EXPECT_TRUE(fs::exists(folder_ / folder / name)) << name;
    const std::regex steps("(0|1|2) steps?\n");
    EXPECT_TRUE(std::regex_search(finished.out, steps)) << finished.out;
    const auto test = folder + "/test.yaml";
    EXPECT_EQ(run({"run", "--target", "bad.yaml", test}).code, kUnexpected);
    const auto reference = run({"run", "--target", "reference", test});
    EXPECT_EQ(reference.code, kAsExpected) << reference.out << reference.err << read(test);
    EXPECT_EQ(fuzz({"replay", folder, "--target", "bad.yaml"}).code, kFinding);
    bad("none");
    EXPECT_EQ(fuzz({"replay", folder, "--target", "bad.yaml"}).code, kAsExpected) << fault;
  }
};

TEST_F(FuzzVerb, ACrash) {
  bad("crash");
  expect_found("crash", "crash");
}

TEST_F(FuzzVerb, AnExit) {
  bad("exit");
  expect_found("exit", "crash");
}

TEST_F(FuzzVerb, AHang) {
  bad("hang", "hang_after: 200ms\n");
  expect_found("hang", "hang");
}

TEST_F(FuzzVerb, AFlood) {
  bad("flood");
  expect_found("flood", "flood");
}

TEST_F(FuzzVerb, ASoundTargetShowsNothing) {
  bad("none");
  const auto finished = fuzz_bad();
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
  EXPECT_TRUE(fs::is_empty(folder_ / "out/findings"));
}

TEST_F(FuzzVerb, WhatIsKnownIsNoNews) {
  bad("crash");
  write("known.yaml", "findings:\n  - {id: one, reason: It is being mended., target: bad, oracle: crash}\n");
  EXPECT_EQ(fuzz_bad({"--known", "known.yaml"}).code, kAsExpected);
  EXPECT_TRUE(fs::is_empty(folder_ / "out/findings"));
}

TEST_F(FuzzVerb, OneSeedOneResult) {
  bad("crash");
  const auto once = [&](const std::string& name) {
    const auto finished = fuzz({"--target", "bad.yaml", "--seed", "7", "--inputs", "1500", "--corpus", name + "/corpus",
                                "--findings", name + "/findings", "--reached", name + "/reached.json"});
    EXPECT_EQ(finished.code, kFinding) << finished.err;
    return content(name);
  };
  const auto first = once("one"), second = once("two");
  EXPECT_GT(first.size(), 20u);  // a corpus that grew
  EXPECT_EQ(first, second);
  const auto reached = nlohmann::json::parse(first.at("reached.json"));
  EXPECT_EQ(reached["states"].size(), reached["counts"].size());
  // The corpus goes on where it was.
  EXPECT_EQ(fuzz({"--target", "bad.yaml", "--seed", "8", "--inputs", "1500", "--corpus", "one/corpus"}).code, kFinding);
  EXPECT_GE(content("one").size(), first.size());
}

TEST_F(FuzzVerb, FromNothingNoSuiteIsRead) {
  bad("crash");
  write("suites/own.yaml", "no suite");
  EXPECT_EQ(fuzz_bad().code, kUsage);
  const auto finished = fuzz_bad({"--from-nothing"});
  EXPECT_EQ(finished.code, kFinding) << finished.out << finished.err;
}

TEST_F(FuzzVerb, MinimizeMakesAFindingOfAProgram) {
  bad("crash");
  ASSERT_EQ(fuzz_bad().code, kFinding);
  fs::rename(folder_ / finding() / "program.bin", folder_ / "left-behind");
  fs::remove_all(folder_ / "out");
  const auto finished = fuzz({"minimize", "left-behind", "--target", "bad.yaml"});
  EXPECT_EQ(finished.code, kFinding) << finished.err;
  EXPECT_TRUE(fs::exists(folder_ / finding() / "test.yaml"));
  bad("none");
  EXPECT_EQ(fuzz({"minimize", "left-behind", "--target", "bad.yaml"}).code, kAsExpected);
}

TEST_F(FuzzVerb, AnInterruptKeepsWhatWasFound) {
  bad("crash");
  Running running({TCPSPEC_PROGRAM, "fuzz", "--target", "bad.yaml", "--seed", "1"}, folder_.string());
  running.read_until("FINDING crash");
  running.signal(SIGINT);
  const auto finished = running.wait();
  EXPECT_EQ(finished.code, kInterrupted) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("1 finding"));
  EXPECT_TRUE(fs::exists(folder_ / finding() / "test.yaml"));
}

TEST_F(FuzzVerb, TheKernelSurvives) {
  const auto finished = fuzz({"--target", "linux", "--seed", "1", "--inputs", "2000"});
  if (finished.code == kEnvironment) GTEST_SKIP() << finished.err;
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
}

// Rates and times are the machine's.
std::string without_rates(const std::string& text) {
  return std::regex_replace(text, std::regex("in [0-9.]+ s, [0-9,]+/s"), "in TIME, RATE/s");
}

TEST_F(FuzzVerb, Summary) {
  bad("crash");
  expect_golden("fuzz-summary", without_rates(fuzz_bad({"-q"}).out));
}

TEST_F(FuzzVerb, Help) {
  expect_golden("fuzz-help", fuzz({"--help"}).out + fuzz({"replay", "--help"}).out + fuzz({"minimize", "--help"}).out);
}

TEST_F(FuzzVerb, WhatIsWrongIsSaidOnce) {
  bad("none");
  write("corpus/one", "no program");
  write("plain", "");
  write("known.yaml", "findings:\n  - {id: all, reason: Why not}\n");
  std::map<std::string, Finished> runs;
  runs["time"] = fuzz({"--time", "5 days"});
  runs["time and inputs"] = fuzz({"--time", "5s", "--inputs", "5"});
  runs["seed"] = fuzz({"--seed", "dice"});
  runs["known"] = fuzz({"--known", "known.yaml"});
  runs["target"] = fuzz({"--target", "no-such-target", "--inputs", "1"});
  runs["corpus"] = fuzz({"--target", "bad.yaml", "--inputs", "1", "--corpus", "corpus"});
  runs["findings"] = fuzz({"--target", "bad.yaml", "--inputs", "1", "--findings", "plain/findings"});
  runs["engine"] = fuzz({"--target", "linux", "--inputs", "1", "--engine", "libfuzzer"});
  runs["replay"] = fuzz({"replay", "no-such-file"});
  setenv("TCPSPEC_FUZZERS", "nowhere", 1);
  runs["fuzzers"] = fuzz({"--engine", "libfuzzer", "--inputs", "1"});
  runs["mutant"] = fuzz({"--target", "mutant:ack-any", "--inputs", "1"});
  runs["mutant as a target"] = run({"run", "--target", "mutant:ack-any"});
  unsetenv("TCPSPEC_FUZZERS");
  std::string all;
  for (const auto& [what, finished] : runs)
    all += what + ": exit code " + std::to_string(finished.code) + "\n" + finished.err;
  expect_golden("fuzz-wrong", std::regex_replace(all, std::regex(kAdapters), "ADAPTERS"));
}

TEST_F(FuzzVerb, AFullDiskEndsIt) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full";
  bad("none");
  const auto finished = fuzz({"--target", "bad.yaml", "--inputs", "10", "--reached", "/dev/full"});
  EXPECT_EQ(finished.code, kEnvironment);
  EXPECT_THAT(finished.err, HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace tcpspec::cli
