#include "fuzz/finding.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "fuzz/decompile.hh"
#include "fuzz/fixture.hh"
#include "fuzz/minimize.hh"
#include "fuzz/verdict.hh"
#include "oracle/notation.hh"
#include "packet/pcapng.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

namespace fs = std::filesystem;

bool is_death(Oracle oracle) {
  return oracle == Oracle::sanitizer || oracle == Oracle::crash || oracle == Oracle::hang;
}

bool is_same(const std::optional<Suspicion>& found, const Suspicion& wanted) {
  return found && found->oracle == wanted.oracle && found->place == wanted.place;
}

Played play_here(target::Target& target, const Program& program, std::uint64_t seed,
                 Duration longest_pause = PlayOptions{}.longest_pause) {
  PlayOptions options;
  options.seed = seed;
  options.longest_pause = longest_pause;
  auto played = play(program, target, options);
  return played ? std::move(*played) : Played{};
}

Program fixture_alone(const Program& program) {
  auto alone = program;
  alone.steps.clear();
  return alone;
}

// When the step is over that killed it, as far as the clock of the play goes.
Instant end_of(const Played& played) {
  if (played.entries.empty()) return played.started;
  for (auto entry = played.entries.rbegin(); entry != played.entries.rend(); ++entry) {
    if (entry->kind == Entry::Kind::answered || entry->kind == Entry::Kind::completed) continue;
    const auto* pause = std::get_if<Pause>(&played.steps[entry->step].action);
    if (pause != nullptr) return entry->at + pause->length;
    break;
  }
  return played.entries.back().at;
}

// Where the minimised program breaks the invariant. What shows in the probe's steps only is played with them.
void play_breach(Finding& finding, target::Target& target, const Program& as_played, Duration longest_pause) {
  const auto shows = [&](const Program& program) {
    finding.played = play_here(target, program, finding.seed, longest_pause);
    const auto all = suspicions(finding.played);
    const auto found = std::ranges::find_if(all, [&](const Suspicion& one) { return is_same(one, finding.suspicion); });
    if (found != all.end()) finding.suspicion = *found;
    return found != all.end();
  };
  if (shows(as_played)) return;
  finding.probed = shows(with_probe(as_played));
  if (!finding.probed) finding.played = play_here(target, as_played, finding.seed, longest_pause);
}

// Where the minimised program shows the difference: as it is, or only with the probe behind it.
void play_difference(Finding& finding, Session& session, const Program& as_played, Duration longest_pause) {
  const auto reference = target::open_reference_target();
  const auto shows = [&](const Program& program) {
    finding.played = play_here(session.target(), program, finding.seed, longest_pause);
    const auto right = play_here(*reference, program, finding.seed);
    return difference(right, finding.played, *session.options().comparison, session.judge()).has_value();
  };
  if (shows(as_played)) return;
  finding.probed = shows(with_probe(as_played));
  if (!finding.probed) finding.played = play_here(session.target(), as_played, finding.seed, longest_pause);
}

// Of a stack that died: its entries came through the pipe, the rest is known.
Played play_until_death(const Program& program, std::vector<Entry> entries, const Suspicion& death,
                        std::uint64_t seed) {
  using Kind = target::TargetFailure::Kind;
  const auto reference = target::open_reference_target();
  const auto right = play_here(*reference, program, seed);
  auto played = play_here(*reference, fixture_alone(program), seed);
  played.steps.insert(played.steps.end(), program.steps.begin(), program.steps.end());
  if (!entries.empty()) played.started = entries.front().at;
  played.entries = std::move(entries);
  // Where it lives on calls complete, and a test has to expect that.
  const auto last = played.entries.empty() ? 0 : played.entries.back().step;
  for (auto entry : right.entries) {
    const bool told = std::ranges::any_of(played.entries, [&](const Entry& other) {
      return other.kind == Entry::Kind::completed && other.call == entry.call;
    });
    if (entry.kind != Entry::Kind::completed || entry.step != last || told) continue;
    entry.at += played.started - right.started;
    played.entries.push_back(std::move(entry));
  }
  played.failure = target::TargetFailure{0, death.oracle == Oracle::hang ? Kind::hang : Kind::crash, death.what};
  played.ended = end_of(played);
  return played;
}

