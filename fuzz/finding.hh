#pragma once
// A finding as a folder that somebody else can use: FOLDER/ID/
//   test.yaml       a suite of one test that fails by itself under `tcpspec run`
//   program.bin     the minimised program
//   capture.pcapng  what was sent and what came
//   report.txt      all of it in words

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "fuzz/isolated.hh"
#include "fuzz/minimize.hh"
#include "fuzz/session.hh"

namespace tcpspec::fuzz {

struct Finding {
  Suspicion suspicion;
  Program program;  // minimised
  std::string target, version;
  std::uint64_t seed = 1;
  Played played;  // without a probe, but where that shows it
  bool probed = false;
  std::string yaml;
  std::string words;  // what the stack said when it died
  // Of the YAML test: "fail", "crash"; empty where it was not played.
  std::string verdict, verdict_on_reference;

  // Findings with one id are one: oracle and place decide.
  [[nodiscard]] std::string id() const;
};

struct FindingOptions {
  // Processor time of one play: most take a thousandth of it, hours of a clock that ticks a second.
  Duration patience = std::chrono::seconds(5);
  std::size_t most_trials = 2000;
  std::size_t most_trials_of_hangs = 300;   // each that still hangs takes its time
  std::size_t most_trials_of_floods = 150;  // each has all its answers to be read
  [[nodiscard]] std::size_t most_trials_of(Oracle oracle) const;
  // What a sanitizer says of the program with names in it, where the plays leave them out because
  // they cost a second each time.
  std::function<std::string(const Program&)> words_with_names = nullptr;
};

// What a fuzzer brought, looked at again, minimised, and told as a test, which is then played on the
// target and on the reference stack. nullopt: it shows nothing any more. All plays happen in processes
// of their own.
[[nodiscard]] std::optional<Finding> investigate(Session& session, const Program& program,
                                                 const FindingOptions& options);

// The same for a target that is not in this process: what kills it is an event here, and the next play
// meets a fresh one.
[[nodiscard]] std::optional<Finding> investigate_here(Session& session, const Program& program,
                                                      const FindingOptions& options);
// Of a suspicion that others than the session's oracles have. `shows`: whether a program brings it about.
[[nodiscard]] Finding finding_of(Session& session, const Program& program, const Suspicion& suspicion,
                                 const StillShows& shows, const FindingOptions& options);

// The folder, or what is wrong with it. A folder that is there already is kept.
[[nodiscard]] std::expected<std::string, std::string> write_finding(const Finding& finding, const std::string& folder);

// The report.
[[nodiscard]] std::string report_of(const Finding& finding);

}  // namespace tcpspec::fuzz
