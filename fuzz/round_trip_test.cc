// Every test of the suites that the reference stack can play becomes a program, octets, a program
// again, a suite, and is played once more: all that is sent either way, and every call, is the same,
// at the same instants. TCPSPEC_TEST plays those whose id begins so, and shows their suites.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "fuzz/compile.hh"
#include "fuzz/conversation.hh"
#include "fuzz/decompile.hh"
#include "fuzz/fixture.hh"
#include "fuzz/mutator.hh"
#include "fuzz/player.hh"
#include "fuzz/random_program.hh"
#include "runner/reference_peer.hh"
#include "runner/schedule.hh"
#include "runner/selection.hh"
#include "runner/target_file.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

using test::Recording;

// Empty, or what went wrong on the way.
std::string round_trip(const script::Test& test, const Program& program, std::uint64_t seed, bool show) {
  const auto octets = encode(program);
  const auto read = decode(octets);
  if (!read) return "the octets are no program: " + read.error().message;
  if (!(*read == program)) return "the octets are another program";
  const auto target = target::open_reference_target();
  const auto played = play(*read, *target, {.seed = seed, .drain = test.drain});
  if (!played) return played.error().what;
  Telling telling;
  telling.seed = seed;
  const auto yaml = to_yaml(*read, *played, telling);
  if (show) fmt::print("{}", yaml);
  const auto suite = test::load(yaml);
  const auto first = Recording(test, seed).play();
  const auto again = Recording(suite.tests.front(), seed).play();
  if (auto text = test::difference(first, again); !text.empty())
    return fmt::format("not the same ({}; {}):\n  {}", first.reason, again.reason, text);
  if (again.verdict != engine::Verdict::pass && again.broken != first.broken)
    return "it ends otherwise: " + again.reason;
  return {};
}

class RoundTrip : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto folder = std::string(TCPSPEC_SOURCE_DIR) + "/suites";
    const auto numbers = runner::load_target_file(folder + "/targets/reference.yaml", folder + "/targets");
    ASSERT_TRUE(numbers.has_value());
    auto loaded = runner::load_suites({folder}, folder + "/requirements", numbers->values);
    ASSERT_TRUE(loaded.has_value());
    suites_ = std::make_unique<runner::Loaded>(std::move(*loaded));
  }
  static void TearDownTestSuite() { suites_.reset(); }

  static inline std::unique_ptr<runner::Loaded> suites_;
};

TEST_F(RoundTrip, OfEveryTest) {
  const char* only = std::getenv("TCPSPEC_TEST");
  std::size_t tests = 0, fixtures = 0, failed = 0;
  std::map<std::string, int> excused;
  for (const auto* test : runner::select(*suites_, {})) {
    if (only != nullptr && !test->id.starts_with(only)) continue;
    const auto seed = runner::seed_of(1, test->id, 0);
    const auto program = compile(*test, {.seed = seed, .make_peer = runner::make_reference_peer});
    if (!program) {
      ++excused[program.error()];
      continue;
    }
    ++tests;
    fixtures += program->fixture.state != script::State::closed;
    try {
      const auto wrong = round_trip(*test, *program, seed, only != nullptr);
      if (wrong.empty()) continue;
      if (++failed <= 40) ADD_FAILURE() << test->id << ": " << wrong;
    } catch (const std::exception& thrown) {
      if (++failed <= 40) ADD_FAILURE() << test->id << ": " << thrown.what();
    }
  }
  fmt::print("{} tests there and back, {} of them from a fixture; {} failed\n", tests, fixtures, failed);
  for (const auto& [reason, count] : excused) fmt::print("{} not: {}\n", count, reason);
  EXPECT_EQ(failed, 0U);
  if (only != nullptr) return;
  EXPECT_GT(tests, 4'000U);
  EXPECT_GT(fixtures, 2'500U);
  // What cannot be played there at all, and nothing else.
  EXPECT_THAT(excused, testing::ElementsAre(testing::Key("the reference stack has no sysctl")));
}

// What a program drew, and what the suite that tells it draws. Empty where they are the same.
std::string told_and_played(const Program& program, std::uint64_t seed) {
  const auto target = target::open_reference_target();
  const auto played = play(program, *target, {.seed = seed, .drain = std::chrono::milliseconds(150)});
  if (!played) return played.error().what;
  if (played->failure) return "the reference stack failed: " + played->failure->what;
  if (played->flooded) return {};
  Telling telling;
  telling.seed = seed;
  const auto yaml = to_yaml(program, *played, telling);
  try {
    const auto suite = test::load(yaml);
    auto again = Recording(suite.tests.front(), seed).play();
    again.called.clear();
    auto wrong = test::difference(test::conversation_of(*played), again);
    if (wrong.empty() && again.verdict != engine::Verdict::pass && again.broken.empty()) wrong = again.reason;
    return wrong.empty() ? wrong : wrong + again.reason + "\n" + yaml;
  } catch (const std::exception& thrown) {
    return thrown.what() + std::string("\n") + yaml;
  }
}

// What the language does not tell apart, or would take long.
void tame(Program& program) {
  for (auto& step : program.steps) {
    if (auto* call = std::get_if<Call>(&step.action)) {
      if (call->kind == Call::Kind::send || call->kind == Call::Kind::receive) call->number %= 100'000;
      if (call->option.empty()) call->option = "TCP_MAXSEG";
    }
    if (auto* send = std::get_if<SendSegment>(&step.action)) {
      auto& broken = send->malformation;
      if (broken.tcp_checksum_xor) broken.tcp_checksum_xor = 0x5a5a;
      if (broken.ip_checksum_xor) broken.ip_checksum_xor = 0x5a5a;
      if (broken.tcp_checksum) broken.tcp_checksum_xor.reset();
    }
  }
}

TEST_F(RoundTrip, OfChangedPrograms) {
  const auto named = std::getenv("TCPSPEC_SEED");
  const auto chosen = named ? std::strtoull(named, nullptr, 0) : std::uint64_t{1};
  SCOPED_TRACE(chosen);
  Mutator mutator(chosen);
  std::size_t programs = 0, failed = 0;
  const auto tests = runner::select(*suites_, {});
  for (std::size_t i = chosen % 7; i < tests.size(); i += 7) {
    const auto seed = chosen + i;
    auto program = compile(*tests[i], {.seed = seed, .make_peer = runner::make_reference_peer});
    if (!program) continue;
    for (int n = 0; n < 3; ++n) {
      mutator.mutate(*program);
      tame(*program);
      ++programs;
      const auto wrong = told_and_played(*program, seed);
      if (!wrong.empty() && ++failed <= 10) ADD_FAILURE() << tests[i]->id << " changed: " << wrong;
    }
  }
  fmt::print("{} changed programs told and played; {} failed\n", programs, failed);
  EXPECT_GT(programs, 1'000U);
}

TEST_F(RoundTrip, OfAnyProgram) {
  test::RandomProgram random(1);
  std::size_t failed = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    auto program = random();
    tame(program);
    const auto wrong = told_and_played(program, seed);
    if (!wrong.empty() && ++failed <= 10) ADD_FAILURE() << seed << ": " << wrong;
  }
  EXPECT_EQ(failed, 0U);
}

}  // namespace
}  // namespace tcpspec::fuzz