// Whether it was the probe behind the program that killed it.
bool died_of_probe(const Program& program, const std::vector<Entry>& entries) {
  return !entries.empty() &&
         entries.back().step >= steps_of(program.fixture, program.family).size() + program.steps.size();
}

Duration processor_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// While a hang is minimised each trial that shows it takes all of the patience: no more than a sound stack could
// ever need for the whole program.
Duration patience_for_trials(const Program& program, std::uint64_t seed, Duration longest) {
  const auto reference = target::open_reference_target();
  (void)play_here(*reference, with_probe(program), seed);  // the first play is slower
  const auto began = processor_time();
  (void)play_here(*reference, with_probe(program), seed);
  constexpr Duration least = std::chrono::milliseconds(50);  // of which a new process needs a part
  return std::min(std::max(100 * (processor_time() - began), least), longest);
}

// A test says what called the flood forth; the flood itself no test could hold.
Played before_flood(const Played& played) {
  auto out = played;
  auto& entries = out.entries;
  while (!entries.empty() && entries.back().kind == Entry::Kind::answered) entries.pop_back();
  return out;
}

std::size_t begin_of(const Played& played, std::uint32_t step) {
  const auto found = std::ranges::find_if(played.entries, [step](const Entry& entry) { return entry.step >= step; });
  return static_cast<std::size_t>(found - played.entries.begin());
}

std::string tell(const Finding& finding, const Session& session) {
  Telling telling;
  telling.suite = "findings";
  telling.id = finding.id();
  telling.about = fmt::format("{}.", finding.suspicion.what);
  telling.level = script::Level::must;
  telling.seed = finding.seed;
  telling.comments = {fmt::format("Found by fuzzing {} {}: {}: {}.", finding.target, finding.version,
                                  to_string(finding.suspicion.oracle), finding.suspicion.place)};
  if (!finding.suspicion.reference.empty()) telling.comments.push_back(finding.suspicion.reference);
  telling.alive = finding.suspicion.oracle == Oracle::liveness;
  Program program = finding.program;
  if (session.options().comparison == Comparison::quiescent) program = at_rest(program);
  if (finding.probed) program = with_probe(std::move(program));
  if (finding.suspicion.oracle == Oracle::flood) return to_yaml(program, before_flood(finding.played), telling);
  const auto& played = finding.played;
  const bool breach = finding.suspicion.oracle == Oracle::invariant && finding.suspicion.entry < played.entries.size();
  if (!breach && finding.suspicion.oracle != Oracle::difference) return to_yaml(program, played, telling);
  const auto reference = target::open_reference_target();
  const auto right = play_here(*reference, program, finding.seed);
  if (breach) {
    // What broke the invariant is nothing to expect: from its step on it is the reference stack's answers.
    const auto step = played.entries[finding.suspicion.entry].step;
    telling.parting = Telling::Parting{
        .other = &right, .entry = begin_of(played, step), .others_entry = begin_of(right, step), .until = step};
    return to_yaml(program, played, telling);
  }
  const auto found = difference(right, played, *session.options().comparison, session.judge());
  if (!found) return to_yaml(program, played, telling);
  const bool rests = session.options().comparison == Comparison::quiescent;
  telling.parting = Telling::Parting{.other = &right,
                                     .entry = found->other_entry,
                                     .others_entry = found->reference_entry,
                                     // The rest behind the stimulus, where delayed answers come.
                                     .until = static_cast<std::uint32_t>(found->step) + (rests ? 1U : 0U),
                                     .windows = found->aspect == "answer",
                                     .options = found->aspect == "answer" || found->aspect == "negotiated",
                                     .at_once = !rests};
  return to_yaml(program, finding.played, telling);
}

// Of engine::Verdict.
constexpr std::array<std::string_view, 9> names_of_verdicts = {"pass", "info",  "unsupported", "warn", "inconclusive",
                                                               "fail", "crash", "hang",        "error"};

std::string word(std::expected<int, Death> verdict) {
  if (!verdict) return verdict.error() == Death::hang ? "hang" : "crash";
  // 0 is a pass, 1 would be a sanitizer's end.
  const auto index = static_cast<std::size_t>(*verdict == 0 ? 0 : *verdict - 1);
  return index < names_of_verdicts.size() ? std::string(names_of_verdicts[index]) : "error";
}

