// `run`: plays tests against a target, judges, reports.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <random>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/output.hh"
#include "cli/suites.hh"
#include "cli/targets.hh"
#include "runner/baseline.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"

namespace tcpspec::cli {

namespace {

struct RunOptions {
  SuiteOptions suite;
  std::string target;  // empty: this machine's kernel, or the reference stack where that may not be tested
  int jobs = 256;
  std::string seed;
  int repeat = 1;
  bool fail_fast = false;
  double time_scale = 1.0;
  bool no_baseline = false;
  std::string baseline;
  std::vector<std::string> reports;
  std::string out = "out";
  bool verbose = false;
  bool quiet = false;
  std::string command;
};

std::atomic<int> g_interrupt{0};

// The first Ctrl-C ends the run in order; the second ends the program.
void on_signal(int number) {
  g_interrupt.store(number);
  std::signal(number, SIG_DFL);
}

std::optional<std::uint64_t> parse_seed(const std::string& text) {
  try {
    std::size_t used = 0;
    const auto value = std::stoull(text, &used, 0);
    if (used == text.size()) return value;
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return std::nullopt;
}

std::string host_words() {
  utsname name{};
  uname(&name);
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

// One run, from opened target to exit code.
class RunCommand {
 public:
  RunCommand(const RunOptions& options, const Chosen& chosen, target::Target& target, std::uint64_t seed,
             runner::Baseline baseline)
      : options_(options),
        chosen_(chosen),
        target_(target),
        seed_(seed),
        baseline_(std::move(baseline)),
        screen_(options.verbose, options.quiet) {}

  int run() {
    describe();
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    const auto began = std::chrono::steady_clock::now();
    runner::ScheduleOptions schedule;
    schedule.jobs = options_.jobs;
    schedule.seed = seed_;
    schedule.repeat = options_.repeat;
    schedule.time_scale = options_.time_scale;
    if (options_.fail_fast) schedule.stop = runner::ScheduleOptions::Stop::at_first_deviation;
    const auto ending = runner::play_all(
        chosen_.tests, chosen_.loaded.catalogue, target_, schedule, g_interrupt,
        [this](runner::Played&& played) { take(std::move(played)); },
        [this](std::size_t done, std::size_t in_flight, std::size_t waiting) {
          screen_.progress(done, in_flight, waiting, unexpected_);
        });
    screen_.end_progress();
    run_.duration_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - began).count();
    run_.interrupted = ending != runner::Ending::complete;
    return conclude(ending);
  }

 private:
  void describe() {
    run_.tool_version = TCPSPEC_VERSION;
    run_.command = options_.command;
    run_.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    run_.host = host_words();
    run_.clock = target_.description().clock == target::Description::Clock::real ? "real" : "simulated";
    run_.seed = seed_;
    run_.time_scale = options_.time_scale;
    run_.jobs = options_.jobs;
    run_.suite_hash = chosen_.loaded.hash;
    run_.catalogue = chosen_.loaded.catalogue.all();
    screen_.begin(chosen_.tests.size() * static_cast<std::size_t>(options_.repeat), target_.description(), seed_);
  }

  void take(runner::Played&& played) {
    auto rerun = fmt::format(" --target {} --seed {:#x} -v", options_.target, seed_);
    if (!options_.suite.suites.empty()) rerun += fmt::format(" --suites {}", options_.suite.suites);
    const auto files = chosen_.from_files ? played.test->where.file->path + " " : std::string();
    auto result = runner::to_result(played, {chosen_.loaded.catalogue, options_.target, rerun, files});
    runner::apply_baseline(baseline_, target_.description().version, result);
    const bool good = result.verdict <= reports::Verdict::unsupported;
    if (result.overlay == reports::Overlay::unexpected) ++unexpected_;
    if (!good && !played.outcome.trace.empty()) {
      const auto capture = runner::to_pcapng(played, result);
      result.capture_bytes.assign(reinterpret_cast<const std::uint8_t*>(capture.data()),
                                  reinterpret_cast<const std::uint8_t*>(capture.data()) + capture.size());
      if (const auto written = write_capture(options_.out, result.id, capture))
        result.capture = *written;
      else
        write_failed_ = true;
    }
    screen_.result(result, chosen_.loaded.catalogue.all(), target_.description().version);
    run_.tests.push_back(std::move(result));
  }

  int conclude(runner::Ending ending) {
    sort_as_selected();
    const auto& description = target_.description();
    run_.targets.push_back({options_.target,
                            description.version,
                            {description.capabilities.begin(), description.capabilities.end()},
                            description.provenance});
    screen_.summary(run_);
    for (const auto& report : options_.reports)
      if (!write_report(report, run_)) write_failed_ = true;
    if (ending == runner::Ending::interrupted) {
      fmt::print(stderr, "tcpspec: interrupted; {} of {} tests had finished, and their results were written\n",
                 run_.tests.size(), chosen_.tests.size() * static_cast<std::size_t>(options_.repeat));
      return kInterrupted;
    }
    if (write_failed_) return kEnvironment;
    const bool refused = std::any_of(run_.tests.begin(), run_.tests.end(),
                                     [](const auto& test) { return test.verdict == reports::Verdict::error; });
    if (refused) return kEnvironment;
    return unexpected_ > 0 ? kUnexpected : kAsExpected;
  }

  // Tests end in the order of their timers; a report reads in the order of the suites.
  void sort_as_selected() {
    std::map<std::string, std::size_t> rank;
    for (const auto* test : chosen_.tests) rank.emplace(test->id, rank.size());
    const auto rank_of = [&](const reports::TestResult& result) {
      return rank[result.id.substr(0, result.id.find('#'))];
    };
    std::stable_sort(run_.tests.begin(), run_.tests.end(), [&](const auto& a, const auto& b) {
      return std::pair(rank_of(a), a.id.size()) < std::pair(rank_of(b), b.id.size());
    });
  }

  const RunOptions& options_;
  const Chosen& chosen_;
  target::Target& target_;
  std::uint64_t seed_;
  runner::Baseline baseline_;
  Screen screen_;
  reports::Run run_;
  std::size_t unexpected_ = 0;
  bool write_failed_ = false;
};

// The target that was asked for; or the kernel, and where that is not allowed the stack that
// needs nothing, with a word about it.
std::unique_ptr<target::Target> open_chosen(std::string& name) {
  const bool asked = !name.empty();
  if (!asked) name = "linux";
  auto opened = open_target(name);
  if (opened) return std::move(*opened);
  fmt::print(stderr, "tcpspec: the target `{}` cannot start: {}\n  {}\n", name, opened.error().what,
             opened.error().hint);
  if (asked) return nullptr;
  name = "reference";
  fmt::print(stderr, "  playing against `reference`, the stack of tcpspec, instead\n");
  auto substitute = open_target(name);
  return substitute ? std::move(*substitute) : nullptr;
}

std::expected<runner::Baseline, int> choose_baseline(const RunOptions& options) {
  if (options.no_baseline) return runner::Baseline{};
  // The kernel's deviations do not depend on the link that shows them.
  const auto name = options.target.starts_with("linux") ? std::string("linux") : options.target;
  const auto path = options.baseline.empty() ? fmt::format("{}/baselines/{}.yaml", suites_folder(options.suite), name)
                                             : options.baseline;
  auto loaded = runner::load_baseline(path);
  if (!loaded) {
    print(loaded.error());
    return std::unexpected(kUsage);
  }
  for (auto& entry : loaded->entries)
    if (entry.target == name) entry.target = options.target;
  return std::move(*loaded);
}

int run(RunOptions options) {
  if (!options.target.empty() && !is_target(options.target)) {
    fmt::print(stderr, "tcpspec: unknown target `{}`\n  one of: {}\n", options.target, target_names());
    return kUsage;
  }
  for (const auto& report : options.reports)
    if (!is_report(report)) {
      fmt::print(stderr, "tcpspec: `--report {}` is not FORMAT=FILE\n  formats: {}\n", report, report_formats());
      return kUsage;
    }
  std::uint64_t seed = 0;
  if (options.seed.empty())
    seed = std::random_device{}() & 0xffffffu;
  else if (const auto parsed = parse_seed(options.seed))
    seed = *parsed;
  else {
    fmt::print(stderr, "tcpspec: `--seed {}` is not a number\n  decimal, or hexadecimal as 0x5f31\n", options.seed);
    return kUsage;
  }
  const auto chosen = choose(options.suite);
  if (!chosen) return chosen.error();
  auto target = open_chosen(options.target);
  if (!target) return kEnvironment;
  auto baseline = choose_baseline(options);
  if (!baseline) return baseline.error();
  return RunCommand(options, **chosen, *target, seed, std::move(*baseline)).run();
}

}  // namespace

Action add_run(CLI::App& app) {
  auto* command = app.add_subcommand("run", "Play tests against a target, judge every answer, and report");
  command->footer(
      "Example: tcpspec run 'handshake/*' --target linux --report html=report.html --report junit=junit.xml");
  auto options = std::make_shared<RunOptions>();
  add_suite_options(*command, options->suite);
  command
      ->add_option("--target", options->target,
                   "The implementation under test (default: linux, or reference where linux cannot start)")
      ->envname("TCPSPEC_TARGET");
  command->add_option("--jobs,-j", options->jobs, "Tests in flight at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str()
      ->envname("TCPSPEC_JOBS");
  command->add_option("--seed", options->seed, "Seed of ports, ISSs and the like (default: random, and printed)")
      ->envname("TCPSPEC_SEED");
  command->add_option("--repeat", options->repeat, "Play each test so many times")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--fail-fast", options->fail_fast, "Stop at the first deviation");
  command->add_option("--time-scale", options->time_scale, "Stretch deadlines and tolerances on slow machines")
      ->check(CLI::Range(0.1, 100.0))
      ->capture_default_str()
      ->envname("TCPSPEC_TIME_SCALE");
  command
      ->add_option("--baseline", options->baseline,
                   "File of known deviations (default: baselines/TARGET.yaml beside the suites)")
      ->type_name("FILE");
  command->add_flag("--no-baseline", options->no_baseline, "Show the bare truth: no deviation is expected");
  command->add_option("--report", options->reports, "Write a report (repeatable): html=FILE, json=FILE, junit=FILE")
      ->type_name("FORMAT=FILE")
      ->envname("TCPSPEC_REPORT");
  command->add_option("--out", options->out, "Folder for captures of tests that deviate")
      ->type_name("DIR")
      ->capture_default_str()
      ->envname("TCPSPEC_OUT");
  command->add_flag("--verbose,-v", options->verbose, "Every test with its whole conversation");
  command->add_flag("--quiet,-q", options->quiet, "Only what is unexpected, and the summary");
  return [command, options, &app] {
    if (!command->parsed()) return -1;
    options->command = "tcpspec";
    for (const auto& word : command_line()) options->command += " " + word;
    return run(*options);
  };
}

}  // namespace tcpspec::cli
