#pragma once
// The program in a folder of its own, with suites of the test.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/test_program.hh"

namespace tcpspec::cli {

namespace fs = std::filesystem;

inline const std::string kSource = TCPSPEC_SOURCE_DIR;
inline const std::string kAdapters = TCPSPEC_ADAPTERS;

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tcpspec-cli-" + std::to_string(::getpid()) + "-" +
                                           testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_ / "suites" / "requirements");
    write("suites/requirements/rfc.yaml",
          "rfc: \"9293\"\ntitle: RFC 9293\nrequirements:\n  - {id: MUST-1, level: MUST, section: '3.1', text: One.}\n  "
          "- {id: MUST-2, level: MUST, section: '3.1', text: Two.}\n");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
  // In the test's folder, where ./suites is.
  Finished run(std::vector<std::string> words, std::vector<std::string> prefix = {}) {
    std::vector<std::string> all = std::move(prefix);
    all.emplace_back(TCPSPEC_PROGRAM);
    all.insert(all.end(), words.begin(), words.end());
    return run_program(all, folder_.string());
  }
  Finished run_suite(const std::string& text, std::vector<std::string> words = {}) {
    write("suites/own.yaml", text);
    words.insert(words.begin(), "run");
    return run(std::move(words));
  }

  fs::path folder_;
};

inline std::string suite_with(const std::string& tests) {
  return "suite: own\nabout: A test's own suite\nfamily: ipv4\ndrain: 10ms\ntests:\n" + tests;
}

// TCPSPEC_BLESS=1 writes it.
inline void expect_golden(const std::string& name, const std::string& text) {
  const auto path = fs::path(kSource) / "harness/cli/testdata" / (name + ".golden");
  if (std::getenv("TCPSPEC_BLESS")) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(text, golden.str()) << "differs from " << name
                                << ".golden; TCPSPEC_BLESS=1 writes it anew, and the diff is to be read";
}

}  // namespace tcpspec::cli
