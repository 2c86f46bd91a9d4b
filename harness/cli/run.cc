// `run`: plays tests against a target, judges, reports.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
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
  std::string target;  // words with commas between; empty: this machine's kernel, or the reference stack where that may
                       // not be tested
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

// One run over all its targets, from the first of them to the exit code.
class RunCommand {
 public:
  RunCommand(const RunOptions& options, std::uint64_t seed)
      : options_(options), seed_(seed), screen_(options.verbose, options.quiet) {
    run_.tool_version = TCPSPEC_VERSION;
    run_.command = options_.command;
    run_.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    run_.host = host_words();
    run_.seed = seed_;
    run_.time_scale = options_.time_scale;
    run_.jobs = options_.jobs;
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
  }

  // `rank`: the place of each test in the selection.
  void play(const TargetChoice& choice, const Chosen& chosen, target::Target& target, runner::Baseline baseline) {
    choice_ = &choice;
    chosen_ = &chosen;
    target_ = &target;
    baseline_ = std::move(baseline);
    describe();
    const auto began = std::chrono::steady_clock::now();
    runner::ScheduleOptions schedule;
    schedule.jobs = options_.jobs;
    schedule.seed = seed_;
    schedule.repeat = options_.repeat;
    schedule.time_scale = options_.time_scale;
    schedule.declared = choice.file.declared;
    schedule.surprises = [this](const script::Test& test, engine::Verdict verdict) {
      reports::TestResult result;
      result.id = test.id;
      result.target = choice_->file.name;
      result.verdict = runner::to_report(verdict);
      runner::apply_baseline(baseline_, target_->description().version, result);
      return result.overlay == reports::Overlay::fixed;
    };
    if (options_.fail_fast) schedule.stop = runner::ScheduleOptions::Stop::at_first_deviation;
    const auto ending = runner::play_all(
        chosen.tests, chosen.loaded.catalogue, target, schedule, g_interrupt,
        [this](runner::Played&& played) { take(std::move(played)); },
        [this](std::size_t done, std::size_t in_flight, std::size_t waiting) {
          screen_.progress(done, in_flight, waiting, unexpected_);
        });
    screen_.end_progress();
    run_.duration_ns +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - began).count();
    if (ending != runner::Ending::complete) run_.interrupted = true;
    if (ending == runner::Ending::interrupted) interrupted_ = true;
  }
  // No further target is worth a try.
  [[nodiscard]] bool over() const { return run_.interrupted; }
  // One of several targets could not be had: the results of the others are not lost.
  void miss_target() { target_missing_ = true; }

  int conclude() {
    sort_as_selected();
    screen_.summary(run_);
    for (const auto& report : options_.reports)
      if (!write_report(report, run_)) write_failed_ = true;
    if (interrupted_) {
      fmt::print(stderr, "tcpspec: interrupted; {} of {} tests had finished, and their results were written\n",
                 run_.tests.size(), planned_);
      return kInterrupted;
    }
    if (write_failed_ || target_missing_) return kEnvironment;
    const bool refused = std::any_of(run_.tests.begin(), run_.tests.end(),
                                     [](const auto& test) { return test.verdict == reports::Verdict::error; });
    if (refused) return kEnvironment;
    return unexpected_ > 0 ? kUnexpected : kAsExpected;
  }

 private:
  void describe() {
    const auto& description = target_->description();
    const std::string clock = description.clock == target::Description::Clock::real ? "real" : "simulated";
    if (run_.clock.find(clock) == std::string::npos) run_.clock += (run_.clock.empty() ? "" : ", ") + clock;
    run_.suite_hash = chosen_->loaded.hash;
    run_.catalogue = chosen_->loaded.catalogue.all();
    run_.targets.push_back({choice_->file.name,
                            description.version,
                            {description.capabilities.begin(), description.capabilities.end()},
                            description.provenance});
    for (const auto* test : chosen_->tests) rank_.emplace(test->id, rank_.size());
    const auto tests = chosen_->tests.size() * static_cast<std::size_t>(options_.repeat);
    planned_ += tests;
    screen_.begin(tests, description, seed_);
  }

  void take(runner::Played&& played) {
    const auto& version = target_->description().version;
    auto rerun = fmt::format(" --target {} --seed {:#x} -v", choice_->word, seed_);
    if (!options_.suite.suites.empty()) rerun += fmt::format(" --suites {}", options_.suite.suites);
    const auto files = chosen_->from_files ? played.test->where.file->path + " " : std::string();
    auto result = runner::to_result(played, {chosen_->loaded.catalogue, choice_->file.name, rerun, files});
    runner::apply_baseline(baseline_, version, result);
    const bool good = result.verdict <= reports::Verdict::unsupported;
    if (result.overlay == reports::Overlay::unexpected) ++unexpected_;
    if (!good && !played.outcome.trace.empty()) {
      const auto capture = runner::to_pcapng(played, result);
      result.capture_bytes.assign(reinterpret_cast<const std::uint8_t*>(capture.data()),
                                  reinterpret_cast<const std::uint8_t*>(capture.data()) + capture.size());
      if (const auto written = write_capture(capture_folder(), result.id, capture))
        result.capture = *written;
      else
        write_failed_ = true;
    }
    screen_.result(result, chosen_->loaded.catalogue.all(), version);
    run_.tests.push_back(std::move(result));
  }

  // With several targets each has a folder of its own in it.
  [[nodiscard]] std::string capture_folder() const {
    return target_words(options_.target).size() > 1 ? fmt::format("{}/{}", options_.out, choice_->file.name)
                                                    : options_.out;
  }

  // Tests end in the order of their timers; a report reads in the order of the suites.
  void sort_as_selected() {
    const auto rank_of = [&](const reports::TestResult& result) {
      return rank_[result.id.substr(0, result.id.find('#'))];
    };
    std::stable_sort(run_.tests.begin(), run_.tests.end(), [&](const auto& a, const auto& b) {
      return std::pair(rank_of(a), a.id.size()) < std::pair(rank_of(b), b.id.size());
    });
  }

  const RunOptions& options_;
  std::uint64_t seed_;
  Screen screen_;
  reports::Run run_;
  // Of the target that is played now.
  const TargetChoice* choice_ = nullptr;
  const Chosen* chosen_ = nullptr;
  target::Target* target_ = nullptr;
  runner::Baseline baseline_;
  std::map<std::string, std::size_t> rank_;
  std::size_t planned_ = 0;
  std::size_t unexpected_ = 0;
  bool write_failed_ = false;
  bool target_missing_ = false;
  bool interrupted_ = false;
};

