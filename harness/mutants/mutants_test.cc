// The program, played with a few tests: what it prints of a mutant that is caught, that
// survives, crashes, or never ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/test_program.hh"

namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kFewTests = R"(
suite: few
about: Enough to see some mistakes, and not others.
tests:
  - id: opens
    about: A connection opens.
    requirement: MUST-14
    given: ESTABLISHED
    steps: [alive]
  - id: mss-of-zero
    about: An MSS of 0 does no harm.
    requirement: MUST-14
    given: {state: ESTABLISHED, options: [mss: 0]}
    steps: [alive]
  - id: option-of-length-zero
    about: An option of length 0 does no harm.
    requirement: MUST-7
    given: ESTABLISHED
    steps:
      - send: {flags: PA, data: 1, options: [raw: "fd 00 00 00"]}
      - expect-stream: {acked: 2}
  - id: text-beside-syn
    about: Data of a SYN is delivered.
    requirement: MUST-14
    given: LISTEN
    steps:
      - send: {flags: S, data: 10}
      - expect: {flags: SA, seq: 0}
      - send: {flags: A}
      - call: accept
      - expect-stream: {acked: 11}
      - {call: {recv: 10}, is: 10}
)";

constexpr std::string_view kWrongTest = R"(
suite: wrong
about: What no TCP does.
tests:
  - id: silence
    about: Nobody answers.
    requirement: MUST-14
    given: LISTEN
    steps:
      - send: {flags: S}
      - silence: 1s
)";

class Mutants : public ::testing::Test {
 protected:
  Mutants() {
    std::string name = (std::filesystem::temp_directory_path() / "tcpspec-mutants-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Mutants() override { std::filesystem::remove_all(folder_); }

  void suite(const std::string& file, std::string_view text) const { std::ofstream(folder_ / file) << text; }
  [[nodiscard]] tcpspec::cli::Finished run(std::vector<std::string> words) const {
    words.insert(words.begin(), {TCPSPEC_MUTANTS_PROGRAM, "--suites", folder_.string()});
    return tcpspec::cli::run_program(words, folder_.string());
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(Mutants, AreListedEachOnceAndManyOfThem) {
  const auto finished = run({"--list"});
  EXPECT_EQ(finished.code, 0);
  std::istringstream lines(finished.out);
  std::set<std::string> names;
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_THAT(line, ContainsRegex("^[a-z0-9_]+ +(semantic|unsafe) +[A-Z].*\\(.+\\)$"));
    names.insert(line.substr(0, line.find(' ')));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count)) << "a name stands for two mistakes";
  EXPECT_GE(count, 60);
}

TEST_F(Mutants, UnknownName) {
  const auto finished = run({"any_rst_acepted"});
  EXPECT_EQ(finished.code, 2);
  EXPECT_THAT(finished.err, HasSubstr("there is no mutant `any_rst_acepted`"));
}

TEST_F(Mutants, CaughtByTestByInvariantByCrashByHang) {
  suite("few.yaml", kFewTests);
  const auto finished =
      run({"checksum_not_filled_in", "mss_zero_divides", "syn_text_lost", "zero_length_option_loops", "--jobs", "2"});
  EXPECT_EQ(finished.code, 0) << finished.out << finished.err;
  EXPECT_THAT(
      finished.out,
      AllOf(ContainsRegex("\\| checksum_not_filled_in +\\| few/opens \\(invariant tcp-checksum-correct\\) +"
                          "\\| fail +\\| The TCP"),
            ContainsRegex("\\| mss_zero_divides +\\| few/mss-of-zero +\\| crash \\((signal|exit code) [0-9]+\\)"),
            ContainsRegex("\\| syn_text_lost +\\| few/text-beside-syn +\\| fail +\\| Text"),
            ContainsRegex("\\| zero_length_option_loops +\\| few/option-of-length-zero +"
                          "\\| hang: endless loop \\| An option"),
            HasSubstr("4 of 4 mutants caught by 4 tests, seed 1"), Not(HasSubstr("survived"))));
}

TEST_F(Mutants, Survivor) {
  suite("few.yaml", kFewTests);
  const auto finished = run({"paws_inverted", "syn_text_lost", "--seed", "0x2a"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.out,
              AllOf(ContainsRegex("\\| paws_inverted +\\| - +\\| SURVIVED +\\|"),
                    HasSubstr("1 of 2 mutants caught by 4 tests, seed 0x2a"), HasSubstr("survived: paws_inverted\n")));
}

TEST_F(Mutants, AllDeviations) {
  suite("few.yaml", kFewTests);
  const auto finished = run({"checksum_not_filled_in", "--all"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_THAT(finished.out, AllOf(HasSubstr("checksum_not_filled_in: 4 deviations\n"), HasSubstr("few/opens"),
                                  HasSubstr("few/text-beside-syn")));
}

// Whoever fails without a mistake, too, shows nothing by failing with one.
TEST_F(Mutants, WrongTestCatchesNothing) {
  suite("wrong.yaml", kWrongTest);
  const auto finished = run({"paws_inverted"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.out, AllOf(HasSubstr("without any mutant: fail wrong/silence"), HasSubstr("SURVIVED"),
                                  HasSubstr("1 results without any mutant are not as expected")));
}

}  // namespace
