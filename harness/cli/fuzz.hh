#pragma once
// `fuzz`: what its parts share.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hh"
#include "cli/targets.hh"
#include "fuzz/campaign.hh"
#include "fuzz/session.hh"

namespace tcpspec::cli {

struct FuzzOptions {
  SuiteOptions suite;  // whose tests are the first programs
  std::string target = "reference";
  std::string engine = "auto";
  std::optional<std::chrono::nanoseconds> time;
  std::optional<std::uint64_t> inputs;
  std::string seed, corpus, known, compare, reached;
  std::string findings = "out/findings";
  bool from_nothing = false;
  bool stop_at_first = false;
  bool quiet = false;
  std::vector<std::string> programs;  // of replay and minimize
};

// One finding in the summary.
struct FoundLine {
  std::string id, oracle, place, folder;
  std::size_t steps = 0;
  bool known = false;  // a death that was told before, and nothing else is set
};

// What is told while it runs, and at the end.
class FuzzScreen {
 public:
  explicit FuzzScreen(bool quiet);
  void begin(const std::string& target, std::uint64_t seed, const FuzzOptions& options);
  // What the figures are of is the engine's affair: "transitions", or libFuzzer's "features".
  void status(const fuzz::Tally& tally, const std::string& reached);
  void found(const FoundLine& finding);
  void note(const std::string& line);
  void summary(std::uint64_t seed, const fuzz::Tally& tally, const std::string& reached,
               const std::vector<FoundLine>& findings);

 private:
  void clear_line();
  bool quiet_, terminal_, line_shown_ = false;
  std::chrono::nanoseconds last_{};
};

// Whether Ctrl-C has come.
[[nodiscard]] bool fuzz_interrupted();
// Prints what is wrong, and returns an exit code.
int fuzz_fails(int code, const std::string& what, const std::string& hint = "");
// "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);
[[nodiscard]] std::expected<fuzz::SessionOptions, int> session_options(const FuzzOptions& options);
// The first programs: suites as programs, in the order of the files; those that no program can say are left out.
[[nodiscard]] std::expected<std::vector<fuzz::Program>, int> suite_programs(const FuzzOptions& options);
[[nodiscard]] bool write_reached(const std::string& path, const std::string& json);
[[nodiscard]] FoundLine line_of(const fuzz::Finding& finding, const std::string& folder);

// A target of `find_target`, held by us.
struct OpenedSession {
  TargetChoice choice;
  std::unique_ptr<fuzz::Session> session;
};
[[nodiscard]] std::expected<OpenedSession, int> open_session(const FuzzOptions& options);

[[nodiscard]] int fuzz_natively(const FuzzOptions& options, std::uint64_t seed);

// Where the fuzzers with instrumentation lie; empty: nowhere.
struct Fuzzers {
  std::string program;                   // the fuzzer for this target
  std::string finding;                   // what investigates
  std::vector<std::string> environment;  // "TCPSPEC_FUZZ_TARGET=..."
};
// nullopt: this target is not theirs, or they are not there.
[[nodiscard]] std::optional<Fuzzers> find_fuzzers(const FuzzOptions& options);
[[nodiscard]] bool is_for_fuzzers(const std::string& target);
[[nodiscard]] std::string how_to_build_fuzzers();
[[nodiscard]] int fuzz_by_engine(const FuzzOptions& options, const Fuzzers& fuzzers, std::uint64_t seed);

[[nodiscard]] int replay_programs(const FuzzOptions& options);
[[nodiscard]] int minimize_program(const FuzzOptions& options);

}  // namespace tcpspec::cli