std::string verdict_isolated(const std::string& yaml, target::Target& target, std::uint64_t seed, Duration patience) {
  return word(run_isolated(
      [&] {
        const auto verdict = static_cast<int>(verdict_of(yaml, target, seed));
        return verdict == 0 ? 0 : verdict + 1;
      },
      patience));
}

packet::Bytes capture_of(const Finding& finding) {
  packet::PcapngWriter writer("tcpspec fuzz", finding.suspicion.what);
  for (std::size_t i = 0; i < finding.played.entries.size(); ++i) {
    const auto& entry = finding.played.entries[i];
    if (entry.datagram.empty()) continue;
    const auto direction =
        entry.kind == Entry::Kind::sent ? packet::Direction::to_target : packet::Direction::from_target;
    writer.add(entry.at - finding.played.started, direction, entry.datagram,
               i == finding.suspicion.entry ? finding.suspicion.what : "");
  }
  return writer.bytes();
}

bool put(const fs::path& path, std::string_view octets) {
  std::ofstream file(path, std::ios::binary);
  file << octets;
  file.close();
  return file.good();
}
bool put(const fs::path& path, BytesView octets) {
  return put(path, std::string_view(reinterpret_cast<const char*>(octets.data()), octets.size()));
}

}  // namespace

std::string Finding::id() const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char letter : suspicion.place) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
  return fmt::format("{}-{:08x}", to_string(suspicion.oracle), static_cast<std::uint32_t>(hash >> 16));
}

std::size_t FindingOptions::most_trials_of(Oracle oracle) const {
  if (oracle == Oracle::hang) return most_trials_of_hangs;
  return oracle == Oracle::flood ? most_trials_of_floods : most_trials;
}

std::optional<Finding> investigate(Session& session, const Program& program, const FindingOptions& options) {
  const auto first = examine_isolated(session, program, Record::none, options.patience);
  if (!first.suspicion) return std::nullopt;
  Finding finding;
  finding.suspicion = *first.suspicion;
  finding.target = session.description().name;
  finding.version = session.description().version;
  finding.seed = session.options().seed;
  const auto minimized = [&](Duration patience) {
    const StillShows shows = [&](const Program& candidate) {
      return is_same(examine_isolated(session, candidate, Record::none, patience).suspicion, finding.suspicion);
    };
    return minimize(session.playable(program), shows, options.most_trials_of(finding.suspicion.oracle));
  };
  const bool hangs = finding.suspicion.oracle == Oracle::hang;
  finding.program = minimized(hangs ? patience_for_trials(program, finding.seed, options.patience) : options.patience);
  auto last = examine_isolated(session, finding.program, Record::entries, options.patience);
  if (hangs && !is_same(last.suspicion, finding.suspicion)) {  // it was slow, and came back
    finding.program = minimized(options.patience);
    last = examine_isolated(session, finding.program, Record::entries, options.patience);
  }
  if (!last.suspicion) return std::nullopt;  // it shows itself now and then: determinism would have said so
  finding.suspicion = *last.suspicion;
  finding.words = std::move(last.words);
  if (finding.suspicion.oracle == Oracle::sanitizer && options.words_with_names) {
    auto words = options.words_with_names(finding.program);
    if (auto named = sanitizer_suspicion(words)) {
      named->entry = finding.suspicion.entry;
      finding.suspicion = *named;
      finding.words = std::move(words);
    }
  }
  const bool quiescent = session.options().comparison == Comparison::quiescent;
  auto as_played = quiescent ? at_rest(finding.program) : finding.program;
  if (is_death(finding.suspicion.oracle)) {
    if (died_of_probe(as_played, last.entries)) {
      as_played = with_probe(std::move(as_played));
      finding.program = with_probe(std::move(finding.program));
    }
    finding.played = play_until_death(as_played, std::move(last.entries), finding.suspicion, finding.seed);
  } else if (finding.suspicion.oracle == Oracle::invariant) {
    play_breach(finding, session.target(), as_played, PlayOptions{}.longest_pause);
  } else if (finding.suspicion.oracle == Oracle::difference) {
    play_difference(finding, session, as_played, PlayOptions{}.longest_pause);
  } else {
    finding.played = play_here(session.target(), as_played, finding.seed);
  }
  finding.yaml = tell(finding, session);
  finding.verdict = verdict_isolated(finding.yaml, session.target(), finding.seed, options.patience);
  const auto reference = target::open_reference_target();
  finding.verdict_on_reference = verdict_isolated(finding.yaml, *reference, finding.seed, options.patience);
  return finding;
}

