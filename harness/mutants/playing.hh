#pragma once
// The suites, played one test after the other on the reference stack, each on a stack of its
// own, and what counts as seeing a mistake.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/play.hh"
#include "runner/schedule.hh"
#include "runner/selection.hh"

namespace tcpspec::mutants {

// A test that ended worse than on the stack without a mistake.
struct Deviation {
  std::size_t test = 0;
  engine::Verdict verdict = engine::Verdict::pass;
  std::string invariant;  // the one that fired; empty where the test itself saw it
};

// Neither MAY nor custom is broken by less: pass, info and unsupported are all right.
[[nodiscard]] bool is_worse(engine::Verdict verdict, engine::Verdict without_mutant);
[[nodiscard]] std::string_view word_for(engine::Verdict verdict);

class Playing {
 public:
  // `declared`: the numbers that the reference stack's own file gives.
  Playing(const runner::Loaded& suites, std::set<std::string> declared, std::uint64_t seed);

  // Without any mutant, for comparison. Returns one line for each result that is not as
  // expected; `baseline` is the path of a file that need not be there.
  [[nodiscard]] std::vector<std::string> play_without_mutant(const std::string& baseline);

  enum class Until : std::uint8_t { first_deviation, end };
  // Calls `on_test` before each test. What says nothing for certain (a fixture was not
  // reached) is a deviation, but the playing goes on to one that does.
  void play(Until until, const std::function<void(std::size_t)>& on_test,
            const std::function<void(const Deviation&)>& on_deviation) const;

  [[nodiscard]] std::size_t size() const { return tests_.size(); }
  [[nodiscard]] const std::string& id(std::size_t test) const { return tests_[test]->id; }

 private:
  [[nodiscard]] runner::Played play_one(const script::Test& test) const;

  const runner::Loaded& suites_;
  std::set<std::string> declared_;
  std::uint64_t seed_;
  std::vector<const script::Test*> tests_;
  std::vector<engine::Verdict> without_mutant_;  // by test
};

}  // namespace tcpspec::mutants
