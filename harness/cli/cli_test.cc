// The program as its users meet it: words on the command line in, text and an exit
// code out. The texts are golden files; TCPSPEC_BLESS=1 writes them anew.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "cli/exit_code.hh"
#include "cli/test_cli.hh"

namespace tcpspec::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kPassing = R"(
  - id: passes
    about: A listening TCP answers.
    requirement: MUST-1
    given: LISTEN
    steps: [{send: {flags: S, options: [mss: 1460]}}, {expect: {flags: SA, ack: 1}}]
)";
const std::string kFailing = R"(
  - id: fails
    about: Claims what no TCP does.
    requirement: MUST-2
    given: LISTEN
    steps: [{send: {flags: S, options: [mss: 1460]}}, {expect: {flags: RA, ack: 7}}]
)";
const std::string kLong = R"(
  - id: lasts
    about: Takes long.
    requirement: MUST-2
    steps: [{wait: 600s}]
)";

// Numbers that differ from run to run and machine to machine are replaced.
std::string without_accidents(std::string text, const fs::path& folder) {
  text = std::regex_replace(text, std::regex("linux [0-9][^ \\n]*"), "linux VERSION");
  text = std::regex_replace(text, std::regex("[0-9.]+ (ms|us|s)\\b"), "TIME");
  text = std::regex_replace(text, std::regex("[+-][0-9]+\\.[0-9]{3}"), "+0.000");
  text = std::regex_replace(text, std::regex("win [0-9]+"), "win N");
  text = std::regex_replace(text, std::regex("mss 1[0-9]{3}"), "mss N");
  text = std::regex_replace(text, std::regex("over (tun|veth)"), "over LINK");
  const auto path = folder.string();
  for (auto at = text.find(path); at != std::string::npos; at = text.find(path))
    text.replace(at, path.size(), "FOLDER");
  return text;
}

TEST_F(Cli, HelpOfEachVerb) {
  std::string all = run({"--help"}).out;
  for (const auto* verb : {"run", "list", "show", "explain", "lint", "targets", "doctor", "stack"}) {
    const auto help = run({verb, "--help"});
    EXPECT_EQ(help.code, kAsExpected);
    EXPECT_THAT(help.out, HasSubstr("Example: tcpspec ")) << verb;
    all += "---- " + std::string(verb) + "\n" + help.out;
  }
  expect_golden("help", all);
}

TEST_F(Cli, WrongUsage) {
  EXPECT_EQ(run({}).code, kUsage);
  EXPECT_EQ(run({"rum"}).code, kUsage);
  EXPECT_EQ(run({"run", "--no-such-option"}).code, kUsage);
  EXPECT_EQ(run({"run", "--jobs", "0"}).code, kUsage);
}

TEST_F(Cli, UnknownTargetReportAndSeed) {
  write("suites/own.yaml", suite_with(kPassing));
  std::string all;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"run", "--target", "plan9"},
                                                {"run", "--report", "pdf=x"},
                                                {"run", "--report", "html"},
                                                {"run", "--seed", "0xzz"}}) {
    const auto finished = run(words);
    EXPECT_EQ(finished.code, kUsage);
    all += finished.err;
  }
  expect_golden("wrong-words", all);
}

TEST_F(Cli, NothingSelected) {
  write("suites/own.yaml", suite_with(kPassing));
  const auto finished = run({"run", "own/typo"});
  EXPECT_EQ(finished.code, kNothingSelected);
  expect_golden("nothing-selected", finished.err);
  EXPECT_EQ(run({"list", "--rfc", "1"}).code, kNothingSelected);
}

TEST_F(Cli, WrongFilesGiveOneMessageAndCodeTwo) {
  write("own.yaml", "suite: own\ntests:\n  - {id: a, about: x, requirement: MUST-1, steps: [{sned: {flags: S}}]}\n");
  const auto typo = run({"run", "own.yaml"});
  EXPECT_EQ(typo.code, kUsage);
  expect_golden("wrong-file", typo.err);
  EXPECT_EQ(run({"run", "missing.yaml"}).code, kUsage);
  write("big.yaml", std::string(10 << 20, '#'));
  const auto big = run({"run", "big.yaml"});
  EXPECT_EQ(big.code, kUsage);
  EXPECT_THAT(big.err, HasSubstr("larger than"));
  write("not.yaml", "a: [\n");
  EXPECT_EQ(run({"lint", "not.yaml"}).code, kUsage);
}

