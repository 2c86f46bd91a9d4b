// `fuzz replay` and `fuzz minimize`: what a fuzzer left behind, again.

#include <fmt/format.h>

#include "cli/exit_code.hh"
#include "cli/fuzz.hh"
#include "cli/fuzz_child.hh"
#include "fuzz/corpus.hh"
#include "fuzz/isolated.hh"

namespace tcpspec::cli {

namespace {

constexpr std::chrono::seconds patience{5};

bool is_in_this_process(const OpenedSession& opened) {
  return opened.choice.built_in && opened.choice.file.name == "reference";
}

std::expected<std::optional<fuzz::Suspicion>, int> examine(OpenedSession& opened, const fuzz::Program& program) {
  if (is_in_this_process(opened))
    return fuzz::examine_isolated(*opened.session, program, fuzz::Record::none, patience).suspicion;
  auto examined = opened.session->examine(program, fuzz::Session::Care::thorough);
  if (examined) return std::move(examined->suspicion);
  return std::unexpected(fuzz_fails(kEnvironment, examined.error().what, examined.error().hint));
}

// Sanitizers see what no oracle does. The first line that says what it was; empty: nothing was.
std::string shown_by(const Fuzzers& fuzzers, const std::string& path) {
  const auto ended = run_fuzzer({fuzzers.program, "-timeout=5", path}, fuzzers.environment);
  if (ended.code == 0) return {};
  for (const char* sign : {"finding: ", "runtime error: ", "ERROR: "})
    if (const auto at = ended.err.find(sign); at != std::string::npos)
      return ended.err.substr(at, ended.err.find('\n', at) - at);
  return fmt::format("the fuzzer ended with exit code {}", ended.code);
}

std::string file_of(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path + "/program.bin" : path;
}

}  // namespace

int replay_programs(const FuzzOptions& options) {
  std::vector<fuzz::Program> programs;
  for (const auto& path : options.programs) {
    auto program = fuzz::read_program(path);
    if (!program) return fuzz_fails(kUsage, program.error(), "a finding's folder, or a program that a fuzzer wrote");
    programs.push_back(std::move(*program));
  }
  const auto fuzzers = options.engine == "native" ? std::nullopt : find_fuzzers(options);
  const bool mutant = options.target.starts_with("mutant:");
  if (mutant && !fuzzers)
    return fuzz_fails(kEnvironment, "the fuzzers with instrumentation are not there", how_to_build_fuzzers());
  // What was built with sanitizers is not loaded by a program without them.
  const bool by_fuzzers_alone = mutant || (fuzzers && options.target != "reference");
  std::optional<OpenedSession> opened;
  if (!by_fuzzers_alone) {
    auto session = open_session(options);
    if (!session) return session.error();
    opened = std::move(*session);
  }
  bool shows = false;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    std::string what;
    if (opened) {
      const auto found = examine(*opened, programs[i]);
      if (!found) return found.error();
      if (*found) what = fmt::format("{}: {}: {}", to_string((*found)->oracle), (*found)->place, (*found)->what);
    }
    if (what.empty() && fuzzers) what = shown_by(*fuzzers, file_of(options.programs[i]));
    shows = shows || !what.empty();
    fmt::print("{}: {}\n", options.programs[i], what.empty() ? "nothing any more" : what);
  }
  return shows ? kFinding : kAsExpected;
}

int minimize_program(const FuzzOptions& options) {
  const auto& path = options.programs.front();
  auto program = fuzz::read_program(path);
  if (!program) return fuzz_fails(kUsage, program.error(), "a finding's folder, or a program that a fuzzer wrote");
  const auto fuzzers = options.engine == "native" ? std::nullopt : find_fuzzers(options);
  FuzzScreen screen(options.quiet);
  if (fuzzers) {
    const auto found = investigate_by(*fuzzers, file_of(path), options.findings);
    if (!found) return fuzz_fails(kEnvironment, found.error());
    const bool shows = *found && !(*found)->known;
    if (shows)
      screen.found(**found);
    else
      fmt::print("{}: it shows nothing{}\n", path, *found ? " that is not known" : "");
    return shows ? kFinding : kAsExpected;
  }
  if (options.target.starts_with("mutant:"))
    return fuzz_fails(kEnvironment, "the fuzzers with instrumentation are not there", how_to_build_fuzzers());
  auto opened = open_session(options);
  if (!opened) return opened.error();
  const auto finding = is_in_this_process(*opened) ? fuzz::investigate(*opened->session, *program, {})
                                                   : fuzz::investigate_here(*opened->session, *program, {});
  if (!finding) {
    fmt::print("{}: it shows nothing\n", path);
    return kAsExpected;
  }
  const auto folder = fuzz::write_finding(*finding, options.findings);
  if (!folder) return fuzz_fails(kEnvironment, "the finding could not be written: " + folder.error());
  screen.found(line_of(*finding, *folder));
  return kFinding;
}

}  // namespace tcpspec::cli
