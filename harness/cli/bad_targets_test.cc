// Targets that crash, hang, flood, or do not keep to the rules of adapters: the right verdict for
// the test in flight, the others unharmed, and no process left over.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/exit_code.hh"
#include "cli/test_cli.hh"

namespace tcpspec::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

// The one in the middle calls the fault forth (harness/adapters/bad).
const std::string kSuite = suite_with(R"(
  - id: a-before
    about: The target works.
    requirement: MUST-1
    given: ESTABLISHED
    steps: [alive]
  - id: b-poison
    about: This segment is the target's undoing.
    requirement: MUST-1
    given: ESTABLISHED
    tolerate: [any]
    steps: [{send: {flags: PAU, urg: 0xbad, data: 1}}, alive]
  - id: c-after
    about: The target works.
    requirement: MUST-1
    given: ESTABLISHED
    steps: [alive]
)");

class BadTargets : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("suites/own.yaml", kSuite);
    // A process that is left behind becomes ours, and is found.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    // With sanitizers a program that ends looks for leaks with a process of its own, which is ours
    // then where we kill the program meanwhile.
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    setenv("LC_ALL", "C", 1);  // env(1) quotes by it
  }
  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process was left behind";
    EXPECT_EQ(errno, ECHILD);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    Cli::TearDown();
  }

  Finished run_target(const std::string& attachment) {
    write("bad.yaml", "target: bad\n" + attachment);
    return run({"run", "--target", "bad.yaml", "--seed", "1", "--report", "json=r.json"});
  }
  // A plug-in, and a patience that a sound answer on a busy machine does not use up.
  Finished run_fault(const std::string& fault) {
    return run_target("adapter: " + kAdapters + "/bad.so\nparams: {fault: " + fault + "}\nhang_after: 5s\n");
  }
  Finished run_program_fault(const std::string& fault, const std::string& more = "") {
    return run_target("program: [" + kAdapters + "/bad-program, " + fault + "]\n" + more);
  }

  struct Result {
    std::string verdict, reason;
  };
  std::map<std::string, Result> results() {
    std::map<std::string, Result> out;
    const auto json = nlohmann::json::parse(read("r.json"));
    for (const auto& test : json["tests"])
      out[test["id"]] = {test["verdict"], test.contains("reason") ? test["reason"].get<std::string>() : ""};
    return out;
  }
  // Of the poisoned test, when the others passed.
  Result poisoned() {
    const auto all = results();
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all.at("own/a-before").verdict, "pass") << all.at("own/a-before").reason;
    EXPECT_EQ(all.at("own/c-after").verdict, "pass") << all.at("own/c-after").reason;
    return all.at("own/b-poison");
  }
  // Of all tests, where none can be played.
  Result everywhere() {
    const auto all = results();
    EXPECT_EQ(all.size(), 3u);
    for (const auto& [id, result] : all) EXPECT_EQ(result.verdict, all.begin()->second.verdict) << id;
    return all.begin()->second;
  }
};

TEST_F(BadTargets, NoneIsBad) {
  EXPECT_EQ(run_fault("none").code, kAsExpected);
  EXPECT_EQ(poisoned().verdict, "pass");
}

TEST_F(BadTargets, ACrash) {
  const auto finished = run_fault("crash");
  EXPECT_EQ(finished.code, kUnexpected);
  const auto result = poisoned();
  EXPECT_EQ(result.verdict, "crash");
  EXPECT_EQ(result.reason,
            "the target died while it took a datagram: it was ended by signal 6 (Aborted). It said:\n"
            "stack: assertion `urg == 0' failed");
  // The conversation up to the segment that killed it, and a capture of it.
  EXPECT_THAT(finished.out, HasSubstr("urg 2989"));
  EXPECT_TRUE(fs::exists(folder_ / "out/own/b-poison/trace.pcapng"));
}

TEST_F(BadTargets, AnExit) {
  run_fault("exit");
  EXPECT_EQ(poisoned().verdict, "crash");
  EXPECT_THAT(poisoned().reason, HasSubstr("it exited with status 0"));
}

TEST_F(BadTargets, AHang) {
  EXPECT_EQ(run_fault("hang").code, kUnexpected);
  EXPECT_EQ(poisoned().verdict, "hang");
  EXPECT_EQ(poisoned().reason, "the target gave no answer for 5 s while it took a datagram, and was ended");
}

TEST_F(BadTargets, AFlood) {
  EXPECT_EQ(run_fault("flood").code, kUnexpected);
  EXPECT_EQ(poisoned().verdict, "fail");
  EXPECT_THAT(poisoned().reason, HasSubstr("floods"));
}

TEST_F(BadTargets, AClockThatNeverComesToRest) {
  EXPECT_EQ(run_fault("restless").code, kUnexpected);
  EXPECT_EQ(poisoned().verdict, "hang");
  EXPECT_THAT(poisoned().reason, HasSubstr("something to do at once, and does nothing"));
}

TEST_F(BadTargets, NoStackIsMade) {
  EXPECT_EQ(run_fault("no-stack").code, kEnvironment);
  EXPECT_EQ(everywhere().verdict, "error");
  EXPECT_THAT(everywhere().reason, HasSubstr("could not make a stack: No buffer space available"));
}

