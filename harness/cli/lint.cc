// `lint`: everything that can be wrong with suites and baselines without playing them.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <memory>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/suites.hh"
#include "runner/baseline.hh"

namespace tcpspec::cli {

namespace {

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
  if (!all.empty()) {
    print(all);
    return kUsage;
  }
  fmt::print("{} suites, {} tests, {} requirements in the catalogue, {} baseline entries: nothing to complain about\n",
             (*chosen)->loaded.suites.size(), ids.size(), (*chosen)->loaded.catalogue.all().size(), entries);
  return kAsExpected;
}

}  // namespace

Action add_lint(CLI::App& app) {
  auto* command = app.add_subcommand("lint", "Check suites, requirements and baselines without playing them");
  command->footer("Example: tcpspec lint suites/handshake.yaml");
  auto options = std::make_shared<SuiteOptions>();
  add_suite_options(*command, *options);
  return [command, options] { return command->parsed() ? lint(*options) : -1; };
}

}  // namespace tcpspec::cli
