// `fuzz`: programs made at random against a target, guided by what they reach; what they find as tests.

#include "cli/fuzz.hh"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "cli/exit_code.hh"
#include "cli/suites.hh"
#include "fuzz/compile.hh"
#include "fuzz/corpus.hh"
#include "script/loader.hh"
#include "target/reference_target.hh"

namespace tcpspec::cli {

namespace {

namespace fs = std::filesystem;

std::atomic<int> g_interrupt{0};

// The second Ctrl-C ends the program.
void on_signal(int number) {
  g_interrupt.store(number);
  std::signal(number, SIG_DFL);
}

// "90", "90s", "5m", "4h"; the words of CLI11 are what is wrong.
std::string parse_time(const std::string& text, std::optional<std::chrono::nanoseconds>& time) {
  std::size_t used = 0;
  std::uint64_t number = 0;
  try {
    number = std::stoull(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const auto unit = text.substr(used);
  const std::uint64_t seconds = unit == "h" ? 3600 : unit == "m" ? 60 : 1;
  constexpr std::uint64_t most = 8760 * 3600;
  if (used == 0 || number == 0 || number > most / seconds || (unit != "" && unit != "s" && unit != "m" && unit != "h"))
    return fmt::format("`{}` is no time: 90s, 5m, 4h", text);
  time = std::chrono::seconds(number * seconds);
  return {};
}

std::expected<std::uint64_t, int> choose_seed(const std::string& text) {
  if (text.empty()) return std::random_device{}() & 0xffffffu;
  try {
    std::size_t used = 0;
    const auto seed = std::stoull(text, &used, 0);
    if (used == text.size()) return seed;
  } catch (const std::exception&) {  // std::stoull's: it is said below
  }
  return std::unexpected(
      fuzz_fails(kUsage, fmt::format("`--seed {}` is not a number", text), "decimal, or hexadecimal as 0x5f31"));
}

// Before an hour is spent on what cannot be kept.
std::optional<int> try_folder(const std::string& folder, const char* what) {
  std::error_code error;
  fs::create_directories(folder, error);
  const auto probe = fs::path(folder) / ".tcpspec-writes-here";
  if (!error) {
    std::ofstream file(probe);
    file << "1";
    file.close();
    if (!file) error = std::error_code(errno, std::generic_category());
    std::error_code ignored;
    fs::remove(probe, ignored);
  }
  if (!error) return std::nullopt;
  return fuzz_fails(kEnvironment,
                    fmt::format("the folder of {} `{}` cannot be written: {}", what, folder, error.message()),
                    "name another one, or make room");
}

int fuzz(const FuzzOptions& options) {
  const auto seed = choose_seed(options.seed);
  if (!seed) return seed.error();
  if (auto known = session_options(options); !known) return known.error();
  if (const auto wrong = try_folder(options.findings, "findings")) return *wrong;
  if (!options.corpus.empty())
    if (const auto wrong = try_folder(options.corpus, "the corpus")) return *wrong;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  if (options.engine != "native") {
    const auto fuzzers = find_fuzzers(options);
    if (fuzzers) return fuzz_by_engine(options, *fuzzers, *seed);
    const bool wanted = options.engine == "libfuzzer" || options.target.starts_with("mutant:");
    if (wanted && !is_for_fuzzers(options.target))
      return fuzz_fails(kUsage, fmt::format("`{}` is no target of libFuzzer's", options.target),
                        "it holds reference, mutant:NAME, and a plug-in FILE.so");
    if (wanted)
      return fuzz_fails(kEnvironment, "the fuzzers with instrumentation are not there", how_to_build_fuzzers());
    if (is_for_fuzzers(options.target) && !options.quiet)
      fmt::print(stderr, "tcpspec: without coverage and sanitizers: the fuzzers are not there\n  {}\n",
                 how_to_build_fuzzers());
  }
  return fuzz_natively(options, *seed);
}

void add_common(CLI::App& command, FuzzOptions& options) {
  command
      .add_option("--target", options.target,
                  "What is fuzzed: a name of `tcpspec targets`, FILE.so, a target's YAML file, or mutant:NAME")
      ->capture_default_str()
      ->envname("TCPSPEC_TARGET");
  command.add_option("--known", options.known, "What is no news (fuzz/known.yaml says how it is written)")
      ->type_name("FILE");
  command.add_option("--compare", options.compare, "With the reference stack, too")
      ->check(CLI::IsMember({"exact", "quiescent"}));
  command.add_option("--findings", options.findings, "Folder for what is found")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_option("--suites", options.suite.suites, "Folder of the suites")
      ->type_name("DIR")
      ->envname("TCPSPEC_SUITES");
}

}  // namespace

bool fuzz_interrupted() {
  return g_interrupt.load() != 0;
}

int fuzz_fails(int code, const std::string& what, const std::string& hint) {
  if (!what.empty()) fmt::print(stderr, "tcpspec: {}\n", what);
  if (!hint.empty()) fmt::print(stderr, "  {}\n", hint);
  return code;
}

std::expected<fuzz::SessionOptions, int> session_options(const FuzzOptions& options) {
  fuzz::SessionOptions session;
  if (options.compare == "exact") session.comparison = fuzz::Comparison::exact;
  if (options.compare == "quiescent") session.comparison = fuzz::Comparison::quiescent;
  if (options.known.empty()) return session;
  auto known = fuzz::load_known(options.known);
  if (!known) {
    print(known.error());
    return std::unexpected(kUsage);
  }
  session.known = std::move(*known);
  return session;
}

std::expected<OpenedSession, int> open_session(const FuzzOptions& options) {
  auto settings = session_options(options);
  if (!settings) return std::unexpected(settings.error());
  auto choice = find_target(options.target, suites_folder(options.suite));
  if (!choice) return std::unexpected(choice.error());
  // Below what a test gets: a play takes milliseconds, and minimising something that hangs waits often.
  if (!choice->file.hang_after) choice->file.hang_after = std::chrono::seconds(1);
  auto target = open_target(*choice);
  if (!target)
    return std::unexpected(
        fuzz_fails(kEnvironment, fmt::format("the target `{}` cannot start: {}", options.target, target.error().what),
                   target.error().hint));
  // A comparison waits behind each stimulus until delayed acknowledgments have come.
  if (settings->comparison) settings->longest_pause = std::chrono::milliseconds(600);
  if (options.target != "reference" && (*target)->description().clock == target::Description::Clock::simulated)
    settings->most_pauses = fuzz::pauses_of_ticking_clocks;
  std::unique_ptr<target::Target> reference;
  if (settings->comparison) reference = target::open_reference_target();
  auto session = std::make_unique<fuzz::Session>(std::move(*target), std::move(reference), std::move(*settings));
  return OpenedSession{std::move(*choice), std::move(session)};
}

std::expected<std::vector<fuzz::Program>, int> suite_programs(const FuzzOptions& options) {
  if (options.from_nothing) return {};
  auto chosen = choose(options.suite);
  if (!chosen) return std::unexpected(chosen.error());
  constexpr std::size_t most_octets = 4096;  // as libFuzzer's -max_len
  std::vector<fuzz::Program> programs;
  std::set<std::string> seen;
  for (const auto* test : (*chosen)->tests) {
    if (!seen.insert(test->base_id).second) continue;
    auto program = fuzz::compile(*test, {});
    if (program && fuzz::encode(*program).size() <= most_octets) programs.push_back(std::move(*program));
  }
  return programs;
}

bool write_reached(const std::string& path, const std::string& json) {
  if (path.empty()) return true;
  std::ofstream file(path);
  file << json << '\n';
  file.close();
  if (file) return true;
  fuzz_fails(kEnvironment, fmt::format("`--reached {}` cannot be written", path));
  return false;
}

FoundLine line_of(const fuzz::Finding& finding, const std::string& folder) {
  return {finding.id(), std::string(to_string(finding.suspicion.oracle)), finding.suspicion.place, folder,
          finding.program.steps.size()};
}

Action add_fuzz(CLI::App& app) {
  auto* command = app.add_subcommand("fuzz", "Look for programs that make a target crash, hang, or break a rule");
  command->footer(
      "Exit codes: 0 nothing was found, 77 something was, and its folder is named.\n"
      "Example: tcpspec fuzz --target my-stack.yaml --time 5m --corpus out/corpus");
  auto options = std::make_shared<FuzzOptions>();
  add_common(*command, *options);
  auto* time = command
                   ->add_option_function<std::string>(
                       "--time",
                       [options](const std::string& text) {
                         if (const auto wrong = parse_time(text, options->time); !wrong.empty())
                           throw CLI::ValidationError("--time", wrong);
                       },
                       "How long: 90s, 5m, 4h (default: until Ctrl-C)")
                   ->type_name("TIME");
  command->add_option("--inputs", options->inputs, "So many programs instead")
      ->check(CLI::PositiveNumber)
      ->excludes(time);
  command->add_option("--seed", options->seed, "Seed of all chance (default: random, and printed)");
  command->add_option("--corpus", options->corpus, "Folder of programs to begin with, where new ones are kept")
      ->type_name("DIR");
  command->add_flag("--from-nothing", options->from_nothing, "Begin without the programs that the suites' tests are");
  command->add_flag("--stop-at-first", options->stop_at_first, "End at the first finding");
  command->add_option("--reached", options->reached, "Write how often each event met each state")->type_name("FILE");
  command
      ->add_option("--engine", options->engine,
                   "libfuzzer: with instrumentation, where it was built; native: guided by the target's answers")
      ->check(CLI::IsMember({"auto", "libfuzzer", "native"}))
      ->capture_default_str();
  command->add_flag("--quiet,-q", options->quiet, "Only findings and the summary");
  command->require_subcommand(0, 1);

  auto* replay = command->add_subcommand("replay", "Whether findings, or programs, still show something");
  replay->add_option("programs", options->programs, "Folders of findings, or programs")->required()->type_name("FILE");
  replay->footer(
      "Exit codes: 0 they show nothing any more, 77 one still does.\nExample: tcpspec fuzz replay out/findings/*");
  auto* minimize = command->add_subcommand("minimize", "Make a program as short as it can be, and a finding of it");
  minimize->add_option("program", options->programs, "What a fuzzer left behind")
      ->required()
      ->expected(1)
      ->type_name("FILE");
  minimize->footer("Example: tcpspec fuzz minimize crash-1f0c --target my-stack.yaml");
  replay->fallthrough();
  minimize->fallthrough();
  return [=] {
    if (!command->parsed()) return -1;
    // Targets die by the hundred here: their memory is not to be written to the disk each time.
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (replay->parsed()) return replay_programs(*options);
    if (minimize->parsed()) return minimize_program(*options);
    return fuzz(*options);
  };
}

}  // namespace tcpspec::cli
