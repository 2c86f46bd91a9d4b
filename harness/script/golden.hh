#pragma once
// Golden files of this module's tests: what a text must be, kept in testdata/.
// TCPSPEC_BLESS=1 in the environment writes them anew.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace tcpspec::script {

[[nodiscard]] std::filesystem::path testdata();
[[nodiscard]] std::string contents(const std::filesystem::path& path);
// Every `*.yaml` of a folder, sorted.
[[nodiscard]] std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder);
// `name` without ".golden", relative to testdata().
[[nodiscard]] testing::AssertionResult matches_golden(const std::string& name, const std::string& actual);

}  // namespace tcpspec::script
