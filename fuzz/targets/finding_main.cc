// tcpspec-fuzz-finding PROGRAM FOLDER: investigates what a fuzzer left behind (fuzz/finding.hh), with
// the environment that the fuzzer had (sequence.cc). Prints one line of JSON. Exit code 77: a finding,
// and where its folder lies; 0: nothing to be seen.

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/finding.hh"
#include "fuzz/targets/session_of_environment.hh"

namespace {

using namespace tcpspec::fuzz;

constexpr int found = 77, wrong = 2, environment = 4;

int investigate_file(const std::string& path, const std::string& folder) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    fmt::print(stderr, "{}: it cannot be read\n", path);
    return wrong;
  }
  const auto program = decode(std::as_bytes(std::span(text)), Reading::prefix);
  if (!program) {
    fmt::print(stderr, "{}: octet {}: {}\n", path, program.error().offset, program.error().message);
    return wrong;
  }
  const auto session = open_session_of_environment(TCPSPEC_FUZZ_COMPARES);
  const auto finding = investigate(*session, *program, {});
  if (!finding) return 0;
  const auto written = write_finding(*finding, folder);
  if (!written) {
    fmt::print(stderr, "{}\n", written.error());
    return environment;
  }
  nlohmann::ordered_json json;
  json["id"] = finding->id();
  json["oracle"] = to_string(finding->suspicion.oracle);
  json["place"] = finding->suspicion.place;
  json["what"] = finding->suspicion.what;
  json["steps"] = finding->program.steps.size();
  json["verdict"] = finding->verdict;
  json["verdict_on_reference"] = finding->verdict_on_reference;
  json["folder"] = *written;
  fmt::print("{}\n", json.dump());
  return found;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    fmt::print(stderr, "usage: {} PROGRAM FOLDER\n", words[0]);
    return wrong;
  }
  return investigate_file(words[1], words[2]);
}