// A baseline that was asked for is there; the one that goes by the target's name may be missing.
TEST_F(Cli, ABaselineThatIsNamedExists) {
  write("suites/own.yaml", suite_with(kPassing));
  const auto option = run({"run", "--target", "reference", "--baseline", "nofile.yaml"});
  EXPECT_EQ(option.code, kUsage);
  EXPECT_THAT(option.err, HasSubstr("the baseline `nofile.yaml` does not exist\n  `--baseline` names it"));
  EXPECT_THAT(option.out, Not(HasSubstr("tests against")));
  write("mine.yaml", "adapter: reference.so\nbaseline: known.yaml\n");
  const auto file = run({"run", "--target", "reference,mine.yaml"});
  EXPECT_EQ(file.code, kUsage);
  EXPECT_THAT(file.err, HasSubstr("the baseline `known.yaml` does not exist\n  `baseline:` in mine.yaml names it"));
  EXPECT_THAT(file.out, Not(HasSubstr("tests against")));
  EXPECT_EQ(run({"lint", "mine.yaml"}).code, kUsage);
  EXPECT_EQ(run({"run", "--target", "reference"}).code, kAsExpected);
}

TEST_F(Cli, EntriesThatMatchNoTestAreTold) {
  write("suites/own.yaml", suite_with(kPassing + kFailing));
  const auto entry = [](const std::string& test) {
    return "  - {test: " + test + ", expect: fail, kind: known-bug, reason: because}\n";
  };
  write("known.yaml", "entries:\n" + entry("own/fails") + entry("own/gone") + entry("own/went"));
  const auto finished = run({"run", "--target", "reference", "--baseline", "known.yaml"});
  EXPECT_EQ(finished.code, kAsExpected);
  EXPECT_EQ(finished.err, "tcpspec: 2 entries of known.yaml match no test: `own/gone`; `tcpspec lint` shows all\n");
  // Not selected is not gone.
  write("known.yaml", "entries:\n" + entry("own/fails"));
  EXPECT_EQ(run({"run", "own/passes", "--target", "reference", "--baseline", "known.yaml"}).err, "");
}

TEST_F(Cli, OfTheVariantsOfATestOneIsShown) {
  write("suites/own.yaml", suite_with(kPassing + kFailing + "    for: {n: [1, 2, 3]}\n"));
  const auto finished = run({"run", "--target", "reference"});
  EXPECT_EQ(finished.code, kUnexpected);
  EXPECT_THAT(finished.out, HasSubstr("FAIL  own/fails:n=1 "));
  EXPECT_THAT(finished.out, Not(HasSubstr("FAIL  own/fails:n=2")));
  EXPECT_THAT(finished.out, HasSubstr("\nmore variants of the tests above deviate: own/fails (2)\n-v shows all"));
  EXPECT_THAT(finished.out, HasSubstr("unexpected (3)"));
  const auto verbose = run({"run", "--target", "reference", "-v"});
  EXPECT_THAT(verbose.out, HasSubstr("FAIL  own/fails:n=3 "));
  EXPECT_THAT(verbose.out, Not(HasSubstr("more variants")));
}

TEST_F(Cli, LintReadsEachFileAsWhatItIs) {
  write("suites/own.yaml", suite_with(kPassing));
  write("known.yaml", "entries:\n  - {test: own/gone, expect: fail, kind: known-bug, reason: because}\n");
  const auto baseline = run({"lint", "known.yaml"});
  EXPECT_EQ(baseline.code, kUsage);
  EXPECT_THAT(baseline.err, HasSubstr("the entry `own/gone` matches no test"));
  write("known.yaml", "entries:\n  - {test: own/passes, expect: fail, kind: known-bug, reason: because}\n");
  EXPECT_THAT(run({"lint", "known.yaml"}).out, HasSubstr("0 targets, 1 baseline entries: nothing to complain about"));
  write("mine.yaml", "adapter: reference.so\nparms: {a: 1}\n");
  const auto target = run({"lint", "mine.yaml"});
  EXPECT_EQ(target.code, kUsage);
  EXPECT_THAT(target.err, HasSubstr("params"));
  write("mine.yaml", "adapter: reference.so\nbaseline: known.yaml\n");
  EXPECT_THAT(run({"lint", "mine.yaml", "known.yaml", "suites/own.yaml"}).out,
              HasSubstr("1 suites, 1 tests, 2 requirements in the catalogue, 1 targets, 1 baseline entries"));
}

TEST_F(Cli, UnknownRequirement) {
  write("suites/own.yaml", suite_with("  - {id: a, about: x, requirement: MUST-11, steps: [{wait: 1ms}]}\n"));
  const auto finished = run({"lint"});
  EXPECT_EQ(finished.code, kUsage);
  expect_golden("unknown-requirement", finished.err);
}

