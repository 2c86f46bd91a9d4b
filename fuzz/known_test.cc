#include "fuzz/known.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tcpspec::fuzz {
namespace {

class KnownFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("known-") + testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::expected<Known, script::Diagnostics> load(const std::string& text) {
    std::ofstream(path_) << text;
    return load_known(path_.string());
  }
  // What is wrong with it, without the folder.
  std::string complaints(const std::string& text) {
    const auto known = load(text);
    if (known) return "nothing";
    std::string out;
    for (const auto& diagnostic : known.error()) out += script::to_string(diagnostic) + "\n";
    const auto name = path_.string();
    for (auto at = out.find(name); at != std::string::npos; at = out.find(name)) out.replace(at, name.size(), "FILE");
    return out;
  }

  std::filesystem::path path_;
};

Difference rst_in_listen() {
  return {.aspect = "answer",
          .state = "LISTEN",
          .event = "RST",
          .segment = "R, seq next, ack none",
          .call = "recv",
          .reference = "nothing",
          .other = "RST, text"};
}

TEST_F(KnownFile, RulesMatchByPattern) {
  const auto known = load(R"(
equivalences:
  - {id: a, reason: "RFC 9293 leaves it open", target: "lwip*", aspect: answer, state: "[CL]*", other: "RST*"}
findings:
  - {id: b, reason: "reported", target: lwip, oracle: invariant, place: "acks-* in ?????????????"}
)");
  ASSERT_TRUE(known.has_value()) << script::to_string(known.error().front());
  EXPECT_TRUE(known->judge("lwip", rst_in_listen()) == Judgment::permitted);
  EXPECT_TRUE(known->judge("lwip-2.2", rst_in_listen()) == Judgment::permitted);
  EXPECT_EQ(known->judge("linux", rst_in_listen()), Judgment::mistake);
  const auto but = [&](auto change) {
    auto other = rst_in_listen();
    change(other);
    return known->judge("lwip", other) == Judgment::permitted;
  };
  EXPECT_FALSE(but([](auto& other) { other.aspect = "result"; }));
  EXPECT_FALSE(but([](auto& other) { other.state = "ESTABLISHED"; }));
  EXPECT_FALSE(but([](auto& other) { other.other = "text"; }));
  EXPECT_TRUE(but([](auto& other) { other.state = "CLOSED"; }));
  EXPECT_TRUE(but([](auto& other) { other.event = "FIN"; })) << "what is left out matches everything";
  EXPECT_TRUE(but([](auto& other) { other.reference = "FIN"; }));

  const Suspicion wrong{Oracle::invariant, "acks-only-what-was-sent in ESTABLISHED  ", "", "", 0};
  EXPECT_TRUE(known->covers("lwip", wrong));
  const auto either =
      load("findings:\n  - {id: a, reason: b, target: \"x|lw*|y\", place: \"acks-* in *|data-* in *\"}\n");
  EXPECT_TRUE(either->covers("lwip", wrong));
  EXPECT_TRUE(either->covers("y", wrong));
  EXPECT_FALSE(either->covers("x|y", wrong));
  EXPECT_FALSE(either->covers("x", {Oracle::invariant, "mss-only-on-syn in LISTEN", "", "", 0}));
  EXPECT_FALSE(known->covers("lwip-2.2", wrong));
  EXPECT_FALSE(known->covers("lwip", {Oracle::invariant, "acks-only-what-was-sent in LISTEN", "", "", 0}));
  EXPECT_FALSE(known->covers("lwip", {Oracle::crash, wrong.place, "", "", 0}));
}

TEST_F(KnownFile, EachOfTheFieldsCounts) {
  const auto one = rst_in_listen();
  for (const auto* rule : {"aspect: answer", "state: LISTEN", "event: RST", "segment: \"R, *, ack none\"", "call: recv",
                           "reference: nothing", "other: \"RST, text\""})
    for (const bool fits : {true, false}) {
      std::string text = rule;
      if (!fits) text.insert(text.find(": ") + 2 + (text.back() == '"' ? 1 : 0), "x");
      const auto known = load("equivalences:\n  - {id: a, reason: b, " + text + "}\n");
      ASSERT_TRUE(known.has_value()) << text;
      EXPECT_EQ(known->judge("t", one) == Judgment::permitted, fits) << text;
    }
}

