#include "fuzz/session.hh"

#include <algorithm>
#include <utility>

#include "fuzz/harness_memory.hh"

namespace tcpspec::fuzz {

bool Session::is_news(const std::optional<Suspicion>& suspicion) const {
  return suspicion && !options_.known.covers(target_->description().name, *suspicion);
}

Judge Session::judge() const {
  return [this](const Difference& found) { return options_.known.judge(target_->description().name, found); };
}

std::expected<Played, target::EnvironmentError> Session::play_on(
    target::Target& target, Program program, const std::function<void(const Entry&)>& witness) const {
  PlayOptions options;
  options.seed = options_.seed;
  options.witness = witness;
  options.longest_pause = options_.longest_pause;
  return play(std::move(program), target, options);
}

Session::Counted Session::play_counting(Program program) const {
  held_memory = {.counted = true, .octets = 0};
  auto played = play_on(*target_, std::move(program));
  return {std::move(played), std::exchange(held_memory, {}).octets};
}

Program Session::playable(Program program) const {
  auto left = options_.most_pauses;
  for (auto& step : program.steps)
    if (auto* pause = std::get_if<Pause>(&step.action)) {
      pause->length = std::min(pause->length, left);
      left -= pause->length;
    }
  return program;
}

std::expected<Examined, target::EnvironmentError> Session::examine(const Program& whole, Care care) {
  std::optional<Program> cut;
  if (options_.most_pauses != Duration::max()) cut = playable(whole);
  const auto& program = cut ? *cut : whole;
  const auto number = examined_++;
  const auto sampled = [&](unsigned each) {
    return care == Care::thorough || (each != 0 && number % each == each - 1);
  };
  const bool probed = sampled(options_.probe_each);
  Examined out;
  const auto as_played = [&] {
    auto made = options_.comparison == Comparison::quiescent ? at_rest(program) : program;
    return probed ? with_probe(std::move(made)) : made;
  };
  auto played = play_on(*target_, as_played(), witness_);
  if (!played) return std::unexpected(played.error());
  out.played = std::move(*played);

  // What is known is passed over, so that what lies behind it is seen.
  std::optional<Suspicion> found;
  const auto look = [&](std::optional<Suspicion> suspicion) {
    if (!found && is_news(suspicion)) found = std::move(suspicion);
  };
  for (auto& suspicion : suspicions(out.played)) look(std::move(suspicion));
  if (probed) look(liveness(out.played));
  const bool simulated = target_->description().clock == target::Description::Clock::simulated;
  if (!found && simulated && sampled(options_.twice_each)) {
    const auto [again, held] = play_counting(as_played());
    if (!again) return std::unexpected(again.error());
    look(determinism(out.played, *again));
    // What is kept once, a table say, does not grow with the third play.
    if (!found && held > 0) {
      const auto [third, held_again] = play_counting(as_played());
      if (third) look(memory(held_again));
    }
  }
  if (!found && options_.comparison) {
    auto reference = play_on(*reference_, as_played());
    if (!reference) return std::unexpected(reference.error());
    out.reference = std::move(*reference);
    out.difference = difference(*out.reference, out.played, *options_.comparison, judge());
    if (out.difference) look(suspicion(*out.difference));
  }
  out.suspicion = std::move(found);
  return out;
}

}  // namespace tcpspec::fuzz