TEST_F(BadTargets, GarbageOnTheChannel) {
  const std::map<std::string, std::string> faults = {{"garbage", " message"},
                                                     {"huge", "a message of 4294967299 octets"},
                                                     {"unknown-item", "an item of kind 77"},
                                                     {"close-channel", "nothing, closed its descriptor 3, and ran on"}};
  for (const auto& [fault, words] : faults) {
    EXPECT_EQ(run_program_fault(fault).code, kEnvironment) << fault;
    EXPECT_EQ(everywhere().verdict, "error") << fault;
    EXPECT_THAT(everywhere().reason,
                HasSubstr("does not speak the messages of adapter_messages.h: while it made a stack"))
        << fault;
    EXPECT_THAT(everywhere().reason, HasSubstr(words)) << fault;
  }
}

TEST_F(BadTargets, AMessageThatDripsIsNoAnswer) {
  EXPECT_EQ(run_program_fault("drip", "hang_after: 200ms\n").code, kUnexpected);
  EXPECT_EQ(everywhere().verdict, "hang");
}

TEST_F(BadTargets, WhatDoesNotStartIsSaidOnce) {
  std::map<std::string, Finished> runs;
  runs["exits"] = run_program_fault("exit-at-once");
  runs["babbles"] = run_program_fault("babble");
  runs["is not there"] = run_target("program: [./no-such-program]\n");
  runs["is not in PATH"] = run_target("program: [no-such-program]\n");
  runs["is in PATH, and no adapter"] = run_target("program: [true]\npackage: coreutils\n");
  runs["is no plug-in"] = run_target("adapter: /usr/bin/env\n");
  runs["is no adapter"] = run_target("adapter: libm.so.6\n");
  runs["has no attachment"] = run_target("");
  std::string all;
  for (const auto& [what, finished] : runs) {
    EXPECT_EQ(finished.code, kEnvironment) << what;
    EXPECT_EQ(finished.out, "") << what;
    all += what + "\n" + finished.err;
  }
  expect_golden("targets-that-do-not-start", std::regex_replace(all, std::regex(kAdapters), "ADAPTERS"));
}

// What goes wrong everywhere is shown often enough; all is in the list, and where it is asked for.
TEST_F(BadTargets, ManyDeviationsDoNotFillTheScreen) {
  std::string many = "suite: many\nabout: Claims\ndrain: 10ms\ntests:\n";
  for (int i = 0; i < 30; ++i)
    many += "  - {id: claim-" + std::to_string(i) +
            ", about: x, requirement: MUST-2, given: LISTEN, steps: [{expect: {flags: F}}]}\n";
  write("many.yaml", many);
  const auto shown = [&](const std::string& how) {
    const auto out = run({"run", "many.yaml", "--target", "reference", how}).out;
    EXPECT_THAT(out, HasSubstr("unexpected (30)"));
    const std::regex header("(^|\n)FAIL ");
    return std::pair(std::distance(std::sregex_iterator(out.begin(), out.end(), header), std::sregex_iterator()),
                     out.find("5 more deviate\n-v shows all") != std::string::npos);
  };
  EXPECT_EQ(shown("--quiet"), std::pair(25L, true));
  EXPECT_EQ(shown("--verbose"), std::pair(30L, false));
}

TEST_F(BadTargets, AProgramBesideTheTargetsFileIsFoundThere) {
  fs::copy_file(kAdapters + "/bad-program", folder_ / "mine");
  EXPECT_EQ(run_target("program: [mine]\n").code, kAsExpected);  // a file in the folder where we are
  write("below/other.yaml", "program: [../mine]\n");
  EXPECT_EQ(run({"run", "--target", "below/other.yaml"}).code, kAsExpected);
}

TEST_F(BadTargets, AnAdapterThatWasBuiltIsFoundByItsName) {
  EXPECT_EQ(run({"run", "--target", "reference.so", "--report", "json=r.json"}).code, kAsExpected);
  EXPECT_EQ(results().size(), 3u);
  const auto missing = run({"run", "--target", "./reference.so"});
  EXPECT_EQ(missing.code, kUsage);
  EXPECT_THAT(missing.err, HasSubstr("; there is no such file"));
}

TEST_F(BadTargets, OneOfSeveralIsMissing) {
  write("bad.yaml", "target: bad\nprogram: [./no-such-program]\n");
  EXPECT_EQ(run({"run", "--target", "reference,bad.yaml", "--report", "json=r.json"}).code, kEnvironment);
  EXPECT_EQ(results().size(), 3u);
}

// Not by Ctrl-C but without a chance to tidy up: the adapter must not outlive us.
TEST_F(BadTargets, AKilledRunLeavesNoAdapter) {
  write("bad.yaml", "target: bad\nadapter: " + kAdapters + "/bad.so\nparams: {fault: hang}\nhang_after: 1h\n");
  Running running({TCPSPEC_PROGRAM, "run", "-v", "--target", "bad.yaml", "own/a-before", "own/b-poison"},
                  folder_.string());
  running.read_until("own/a-before");
  running.signal(SIGKILL);
  (void)running.wait();
  // The orphan is ours now. This would block for an hour if it lived.
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(BadTargets, AnInterruptIsNoCrash) {
  write("bad.yaml", "target: bad\nadapter: " + kAdapters + "/bad.so\nparams: {fault: none}\n");
  Running running(
      {TCPSPEC_PROGRAM, "run", "-v", "--target", "bad.yaml", "--repeat", "1000000", "--report", "json=r.json"},
      folder_.string());
  running.read_until("own/c-after");
  running.signal(SIGINT);
  EXPECT_EQ(running.wait().code, kInterrupted);
  for (const auto& [id, result] : results()) EXPECT_EQ(result.verdict, "pass") << id << result.reason;
}

}  // namespace
}  // namespace tcpspec::cli
