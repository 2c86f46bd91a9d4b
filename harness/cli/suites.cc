#include "cli/suites.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>

#include "cli/exit_code.hh"
#include "runner/target_file.hh"

namespace tcpspec::cli {

namespace fs = std::filesystem;

void add_suite_options(CLI::App& app, SuiteOptions& options) {
  app.add_option("tests", options.words, "Ids, globs on ids, suite names, YAML files or folders (default: all suites)")
      ->type_name("TEST");
  app.add_option("--filter,-f", options.filters, "Only tests whose id matches this glob (repeatable: any of them)")
      ->type_name("GLOB")
      ->envname("TCPSPEC_FILTER");
  app.add_option("--exclude,-x", options.exclude, "Leave out tests whose id matches this glob (repeatable)")
      ->type_name("GLOB");
  app.add_option("--rfc", options.rfcs, "Only tests of this RFC, or section: 5961, 9293/3.10.7 (repeatable)")
      ->type_name("RFC[/SECTION]");
  app.add_option("--tag,-t", options.tags, "Only tests with this tag (repeatable: all of them)")->type_name("TAG");
  app.add_option("--no-tag", options.without_tags, "Leave out tests with this tag (repeatable)")->type_name("TAG");
  app.add_option("--suites", options.suites, "Folder of the suites")->type_name("DIR")->envname("TCPSPEC_SUITES");
}

std::string suites_folder(const SuiteOptions& options) {
  if (!options.suites.empty()) return options.suites;
  std::error_code error;
  if (fs::is_directory("suites/requirements", error)) return "suites";
  return TCPSPEC_SUITES_FOLDER;
}

void print(const script::Diagnostics& diagnostics) {
  constexpr std::size_t kMost = 20;
  for (std::size_t i = 0; i < diagnostics.size() && i < kMost; ++i)
    fmt::print(stderr, "{}", script::to_string(diagnostics[i]));
  if (diagnostics.size() > kMost) fmt::print(stderr, "... and {} more\n", diagnostics.size() - kMost);
}

namespace {

bool looks_like_path(const std::string& word) {
  std::error_code error;
  return word.ends_with(".yaml") || word.ends_with(".yml") ||
         (fs::exists(word, error) && fs::is_directory(word, error) && word.find('/') != std::string::npos) ||
         word == "." || word == "..";
}

}  // namespace

std::expected<std::unique_ptr<Chosen>, int> choose(const SuiteOptions& options) {
  const auto values = runner::default_values(suites_folder(options) + "/targets");
  if (!values) {
    print(values.error());
    return std::unexpected(kUsage);
  }
  return choose(options, *values);
}

std::expected<std::unique_ptr<Chosen>, int> choose(const SuiteOptions& options, const script::TargetValues& values) {
  const auto folder = suites_folder(options);
  std::vector<std::string> paths;
  runner::Selection selection{options.filters, options.exclude, options.rfcs, options.tags, options.without_tags};
  for (const auto& word : options.words) (looks_like_path(word) ? paths : selection.ids).push_back(word);
  const bool from_files = !paths.empty();
  if (paths.empty()) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      fmt::print(stderr,
                 "tcpspec: there is no folder of suites at {}\n  name one with --suites DIR, or give the YAML files\n",
                 folder);
      return std::unexpected(kUsage);
    }
    paths.push_back(folder);
  }
  auto loaded = runner::load_suites(paths, folder + "/requirements", values);
  if (!loaded) {
    print(loaded.error());
    return std::unexpected(kUsage);
  }
  auto chosen = std::make_unique<Chosen>();
  chosen->loaded = std::move(*loaded);
  chosen->from_files = from_files;
  chosen->tests = runner::select(chosen->loaded, selection);
  if (chosen->tests.empty()) {
    fmt::print(stderr, "tcpspec: no test is selected by {}\n  `tcpspec list` shows all ids\n",
               selection.ids.empty() ? std::string("these options")
                                     : fmt::format("`{}` and the other options", fmt::join(selection.ids, "`, `")));
    return std::unexpected(kNothingSelected);
  }
  return chosen;
}

}  // namespace tcpspec::cli