std::expected<runner::Baseline, int> choose_baseline(const RunOptions& options, const TargetChoice& choice) {
  if (options.no_baseline) return runner::Baseline{};
  // The kernel's deviations do not depend on the link that shows them.
  const auto& own = choice.file.name;
  const auto name = choice.built_in && own.starts_with("linux") ? std::string("linux") : own;
  const auto& named = !options.baseline.empty() ? options.baseline : choice.file.baseline;
  std::error_code error;
  if (!named.empty() && !std::filesystem::exists(named, error)) {
    fmt::print(stderr, "tcpspec: the baseline `{}` does not exist\n  {} names it\n", named,
               !options.baseline.empty() ? "`--baseline`" : fmt::format("`baseline:` in {}", choice.file.path));
    return std::unexpected(kUsage);
  }
  const auto path = named.empty() ? fmt::format("{}/baselines/{}.yaml", suites_folder(options.suite), name) : named;
  auto loaded = runner::load_baseline(path);
  if (!loaded) {
    print(loaded.error());
    return std::unexpected(kUsage);
  }
  // Whoever names the baseline of another target for his own has a stack of the same kind.
  const auto& theirs = choice.file.baseline.empty() ? name : loaded->target;
  for (auto& entry : loaded->entries)
    if (entry.target == theirs) entry.target = own;
  return std::move(*loaded);
}

// An entry that names a test that is gone protects nothing. Where only some files were given, a baseline that was not
// speaks of others.
void say_what_matches_nothing(const runner::Baseline& baseline, const std::string& target, const Chosen& chosen,
                              const RunOptions& options) {
  if (chosen.from_files && options.baseline.empty()) return;
  std::vector<std::string> ids;
  for (const auto& suite : chosen.loaded.suites)
    for (const auto& test : suite.tests) ids.push_back(test.id);
  const auto unused = runner::unused_entries(baseline, target, ids);
  if (unused.empty()) return;
  fmt::print(stderr, "tcpspec: {} of {} {} no test: `{}`{}\n",
             unused.size() == 1 ? "an entry" : fmt::format("{} entries", unused.size()), baseline.path,
             unused.size() == 1 ? "matches" : "match", unused.front()->test,
             unused.size() == 1 ? "" : "; `tcpspec lint` shows all");
}

