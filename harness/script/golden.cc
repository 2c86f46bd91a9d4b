#include "script/golden.hh"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tcpspec::script {

std::filesystem::path testdata() {
  return std::filesystem::path(TCPSPEC_SOURCE_DIR) / "harness/script/testdata";
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

// What is equal at both ends is left out.
std::string difference(const std::string& wanted, const std::string& actual) {
  auto a = lines_of(wanted), b = lines_of(actual);
  std::size_t begin = 0;
  while (begin < a.size() && begin < b.size() && a[begin] == b[begin]) ++begin;
  while (a.size() > begin && b.size() > begin && a.back() == b.back()) a.pop_back(), b.pop_back();
  std::string out;
  for (std::size_t i = begin; i < a.size(); ++i) out += "  - " + a[i] + "\n";
  for (std::size_t i = begin; i < b.size(); ++i) out += "  + " + b[i] + "\n";
  return out.empty() ? "  (only the last line's end differs)\n" : out;
}

}  // namespace

testing::AssertionResult matches_golden(const std::string& name, const std::string& actual) {
  const auto path = testdata() / (name + ".golden");
  if (const char* bless = std::getenv("TCPSPEC_BLESS"); bless && std::string_view(bless) == "1") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
    return testing::AssertionSuccess();
  }
  if (!std::filesystem::exists(path))
    return testing::AssertionFailure() << path.string() << " is missing; TCPSPEC_BLESS=1 writes it:\n" << actual;
  const auto wanted = contents(path);
  if (wanted == actual) return testing::AssertionSuccess();
  return testing::AssertionFailure() << path.string() << " (-) and what is said now (+) differ:\n"
                                     << difference(wanted, actual)
                                     << "If the new text is right, TCPSPEC_BLESS=1 keeps it.";
}

}  // namespace tcpspec::script
