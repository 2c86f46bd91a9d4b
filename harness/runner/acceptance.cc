#include "runner/acceptance.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "runner/acceptance_probes_yaml.hh"
#include "runner/result.hh"
#include "runner/schedule.hh"
#include "script/diagnostic.hh"
#include "script/loader.hh"

namespace tcpspec::runner {
namespace {

using target::Duration;
using target::Instant;
using Status = AcceptanceCheck::Status;

constexpr std::string_view clock_probe = "probe/clock";
constexpr Duration small_step = std::chrono::milliseconds(10);

std::string capability_of(const script::Test& test) {
  return test.base_id.substr(test.base_id.find('/') + 1);
}

// The target, believed to be able to do everything, and perhaps on a clock that goes in small steps
// whatever the target says of its timers.
class Examined final : public target::Target {
 public:
  Examined(target::Target& target, std::optional<Duration> step) : target_(target), step_(step) {
    description_ = target.description();
    for (const auto* family : {"ipv4", "ipv6"}) description_.capabilities.insert(family);
  }
  [[nodiscard]] const target::Description& description() const override { return description_; }
  [[nodiscard]] Instant now() const override { return target_.now(); }
  [[nodiscard]] std::expected<target::Attachment, target::EnvironmentError> attach(
      const target::AttachmentRequest& request) override {
    return target_.attach(request);
  }
  void detach(target::AttachmentId attachment) override { target_.detach(attachment); }
  void inject(target::AttachmentId attachment, target::BytesView datagram) override {
    target_.inject(attachment, datagram);
  }
  void start(target::AttachmentId attachment, const target::CallRequest& request) override {
    target_.start(attachment, request);
  }
  void wait(std::optional<Instant> until, std::vector<target::Event>& events) override {
    const auto had = events.size();
    while (step_ && events.size() == had && (!until || target_.now() + *step_ < *until))
      target_.wait(target_.now() + *step_, events);
    if (events.size() == had) target_.wait(until, events);
  }

 private:
  target::Target& target_;
  target::Description description_;
  std::optional<Duration> step_;
};

struct Seen {
  bool passed = false;
  std::string reason;  // why not
  std::string trace;   // every octet and instant, in words
};
using SeenById = std::map<std::string, Seen>;

std::string trace_of(const Played& played) {
  std::string out;
  for (const auto& line : to_conversation(played.outcome))
    out += fmt::format("{} {} {} {}\n", line.time_ns, static_cast<int>(line.lane), line.packet, line.observed);
  return out + played.outcome.reason;
}

// An error that says what was wrong with the call, of one that the stack does not have.
bool refused_wrongly(const std::string& reason) {
  return reason.starts_with("the call `setsockopt(") || reason.starts_with("the call `state =");
}

class Examination {
 public:
  Examination(const OpenTarget& open, std::uint64_t seed) : open_(open), seed_(seed) {
    auto suite = script::load_suite(
        std::make_shared<script::SourceFile>(script::SourceFile{"probes", std::string(kAcceptanceProbesYaml)}));
    if (!suite) throw std::logic_error(script::to_string(suite.error().front()));
    suite_ = std::move(*suite);
    for (const auto& test : suite_.tests) probes_.push_back(&test);
  }

  std::vector<AcceptanceCheck> run() {
    auto opened = open_();
    if (!opened) {
      say("starts", Status::failed, fmt::format("{}. {}", opened.error().what, opened.error().hint));
      return std::move(checks_);
    }
    const auto description = (*opened)->description();
    say("starts", Status::ok, fmt::format("{} {}", description.name, description.version));
    check_words(description);
    const auto first = play(**opened, probes_);
    if (description.clock == target::Description::Clock::simulated) {
      check_reset(**opened, first);
      opened->reset();
      const bool repeatable = check_determinism(first);
      check_clock(first, repeatable);
    }
    for (const auto* probe : probes_)
      if (probe->base_id != clock_probe) check_capability(*probe, description, first.at(probe->base_id));
    return std::move(checks_);
  }

 private:
  void say(std::string name, Status status, std::string detail) {
    checks_.push_back({std::move(name), status, std::move(detail)});
  }

  [[nodiscard]] SeenById play(target::Target& target, const std::vector<const script::Test*>& probes,
                              std::optional<Duration> step = std::nullopt) const {
    Examined examined(target, step);
    SeenById seen;
    ScheduleOptions options;
    options.seed = seed_;
    const std::atomic<int> never{0};
    const Catalogue none;
    (void)play_all(probes, none, examined, options, never,
                   [&](Played&& played) {
                     auto& one = seen[played.test->base_id];
                     one.passed = !played.refused && played.outcome.verdict == engine::Verdict::pass;
                     one.reason = played.refused ? played.refused->what : played.outcome.reason;
                     one.trace = trace_of(played);
                   },
                   {});
    return seen;
  }

