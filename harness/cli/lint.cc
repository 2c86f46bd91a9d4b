// `lint`: everything that can be wrong with suites, targets' files and baselines without playing them.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <expected>
#include <filesystem>
#include <memory>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/suites.hh"
#include "runner/baseline.hh"
#include "runner/target_file.hh"

namespace tcpspec::cli {

namespace {

// A target's numbers stand in the suites, which may make no sense with them.
std::expected<std::size_t, int> lint_targets(const SuiteOptions& options, script::Diagnostics& all) {
  const auto folder = suites_folder(options) + "/targets";
  std::size_t files = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".yaml" || entry.path().stem() == "defaults") continue;
    ++files;
    const auto target = runner::load_target_file(entry.path().string(), folder);
    if (!target)
      all.insert(all.end(), target.error().begin(), target.error().end());
    else if (const auto chosen = choose(options, target->values); !chosen)
      return std::unexpected(chosen.error());
  }
  return files;
}

int lint(const SuiteOptions& options) {
  const auto chosen = choose(options);
  if (!chosen) return chosen.error();
  std::vector<std::string> ids;
  for (const auto& suite : (*chosen)->loaded.suites)
    for (const auto& test : suite.tests) ids.push_back(test.id);
  script::Diagnostics all;
  std::size_t entries = 0;
  std::error_code error;
  // Baselines speak of all suites: with a few files chosen, an entry that matches nothing is no mistake.
  const bool whole = options.words.empty();
  const auto today = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
  for (const auto& file : std::filesystem::directory_iterator(suites_folder(options) + "/baselines", error)) {
    if (!whole || file.path().extension() != ".yaml") continue;
    const auto baseline = runner::load_baseline(file.path().string());
    auto found = baseline ? runner::lint_baseline(*baseline, ids, today) : baseline.error();
    if (baseline) entries += baseline->entries.size();
    all.insert(all.end(), found.begin(), found.end());
  }
  const auto targets = whole ? lint_targets(options, all) : std::expected<std::size_t, int>(0);
  if (!targets) return targets.error();
  if (!all.empty()) {
    print(all);
    return kUsage;
  }
  fmt::print(
      "{} suites, {} tests, {} requirements in the catalogue, {} targets, {} baseline entries: nothing to complain "
      "about\n",
      (*chosen)->loaded.suites.size(), ids.size(), (*chosen)->loaded.catalogue.all().size(), *targets, entries);
  return kAsExpected;
}

}  // namespace

Action add_lint(CLI::App& app) {
  auto* command =
      app.add_subcommand("lint", "Check suites, requirements, targets' files and baselines without playing them");
  command->footer("Example: tcpspec lint suites/handshake.yaml");
  auto options = std::make_shared<SuiteOptions>();
  add_suite_options(*command, *options);
  return [command, options] { return command->parsed() ? lint(*options) : -1; };
}

}  // namespace tcpspec::cli
