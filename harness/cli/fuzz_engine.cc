// libFuzzer as the engine: it ends at each finding, and is started again with what is left.

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/exit_code.hh"
#include "cli/fuzz.hh"
#include "cli/fuzz_child.hh"
#include "fuzz/corpus.hh"

namespace tcpspec::cli {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Gone when it is left.
class Workshop {
 public:
  Workshop() {
    auto name = (fs::temp_directory_path() / "tcpspec-fuzz-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path path() const { return path_; }

 private:
  fs::path path_;
};

std::uint64_t number_behind(std::string_view line, std::string_view word) {
  const auto at = line.find(word);
  if (at == std::string_view::npos) return 0;
  line.remove_prefix(at + word.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::uint64_t number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return number;
}

// What one process of libFuzzer said.
struct Round {
  std::uint64_t inputs = 0, corpus = 0, features = 0;
  std::string finding;     // "invariant: ack-acceptable in ESTABLISHED: ..."
  std::string last_words;  // what it said at the end

  void take(std::string_view line) {
    constexpr std::string_view finding_sign = "finding: ", units = "stat::number_of_executed_units:";
    if (line.starts_with(finding_sign)) finding = line.substr(finding_sign.size());
    if (line.starts_with('#')) {
      inputs = std::max(inputs, number_behind(line, "#"));
      if (line.find(" ft: ") == std::string_view::npos) return;
      features = number_behind(line, " ft: ");
      corpus = number_behind(line, " corp: ");
    }
    if (line.starts_with(units)) inputs = number_behind(line, units);
  }
};

// For a pattern of fuzz/known.hh.
std::string literally(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (std::string_view("*?[\\").find(letter) != std::string_view::npos) out += '\\';
    out += letter;
  }
  return out;
}

class Supervisor {
 public:
  Supervisor(const FuzzOptions& options, const Fuzzers& fuzzers, std::uint64_t seed)
      : options_(options), fuzzers_(fuzzers), seed_(seed), screen_(options.quiet), began_(Clock::now()) {}

  int run() {
    if (const auto wrong = prepare(); wrong) return *wrong;
    screen_.begin(options_.target + " with libFuzzer", seed_, options_);
    std::optional<int> wrong;
    while (!wrong && !over()) wrong = play_round();
    screen_.summary(seed_, tally({}), "features", findings_);
    if (wrong) return *wrong;
    if (!write_heat()) return kEnvironment;
    if (fuzz_interrupted()) return kInterrupted;
    return findings_.empty() ? kAsExpected : kFinding;
  }

 private:
  std::optional<int> prepare() {
    if (workshop_.path().empty()) return fuzz_fails(kEnvironment, "no folder can be made where temporary files lie");
    const auto seeds = suite_programs(options_);
    if (!seeds) return seeds.error();
    if (!options_.corpus.empty())
      if (const auto kept = fuzz::read_programs(options_.corpus); !kept)
        return fuzz_fails(kUsage, "the corpus cannot be read: " + kept.error());
    std::error_code error;
    for (const char* name : {"seeds", "corpus", "artifacts"}) fs::create_directory(workshop_.path() / name, error);
    for (const auto& seed : *seeds)
      if (const auto written = fuzz::write_program(seed, (workshop_.path() / "seeds").string()); !written)
        return fuzz_fails(kEnvironment, written.error());
    auto settings = session_options(options_);
    if (!settings) return settings.error();
    known_ = std::move(settings->known);
    return std::nullopt;
  }

  [[nodiscard]] std::chrono::nanoseconds elapsed() const { return Clock::now() - began_; }
  [[nodiscard]] bool over() const {
    return fuzz_interrupted() || stuck_ || (options_.inputs && inputs_ >= *options_.inputs) ||
           (options_.time && *options_.time - elapsed() < std::chrono::seconds(1)) ||
           (options_.stop_at_first && !findings_.empty());
  }

  [[nodiscard]] fuzz::Tally tally(const Round& round) const {
    fuzz::Tally out;
    out.elapsed = elapsed();
    out.inputs = inputs_ + round.inputs;
    out.corpus = std::max(corpus_, round.corpus);
    out.transitions = std::max(features_, round.features);
    out.findings = findings_.size();
    return out;
  }

  [[nodiscard]] std::vector<std::string> command() const {
    const auto folder = [this](const char* name) { return (workshop_.path() / name).string(); };
    std::vector<std::string> words = {
        fuzzers_.program,       fmt::format("-seed={}", 1 + (seed_ + rounds_) % 0xffffffU),
        "-entropic=0",          "-use_counters=0",
        "-print_funcs=0",       "-timeout=5",
        "-timeout_exitcode=77", "-max_len=4096",
        "-reduce_inputs=0",     "-reload=30",
        "-print_final_stats=1", "-artifact_prefix=" + folder("artifacts") + "/"};
    if (options_.inputs) words.push_back(fmt::format("-runs={}", *options_.inputs - inputs_));
    if (options_.time)
      words.push_back(fmt::format(
          "-max_total_time={}", std::chrono::duration_cast<std::chrono::seconds>(*options_.time - elapsed()).count()));
    words.push_back(options_.corpus.empty() ? folder("corpus") : options_.corpus);
    words.push_back(folder("seeds"));
    return words;
  }

  std::optional<int> play_round() {
    Round round;
    auto environment = fuzzers_.environment;
    environment.push_back("TCPSPEC_FUZZ_REACHED=" + heat_file());
    if (!silenced_.empty()) environment.push_back("TCPSPEC_FUZZ_KNOWN=" + known_file());
    const auto words = command();
    const auto ended = run_fuzzer(words, environment,
                                  {.line = [&](std::string_view line) { round.take(line); },
                                   .tick = [&] { screen_.status(tally(round), "features"); }});
    round.last_words = last_lines(ended.err, 60);
    ++rounds_;
    inputs_ += round.inputs;
    corpus_ = std::max(corpus_, round.corpus);
    features_ = std::max(features_, round.features);
    add_heat();
    const auto artifacts = new_artifacts();
    if (!artifacts.empty()) return take_artifact(artifacts.front(), round);
    if (ended.code == 0 || fuzz_interrupted()) {
      // All inputs that it may make were made, or the time was over.
      if (round.inputs == 0) stuck_ = true;
      return std::nullopt;
    }
    return fuzz_fails(kEnvironment, fmt::format("{} ended with exit code {}", fuzzers_.program, ended.code),
                      last_lines(ended.err));
  }

  // slow-unit-... is none.
  [[nodiscard]] std::vector<std::string> new_artifacts() const {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(workshop_.path() / "artifacts", error)) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("crash-") || name.starts_with("timeout-") || name.starts_with("oom-"))
        out.push_back(entry.path().string());
    }
    std::ranges::sort(out);
    return out;
  }

