#pragma once
// Reads suite files. Either every test of a file is sound, or the file gives its
// diagnostics and no test: a suite that half loads would be half green.

#include <expected>
#include <map>
#include <memory>
#include <string>

#include <yaml-cpp/yaml.h>

#include "script/diagnostic.hh"
#include "script/model.hh"

namespace tcpspec::script {

// Bounds that no honest suite meets, against files that would eat the machine.
struct Limits {
  std::size_t octets = 1u << 20;  // of one file
  std::size_t nodes = 200'000;    // of the document with its aliases followed
  std::size_t depth = 64;
  std::size_t tests_per_test = 10'000;  // that one matrix may expand to
  std::size_t steps_per_test = 20'000;  // with repeats unrolled
};

// What $target.NAME stands for: the numbers and times of the target that the suite is loaded
// for, as a YAML file would have them ("60s", "65535").
using TargetValues = std::map<std::string, std::string, std::less<>>;

[[nodiscard]] std::expected<Suite, Diagnostics> load_suite(std::shared_ptr<const SourceFile> file,
                                                           const Limits& limits = {}, const TargetValues& values = {});
// Reads the file first; a file that cannot be read is a diagnostic too.
[[nodiscard]] std::expected<Suite, Diagnostics> load_suite_file(const std::string& path, const Limits& limits = {},
                                                                const TargetValues& values = {});
[[nodiscard]] std::expected<std::shared_ptr<const SourceFile>, Diagnostics> read_source(const std::string& path,
                                                                                        std::size_t most_octets);

// A YAML document within the limits, for the other files that users write
// (catalogue, baselines).
[[nodiscard]] std::expected<YAML::Node, Diagnostics> parse_document(const std::shared_ptr<const SourceFile>& file,
                                                                    const Limits& limits);

}  // namespace tcpspec::script
