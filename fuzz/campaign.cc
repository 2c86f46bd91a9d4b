#include "fuzz/campaign.hh"

#include <algorithm>

namespace tcpspec::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
using target::EnvironmentError;

constexpr std::uint32_t feature_bound = 1U << 20;
constexpr std::size_t log_each = 64;  // programs between two looks at the kernel's log

}  // namespace

Campaign::Campaign(Session& session, CampaignOptions options, CampaignHooks hooks)
    : session_(session),
      options_(options),
      hooks_(std::move(hooks)),
      mutator_(options.seed),
      random_(static_cast<std::uint32_t>(options.seed ^ (options.seed >> 32)) ^ 0x5eedU),
      real_time_(session.description().clock == target::Description::Clock::real),
      began_(Clock::now()),
      features_(feature_bound) {}

Tally Campaign::tally() const {
  return {Clock::now() - began_, inputs_, corpus_.size(), transitions_.size(), findings_.size()};
}

bool Campaign::over() const {
  return inputs_ >= options_.most_inputs || (options_.most_time && Clock::now() - began_ >= *options_.most_time) ||
         (options_.stop_at_first && !findings_.empty());
}

// What came last has been changed least.
const Program& Campaign::pick() {
  const auto one = below(corpus_.size());
  return corpus_[below(2) == 0 ? one : std::max(one, below(corpus_.size()))];
}

Program Campaign::next() {
  constexpr std::uint32_t from_nothing = 3, of_two = 15;  // of a hundred
  if (corpus_.empty() || below(100) < from_nothing) return mutator_.create();
  auto program = below(100) < of_two ? mutator_.cross(pick(), pick()) : pick();
  mutator_.mutate(program);
  if (program.steps.size() > options_.most_steps) program.steps.resize(options_.most_steps);
  return program;
}

std::expected<void, EnvironmentError> Campaign::run(const std::vector<Program>& seeds) {
  began_ = Clock::now();
  bool enough = false;
  const auto take = [&](const Program& program) -> Result {
    if (auto done = play(program); !done) return done;
    enough = hooks_.look && !hooks_.look(tally());
    return {};
  };
  for (const auto& seed : seeds) {
    if (over() || enough) break;
    if (auto done = take(seed); !done) return done;
  }
  while (!over() && !enough)
    if (auto done = take(next()); !done) return done;
  return look_at_log();
}

std::expected<void, EnvironmentError> Campaign::play(const Program& program) {
  if (real_time_ && !session_.options().comparison) {
    const bool slow = options_.slow_each != 0 && inputs_ % options_.slow_each == options_.slow_each - 1;
    session_.set_longest_pause(slow ? options_.slow_pause : Duration{});
  }
  ++inputs_;
  const auto examined = session_.examine(program, Session::Care::sampled);
  if (!examined) return std::unexpected(examined.error());
  if (learn(examined->played)) {
    corpus_.push_back(program);
    if (hooks_.keep)
      if (const auto wrong = hooks_.keep(program)) return std::unexpected(EnvironmentError{*wrong, ""});
  }
  if (examined->suspicion)
    if (auto done = suspect(program, *examined->suspicion); !done) return done;
  if (log_ == nullptr) return {};
  batch_.push_back(program);
  return batch_.size() < log_each ? Result{} : look_at_log();
}

bool Campaign::learn(const Played& played) {
  const auto met = transitions(played);
  heat_.add(met);
  fresh_.clear();
  for (const auto& transition : met) {
    transitions_.insert(std::uint64_t{static_cast<std::uint8_t>(transition.before)} << 40 |
                        std::uint64_t{static_cast<std::uint8_t>(transition.event)} << 32 | transition.answer);
    features(transition, feature_bound, fresh_);
  }
  bool learnt = false;
  for (const auto feature : fresh_) {
    learnt = learnt || !features_[feature];
    features_[feature] = true;
  }
  return learnt;
}

std::expected<void, EnvironmentError> Campaign::suspect(const Program& program, const Suspicion& suspicion) {
  if (!suspicions_.emplace(suspicion.oracle, suspicion.place).second) return {};
  auto finding = investigate_here(session_, program, options_.investigating);
  if (!finding) {
    // In real time it may have been an accident: the next one is looked into again.
    if (real_time_) suspicions_.erase({suspicion.oracle, suspicion.place});
    return {};
  }
  return tell(*finding);
}

std::expected<void, EnvironmentError> Campaign::tell(const Finding& finding) {
  suspicions_.emplace(finding.suspicion.oracle, finding.suspicion.place);
  if (!findings_.insert(finding.id()).second || !hooks_.found) return {};
  if (const auto wrong = hooks_.found(finding)) return std::unexpected(EnvironmentError{*wrong, ""});
  return {};
}

// Which program of the batch it was is found out by playing each again; a warning that the kernel gives
// once and never again leaves the last of them.
std::expected<void, EnvironmentError> Campaign::look_at_log() {
  if (log_ == nullptr || batch_.empty()) return {};
  const auto batch = std::exchange(batch_, {});
  const auto line = log_->complaint();
  if (!line || suspicions_.contains({Oracle::crash, *line})) return {};
  const Suspicion suspicion{Oracle::crash, *line, "the kernel complains in its log: " + *line, "", 0};
  if (!session_.is_news(suspicion)) return {};
  const auto complains = [&](const Program& program) {
    const auto examined = session_.examine(program, Session::Care::sampled);
    return examined && log_->complaint() == *line;
  };
  const auto culprit = std::ranges::find_if(batch, complains);
  const bool again = culprit != batch.end();
  auto finding = finding_of(session_, again ? *culprit : batch.back(), suspicion, complains, options_.investigating);
  if (!again)
    finding.words =
        "The kernel said so while a batch of programs was played, and not again: this is the last of them.\n";
  return tell(finding);
}

}  // namespace tcpspec::fuzz