TEST_F(KnownFile, TheFirstRuleThatFitsSaysWhetherItGoesOn) {
  const auto known = load(R"(
equivalences:
  - {id: a, reason: b, state: LISTEN, then: continue}
  - {id: c, reason: d, then: end}
findings:
  - {id: e, reason: f, oracle: difference, place: "answer after RST in *: RST, text, and not nothing"}
)");
  ASSERT_TRUE(known.has_value()) << script::to_string(known.error().front());
  auto one = rst_in_listen();
  EXPECT_EQ(known->judge("t", one), Judgment::permitted_goes_on);
  one.state = "ESTABLISHED";
  EXPECT_EQ(known->judge("t", one), Judgment::permitted);
  const auto differs = load("findings:\n  - {id: a, reason: b, target: t, segment: \"R, *\", aspect: answer}\n");
  ASSERT_TRUE(differs.has_value());
  EXPECT_EQ(differs->judge("t", rst_in_listen()), Judgment::permitted);
  EXPECT_EQ(differs->judge("u", rst_in_listen()), Judgment::mistake);
  Known findings;
  findings.findings = known->findings;
  EXPECT_EQ(findings.judge("t", one), Judgment::permitted) << "a finding that somebody has looked at";
  one.other = "RST";
  EXPECT_EQ(findings.judge("t", one), Judgment::mistake);
}

TEST_F(KnownFile, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(complaints("equivalences:\n  - {id: a, aspect: answer}\n"),
            "FILE:2:5: error: an entry has a `reason`\n"
            "     2 |   - {id: a, aspect: answer}\n"
            "       |     ^\n"
            "         say which RFC leaves both open, or what was found\n\n");
  EXPECT_EQ(complaints("equivalences:\n  - {reason: a, aspect: answer}\n"),
            "FILE:2:5: error: an entry has an `id`\n"
            "     2 |   - {reason: a, aspect: answer}\n"
            "       |     ^\n\n");
  EXPECT_EQ(complaints("findings:\n  - {id: a, reason: b, place: x, orakel: crash}\n"),
            "FILE:2:34: error: unknown key `orakel` in a known finding\n"
            "     2 |   - {id: a, reason: b, place: x, orakel: crash}\n"
            "       |                                  ^\n"
            "         did you mean `oracle`?\n\n");
  EXPECT_EQ(complaints("findings:\n  - {id: a, reason: b, target: lwip}\n"),
            "FILE:2:5: error: an entry that covers everything\n"
            "     2 |   - {id: a, reason: b, target: lwip}\n"
            "       |     ^\n"
            "         give its `oracle` and its `place`, as the report has them\n\n");
  EXPECT_EQ(complaints("equivalences:\n  - {id: a, reason: b, then: stop}\n"),
            "FILE:2:30: error: `then` is `continue` or `end`\n"
            "     2 |   - {id: a, reason: b, then: stop}\n"
            "       |                              ^\n"
            "         the default is `end`: nothing behind it is compared\n\n");
  EXPECT_TRUE(complaints("findings:\n  - {id: a, reason: b, place: c, state: LISTEN}\n")
                  .starts_with("FILE:2:5: error: an entry of two kinds\n"));
  EXPECT_EQ(complaints("finding: []\n"),
            "FILE:1:1: error: unknown key `finding` in a file of what is known\n"
            "     1 | finding: []\n"
            "       | ^\n"
            "         did you mean `findings`?\n\n");
  EXPECT_EQ(complaints("findings: [\n"),
            "FILE:2:1: error: not YAML: end of sequence flow not found\n"
            "     2 | \n"
            "       | ^\n"
            "         a `[` is not closed, or a `,` is missing\n\n");
}

TEST_F(KnownFile, OneThatIsNotThereIsADiagnostic) {
  const auto known = load_known(path_.string());
  ASSERT_FALSE(known.has_value());
  EXPECT_NE(script::to_string(known.error().front()).find("No such file"), std::string::npos);
}

TEST(Known, TheTreesOwnFileLoads) {
  const auto known = load_known(std::string(TCPSPEC_SOURCE_DIR) + "/fuzz/known.yaml");
  ASSERT_TRUE(known.has_value()) << script::to_string(known.error().front());
  for (const auto& rule : known->equivalences)
    EXPECT_TRUE(rule.reason.find("RFC") != std::string::npos) << rule.id << " says no RFC";
}

}  // namespace
}  // namespace tcpspec::fuzz
