// Every complaint of the loader, as the user reads it. What is short lies in
// testdata/diagnostics/; what is huge or not text is made here.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "script/golden.hh"
#include "script/loader.hh"

namespace tcpspec::script {
namespace {

std::string say(const std::expected<Suite, Diagnostics>& loaded) {
  if (loaded) return fmt::format("no complaint: {} tests\n", loaded->tests.size());
  std::string out;
  for (const auto& diagnostic : loaded.error()) out += to_string(diagnostic);
  return out;
}

std::string say(const std::string& name, std::string text) {
  return say(load_suite(std::make_shared<SourceFile>(SourceFile{name + ".yaml", std::move(text)})));
}

TEST(DiagnosticsGolden, EveryFileOfTheFolder) {
  const auto files = yaml_files(testdata() / "diagnostics");
  EXPECT_GT(files.size(), 200u);
  for (const auto& file : files) {
    const auto name = file.stem().string();
    const auto said = say(name, contents(file));
    EXPECT_TRUE(matches_golden("diagnostics/" + name, said));
    EXPECT_FALSE(said.starts_with("no complaint")) << file;
  }
}

TEST(DiagnosticsGolden, NoGoldenFileWithoutItsSource) {
  for (const auto& entry : std::filesystem::directory_iterator(testdata() / "diagnostics"))
    if (entry.path().extension() == ".golden") {
      auto source = entry.path();
      EXPECT_TRUE(std::filesystem::exists(source.replace_extension(".yaml"))) << entry.path();
    }
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string stairs(std::size_t depth, std::string_view step) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += std::string(i, ' ') + std::string(step);
  return out;
}

const std::string kGood =
    "suite: example\ntests:\n  - {id: one, about: What the target must do., requirement: MUST-1, steps: [alive]}\n";

const std::map<std::string, std::function<std::string()>>& made() {
  static const std::map<std::string, std::function<std::string()>> kMade = {
      {"deep-flow-lists", [] { return "suite: " + std::string(100'000, '['); }},
      {"deep-flow-mappings", [] { return "suite: " + repeated("{a: ", 100'000); }},
      {"deep-flow-mixed", [] { return "suite: " + repeated("[{a: ", 50'000); }},
      {"deep-flow-closed", [] { return "suite: " + std::string(65, '[') + std::string(65, ']'); }},
      {"deep-block-mappings", [] { return stairs(1'000, "a:\n"); }},
      {"deep-block-lists", [] { return repeated("- ", 100'000) + "a\n"; }},
      {"deep-through-aliases",
       [] {
         std::string out = "a0: &a0 [x]\n";
         for (int i = 1; i < 100; ++i) out += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
         return out;
       }},
      {"many-values", [] { return "suite: [" + repeated("1,", 250'000) + "1]"; }},
      {"many-documents", [] { return repeated("---\n", 100'000); }},
      {"nul-octet", [] { return "suite: exam" + std::string(1, '\0') + "ple\n"; }},
      {"end-of-transmission-octet", [] { return kGood + "\x04 what follows is never read"; }},
      {"escape-octet", [] { return "suite: \x1b[31mred\n"; }},
      {"latin-1", [] { return "suite: example\nabout: caf\xe9 au lait\n"; }},
      {"utf-8-overlong", [] { return "suite: \xc0\xaf\n"; }},
      {"utf-8-surrogate", [] { return "suite: \xed\xa0\x80\n"; }},
      {"utf-8-cut-off", [] { return "suite: \xe2\x82"; }},
      {"utf-16", [] { return std::string("\xff\xfes\0u\0i\0t\0e\0", 12); }},
      {"byte-order-mark-and-mistake", [] { return "\xef\xbb\xbfsiute: example\ntests: []\n"; }},
      {"crlf-and-mistake", [] { return "suite: example\r\ntests:\r\n  - id: One\r\n"; }},
      {"mac-line-ends", [] { return "suite: example\rtests: []\r"; }},
      {"one-long-line", [] { return "suite: example\nabout: " + std::string(500'000, 'x') + "\ntest: []\n"; }},
      {"substitution-bomb",
       [] {
         std::string out =
             "suite: example\ntests:\n  - id: one\n    about: x\n    requirement: c\n    for: {a: [{name: b, sack: [" +
             repeated("[1, 2],", 20'000) + "]}]}\n    steps:\n";
         return out + "      - send: {flags: A, options: [" + repeated("sack: $a.sack,", 20'000) + "]}\n";
       }},
      {"text-bomb",
       [] {
         return "suite: example\ntests:\n  - id: one\n    about: \"" + repeated("$a.text", 50'000) +
                "\"\n    requirement: c\n    for: {a: [{name: b, text: " + std::string(500'000, 'x') +
                "}]}\n    steps: [alive]\n";
       }},
      {"matrix-bomb",
       [] {
         std::string out = "suite: example\nrequirement: c\nabout: x\ntests:\n";
         for (int i = 0; i < 1'000; ++i)
           out += fmt::format(
               "  - {{id: t{}, about: x, for: {{a: &l{} [{}0], b: *l{}, c: *l{}, d: *l{}}}, steps: [alive]}}\n", i, i,
               "1,2,3,4,5,6,7,8,9,", i, i, i);
         return out;
       }},
      {"steps-bomb", [] { return kGood.substr(0, kGood.find("alive")) + repeated("alive,", 150'000) + "alive]}\n"; }},
      {"mistakes-bomb", [] { return kGood.substr(0, kGood.find("alive")) + repeated("{a},", 1'000) + "alive]}\n"; }},
  };
  return kMade;
}

TEST(DiagnosticsGolden, MadeHere) {
  for (const auto& [name, make] : made()) {
    auto said = say(name, make());
    EXPECT_FALSE(said.starts_with("no complaint")) << name;
    // A hundred complaints are the most; three of them tell enough here.
    if (name == "mistakes-bomb") {
      EXPECT_EQ(std::count(said.begin(), said.end(), '^'), 100);
      said = said.substr(0, 800);
    }
    EXPECT_TRUE(matches_golden("made/" + name, said));
  }
}

TEST(DiagnosticsGolden, NoMadeGoldenFileIsLeftOver) {
  for (const auto& entry : std::filesystem::directory_iterator(testdata() / "made"))
    EXPECT_TRUE(made().contains(entry.path().stem().string())) << entry.path();
}

TEST(DiagnosticsGolden, FilesThatCannotBeRead) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "tcpspec-unreadable";
  std::filesystem::create_directories(folder / "directory.yaml");
  const auto huge = folder / "huge.yaml";
  { std::ofstream(huge) << std::string(10u << 20, 'x'); }
  std::string said;
  for (const auto name : {"missing.yaml", "directory.yaml", "huge.yaml", "missing/below.yaml"})
    said += say(load_suite_file((folder / name).string()));
  for (auto at = said.find(folder.string()); at != std::string::npos; at = said.find(folder.string()))
    said.replace(at, folder.string().size(), "FOLDER");
  EXPECT_TRUE(matches_golden("unreadable", said));
  std::filesystem::remove_all(folder);
}

// A place outside the user's file, or none at all, helps nobody.
TEST(DiagnosticsGolden, EveryComplaintHasAPlaceAndMostHaveAdvice) {
  const std::set<std::string> whole_file = {"empty-file", "only-comments"};
  std::size_t all = 0, advised = 0;
  for (const auto& file : yaml_files(testdata() / "diagnostics")) {
    const auto name = file.stem().string();
    const auto loaded = load_suite(std::make_shared<SourceFile>(SourceFile{name, contents(file)}));
    ASSERT_FALSE(loaded) << name;
    for (const auto& diagnostic : loaded.error()) {
      ++all;
      advised += diagnostic.hint.empty() ? 0 : 1;
      ASSERT_TRUE(diagnostic.where.file) << name;
      EXPECT_EQ(diagnostic.where.file->path, name);
      if (!whole_file.contains(name)) {
        EXPECT_GT(diagnostic.where.line, 0) << name << ": " << diagnostic.message;
      }
    }
  }
  EXPECT_GT(advised * 10, all * 9);
}

}  // namespace
}  // namespace tcpspec::script
