#pragma once
// Where suites lie, and how the words of the command line choose among them.

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hh"
#include "runner/selection.hh"

namespace tcpspec::cli {

// The folder of --suites, or ./suites, or the one that tcpspec was built with.
[[nodiscard]] std::string suites_folder(const SuiteOptions& options);

struct Chosen {
  runner::Loaded loaded;
  std::vector<const script::Test*> tests;  // into `loaded`
  bool from_files = false;                 // the command line named files, not the suites' folder
};
// Prints diagnostics, or that nothing was selected, and returns the exit code.
// `values`: of the target that they are for.
[[nodiscard]] std::expected<std::unique_ptr<Chosen>, int> choose(const SuiteOptions& options,
                                                                 const script::TargetValues& values);
// For no target in particular.
[[nodiscard]] std::expected<std::unique_ptr<Chosen>, int> choose(const SuiteOptions& options);

void print(const script::Diagnostics& diagnostics);

}  // namespace tcpspec::cli
