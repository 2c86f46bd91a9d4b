// tcpspec_mutants: switches on one classic mistake after the other in the reference stack,
// and shows which test catches it.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mutants/playing.hh"
#include "mutants/trial.hh"
#include "reference/mutants.hh"
#include "runner/selection.hh"
#include "runner/target_file.hh"

namespace {

using namespace tcpspec::mutants;  // NOLINT(google-build-using-namespace): a program of one file
using namespace std::chrono_literals;
using tcpspec::runner::TargetFile;

enum ExitCode : int { kAllCaught = 0, kNotAll = 1, kUsage = 2, kInternal = 5 };

struct Options {
  std::vector<std::string> names;
  bool list = false;
  bool all = false;
  int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string seed = "1";
  std::string suites = TCPSPEC_SUITES_FOLDER;
};

std::chrono::nanoseconds processor_time_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::chrono::seconds(usage.ru_utime.tv_sec) + std::chrono::microseconds(usage.ru_utime.tv_usec);
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

// Those that were named, or all that suites must see (a list has the others too); complains about
// a name that none has.
std::optional<std::vector<const Description*>> choose(const Options& options) {
  const auto& names = options.names;
  const auto known = tcpspec::reference::mutants::all();
  std::vector<const Description*> chosen;
  for (const auto& one : known)
    if (names.empty() ? options.list || one.kind == Kind::semantic : std::ranges::find(names, one.name) != names.end())
      chosen.push_back(&one);
  for (const auto& name : names) {
    if (std::ranges::find(known, name, &Description::name) != known.end()) continue;
    fmt::print(stderr, "tcpspec_mutants: there is no mutant `{}`\n  `tcpspec_mutants --list` shows all\n", name);
    return std::nullopt;
  }
  return chosen;
}

// "handshake/passive-open", and the invariant that fired there.
std::string caught_by(const Trial& trial, const Playing& playing) {
  if (const auto* evidence = trial.evidence()) {
    const auto& id = playing.id(evidence->test);
    return evidence->invariant.empty() ? id : fmt::format("{} (invariant {})", id, evidence->invariant);
  }
  return trial.death.empty() ? "-" : playing.id(trial.died_in);
}

std::string verdict_of(const Trial& trial) {
  if (const auto* evidence = trial.evidence()) return std::string(word_for(evidence->verdict));
  return trial.death.empty() ? "SURVIVED" : trial.death;
}

class Table {
 public:
  Table(const Playing& playing, const std::vector<const Description*>& mutants) : playing_(playing) {
    for (const auto* mutant : mutants) width_ = std::max(width_, mutant->name.size());
    row("mutant", "caught by", "verdict", "about");
    fmt::print("|{:-<{}}|{:-<{}}|{:-<{}}|{:-<7}|\n", "", width_ + 2, "", kCaughtBy + 2, "", kVerdict + 2, "");
  }
  void add(const Trial& trial) const {
    row(trial.mutant->name, caught_by(trial, playing_), verdict_of(trial), trial.mutant->about);
    std::fflush(stdout);
  }

