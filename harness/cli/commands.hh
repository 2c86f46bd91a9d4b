#pragma once
// The verbs of tcpspec(1). Each declares its options on `app` and leaves a callable
// that does the work and returns the exit code.

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tcpspec::cli {

using Action = std::function<int()>;

// What all verbs that read suites share.
struct SuiteOptions {
  std::vector<std::string> words;  // ids, globs, files, folders
  std::vector<std::string> filters;
  std::vector<std::string> exclude;
  std::vector<std::string> rfcs;
  std::vector<std::string> tags;
  std::vector<std::string> without_tags;
  std::string suites;  // folder
};
void add_suite_options(CLI::App& app, SuiteOptions& options);

Action add_run(CLI::App& app);
Action add_list(CLI::App& app);
Action add_show(CLI::App& app);
Action add_lint(CLI::App& app);
Action add_explain(CLI::App& app);
Action add_targets(CLI::App& app);
Action add_doctor(CLI::App& app);
Action add_stack(CLI::App& app);
Action add_fuzz(CLI::App& app);

}  // namespace tcpspec::cli
