#pragma once
// Each mutant is tried in a process of its own: it may crash, it may never end.

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mutants/playing.hh"
#include "reference/mutants.hh"

namespace tcpspec::mutants {

using reference::mutants::Description;
using reference::mutants::Kind;

struct Trial {
  const Description* mutant = nullptr;
  std::vector<Deviation> deviations;  // in the order of the suites
  std::string death;                  // "crash (signal 8)", "hang: endless loop"; empty where it played to the end
  std::size_t died_in = 0;            // the test that was being played then

  // The first deviation that is certain, else the first.
  [[nodiscard]] const Deviation* evidence() const;
  [[nodiscard]] bool caught() const { return !death.empty() || !deviations.empty(); }
};

struct TrialOptions {
  int jobs = 1;  // processes at once
  Playing::Until until = Playing::Until::first_deviation;
  // Of the processor's time; more is an endless loop.
  std::chrono::seconds processor_time{60};
  // On the clock on the wall: who neither ends nor works.
  std::chrono::seconds wall_time{600};
};

// `on_trial` is called in the order of `mutants`.
void try_all(const Playing& playing, std::span<const Description* const> mutants, const TrialOptions& options,
             const std::function<void(const Trial&)>& on_trial);

}  // namespace tcpspec::mutants
