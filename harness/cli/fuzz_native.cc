// The fuzzer in this process, for targets that are none of its code.

#include <fmt/format.h>

#include <cstring>

#include "cli/exit_code.hh"
#include "cli/fuzz.hh"
#include "fuzz/corpus.hh"
#include "fuzz/kernel_log.hh"

namespace tcpspec::cli {

namespace {

class Native {
 public:
  Native(const FuzzOptions& options, std::uint64_t seed, OpenedSession& opened)
      : options_(options), seed_(seed), screen_(options.quiet), session_(*opened.session) {
    is_kernel_ = opened.choice.built_in && opened.choice.file.name.starts_with("linux");
    real_time_ = session_.description().clock == target::Description::Clock::real;
  }

  int run() {
    auto seeds = first_programs();
    if (!seeds) return seeds.error();
    const auto& description = session_.description();
    screen_.begin(fmt::format("{} {}", options_.target, description.version), seed_, options_);
    auto log = watched_log();
    fuzz::Campaign campaign(session_, campaign_options(), hooks());
    if (log) campaign.watch(*log);
    const auto done = campaign.run(*seeds);
    screen_.summary(seed_, campaign.tally(), "transitions", findings_);
    if (!done) return fuzz_fails(kEnvironment, done.error().what, done.error().hint);
    if (!write_reached(options_.reached, campaign.heat().to_json())) return kEnvironment;
    if (fuzz_interrupted()) return kInterrupted;
    return findings_.empty() ? kAsExpected : kFinding;
  }

 private:
  // The corpus, and what of the suites is not too long.
  std::expected<std::vector<fuzz::Program>, int> first_programs() {
    auto programs = suite_programs(options_);
    if (!programs) return programs;
    if (real_time_)
      std::erase_if(*programs, [](const auto& program) { return program.steps.size() > fuzz::steps_in_real_time; });
    if (options_.corpus.empty()) return programs;
    auto kept = fuzz::read_programs(options_.corpus);
    if (!kept) return std::unexpected(fuzz_fails(kUsage, "the corpus cannot be read: " + kept.error()));
    kept->insert(kept->end(), programs->begin(), programs->end());
    return std::move(*kept);
  }

  [[nodiscard]] fuzz::CampaignOptions campaign_options() const {
    fuzz::CampaignOptions out;
    out.seed = seed_;
    if (options_.inputs) out.most_inputs = *options_.inputs;
    out.most_time = options_.time;
    out.stop_at_first = options_.stop_at_first;
    if (real_time_) out.most_steps = fuzz::steps_in_real_time;
    // Where nothing comes back each trial waits out the patience.
    out.investigating.most_trials = real_time_ ? 300 : 2000;
    return out;
  }

  fuzz::CampaignHooks hooks() {
    fuzz::CampaignHooks out;
    if (!options_.corpus.empty())
      out.keep = [this](const fuzz::Program& program) -> std::optional<std::string> {
        auto written = fuzz::write_program(program, options_.corpus);
        return written ? std::nullopt : std::optional(written.error());
      };
    out.found = [this](const fuzz::Finding& finding) -> std::optional<std::string> {
      const auto folder = fuzz::write_finding(finding, options_.findings);
      if (!folder) return "the finding could not be written: " + folder.error();
      findings_.push_back(line_of(finding, *folder));
      screen_.found(findings_.back());
      return std::nullopt;
    };
    out.look = [this](const fuzz::Tally& tally) {
      screen_.status(tally, "transitions");
      return !fuzz_interrupted();
    };
    return out;
  }

  std::optional<fuzz::KernelLog> watched_log() {
    if (!is_kernel_) return std::nullopt;
    auto log = fuzz::KernelLog::open();
    if (log) return std::move(*log);
    screen_.note(fmt::format("the kernel's warnings are not watched: /dev/kmsg: {}", std::strerror(log.error())));
    return std::nullopt;
  }

  const FuzzOptions& options_;
  std::uint64_t seed_;
  FuzzScreen screen_;
  fuzz::Session& session_;
  bool is_kernel_ = false, real_time_ = false;
  std::vector<FoundLine> findings_;
};

}  // namespace

int fuzz_natively(const FuzzOptions& options, std::uint64_t seed) {
  auto opened = open_session(options);
  if (!opened) return opened.error();
  return Native(options, seed, *opened).run();
}

}  // namespace tcpspec::cli