TEST_F(Cli, ListShowExplain) {
  write("suites/own.yaml", suite_with(kPassing + kFailing));
  const auto list = run({"list"});
  const auto show = run({"show", "own/passes"});
  const auto explain = run({"explain", "MUST-2"});
  EXPECT_EQ(list.code, kAsExpected);
  EXPECT_EQ(show.code, kAsExpected);
  EXPECT_EQ(explain.code, kAsExpected);
  expect_golden("list-show-explain", list.out + "----\n" + show.out + "----\n" + explain.out);
  EXPECT_EQ(run({"explain", "MUST-99"}).code, kNothingSelected);
}

TEST_F(Cli, StackWrongWords) {
  std::string all;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--serve", "gopher:70"},
                                                {"--serve", "echo:7,discard:7"},
                                                {"--serve", "echo:65536"},
                                                {"--impair", "drop=101%"},
                                                {"--impair", "drop"},
                                                {"--impair", "delay=20ms..10ms"},
                                                {"--address", "10.0.0.2"},
                                                {"--address", "10.0.0.2/31"},
                                                {"--address6", "10.0.0.2/24"},
                                                {"--tun", "a-name-that-is-too-long"}}) {
    std::vector<std::string> whole = {"stack"};
    whole.insert(whole.end(), words.begin(), words.end());
    const auto finished = run(whole);
    EXPECT_EQ(finished.code, kUsage);
    EXPECT_EQ(finished.out, "");
    all += finished.err;
  }
  expect_golden("stack-wrong-words", all);
}

TEST_F(Cli, StackWithoutTun) {
  ASSERT_EQ(setenv("TCPSPEC_TUN_DEVICE", "/no/such/tun", 1), 0);
  const auto finished = run({"stack", "--for", "1s"});
  unsetenv("TCPSPEC_TUN_DEVICE");
  EXPECT_EQ(finished.code, kEnvironment);
  expect_golden("stack-without-tun", finished.err);
}

// What follows plays against this machine's kernel.
class CliOnKernel : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    const auto doctor = run({"doctor"});
    if (doctor.code != kAsExpected) GTEST_SKIP() << doctor.out;
  }
};

TEST_F(CliOnKernel, APassIsQuiet) {
  const auto finished = run_suite(suite_with(kPassing), {"--seed", "1"});
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
  expect_golden("pass", without_accidents(finished.out, folder_));
}

TEST_F(CliOnKernel, AFailureExplainsItself) {
  const auto finished = run_suite(suite_with(kPassing + kFailing), {"--seed", "1", "--report", "json=r.json"});
  EXPECT_EQ(finished.code, kUnexpected);
  expect_golden("failure", without_accidents(finished.out, folder_));
  const auto json = nlohmann::json::parse(read("r.json"));
  ASSERT_EQ(json["tests"].size(), 2u);
  EXPECT_EQ(json["tests"][0]["verdict"], "pass");
  EXPECT_EQ(json["tests"][1]["verdict"], "fail");
  EXPECT_TRUE(fs::exists(folder_ / json["tests"][1]["capture"].get<std::string>()));
}

TEST_F(CliOnKernel, AWarningIsShown) {
  std::string warning = kFailing;
  warning.replace(warning.find("    given"), 0, "    level: SHOULD\n");
  const auto finished = run_suite(suite_with(warning));
  EXPECT_EQ(finished.code, kAsExpected);
  EXPECT_THAT(finished.out, HasSubstr("WARN  own/fails"));
  EXPECT_THAT(run({"run", "-q"}).out, Not(HasSubstr("WARN  own/fails")));
}

TEST_F(CliOnKernel, TheBaselineExplains) {
  write("suites/baselines/linux.yaml",
        "target: linux\nentries:\n  - {test: own/fails, expect: fail, kind: by-design, reason: the test claims "
        "nonsense}\n");
  const auto finished = run_suite(suite_with(kFailing));
  EXPECT_EQ(finished.code, kAsExpected) << finished.out;
  EXPECT_EQ(run({"run", "--no-baseline"}).code, kUnexpected);
  write("suites/baselines/linux.yaml",
        "target: linux\nentries:\n  - {test: own/fials, expect: fail, kind: by-design, reason: typo}\n");
  const auto lint = run({"lint"});
  EXPECT_EQ(lint.code, kUsage);
  EXPECT_THAT(lint.err, HasSubstr("matches no test"));
}

