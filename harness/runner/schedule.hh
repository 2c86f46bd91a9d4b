#pragma once
// Plays many tests at once against one target, from one thread: while one test waits
// for a timer, the others go on.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/play.hh"
#include "runner/catalogue.hh"
#include "runner/reference_peer.hh"
#include "script/model.hh"
#include "target/target.hh"

namespace tcpspec::runner {

struct ScheduleOptions {
  int jobs = 256;  // tests in flight
  std::uint64_t seed = 0;
  int repeat = 1;  // how often each test is played
  double time_scale = 1.0;
  int most_attempts = 5;  // a test that deviates while the tester was late is played again
  packet::Duration slack =
      std::chrono::milliseconds(25);  // of the tester, beyond which an attempt is void; stretched by time_scale
  enum class Stop : std::uint8_t { at_end, at_first_deviation } stop = Stop::at_end;
  engine::MakePeer make_peer = make_reference_peer;  // who plays the tester's side for `peer: auto`
  // Whether a good verdict is another one than is known of the test. Where the tester was late, such a one is void too.
  std::function<bool(const script::Test& test, engine::Verdict verdict)> surprises = {};
  // Numbers that the target's own file gives: `needs: [target.NAME]` asks for one.
  std::set<std::string> declared = {};
};

// One test, played to its verdict.
struct Played {
  const script::Test* test = nullptr;
  int repetition = 0;
  engine::Outcome outcome;
  int attempts = 1;
  std::uint64_t seed = 0;
  std::set<std::string> missing;                    // capabilities; not empty: it was not played at all
  std::optional<target::EnvironmentError> refused;  // the target could not give it a place
};

// Called once per test, in the order in which they end.
using OnPlayed = std::function<void(Played&&)>;
// Called now and then while tests are in flight: how many are done, in flight, to come.
using OnProgress = std::function<void(std::size_t done, std::size_t in_flight, std::size_t waiting)>;

enum class Ending : std::uint8_t { complete, stopped, interrupted };

// `interrupt` is looked at between events; when it is set, tests in flight are dropped.
Ending play_all(const std::vector<const script::Test*>& tests, const Catalogue& catalogue, target::Target& target,
                const ScheduleOptions& options, const std::atomic<int>& interrupt, const OnPlayed& on_played,
                const OnProgress& on_progress);

// The seed of one play: the same for the same test under the same run's seed, whatever else is selected.
[[nodiscard]] std::uint64_t seed_of(std::uint64_t run_seed, const std::string& test_id, int repetition);

}  // namespace tcpspec::runner
