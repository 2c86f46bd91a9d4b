#include "runner/target_file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/test_folder.hh"

namespace tcpspec::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class TargetFiles : public ::testing::Test {
 protected:
  TargetFiles() { folder.write("targets/defaults.yaml", "values: {msl: 120s, receive_buffer: 65535}\n"); }

  std::expected<TargetFile, script::Diagnostics> load(const std::string& text) {
    folder.write("targets/mine.yaml", text);
    return load_target_file(folder.path("targets/mine.yaml"), folder.path("targets"));
  }
  std::string complaint(const std::string& text) {
    const auto loaded = load(text);
    return loaded ? "" : script::to_string(loaded.error().front());
  }

  test::Folder folder;
};

TEST_F(TargetFiles, SayHowATargetIsAttachedAndWhatItsNumbersAre) {
  const auto loaded = load(
      "about: my stack\nadapter: ../mine.so\nparams: {buffers: 16, mode: fast}\nhang_after: 500ms\n"
      "without: [sack]\nbaseline: mine-known.yaml\npackage: libmine\nvalues: {msl: 30s}\n");
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  EXPECT_EQ(loaded->name, "mine");
  EXPECT_EQ(loaded->plug_in, "../mine.so");
  EXPECT_EQ(loaded->params, "buffers=16 mode=fast");
  EXPECT_EQ(loaded->hang_after, packet::Duration(std::chrono::milliseconds(500)));
  EXPECT_THAT(loaded->without, UnorderedElementsAre("sack"));
  EXPECT_EQ(loaded->baseline, folder.path("targets/mine-known.yaml"));
  EXPECT_THAT(loaded->values, ElementsAre(Pair("msl", "30s"), Pair("receive_buffer", "65535")));
}

TEST_F(TargetFiles, NeedNoFileOfDefaults) {
  EXPECT_TRUE(default_values(folder.path("nowhere"))->empty());
  EXPECT_THAT(*default_values(folder.path("targets")),
              ElementsAre(Pair("msl", "120s"), Pair("receive_buffer", "65535")));
}

TEST_F(TargetFiles, AProgramHasWords) {
  const auto loaded = load("target: other\nprogram: [./mine, --quiet]\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->name, "other");
  EXPECT_THAT(loaded->program, ElementsAre("./mine", "--quiet"));
}

TEST_F(TargetFiles, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(complaint("adapter: a.so\nprogram: [b]\n"), HasSubstr("mine.yaml:2:10"));
  EXPECT_THAT(complaint("values: {mls: 30s}\n"), HasSubstr("no test knows a value `mls`"));
  EXPECT_THAT(complaint("values: {msl: soon}\n"), HasSubstr("neither a number nor a duration"));
  EXPECT_THAT(complaint("adaptor: a.so\n"), HasSubstr("adaptor"));
  EXPECT_THAT(complaint("program: []\n"), HasSubstr("a program and its words"));
  EXPECT_THAT(complaint("hang_after: 0\n"), HasSubstr("longer than nothing"));
  EXPECT_THAT(complaint("params: [a]\n"), HasSubstr("maps names to values"));
}

}  // namespace
}  // namespace tcpspec::runner
