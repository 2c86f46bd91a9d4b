// Suites, tests, matrices and ids.

#include "script/loading_test.hh"

namespace tcpspec::script {
namespace {

std::vector<std::string> ids(const std::string& keys) {
  std::vector<std::string> out;
  for (const auto& test : load_tests(one_test(keys + "    steps: []\n"))) out.push_back(test.id);
  return out;
}
using Ids = std::vector<std::string>;

TEST(Matrix, TheLastVariableTurnsFastest) {
  EXPECT_EQ(ids("    for: {a: [x, y], b: [1, 2]}\n"),
            (Ids{"s/t:a=x,b=1", "s/t:a=x,b=2", "s/t:a=y,b=1", "s/t:a=y,b=2"}));
  EXPECT_EQ(ids(""), Ids{"s/t"});
}

TEST(Matrix, IdsHoldNothingThatAShellTakes) {
  EXPECT_EQ(ids("    for: {seq: [rcv_nxt + 1, rcv_nxt*2, 'X;']}\n"),
            (Ids{"s/t:seq=rcv_nxt+1", "s/t:seq=rcv_nxt_2", "s/t:seq=X_"}));
  EXPECT_EQ(ids("    for: {case: [{name: two words, n: 1}]}\n"), Ids{"s/t:case=twowords"});
}

TEST(Matrix, BothFamiliesAreTheLastVariable) {
  const auto tests = load_tests(one_test("    family: both\n    for: {a: [x]}\n    steps: []\n"));
  ASSERT_EQ(tests.size(), 2u);
  EXPECT_EQ(tests[0].id, "s/t:a=x,family=ipv4");
  EXPECT_EQ(tests[0].family, packet::Family::ipv4);
  EXPECT_EQ(tests[1].id, "s/t:a=x,family=ipv6");
  EXPECT_EQ(tests[1].family, packet::Family::ipv6);
  EXPECT_EQ(tests[1].base_id, "s/t");
  EXPECT_EQ(tests[1].suite, "s");
}

TEST(Matrix, ExceptLeavesOutWhatFitsAWholeRule) {
  EXPECT_EQ(ids("    for: {a: [x, y], b: [1, 2]}\n    except: [{a: x, b: 2}]\n"),
            (Ids{"s/t:a=x,b=1", "s/t:a=y,b=1", "s/t:a=y,b=2"}));
  EXPECT_EQ(ids("    for: {a: [x, y], b: [1, 2]}\n    except: [{a: x}, {a: y, b: 1}]\n"), Ids{"s/t:a=y,b=2"});
  EXPECT_EQ(ids("    for: {a: [x, y]}\n    except: {a: x}\n"), Ids{"s/t:a=y"});
  EXPECT_EQ(ids("    for: {n: [a + 1, a]}\n    except: [{n: a+1}]\n"), Ids{"s/t:n=a"});
}

TEST(Matrix, MappingsAreKnownByTheirNames) {
  const auto tests =
      load_tests(one_test("    for: {case: [{name: none, options: none}, {name: mss, options: [mss: 5]}]}\n    "
                          "steps:\n      - send: {flags: S, options: $case.options}\n"));
  ASSERT_EQ(tests.size(), 2u);
  EXPECT_EQ(tests[0].id, "s/t:case=none");
  EXPECT_TRUE(action<SendSegment>(tests[0].steps, 0).options->empty());
  EXPECT_EQ(action<SendSegment>(tests[1].steps, 0).options->at(0).kind, SendOption::Kind::mss);
}

TEST(Matrix, TheLimitIsExact) {
  Limits limits;
  limits.tests_per_test = 4;
  EXPECT_TRUE(load_text(one_test("    for: {a: [1, 2], b: [1, 2]}\n    steps: []\n"), limits));
  EXPECT_FALSE(load_text(one_test("    for: {a: [1, 2], b: [1, 2], c: [1, 2]}\n    steps: []\n"), limits));
  EXPECT_FALSE(load_text(one_test("    for: {a: [1, 2, 3, 4, 5]}\n    steps: []\n"), limits));
}

TEST(Matrix, AProductThatOverflowsIsTooLargeToo) {
  std::string keys = "    for:\n";
  for (int i = 0; i < 64; ++i) keys += "      v" + std::to_string(i) + ": [a, b]\n";  // 2^64
  const auto loaded = load_text(one_test(keys + "    steps: []\n"));
  EXPECT_NE(messages(loaded).find("the matrix makes more than 10000 tests"), std::string::npos);
}

constexpr auto kShared =
    "requirement: [MUST-7, MUST-8]\nlevel: SHOULD\ntags: [slow]\nneeds: [sack]\nsysctl: {a.b: 1, c.d: 2}\nalone: true\n"
    "drain: 2s\ntolerate: [probe]\nfamily: ipv6\ngiven: CLOSE-WAIT\n";

TEST(Inheritance, ATestHasWhatItsSuiteSays) {
  const auto tests = load_tests("suite: s\n" + std::string(kShared) + "tests:\n  - {id: t, about: a, steps: []}\n");
  ASSERT_EQ(tests.size(), 1u);
  const auto& test = tests[0];
  EXPECT_EQ(test.requirements, (Ids{"MUST-7", "MUST-8"}));
  EXPECT_EQ(test.level, Level::should);
  EXPECT_EQ(test.tags, Ids{"slow"});
  EXPECT_EQ(test.needs, (std::set<std::string>{"listen", "sack"}));
  EXPECT_EQ(test.sysctls, (std::map<std::string, std::string>{{"a.b", "1"}, {"c.d", "2"}}));
  EXPECT_TRUE(test.alone);
  EXPECT_EQ(test.drain, std::chrono::seconds(2));
  EXPECT_EQ(test.tolerate, std::set{Tolerance::probe});
  EXPECT_EQ(test.family, packet::Family::ipv6);
  EXPECT_EQ(test.given, State::close_wait);
}

TEST(Inheritance, ATestOverridesOrAdds) {
  const auto test = load_one(
      "    level: MAY\n    tags: seed\n    needs: ecn\n    sysctl: {c.d: 3}\n    alone: no\n    drain: 1s\n    "
      "tolerate: nothing\n"
      "    family: ipv4\n    given: LISTEN\n    steps: []\n",
      kShared);
  EXPECT_EQ(test.requirements, Ids{"MUST-1"});
  EXPECT_EQ(test.level, Level::may);
  EXPECT_EQ(test.tags, (Ids{"slow", "seed"}));
  EXPECT_EQ(test.needs, (std::set<std::string>{"ecn", "listen", "sack"}));
  EXPECT_EQ(test.sysctls, (std::map<std::string, std::string>{{"a.b", "1"}, {"c.d", "3"}}));
  EXPECT_FALSE(test.alone);
  EXPECT_EQ(test.drain, std::chrono::seconds(1));
  EXPECT_TRUE(test.tolerate.empty());
  EXPECT_EQ(test.family, packet::Family::ipv4);
  EXPECT_EQ(test.given, State::listen);
}

TEST(Inheritance, TheDefaults) {
  const auto test = load_one("    steps: []\n");
  EXPECT_EQ(test.level, std::nullopt);
  EXPECT_EQ(test.drain, std::chrono::milliseconds(150));
  EXPECT_EQ(test.tolerate, (std::set{Tolerance::ack, Tolerance::window_update}));
  EXPECT_EQ(test.family, packet::Family::ipv4);
  EXPECT_EQ(test.given, std::nullopt);
  ASSERT_EQ(test.connections.size(), 1u);
  EXPECT_EQ(test.connections[0].name, "c");
  EXPECT_EQ(test.where.line, 3);
}

using Words = std::set<std::string>;

TEST(Needs, ATestNeedsTheCallsThatItsStepsMake) {
  EXPECT_EQ(load_one("    steps: [{send: {flags: S}}, {expect: {flags: RA}}]\n").needs, Words{});
  EXPECT_EQ(load_one("    steps: [{call: listen}, {call: close, socket: listener}]\n").needs, Words{"listen"});
  EXPECT_EQ(load_one("    steps: [{call: connect, as: opening}]\n").needs, Words{"connect"});
}

TEST(Needs, AFixturesCallsCountToo) {
  EXPECT_EQ(load_one("    given: CLOSED\n    steps: []\n").needs, Words{});
  EXPECT_EQ(load_one("    given: ESTABLISHED\n    steps: []\n").needs, Words{"listen"});
  EXPECT_EQ(load_one("    given: {state: ESTABLISHED, role: active}\n    steps: []\n").needs, Words{"connect"});
  EXPECT_EQ(load_one("    steps: [{reach: SYN-SENT}]\n").needs, Words{"connect"});
}

TEST(Needs, NestedStepsCountToo) {
  EXPECT_EQ(load_one("    steps: [{repeat: {times: 2, steps: [{call: listen}]}}]\n").needs, Words{"listen"});
  EXPECT_EQ(load_one("    steps:\n      - expect: {flags: R}\n        or: [{silence: 1s, outcome: info, why: x, then: "
                     "[{call: listen}]}]\n")
                .needs,
            Words{"listen"});
}

TEST(Inheritance, ASuitesGivenMayUseTheMatricesOfItsTests) {
  const auto tests = load_tests(one_test("    for: {state: [LISTEN, CLOSED]}\n    steps: []\n", "given: $state\n"));
  ASSERT_EQ(tests.size(), 2u);
  EXPECT_EQ(tests[0].given, State::listen);
  EXPECT_EQ(tests[1].given, State::closed);
}

TEST(Connections, TuplesAndInitialSequenceNumbers) {
  const auto test = load_one("    connections: {a: {}, b: {tuple: a, iss: a.rcv_nxt + 1000}, d: }\n    steps: []\n");
  ASSERT_EQ(test.connections.size(), 3u);
  EXPECT_EQ(test.connections[0].tuple_of, -1);
  EXPECT_EQ(test.connections[1].tuple_of, 0);
  EXPECT_EQ(test.connections[1].iss->text(), "a.rcv_nxt + 1000");
  EXPECT_EQ(test.connections[2].name, "d");
}

TEST(Limits, StepsAreCountedWithRepeatsUnrolled) {
  Limits limits;
  limits.steps_per_test = 7;  // the repeat itself counts as a step
  const auto text = [](int times) {
    return one_test("    steps:\n      - repeat: {times: " + std::to_string(times) +
                    ", steps: [{wait: 1s}, {wait: 1s}]}\n");
  };
  EXPECT_TRUE(load_text(text(3), limits));
  EXPECT_FALSE(load_text(text(4), limits));
}

TEST(Limits, DepthAndNodesAreExact) {
  const auto parses = [](std::string text, Limits limits) {
    return parse_document(std::make_shared<SourceFile>(SourceFile{"t", std::move(text)}), limits).has_value();
  };
  Limits limits;
  limits.depth = 3;
  EXPECT_TRUE(parses("[[1]]", limits));
  EXPECT_FALSE(parses("[[[1]]]", limits));
  EXPECT_FALSE(parses("[&a [1], [*a]]", limits));
  limits = {};
  limits.nodes = 5;
  EXPECT_TRUE(parses("[1, 2, 3, 4]", limits));
  EXPECT_FALSE(parses("[1, 2, 3, 4, 5]", limits));
  EXPECT_FALSE(parses("[&a [1], *a, *a]", limits));
}

TEST(Sources, LineEndsAndByteOrderMarksDoNotMatter) {
  const std::string unix_text = one_test("    steps:\n      - send: {flags: A}\n");
  std::string dos_text;
  for (const char c : unix_text) dos_text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const auto& text : {unix_text, dos_text, "\xef\xbb\xbf" + dos_text}) {
    const auto tests = load_tests(text);
    ASSERT_EQ(tests.size(), 1u);
    EXPECT_EQ(tests[0].about, "a");
    EXPECT_EQ(tests[0].steps.at(0).where.line, 7);
    EXPECT_EQ(tests[0].steps.at(0).where.column, 9);
  }
}

TEST(NumbersOfTheTarget, StandAnywhereAndCanBeNeeded) {
  const auto loaded = load_text(
      one_test("    needs: [target.msl]\n    for: {window: [$target.buffer, 2 * $target.buffer]}\n    steps:\n"
               "      - wait: max(1s, 2 * $target.msl)\n      - send: {flags: A, win: $window}\n"),
      {}, {{"msl", "30s"}, {"buffer", "100"}});
  ASSERT_TRUE(loaded) << messages(loaded);
  ASSERT_EQ(loaded->tests.size(), 2u);
  EXPECT_EQ(least_duration(loaded->tests[0]), std::chrono::milliseconds(60'150));
}

TEST(NumbersOfTheTarget, AreKnownByTheDefaults) {
  for (const auto* needed : {"    needs: [target.mls]\n    steps: []\n", "    steps: [{wait: $target.mls}]\n"}) {
    const auto loaded = load_text(one_test(needed), {}, {{"msl", "30s"}});
    ASSERT_FALSE(loaded) << needed;
    EXPECT_NE(messages(loaded).find("target.mls"), std::string::npos) << messages(loaded);
  }
}

TEST(LeastDuration, SumsWhatMustPass) {
  const auto test = load_with_steps({"wait: 1s", "silence: 500ms", "repeat: {times: 3, steps: [{wait: 2s}]}",
                                     "{expect: {flags: A}, after: 4s..5s}", "{expect: {flags: A}, within: 9s}"},
                                    "    drain: 1s\n");
  EXPECT_EQ(least_duration(test), std::chrono::milliseconds(12'500));
}

}  // namespace
}  // namespace tcpspec::script
