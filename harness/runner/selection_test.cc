#include "runner/selection.hh"

#include <gmock/gmock.h>

#include "runner/test_folder.hh"

namespace tcpspec::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kCatalogue = R"(rfc: 9293
requirements:
  - {id: A, section: 3.10.7, level: MUST, text: x}
  - {id: B, section: '3.1', level: SHOULD, text: x}
  - {id: C, rfc: 5961, section: '3.2', level: MAY, text: x}
)";
constexpr const char* kReset = R"(suite: reset
tests:
  - {id: one, about: x, requirement: A, tags: [seed], steps: [{wait: 1s}]}
  - {id: two, about: x, requirement: [C, A], tags: [seed, slow], steps: [{wait: 1s}], for: {n: [1, 2]}}
)";
constexpr const char* kOpen = "suite: open\ntests:\n  - {id: one, about: x, requirement: B, steps: [{wait: 1s}]}\n";

class SelectionTest : public testing::Test {
 protected:
  std::expected<Loaded, script::Diagnostics> load() {
    folder.write("suites/b.yaml", kOpen);
    folder.write("suites/a.yaml", kReset);
    folder.write("requirements/r.yaml", kCatalogue);
    return load_suites({folder.path("suites")}, folder.path("requirements"), {});
  }
  std::vector<std::string> chosen(const Selection& selection) {
    static std::expected<Loaded, script::Diagnostics> loaded;
    loaded = load();
    if (!loaded) return {script::to_string(loaded.error().front())};
    std::vector<std::string> ids;
    for (const auto* test : select(*loaded, selection)) ids.push_back(test->id);
    return ids;
  }
  test::Folder folder;
};

TEST_F(SelectionTest, TakesAllInTheOrderOfFiles) {
  EXPECT_THAT(chosen({}), ElementsAre("reset/one", "reset/two:n=1", "reset/two:n=2", "open/one"));
}

TEST_F(SelectionTest, ById) {
  EXPECT_THAT(chosen({.ids = {"*/one"}}), ElementsAre("reset/one", "open/one"));
  EXPECT_THAT(chosen({.ids = {"reset/two"}}), ElementsAre("reset/two:n=1", "reset/two:n=2"));
  EXPECT_THAT(chosen({.ids = {"open", "reset/two:n=2"}}), ElementsAre("reset/two:n=2", "open/one"));
  EXPECT_THAT(chosen({.ids = {"reset"}, .exclude = {"*n=1", "reset/one"}}), ElementsAre("reset/two:n=2"));
  EXPECT_THAT(chosen({.ids = {"nothing"}}), IsEmpty());
}

TEST_F(SelectionTest, ByRfcAndSection) {
  EXPECT_THAT(chosen({.rfcs = {"5961/3.2"}}), ElementsAre("reset/two:n=1", "reset/two:n=2"));
  EXPECT_THAT(chosen({.rfcs = {"RFC 9293/3.1"}}), ElementsAre("open/one"));  // not 3.10
  EXPECT_THAT(chosen({.rfcs = {"9293/3.10"}}), testing::SizeIs(3));
  EXPECT_THAT(chosen({.rfcs = {"793"}}), IsEmpty());
}

TEST_F(SelectionTest, ByTags) {
  EXPECT_THAT(chosen({.tags = {"seed", "slow"}}), testing::SizeIs(2));
  EXPECT_THAT(chosen({.tags = {"seed"}, .without_tags = {"slow"}}), ElementsAre("reset/one"));
}

TEST_F(SelectionTest, TheFirstRequirementDecidesTheLevel) {
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(level_of(loaded->suites[0].tests[0], loaded->catalogue), script::Level::must);
  EXPECT_EQ(level_of(loaded->suites[0].tests[1], loaded->catalogue), script::Level::may);
  EXPECT_EQ(level_of(loaded->suites[1].tests[0], loaded->catalogue), script::Level::should);
}

TEST_F(SelectionTest, TheHashNamesTheTextOfTheFiles) {
  const auto before = load()->hash;
  EXPECT_EQ(load()->hash, before);
  folder.write("suites/c.yaml", "suite: more\ntests:\n  - {id: one, about: x, requirement: B, steps: [{wait: 2s}]}\n");
  EXPECT_NE(load()->hash, before);
}

TEST_F(SelectionTest, ASuiteThatIsThereTwiceOrARequirementThatIsNotIsAMistake) {
  folder.write("suites/c.yaml", "suite: open\ntests:\n  - {id: two, about: x, requirement: BB, steps: [{wait: 1s}]}\n");
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 2u);
  EXPECT_THAT(loaded.error()[0].message, HasSubstr("another file"));
  EXPECT_THAT(loaded.error()[1].message, HasSubstr("`BB`"));
}

TEST_F(SelectionTest, ARequirementThatStandsTwiceIsAMistake) {
  folder.write("requirements/s.yaml", "rfc: 1\nrequirements:\n  - {id: A, section: 1, level: MUST, text: x}\n");
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error()[0].message, HasSubstr("twice"));
}

}  // namespace
}  // namespace tcpspec::runner
