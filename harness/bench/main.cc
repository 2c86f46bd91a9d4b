// Prints how fast tests, and the reference stack, go beside what they are compared with, in
// the same run. Figures move with the machine; ratios are what to quote.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "bench/sections.hh"

namespace {

using namespace tcpspec;  // NOLINT(google-build-using-namespace): a program of one file

int run(int rounds, const std::vector<std::string>& parts) {
  const auto wanted = [&](const char* part) { return parts.empty() || std::ranges::find(parts, part) != parts.end(); };
  if (wanted("conversations")) bench::measure_conversations(rounds);
  if (wanted("bulk")) bench::measure_bulk(rounds);
  if (wanted("suites")) bench::measure_suites(rounds);
  if (const int code = wanted("kernel") ? bench::measure_kernel(rounds) : 0; code != 0) return code;
  return wanted("fuzz") ? bench::measure_fuzz(rounds) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints how fast tests, and the reference stack, go beside what they are compared with in the same run.",
               "scripts/bench");
  int rounds = 5;
  std::vector<std::string> parts;
  app.add_option("ROUNDS", rounds, "How often each figure is measured; the median is printed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--only", parts, "Leave out the other parts (repeatable)")
      ->check(CLI::IsMember({"conversations", "bulk", "suites", "kernel", "fuzz"}));
  app.footer("Example: scripts/bench 9 --only bulk");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(rounds, parts);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 5;
  }
}
