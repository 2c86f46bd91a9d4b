#pragma once
// What is known of a target before it runs: suites/targets/<name>.yaml, or a file that the user
// gives. How it is attached, what it is not to be asked for, and the numbers that belong to it.

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "packet/time.hh"
#include "script/diagnostic.hh"
#include "script/loader.hh"
#include "target/remote_target.hh"

namespace tcpspec::runner {

struct TargetFile {
  std::string path;
  std::string name;   // the file's, without .yaml, unless `target:` says otherwise
  std::string about;  // one sentence
  // How it is attached; one of them, or neither for a target that tcpspec knows by itself.
  std::string plug_in;               // a path as written
  std::vector<std::string> program;  // the first word as written
  std::string params;                // "key=value key=value"
  std::optional<packet::Duration> hang_after;
  std::optional<target::RemoteOptions> remote;
  std::string package;            // what to install where it is missing
  std::set<std::string> without;  // capabilities that it declares and that are not to be believed
  std::string baseline;           // a path; empty: baselines/<name>.yaml beside the folder of targets
  // The numbers that tests know as $target.NAME, and the names of those that the file itself gives.
  script::TargetValues values;
  std::set<std::string> declared;
};

// `folder` holds the files of the targets, and defaults.yaml.
[[nodiscard]] std::expected<TargetFile, script::Diagnostics> load_target_file(const std::string& path,
                                                                              const std::string& folder);
// The values of a target without a file of its own.
[[nodiscard]] std::expected<script::TargetValues, script::Diagnostics> default_values(const std::string& folder);

}  // namespace tcpspec::runner