 private:
  static constexpr std::size_t kCaughtBy = 60, kVerdict = 18;
  void row(std::string_view name, std::string_view by, std::string_view verdict, std::string_view about) const {
    fmt::print("| {:<{}} | {:<{}} | {:<{}} | {} |\n", name, width_, by, kCaughtBy, verdict, kVerdict, about);
  }
  const Playing& playing_;
  std::size_t width_ = 6;
};

void show_all_deviations(const Trial& trial, const Playing& playing) {
  fmt::print("{}: {} deviations\n", trial.mutant->name, trial.deviations.size());
  for (const auto& deviation : trial.deviations)
    fmt::print("  {:<12} {}{}\n", word_for(deviation.verdict), playing.id(deviation.test),
               deviation.invariant.empty() ? "" : "  invariant " + deviation.invariant);
  if (!trial.death.empty()) fmt::print("  {:<12} {}\n", trial.death, playing.id(trial.died_in));
  std::fflush(stdout);
}

int try_them(const Options& options, Playing& playing, const std::vector<const Description*>& mutants) {
  const auto before = processor_time_used();
  const auto wrong = playing.play_without_mutant(options.suites + "/baselines/reference.yaml");
  const auto used = processor_time_used() - before;
  for (const auto& line : wrong) fmt::print("without any mutant: {}\n", line);

  TrialOptions trial_options;
  trial_options.jobs = options.jobs;
  trial_options.until = options.all ? Playing::Until::end : Playing::Until::first_deviation;
  trial_options.processor_time = std::max(2s, std::chrono::ceil<std::chrono::seconds>(5 * used));
  trial_options.wall_time = 20 * trial_options.processor_time;
  std::optional<Table> table;
  if (!options.all) table.emplace(playing, mutants);
  std::vector<std::string_view> survivors;
  try_all(playing, mutants, trial_options, [&](const Trial& trial) {
    if (!trial.caught()) survivors.push_back(trial.mutant->name);
    if (table)
      table->add(trial);
    else
      show_all_deviations(trial, playing);
  });
  fmt::print("\n{} of {} mutants caught by {} tests, seed {}\n", mutants.size() - survivors.size(), mutants.size(),
             playing.size(), options.seed);
  if (!wrong.empty()) fmt::print("{} results without any mutant are not as expected\n", wrong.size());
  if (!survivors.empty()) fmt::print("survived: {}\n", fmt::join(survivors, ", "));
  return survivors.empty() && wrong.empty() ? kAllCaught : kNotAll;
}

int complain(const tcpspec::script::Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) fmt::print(stderr, "{}", tcpspec::script::to_string(diagnostic));
  return kUsage;
}

// The default ones where the suites have no file of the reference stack.
std::expected<TargetFile, tcpspec::script::Diagnostics> numbers_of_reference(const std::string& folder) {
  const auto path = folder + "/reference.yaml";
  if (std::filesystem::exists(path)) return tcpspec::runner::load_target_file(path, folder);
  auto values = tcpspec::runner::default_values(folder);
  if (!values) return std::unexpected(values.error());
  TargetFile file;
  file.values = std::move(*values);
  return file;
}

int run(const Options& options) {
  const auto mutants = choose(options);
  if (!mutants) return kUsage;
  if (options.list) {
    for (const auto* mutant : *mutants)
      fmt::print("{:<30} {:<8} {}\n", mutant->name, mutant->kind == Kind::unsafe ? "unsafe" : "semantic",
                 mutant->about);
    return kAllCaught;
  }
  const auto seed = parse_seed(options.seed);
  if (!seed) {
    fmt::print(stderr, "tcpspec_mutants: `--seed {}` is not a number\n", options.seed);
    return kUsage;
  }
  const auto numbers = numbers_of_reference(options.suites + "/targets");
  if (!numbers) return complain(numbers.error());
  const auto suites = tcpspec::runner::load_suites({options.suites}, options.suites + "/requirements", numbers->values);
  if (!suites) return complain(suites.error());
  Playing playing(*suites, numbers->declared, *seed);
  return try_them(options, playing, *mutants);
}

int run_program(int argc, char** argv) {
  Options options;
  CLI::App app{"Switches on one named mistake after the other in the reference stack, and shows what catches it.",
               "tcpspec_mutants"};
  app.add_option("mutants", options.names, "Names of mutants (default: all but the unsafe ones)");
  app.add_flag("--list", options.list, "List the mutants, and try none");
  app.add_flag("--all", options.all, "Every test that deviates, and not the first alone");
  app.add_option("--jobs,-j", options.jobs, "Processes at once")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of ports, ISSs and the like")->capture_default_str();
  app.add_option("--suites", options.suites, "Folder of the suites")->type_name("DIR");
  app.footer("Exit codes: 0 all caught, 1 some survived (or a test deviates without any mutant), 2 wrong usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllCaught : kUsage;
  }
  return run(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "tcpspec_mutants: a bug of this program: {}\n", bug.what());
    return kInternal;
  }
}
