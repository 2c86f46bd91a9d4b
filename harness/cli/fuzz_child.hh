#pragma once
// The fuzzers with instrumentation, as children.

#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/fuzz.hh"

namespace tcpspec::cli {

// Where TCPSPEC_FUZZERS says, else in the preset fuzz's build beside this program's.
[[nodiscard]] std::filesystem::path fuzzers_folder();

struct FuzzerEnded {
  int code = -1;  // 128 and the number of a signal
  std::string out, err;
};

struct FuzzerEvents {
  std::function<void(std::string_view)> line;  // of its standard error
  std::function<void()> tick;                  // several times a second
};

// Ctrl-C is passed on. `environment` comes on top of ours.
[[nodiscard]] FuzzerEnded run_fuzzer(const std::vector<std::string>& words, const std::vector<std::string>& environment,
                                     const FuzzerEvents& events = {});

// A finding of the file, or nothing, or what went wrong.
[[nodiscard]] std::expected<std::optional<FoundLine>, std::string> investigate_by(const Fuzzers& fuzzers,
                                                                                  const std::string& artifact,
                                                                                  const std::string& folder);

}  // namespace tcpspec::cli