TEST_F(CliOnKernel, AFullDiskLosesNothingElse) {
  const auto finished = run_suite(suite_with(kPassing), {"--report", "html=/dev/full", "--report", "json=r.json",
                                                         "--report", "junit=no/such/../folder/j.xml"});
  EXPECT_EQ(finished.code, kEnvironment);
  EXPECT_THAT(finished.err, HasSubstr("html report could not be written: write /dev/full: No space left on device"));
  EXPECT_THAT(read("r.json"), HasSubstr("own/passes"));
}

TEST_F(CliOnKernel, InterruptWritesWhatHadFinished) {
  write("suites/own.yaml", suite_with(kPassing + kLong));
  Running running({TCPSPEC_PROGRAM, "run", "-v", "--report", "json=r.json"}, folder_.string());
  running.read_until("own/passes");
  running.signal(SIGINT);
  const auto finished = running.wait();
  EXPECT_EQ(finished.code, kInterrupted);
  EXPECT_THAT(finished.err, HasSubstr("interrupted; 1 of 2 tests had finished"));
  const auto json = nlohmann::json::parse(read("r.json"));
  EXPECT_EQ(json["interrupted"], true);
  ASSERT_EQ(json["tests"].size(), 1u);
  EXPECT_EQ(json["tests"][0]["id"], "own/passes");
}

TEST_F(CliOnKernel, StackServesACommand) {
  const auto curl = run({"stack", "--netns", "--seed", "7", "--", "curl", "--silent", "--globoff", "--write-out",
                         " %{http_code} %{size_download}", "--output", "/dev/null", "http://10.0.0.2/octets/100000",
                         "--output", "/dev/null", "http://[fd00::2]/octets/5"});
  EXPECT_EQ(curl.code, 0) << curl.err;
  EXPECT_EQ(curl.out, " 200 100000 200 5");
  EXPECT_THAT(curl.err, HasSubstr("serves echo:7 discard:9 chargen:19 http:80; seed 7\n"));
  EXPECT_THAT(curl.err, HasSubstr(": 2 connections accepted, "));
  // What the command says is what we say.
  EXPECT_EQ(run({"stack", "--netns", "--", "sh", "-c", "exit 42"}).code, 42);
  EXPECT_EQ(run({"stack", "--netns", "--", "sh", "-c", "kill -TERM $$"}).code, 128 + SIGTERM);
  EXPECT_EQ(run({"stack", "--netns", "--", "no-such-program"}).code, 127);
  EXPECT_EQ(run({"stack", "--netns", "--for", "10ms"}).code, kAsExpected);
}

TEST_F(CliOnKernel, StackOnABadWire) {
  const auto curl = run({"stack", "--netns", "--seed", "7", "--impair",
                         "drop=2%,duplicate=2%,reorder=2%,corrupt=2%,delay=0..1ms", "--", "curl", "--silent",
                         "--output", "/dev/null", "--write-out", "%{size_download}", "http://10.0.0.2/octets/300000"});
  EXPECT_EQ(curl.out, "300000") << curl.err;
  EXPECT_THAT(curl.err, HasSubstr("; on the wire "));
  EXPECT_THAT(curl.err, Not(HasSubstr(" 0 dropped")));
}

TEST_F(CliOnKernel, FailFastStops) {
  const auto finished = run_suite(suite_with(kFailing + kLong), {"--fail-fast", "-j", "2"});
  EXPECT_EQ(finished.code, kUnexpected);
}

TEST_F(CliOnKernel, NoTunFallsBackOrSaysWhatToDo) {
  write("suites/own.yaml", suite_with(kPassing));
  ASSERT_EQ(setenv("TCPSPEC_TUN_DEVICE", "/no/such/tun", 1), 0);
  const auto automatic = run({"run"});
  const auto strict = run({"run", "--target", "linux-tun"});
  unsetenv("TCPSPEC_TUN_DEVICE");
  EXPECT_EQ(automatic.code, kAsExpected) << automatic.err;
  EXPECT_THAT(automatic.out, HasSubstr("over veth"));
  EXPECT_EQ(strict.code, kEnvironment);
  EXPECT_THAT(strict.err, HasSubstr("/no/such/tun"));
}

