#pragma once
// Programs in files: a folder of inputs, as libFuzzer has them, too.

#include <expected>
#include <string>
#include <vector>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

// Of a file as a fuzzer left it, or as a finding's folder has it; the error is one sentence.
[[nodiscard]] std::expected<Program, std::string> read_program(const std::string& path);
// In the order of the files' names.
[[nodiscard]] std::expected<std::vector<Program>, std::string> read_programs(const std::string& folder);
// Named by what it holds, so that the same comes to lie in one file.
[[nodiscard]] std::expected<std::string, std::string> write_program(const Program& program, const std::string& folder);

}  // namespace tcpspec::fuzz