// Prints why, and what to do, where it cannot start.
std::unique_ptr<target::Target> open_or_say(const TargetChoice& choice) {
  auto opened = open_target(choice);
  if (opened) return std::move(*opened);
  fmt::print(stderr, "tcpspec: the target `{}` cannot start: {}\n  {}\n", choice.word, opened.error().what,
             opened.error().hint);
  return nullptr;
}

// Where no target was asked for and the kernel may not be tested, the stack that needs
// nothing stands in, with a word about it.
std::string kernel_or_stand_in(const TargetChoice& kernel) {
  if (open_or_say(kernel)) return kernel.word;
  fmt::print(stderr, "  playing against `reference`, the stack of tcpspec, instead\n");
  return "reference";
}

std::expected<std::uint64_t, int> choose_seed(const std::string& text) {
  if (text.empty()) return std::random_device{}() & 0xffffffu;
  if (const auto parsed = parse_seed(text)) return *parsed;
  fmt::print(stderr, "tcpspec: `--seed {}` is not a number\n  decimal, or hexadecimal as 0x5f31\n", text);
  return std::unexpected(kUsage);
}

// The selected tests, loaded anew only where another target has other numbers.
class ChosenTests {
 public:
  explicit ChosenTests(const SuiteOptions& options) : options_(options) {}
  [[nodiscard]] std::expected<const Chosen*, int> for_target(const TargetChoice& choice) {
    if (chosen_ && values_ == choice.file.values) return chosen_.get();
    auto chosen = choose(options_, choice.file.values);
    if (!chosen) return std::unexpected(chosen.error());
    values_ = choice.file.values;
    chosen_ = std::move(*chosen);
    return chosen_.get();
  }

 private:
  const SuiteOptions& options_;
  script::TargetValues values_;
  std::unique_ptr<Chosen> chosen_;
};

// Everything that can be wrong with the user's words is said before anything is played.
int run(RunOptions options) {
  const auto folder = suites_folder(options.suite);
  std::vector<TargetChoice> choices;
  const auto choose_targets = [&](const std::string& words) -> std::optional<int> {
    choices.clear();
    for (const auto& word : target_words(words)) {
      auto choice = find_target(word, folder);
      if (!choice) return choice.error();
      choices.push_back(std::move(*choice));
    }
    return std::nullopt;
  };
  if (const auto wrong = choose_targets(options.target.empty() ? "linux" : options.target)) return *wrong;
  for (const auto& report : options.reports)
    if (!is_report(report)) {
      fmt::print(stderr, "tcpspec: `--report {}` is not FORMAT=FILE\n  formats: {}\n", report, report_formats());
      return kUsage;
    }
  const auto seed = choose_seed(options.seed);
  if (!seed) return seed.error();
  ChosenTests tests(options.suite);
  for (const auto& choice : choices)
    if (const auto chosen = tests.for_target(choice); !chosen) return chosen.error();
  if (options.target.empty()) {
    options.target = kernel_or_stand_in(choices.front());
    if (const auto wrong = choose_targets(options.target)) return *wrong;
  }

  std::vector<runner::Baseline> baselines;
  for (const auto& choice : choices) {
    auto baseline = choose_baseline(options, choice);
    if (!baseline) return baseline.error();
    baselines.push_back(std::move(*baseline));
  }

  RunCommand command(options, *seed);
  for (const auto& choice : choices) {
    const auto chosen = tests.for_target(choice);
    if (!chosen) return chosen.error();
    auto& baseline = baselines[static_cast<std::size_t>(&choice - choices.data())];
    say_what_matches_nothing(baseline, choice.file.name, **chosen, options);
    const auto target = open_or_say(choice);
    if (!target && choices.size() == 1) return kEnvironment;
    if (target)
      command.play(choice, **chosen, *target, std::move(baseline));
    else
      command.miss_target();
    if (command.over()) break;
  }
  return command.conclude();
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
                   "The implementations under test, with commas between: names of `tcpspec targets`, or paths of an "
                   "adapter or of a target's file (default: linux, or reference where linux cannot start)")
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