Finding finding_of(Session& session, const Program& program, const Suspicion& suspicion, const StillShows& shows,
                   const FindingOptions& options) {
  Finding finding;
  finding.suspicion = suspicion;
  finding.target = session.description().name;
  finding.version = session.description().version;
  finding.seed = session.options().seed;
  finding.program = minimize(session.playable(program), shows, options.most_trials_of(suspicion.oracle));
  const bool quiescent = session.options().comparison == Comparison::quiescent;
  const auto as_played = quiescent ? at_rest(finding.program) : finding.program;
  if (finding.suspicion.oracle == Oracle::invariant)
    play_breach(finding, session.target(), as_played, session.options().longest_pause);
  else if (finding.suspicion.oracle == Oracle::difference)
    play_difference(finding, session, as_played, session.options().longest_pause);
  else
    finding.played = play_here(session.target(), as_played, finding.seed, session.options().longest_pause);
  finding.yaml = tell(finding, session);
  finding.verdict =
      names_of_verdicts[static_cast<std::size_t>(verdict_of(finding.yaml, session.target(), finding.seed))];
  const auto reference = target::open_reference_target();
  finding.verdict_on_reference = verdict_isolated(finding.yaml, *reference, finding.seed, options.patience);
  return finding;
}

std::optional<Finding> investigate_here(Session& session, const Program& program, const FindingOptions& options) {
  const auto examine = [&](const Program& candidate) -> std::optional<Suspicion> {
    auto examined = session.examine(candidate, Session::Care::thorough);
    if (!examined) return std::nullopt;
    return std::move(examined->suspicion);
  };
  const auto first = examine(program);
  if (!first) return std::nullopt;
  auto finding = finding_of(
      session, program, *first, [&](const Program& candidate) { return is_same(examine(candidate), *first); }, options);
  // In real time an accident would not come three times.
  auto last = examine(finding.program);
  if (!is_same(last, *first)) return std::nullopt;
  finding.suspicion = std::move(*last);
  if (finding.played.failure) finding.words = finding.played.failure->what + "\n";
  return finding;
}

std::string report_of(const Finding& finding) {
  std::string out = fmt::format("{}: {}\n\n  {}\n", to_string(finding.suspicion.oracle), finding.suspicion.place,
                                finding.suspicion.what);
  if (!finding.suspicion.reference.empty()) out += fmt::format("  {}\n", finding.suspicion.reference);
  out += fmt::format("\ntarget     {} {}\nseed       {:#x}\nsteps      {} behind the fixture {}\n", finding.target,
                     finding.version, finding.seed, finding.program.steps.size(),
                     script::to_string(finding.program.fixture.state));
  out += fmt::format("test.yaml  on this target: {}; on the reference stack: {}\n", finding.verdict,
                     finding.verdict_on_reference);
  out += fmt::format("\nAgain:     tcpspec run --target {} test.yaml\n\n{}", finding.target, finding.yaml);
  if (!finding.words.empty()) out += fmt::format("\nIt said:\n{}", finding.words);
  return out;
}

std::expected<std::string, std::string> write_finding(const Finding& finding, const std::string& folder) {
  const auto path = fs::path(folder) / finding.id();
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return std::unexpected(fmt::format("{}: {}", path.string(), error.message()));
  const bool written = put(path / "program.bin", encode(finding.program)) && put(path / "test.yaml", finding.yaml) &&
                       put(path / "capture.pcapng", capture_of(finding)) &&
                       put(path / "report.txt", report_of(finding));
  if (!written) return std::unexpected(fmt::format("{}: a file could not be written whole", path.string()));
  return path.string();
}

}  // namespace tcpspec::fuzz
