#include "runner/baseline.hh"

#include <gmock/gmock.h>

#include "runner/test_folder.hh"

namespace tcpspec::runner {
namespace {

using reports::Overlay;
using reports::Verdict;
using testing::HasSubstr;

Baseline with(BaselineEntry entry) {
  return {"b.yaml", {std::move(entry)}};
}
BaselineEntry known_bug() {
  BaselineEntry out;
  out.test = "s/*";
  out.target = "fake";
  out.kind = "known-bug";
  out.reason = "because";
  return out;
}
Overlay overlay(const Baseline& baseline, Verdict verdict, const std::string& id = "s/open",
                const std::string& version = "6.1") {
  reports::TestResult result;
  result.id = id;
  result.target = "fake";
  result.verdict = verdict;
  apply_baseline(baseline, version, result);
  return result.overlay;
}

TEST(Baseline, WithoutAnEntryDeviationsAreUnexpected) {
  for (const auto verdict : {Verdict::fail, Verdict::crash, Verdict::hang, Verdict::inconclusive, Verdict::error})
    EXPECT_EQ(overlay({}, verdict), Overlay::unexpected);
  for (const auto verdict : {Verdict::pass, Verdict::info, Verdict::warn, Verdict::unsupported})
    EXPECT_EQ(overlay({}, verdict), Overlay::none);
}

TEST(Baseline, AnEntryExpectsOneVerdict) {
  EXPECT_EQ(overlay(with(known_bug()), Verdict::fail), Overlay::expected);
  EXPECT_EQ(overlay(with(known_bug()), Verdict::pass), Overlay::fixed);
  EXPECT_EQ(overlay(with(known_bug()), Verdict::crash), Overlay::unexpected);
  EXPECT_EQ(overlay(with(known_bug()), Verdict::unsupported), Overlay::none);
  EXPECT_EQ(overlay(with(known_bug()), Verdict::fail, "t/open"), Overlay::unexpected);
}

TEST(Baseline, AnIdWithoutAVariantNamesAllVariants) {
  auto entry = known_bug();
  entry.test = "s/open";
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open"), Overlay::expected);
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open:size=1,by=s/close"), Overlay::expected);
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open:size=1#2"), Overlay::expected);
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open-again:size=1"), Overlay::unexpected);
  EXPECT_TRUE(lint_baseline(with(entry), {"s/open:size=1"}, "2026-01-01").empty());
  entry.test = "s/open:size=1";
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open:size=2"), Overlay::unexpected);
}

TEST(Baseline, AFlakyEntryExpectsEither) {
  auto entry = known_bug();
  entry.kind = "flaky";
  EXPECT_EQ(overlay(with(entry), Verdict::fail), Overlay::flaky);
  EXPECT_EQ(overlay(with(entry), Verdict::pass), Overlay::flaky);
  EXPECT_EQ(overlay(with(entry), Verdict::warn), Overlay::flaky);
  EXPECT_EQ(overlay(with(entry), Verdict::hang), Overlay::unexpected);
}

TEST(Baseline, OfSeveralEntriesTheOneThatExpectsWhatCameCounts) {
  auto crash = known_bug();
  crash.expect = Verdict::crash;
  crash.kind = "flaky";
  const Baseline both{"b.yaml", {known_bug(), crash}};
  EXPECT_EQ(overlay(both, Verdict::fail), Overlay::expected);
  EXPECT_EQ(overlay(both, Verdict::crash), Overlay::flaky);
  EXPECT_EQ(overlay(both, Verdict::pass), Overlay::fixed);
  EXPECT_EQ(overlay(both, Verdict::hang), Overlay::unexpected);
}

TEST(Baseline, SpeaksOfRepetitionsToo) {
  auto entry = known_bug();
  entry.test = "s/open";
  EXPECT_EQ(overlay(with(entry), Verdict::fail, "s/open#2"), Overlay::expected);
}

TEST(Baseline, AnEntryOfAnotherTargetOrVersionDoesNotCount) {
  auto entry = known_bug();
  entry.target = "other";
  EXPECT_EQ(overlay(with(entry), Verdict::fail), Overlay::unexpected);
  entry = known_bug();
  entry.versions = ">= 6.2";
  EXPECT_EQ(overlay(with(entry), Verdict::fail), Overlay::unexpected);
}

TEST(Versions, AreComparedNumberByNumber) {
  EXPECT_TRUE(version_matches("", "6.1"));
  EXPECT_TRUE(version_matches(">= 6.9", "6.18.44-amd64"));
  EXPECT_FALSE(version_matches("< 6.9", "6.18.44"));
  EXPECT_TRUE(version_matches("= 6.18", "6.18.44"));
  EXPECT_TRUE(version_matches("<= 6.18", "6.18.44"));
  EXPECT_FALSE(version_matches("> 6.18", "6.18.44"));
  EXPECT_TRUE(version_matches("> 6.18.43", "6.18.44"));
}

TEST(BaselineFile, ThatIsNotThereIsEmpty) {
  const auto loaded = load_baseline("/nonexistent/baseline.yaml");
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->entries.empty());
}

TEST(BaselineFile, GivesItsEntries) {
  const test::Folder folder;
  const auto loaded =
      load_baseline(folder.write("b.yaml",
                                 "target: fake\nentries:\n  - {test: s/open, expect: warn, kind: by-design, reason: "
                                 "because, version: '>= 6.1', expires: 2027-01-31}\n"));
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  ASSERT_EQ(loaded->entries.size(), 1u);
  EXPECT_EQ(loaded->entries[0].target, "fake");
  EXPECT_EQ(loaded->entries[0].expect, Verdict::warn);
}

TEST(BaselineFile, AnEntryMayNameSeveralTests) {
  const test::Folder folder;
  const auto loaded = load_baseline(folder.write(
      "b.yaml",
      "target: fake\nentries:\n  - {test: [s/open, 't/*'], expect: warn, kind: by-design, reason: because}\n"));
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  ASSERT_EQ(loaded->entries.size(), 2u);
  EXPECT_EQ(loaded->entries[0].test, "s/open");
  EXPECT_EQ(loaded->entries[1].test, "t/*");
  EXPECT_EQ(loaded->entries[1].reason, "because");
}

TEST(BaselineFile, EveryMistakeIsSaid) {
  const test::Folder folder;
  const auto loaded =
      load_baseline(folder.write("b.yaml", "target: fake\nentries:\n  - {expect: bad, version: 6.1, expires: soon}\n"));
  ASSERT_FALSE(loaded);
  std::string all;
  for (const auto& each : loaded.error()) all += each.message + "\n";
  for (const auto* part :
       {"which `test`", "its `reason`", "its `kind`", "not a verdict", "condition on versions", "`soon` is not a date"})
    EXPECT_THAT(all, HasSubstr(part));
}

TEST(BaselineLint, FindsEntriesThatMatchNothingOrHaveExpired) {
  auto entry = known_bug();
  entry.expires = "2026-03-01";
  EXPECT_TRUE(lint_baseline(with(entry), {"s/open"}, "2026-03-01").empty());
  const auto expired = lint_baseline(with(entry), {"s/open"}, "2026-03-02");
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_THAT(expired[0].message, HasSubstr("expired"));
  const auto unused = lint_baseline(with(known_bug()), {"t/open"}, "2026-03-02");
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_THAT(unused[0].message, HasSubstr("matches no test"));
}

}  // namespace
}  // namespace tcpspec::runner