// No capability, and no user namespace to be had: what a locked-down machine looks like.
TEST_F(CliOnKernel, NoPrivilegeForNamespaces) {
  write("suites/own.yaml", suite_with(kPassing));
  const std::vector<std::string> locked = {
      "unshare",
      "--user",
      "--map-root-user",
      "sh",
      "-c",
      "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"",
      "sh"};
  const auto probe = run_program({"unshare", "--user", "--map-root-user", "setpriv", "--version"}, folder_.string());
  if (probe.code != 0) GTEST_SKIP() << "user namespaces are needed to take privileges away: " << probe.err;
  const auto finished = run({"run", "--target", "linux"}, locked);
  EXPECT_EQ(finished.code, kEnvironment) << finished.out << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("cannot start"));
  EXPECT_THAT(finished.err, HasSubstr("root"));
  // Whoever did not ask for the kernel gets the stack that needs no privilege.
  const auto substitute = run({"run"}, locked);
  EXPECT_EQ(substitute.code, kAsExpected) << substitute.out << substitute.err;
  EXPECT_THAT(substitute.err, HasSubstr("cannot start"));
  EXPECT_THAT(substitute.err, HasSubstr("`reference`"));
}

class CliOnStack : public Cli, public testing::WithParamInterface<const char*> {};

// On a simulated clock nothing is left to chance: all but the clock on the wall is the same again, in
// another process, and with other tests in flight.
TEST_P(CliOnStack, TwoRunsAreAlike) {
#ifdef __SANITIZE_ADDRESS__
  // What sanitizers stop in the code of others stands in no baseline, and their words name the process.
  if (GetParam() != std::string("reference")) GTEST_SKIP() << "not under sanitizers";
#endif
  const auto report = [this](const std::string& file, const std::string& jobs) {
    const auto finished = run({"run", "--suites", kSource + "/suites", "--target", GetParam(), "--seed", "0x5f31", "-q",
                               "-j", jobs, "--report", "json=" + file});
    if (finished.code == kEnvironment && finished.err.find("cannot start") != std::string::npos) return std::string();
    EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
    auto json = nlohmann::json::parse(read(file));
    for (const auto* accident : {"started", "duration_ns", "command", "jobs"}) json.erase(accident);
    return json.dump();
  };
  const auto once = report("once.json", "1");
  if (once.empty()) GTEST_SKIP() << "the library of this stack is not installed (scripts/setup --adapters)";
  EXPECT_GT(once.size(), 100'000U);
  EXPECT_TRUE(once == report("again.json", "64")) << "two runs with one seed differ";
}

INSTANTIATE_TEST_SUITE_P(Stacks, CliOnStack, testing::Values("reference", "lwip", "lwip-src", "gvisor", "slirp"),
                         [](const auto& stack) {
                           std::string name = stack.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(Cli, SeveralTargetsInOneRun) {
  write("suites/own.yaml", suite_with(kPassing + kFailing));
  const auto finished =
      run({"run", "--target", "reference," + kAdapters + "/bad.so", "--seed", "1", "--report", "json=r.json"});
  EXPECT_EQ(finished.code, kUnexpected);
  const auto json = nlohmann::json::parse(read("r.json"));
  ASSERT_EQ(json["targets"].size(), 2u);
  EXPECT_EQ(json["targets"][1]["name"], "bad");
  // Results of one test stand together, in the order of the targets.
  ASSERT_EQ(json["tests"].size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(json["tests"][i]["target"], i % 2 == 0 ? "reference" : "bad");
    EXPECT_EQ(json["tests"][i]["id"], i < 2 ? "own/passes" : "own/fails");
  }
  // Captures of one do not overwrite those of the other.
  EXPECT_TRUE(fs::exists(folder_ / "out/reference/own/fails/trace.pcapng"));
  EXPECT_TRUE(fs::exists(folder_ / "out/bad/own/fails/trace.pcapng"));
  expect_golden("several-targets",
                without_accidents(std::regex_replace(finished.out, std::regex(kAdapters), "ADAPTERS"), folder_));
}

TEST_F(CliOnKernel, WithoutRoot) {
  if (getuid() != 0) GTEST_SKIP() << "already runs without root";
  write("suites/own.yaml", suite_with(kPassing));
  fs::permissions(folder_, fs::perms::all);
  // The build may lie where only root can look.
  const auto program = (folder_ / "tcpspec").string();
  fs::copy_file(TCPSPEC_PROGRAM, program);
  const auto as_nobody = [&](const std::string& verb) {
    return run_program({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", program, verb},
                       folder_.string());
  };
  const auto doctor = as_nobody("doctor");
  if (doctor.code != kAsExpected) GTEST_SKIP() << "not allowed here without root:\n" << doctor.out << doctor.err;
  const auto finished = as_nobody("run");
  EXPECT_EQ(finished.code, kAsExpected) << finished.out << finished.err;
}

}  // namespace
}  // namespace tcpspec::cli
