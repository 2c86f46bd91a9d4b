#pragma once
// One target under all oracles, for as many programs as there are: what a fuzzer calls for each.

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/difference.hh"
#include "fuzz/known.hh"
#include "fuzz/oracles.hh"
#include "fuzz/player.hh"
#include "fuzz/transitions.hh"
#include "target/target.hh"

namespace tcpspec::fuzz {

struct SessionOptions {
  std::uint64_t seed = 1;
  std::optional<Comparison> comparison = std::nullopt;  // with the reference stack
  Known known = {};                                     // what is not news
  // Each so many programs one is played twice (0: none; and where the clock is real no two traces are
  // the same), and afterwards probed (1: all of them).
  unsigned twice_each = 64;
  unsigned probe_each = 1;
  // Of real time, as in PlayOptions.
  Duration longest_pause = std::chrono::milliseconds(50);
  // Of all pauses of a program together; what is longer is cut. For stacks whose clock ticks, where a day costs what
  // ten thousand segments do.
  Duration most_pauses = Duration::max();
};

// Enough for a keep-alive of two hours that nobody answers.
constexpr Duration pauses_of_ticking_clocks = std::chrono::hours(3);

struct Examined {
  Played played;
  std::optional<Played> reference;  // the reference stack's record of the same
  std::optional<Suspicion> suspicion;
  std::optional<Difference> difference;  // where that is the suspicion
};

class Session {
 public:
  // `reference` may be null where nothing is compared.
  Session(std::unique_ptr<target::Target> target, std::unique_ptr<target::Target> reference, SessionOptions options)
      : target_(std::move(target)), reference_(std::move(reference)), options_(std::move(options)) {}

  // As it can be played here: within most_pauses.
  [[nodiscard]] Program playable(Program program) const;

  // What is known already is no suspicion. `thorough`: plays twice and probes, whatever the options say.
  enum class Care : std::uint8_t { sampled, thorough };
  [[nodiscard]] std::expected<Examined, target::EnvironmentError> examine(const Program& whole, Care care);

  void set_witness(std::function<void(const Entry&)> witness) { witness_ = std::move(witness); }
  [[nodiscard]] const target::Description& description() const { return target_->description(); }
  [[nodiscard]] target::Target& target() { return *target_; }
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  void set_longest_pause(Duration longest) { options_.longest_pause = longest; }
  [[nodiscard]] bool is_news(const std::optional<Suspicion>& suspicion) const;
  [[nodiscard]] Judge judge() const;  // by what is known

 private:
  struct Counted {
    std::expected<Played, target::EnvironmentError> played;
    std::int64_t held = 0;  // octets that the stack did not give back, its end included
  };
  [[nodiscard]] Counted play_counting(Program program) const;
  [[nodiscard]] std::expected<Played, target::EnvironmentError> play_on(
      target::Target& target, Program program, const std::function<void(const Entry&)>& witness = nullptr) const;

  std::unique_ptr<target::Target> target_, reference_;
  SessionOptions options_;
  std::function<void(const Entry&)> witness_;  // of the first play on the target
  std::uint64_t examined_ = 0;
};

}  // namespace tcpspec::fuzz
