// tcpspec-fuzz-finding PROGRAM FOLDER: investigates what a fuzzer left behind (fuzz/finding.hh), with
// the environment that the fuzzer had (sequence.cc). Prints one line of JSON. Exit code 77: a finding,
// and where its folder lies; 0: nothing to be seen, or a death that is known.

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fuzz/finding.hh"
#include "fuzz/targets/session_of_environment.hh"

namespace {

using namespace tcpspec::fuzz;

constexpr int found = 77, wrong = 2, environment = 4;

// This program anew, with names in what its sanitizers say.
std::string words_with_names(const Program& program) {
  const auto path = fmt::format("/tmp/tcpspec-fuzz-{}.bin", getpid());
  const auto octets = encode(program);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  const auto command = fmt::format("ASAN_OPTIONS=symbolize=1 UBSAN_OPTIONS=symbolize=1 '{}' --play {} 2>&1",
                                   std::filesystem::read_symlink("/proc/self/exe").string(), path);
  std::string words;
  if (auto* pipe = popen(command.c_str(), "r")) {
    std::array<char, 4096> part;
    for (std::size_t got = 0; (got = fread(part.data(), 1, part.size(), pipe)) > 0;) words.append(part.data(), got);
    pclose(pipe);
  }
  std::filesystem::remove(path);
  return words;
}

// A death that somebody has looked at. The session's oracles leave out what is known; a death is no oracle's.
bool is_known(Session& session, const Program& program) {
  auto result = examine_isolated(session, program, Record::none, FindingOptions{}.patience);
  if (!result.died || !result.suspicion) return false;
  if (result.suspicion->oracle == Oracle::sanitizer)
    if (const auto named = sanitizer_suspicion(words_with_names(program))) result.suspicion = named;
  return !session.is_news(result.suspicion);
}

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
  if (folder.empty()) {
    (void)session->examine(*program, Session::Care::thorough);
    return 0;
  }
  if (is_known(*session, *program)) {
    fmt::print("{{\"known\":true}}\n");
    return 0;
  }
  FindingOptions options;
  options.words_with_names = words_with_names;
  const auto finding = investigate(*session, *program, options);
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
  if (std::string_view(words[1]) == "--play") return investigate_file(words[2], "");
  return investigate_file(words[1], words[2]);
}