  std::optional<int> take_artifact(const std::string& artifact, const Round& round) {
    const auto silenced = silenced_.size();
    if (is_silenced(round.finding)) return forget(artifact, round, silenced, patience);
    auto fuzzers = fuzzers_;
    fuzzers.environment.push_back("TCPSPEC_FUZZ_KNOWN=" + known_file());
    const auto investigated = investigate_by(fuzzers, artifact, options_.findings);
    if (investigated && *investigated && (*investigated)->known)
      return forget(artifact, round, silenced, patience_with_known);
    // Ctrl-C ends the investigation, too; what it was about is kept.
    const bool cut_short = !investigated && fuzz_interrupted();
    if (!investigated && !cut_short)
      return fuzz_fails(kEnvironment, "the finding could not be looked into: " + investigated.error());
    const auto found = !cut_short && *investigated ? **investigated : keep_as_it_is(artifact, round);
    if (found.folder.empty())
      return fuzz_fails(kEnvironment, "the finding could not be written to " + options_.findings);
    if (ids_.insert(found.id).second) {
      findings_.push_back(found);
      screen_.found(found);
    }
    if (!cut_short && *investigated) silenced_.emplace(found.oracle, found.place);
    return forget(artifact, round, silenced, patience);
  }

  std::optional<int> forget(const std::string& artifact, const Round& round, std::size_t silenced, int rounds) {
    // What kills the process cannot be skipped: what it began with is left out, and another seed may get around it.
    const bool was_a_seed = leave_out(artifact);
    std::error_code ignored;
    fs::remove(artifact, ignored);
    const bool progress = silenced_.size() > silenced || was_a_seed || round.inputs > hardly_any;
    hardly_moved_ = progress ? 0 : hardly_moved_ + 1;
    if (hardly_moved_ < rounds) return std::nullopt;
    stuck_ = true;
    screen_.note(fmt::format(
        "a finding that cannot be skipped ends it at once, with {} seeds: it is to be mended first", rounds));
    return std::nullopt;
  }

