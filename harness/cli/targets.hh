#pragma once
// From the word behind --target to a target: one that tcpspec knows by itself, one that has a file
// in the suites' folder of targets, or what the user names by its path.

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "runner/target_file.hh"
#include "target/target.hh"

namespace tcpspec::cli {

struct TargetChoice {
  std::string word;         // as the user wrote it
  runner::TargetFile file;  // its name names it in reports and baselines
  bool built_in = false;    // attached by ourselves, not by what the file says
};

// Prints what is wrong, and returns the exit code.
[[nodiscard]] std::expected<TargetChoice, int> find_target(const std::string& word, const std::string& suites_folder);
[[nodiscard]] std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> open_target(
    const TargetChoice& choice);
// "linux,lwip" has two.
[[nodiscard]] std::vector<std::string> target_words(const std::string& option);

}  // namespace tcpspec::cli