  // The first probe whose trace differs.
  [[nodiscard]] static std::string difference(const SeenById& a, const SeenById& b) {
    for (const auto& [id, seen] : a)
      if (b.at(id).trace != seen.trace) return id.substr(id.find('/') + 1);
    return {};
  }

  void check_words(const target::Description& description) {
    // Each is explained in harness/target/README.md.
    static const std::set<std::string> known = {"accept",         "backlog",      "connect",      "ecn",
                                                "fast-open",      "fixed-sysctl", "half-close",   "icmp",
                                                "ipv4",           "ipv6",         "keep-alive",   "linger",
                                                "listen",         "local-port",   "sack",         "simultaneous-open",
                                                "socket-options", "sysctl",       "tcp-info",     "timestamps",
                                                "urgent",         "user-timeout", "virtual-time", "window-scale"};
    std::vector<std::string> unknown;
    std::ranges::set_difference(description.capabilities, known, std::back_inserter(unknown));
    if (unknown.empty())
      say("capabilities", Status::ok, fmt::format("declares {}", fmt::join(description.capabilities, ", ")));
    else
      say("capabilities", Status::failed,
          fmt::format("declares {}, which means nothing here; the words are {}", fmt::join(unknown, ", "),
                      fmt::join(known, ", ")));
  }

  // In the process that has played everything already, and in another order.
  void check_reset(target::Target& used, const SeenById& first) {
    std::vector<const script::Test*> reversed(probes_.rbegin(), probes_.rend());
    const auto differs = difference(first, play(used, reversed));
    if (differs.empty())
      say("reset", Status::ok, "what was played before leaves no trace in what is played after");
    else
      say("reset", Status::failed,
          fmt::format("the conversation `{}` differs when others were played before: create() must give a stack as "
                      "new, its sequence numbers, ports, timers and caches included",
                      differs));
  }

  bool check_determinism(const SeenById& first) {
    auto opened = open_();
    if (!opened) {
      say("determinism", Status::failed, opened.error().what);
      return false;
    }
    const auto differs = difference(first, play(**opened, probes_));
    if (differs.empty())
      say("determinism", Status::ok,
          fmt::format("{} conversations, the same octets in two fresh processes", first.size()));
    else
      say("determinism", Status::failed,
          fmt::format("the conversation `{}` differs between two fresh processes: everything that the stack chooses "
                      "must come from the seed, and no time but the tester's",
                      differs));
    return differs.empty();
  }

  // By what differs when it moves otherwise: where everything differs at all times that says nothing.
  void check_clock(const SeenById& first, bool repeatable) {
    const auto& clock = first.at(std::string(clock_probe));
    if (!clock.passed)
      return say("clock", Status::failed,
                 fmt::format("no SYN-ACK is retransmitted in 300 s of the tester's time ({}): does advance() run the "
                             "stack's timers, and does deadline() say when they are due?",
                             clock.reason));
    if (!repeatable)
      return say("clock", Status::noted,
                 "timers go off; whether when deadline() says is judged once `determinism` is ok");
    auto opened = open_();
    if (!opened) return say("clock", Status::failed, opened.error().what);
    const auto differs = difference(first, play(**opened, probes_, small_step));
    if (differs.empty())
      say("clock", Status::ok, "timers go off when deadline() says, also when the clock moves in small steps");
    else
      say("clock", Status::failed,
          fmt::format("the conversation `{}` differs when the clock moves in steps of 10 ms: deadline() is not exact",
                      differs));
  }

  void check_capability(const script::Test& probe, const target::Description& description, const Seen& seen) {
    const auto name = capability_of(probe);
    const bool declared = description.capabilities.contains(name);
    if (declared && seen.passed)
      say(name, Status::ok, "declared and seen");
    else if (declared)
      say(name, Status::failed, fmt::format("declared, but: {} {}", probe.about, seen.reason));
    else if (seen.passed)
      say(name, Status::noted, "seen, but not declared: tests that need it are not played");
    else if (refused_wrongly(seen.reason))
      say(name, Status::noted,
          fmt::format("neither declared nor seen, but {}: what a stack cannot do is TCPSPEC_UNSUPPORTED, so that no "
                      "test that tries it is judged",
                      seen.reason));
    else
      say(name, Status::ok, "neither declared nor seen");
  }

  const OpenTarget& open_;
  std::uint64_t seed_;
  script::Suite suite_;
  std::vector<const script::Test*> probes_;
  std::vector<AcceptanceCheck> checks_;
};

}  // namespace

std::vector<AcceptanceCheck> examine_target(const OpenTarget& open, std::uint64_t seed) {
  return Examination(open, seed).run();
}

}  // namespace tcpspec::runner
