#include "reports/golden.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ranges>
#include <sstream>
#include <vector>

#include "reports/layout.hh"

namespace tcpspec::reports {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(visible(line));
  if (!text.empty() && text.back() != '\n') lines.push_back("(no line feed at the end)");
  return lines;
}

// What lies between the lines that both begin with and the lines that both end with.
std::string difference(const std::string& golden, const std::string& text) {
  const std::vector<std::string> before = lines_of(golden);
  const std::vector<std::string> after = lines_of(text);
  const auto first = std::ranges::mismatch(before, after);
  const auto last = std::ranges::mismatch(std::ranges::subrange(first.in1, before.end()) | std::views::reverse,
                                          std::ranges::subrange(first.in2, after.end()) | std::views::reverse);
  std::string shown = fmt::format("from line {}:\n", first.in1 - before.begin() + 1);
  for (auto line = first.in1; line != last.in1.base(); ++line) shown += fmt::format("- {}\n", *line);
  for (auto line = first.in2; line != last.in2.base(); ++line) shown += fmt::format("+ {}\n", *line);
  return shown;
}

}  // namespace

void expect_golden(std::string_view name, const std::string& text) {
  const auto path = std::filesystem::path(TCPSPEC_SOURCE_DIR) / "reports/testdata" / name;
  const char* const bless = std::getenv("TCPSPEC_BLESS");
  if (bless != nullptr && std::string_view(bless) == "1") {
    std::ofstream out(path, std::ios::binary);
    out << text;
    ASSERT_TRUE(out.flush()) << "cannot write " << path;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << "cannot read " << path << "; TCPSPEC_BLESS=1 writes it";
  const std::string golden(std::istreambuf_iterator<char>(in), {});
  if (golden == text) return;
  ADD_FAILURE() << path.string() << " differs; if it should, run again with TCPSPEC_BLESS=1\n"
                << difference(golden, text);
}

}  // namespace tcpspec::reports