  // Of what the next process begins with. The user's own corpus is his.
  [[nodiscard]] bool leave_out(const std::string& artifact) const {
    const auto octets = octets_of(artifact);
    bool found = false;
    for (const char* folder : {"seeds", "corpus"}) {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(workshop_.path() / folder, error)) {
        if (octets_of(entry.path()) != octets) continue;
        std::error_code ignored;
        found = fs::remove(entry.path(), ignored) || found;
      }
    }
    return found;
  }
  static std::string octets_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Oracles do not tell again what is known; one that does would have no end.
  [[nodiscard]] bool is_silenced(const std::string& finding) const {
    return std::ranges::any_of(silenced_, [&](const auto& told) {
      return finding.starts_with(fmt::format("{}: {}: ", told.first, told.second));
    });
  }

  // What is known, and what was told in this run.
  std::string known_file() const {
    nlohmann::ordered_json json;
    json["about"] = "What this run has told.";
    json["equivalences"] = nlohmann::json::array();
    json["findings"] = nlohmann::json::array();
    for (const auto& one : known_.equivalences)
      json["equivalences"].push_back(filled({{"id", one.id},
                                             {"reason", one.reason},
                                             {"target", one.target},
                                             {"aspect", one.aspect},
                                             {"state", one.state},
                                             {"event", one.event},
                                             {"segment", one.segment},
                                             {"call", one.call},
                                             {"reference", one.reference},
                                             {"other", one.other},
                                             {"then", one.goes_on ? "continue" : ""}}));
    for (const auto& one : known_.findings)
      json["findings"].push_back(filled({{"id", one.id},
                                         {"reason", one.reason},
                                         {"target", one.target},
                                         {"oracle", one.oracle},
                                         {"place", one.place}}));
    for (const auto& [oracle, place] : silenced_)
      json["findings"].push_back({{"id", oracle}, {"reason", "told"}, {"oracle", oracle}, {"place", literally(place)}});
    const auto path = (workshop_.path() / "known.yaml").string();
    std::ofstream(path) << json.dump(1) << '\n';
    return path;
  }
  static nlohmann::ordered_json filled(const std::vector<std::pair<const char*, std::string>>& fields) {
    nlohmann::ordered_json out;
    for (const auto& [key, value] : fields)
      if (!value.empty()) out[key] = value;
    return out;
  }

  // What libFuzzer saw and nobody could see again: too much memory, or time, at that moment; or what hangs on what
  // was played before. Its last words are all that there is.
  FoundLine keep_as_it_is(const std::string& artifact, const Round& round) const {
    const auto name = fs::path(artifact).filename().string();
    const auto folder = fs::path(options_.findings) / name;
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) fs::copy_file(artifact, folder / "program.bin", fs::copy_options::overwrite_existing, error);
    std::ofstream report(folder / "report.txt");
    report << name << ": it did not show itself again\n\n";
    if (!round.finding.empty()) report << "finding: " << round.finding << "\n\n";
    report << "The last words of the fuzzer:\n\n" << round.last_words << '\n';
    const auto program = fuzz::read_program(artifact);
    auto place = round.finding.empty() ? std::string("it") : fmt::format("`{}`", round.finding);
    return {name, name.substr(0, name.find('-')), place + " did not show itself again",
            error || !report.flush() ? "" : folder.string(), program ? program->steps.size() : 0};
  }

  // ---- the heat map: each process writes its own where it ends in order

  [[nodiscard]] std::string heat_file() const { return (workshop_.path() / "reached.json").string(); }
  void add_heat() {
    std::ifstream file(heat_file());
    const auto json = nlohmann::ordered_json::parse(file, nullptr, false);
    std::error_code ignored;
    fs::remove(heat_file(), ignored);
    if (!json.is_object()) return;
    if (heat_.is_null()) {
      heat_ = json;
      return;
    }
    for (std::size_t row = 0; row < heat_["counts"].size(); ++row)
      for (std::size_t column = 0; column < heat_["counts"][row].size(); ++column)
        heat_["counts"][row][column] =
            heat_["counts"][row][column].get<std::uint64_t>() + json["counts"][row][column].get<std::uint64_t>();
  }
  [[nodiscard]] bool write_heat() const {
    return write_reached(options_.reached, heat_.is_null() ? fuzz::HeatMap().to_json() : heat_.dump());
  }

  static std::string last_lines(std::string words, int most = 4) {
    while (words.ends_with('\n')) words.pop_back();
    auto from = words.size();
    for (int lines = 0; lines < most && from != std::string::npos && from > 0; ++lines)
      from = words.rfind('\n', from - 1);
    return from == std::string::npos ? words : words.substr(from == 0 ? 0 : from + 1);
  }

  // Rounds in a row that hardly move. Who says that a death is known wants to go on behind it.
  static constexpr int patience = 3, patience_with_known = 100;
  static constexpr std::uint64_t hardly_any = 2000;  // inputs, beside those that it begins with

  const FuzzOptions& options_;
  const Fuzzers& fuzzers_;
  std::uint64_t seed_;
  FuzzScreen screen_;
  Clock::time_point began_;
  Workshop workshop_;
  fuzz::Known known_;
  std::set<std::pair<std::string, std::string>> silenced_;  // oracle and place
  std::set<std::string> ids_;
  std::vector<FoundLine> findings_;
  nlohmann::ordered_json heat_;
  std::uint64_t inputs_ = 0, corpus_ = 0, features_ = 0, rounds_ = 0;
  int hardly_moved_ = 0;
  bool stuck_ = false;
};

}  // namespace

int fuzz_by_engine(const FuzzOptions& options, const Fuzzers& fuzzers, std::uint64_t seed) {
  return Supervisor(options, fuzzers, seed).run();
}

}  // namespace tcpspec::cli
