// `lint`: everything that can be wrong with suites, targets' files and baselines without playing them.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/suites.hh"
#include "runner/baseline.hh"
#include "runner/target_file.hh"
#include "script/loader.hh"

namespace tcpspec::cli {

namespace {

enum class Kind : std::uint8_t { suite, target, baseline };

// By the keys that only one kind has. What cannot be read is left to the reader of suites, which says why.
Kind kind_of(const std::string& path) {
  const auto source = script::read_source(path, std::size_t{4} << 20);
  if (!source) return Kind::suite;
  const auto document = script::parse_document(*source, {});
  if (!document || !document->IsMap()) return Kind::suite;
  const auto has = [&](const char* key) { return (*document)[key].IsDefined(); };
  if (has("suite") || has("tests")) return Kind::suite;
  if (has("entries")) return Kind::baseline;
  return has("adapter") || has("program") || has("remote") || has("values") ? Kind::target : Kind::suite;
}

std::vector<std::string> yaml_files(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml" && entry.path().stem() != "defaults") out.push_back(entry.path().string());
  std::ranges::sort(out);
  return out;
}

class Lint {
 public:
  explicit Lint(const SuiteOptions& options) : options_(options), suites_(options) {
    suites_.words.clear();
    std::error_code error;
    for (const auto& word : options.words) {
      const bool file = (word.ends_with(".yaml") || word.ends_with(".yml")) && std::filesystem::exists(word, error);
      const auto kind = file ? kind_of(word) : Kind::suite;
      (kind == Kind::suite ? suites_.words : kind == Kind::baseline ? baselines_ : targets_).push_back(word);
    }
    // Baselines speak of all suites: with a few files chosen, an entry that matches nothing is no mistake.
    if (!options.words.empty()) return;
    baselines_ = yaml_files(suites_folder(options) + "/baselines");
    targets_ = yaml_files(suites_folder(options) + "/targets");
  }

  int run() {
    const auto chosen = choose(suites_);
    if (!chosen) return chosen.error();
    std::vector<std::string> ids;
    for (const auto& suite : (*chosen)->loaded.suites)
      for (const auto& test : suite.tests) ids.push_back(test.id);
    if (const auto code = lint_baselines(ids)) return *code;
    if (const auto code = lint_targets()) return *code;
    if (!found_.empty()) {
      print(found_);
      return kUsage;
    }
    fmt::print(
        "{} suites, {} tests, {} requirements in the catalogue, {} targets, {} baseline entries: nothing to complain "
        "about\n",
        (*chosen)->loaded.suites.size(), ids.size(), (*chosen)->loaded.catalogue.all().size(), targets_.size(),
        entries_);
    return kAsExpected;
  }

 private:
  void add(const script::Diagnostics& more) { found_.insert(found_.end(), more.begin(), more.end()); }

  // Beside suites that were named, a baseline is still one of all suites.
  std::optional<int> lint_baselines(std::vector<std::string> ids) {
    if (!baselines_.empty() && !suites_.words.empty()) {
      auto all = suites_;
      all.words.clear();
      const auto chosen = choose(all);
      if (!chosen) return chosen.error();
      for (const auto& suite : (*chosen)->loaded.suites)
        for (const auto& test : suite.tests) ids.push_back(test.id);
    }
    const auto today = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
    for (const auto& file : baselines_) {
      const auto baseline = runner::load_baseline(file);
      add(baseline ? runner::lint_baseline(*baseline, ids, today) : baseline.error());
      if (baseline) entries_ += baseline->entries.size();
    }
    return std::nullopt;
  }

  // A target's numbers stand in the suites, which may make no sense with them.
  std::optional<int> lint_targets() {
    std::error_code error;
    for (const auto& file : targets_) {
      const auto target = runner::load_target_file(file, suites_folder(options_) + "/targets");
      if (!target) {
        add(target.error());
        continue;
      }
      if (const auto chosen = choose(suites_, target->values); !chosen) return chosen.error();
      if (target->baseline.empty() || std::filesystem::exists(target->baseline, error)) continue;
      fmt::print(stderr, "{}: the baseline `{}` does not exist\n", file, target->baseline);
      return kUsage;
    }
    return std::nullopt;
  }

  const SuiteOptions& options_;
  SuiteOptions suites_;  // its words without those that name other files
  std::vector<std::string> baselines_, targets_;
  script::Diagnostics found_;
  std::size_t entries_ = 0;
};

int lint(const SuiteOptions& options) {
  return Lint(options).run();
}

}  // namespace

Action add_lint(CLI::App& app) {
  auto* command =
      app.add_subcommand("lint", "Check suites, requirements, targets' files and baselines without playing them");
  command->footer("Example: tcpspec lint mine.yaml my-stack.yaml my-stack-known.yaml");
  auto options = std::make_shared<SuiteOptions>();
  add_suite_options(*command, *options);
  return [command, options] { return command->parsed() ? lint(*options) : -1; };
}

}  // namespace tcpspec::cli
