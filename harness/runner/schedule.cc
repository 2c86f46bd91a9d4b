#include "runner/schedule.hh"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tcpspec::runner {

using packet::Duration;
using packet::Instant;

std::uint64_t seed_of(std::uint64_t run_seed, const std::string& test_id, int repetition) {
  std::uint64_t hash = 0xcbf29ce484222325ull ^ run_seed;
  for (const char c : test_id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return (hash ^ static_cast<std::uint64_t>(repetition)) * 0x9e3779b97f4a7c15ull;
}

namespace {

constexpr Duration long_test = std::chrono::seconds(5);
constexpr std::size_t most_again_in_flight = 8;

struct Job {
  const script::Test* test = nullptr;
  int repetition = 0;
  Duration least{};  // that it takes
  int attempt = 1;
};

// A play in flight, and the hands that it has.
class Flight final : public engine::Commands {
 public:
  Flight(Job job, target::Target& target, const target::Attachment& attachment)
      : job_(job), target_(target), attachment_(attachment.id) {}
  void inject(packet::BytesView datagram) override {
    ++acts_;
    target_.inject(attachment_, datagram);
  }
  void start(const target::CallRequest& request) override {
    ++acts_;
    target_.start(attachment_, request);
  }
  [[nodiscard]] std::uint64_t acts() const { return acts_; }

  [[nodiscard]] const Job& job() const { return job_; }
  [[nodiscard]] target::AttachmentId attachment() const { return attachment_; }
  std::unique_ptr<engine::Play> play;
  std::uint64_t seed = 0;
  bool late = false;             // the tester was, at some time of this attempt, when it mattered
  bool news = false;             // has events that were delivered in this round
  bool touched = false;          // is to be advanced in this turn
  std::optional<Instant> alarm;  // its entry among the schedule's alarms

 private:
  Job job_;
  target::Target& target_;
  target::AttachmentId attachment_;
  std::uint64_t acts_ = 0;  // segments and calls, counted
};

class Schedule {
 public:
  Schedule(const std::vector<const script::Test*>& tests, const Catalogue& catalogue, target::Target& target,
           const ScheduleOptions& options, const std::atomic<int>& interrupt, const OnPlayed& on_played,
           const OnProgress& on_progress)
      : catalogue_(catalogue),
        target_(target),
        options_(options),
        interrupt_(interrupt),
        on_played_(on_played),
        on_progress_(on_progress),
        simulated_(target.description().clock == target::Description::Clock::simulated),
        // On a clock that jumps no waits overlap, and one test after another is the same every time.
        most_in_flight_(simulated_ ? 1
                                   : std::min(static_cast<std::size_t>(std::max(options.jobs, 1)),
                                              target.description().most_attachments)),
        slack_(std::llround(static_cast<double>(options.slack.count()) * options.time_scale)) {
    for (int repetition = 0; repetition < options.repeat; ++repetition)
      for (const auto* test : tests) waiting_.push_back({test, repetition, script::least_duration(*test), 1});
    // The longest first, so that the run ends soon after the longest of them, and equals in
    // the order given; where nothing overlaps, all in that order. From the back of the vector,
    // where taking one is cheap.
    if (!simulated_)
      std::stable_sort(waiting_.begin(), waiting_.end(), [](const Job& a, const Job& b) { return a.least > b.least; });
    std::reverse(waiting_.begin(), waiting_.end());
  }

  Ending run() {
    seen_ = target_.now();
    while (!stopped_) {
      if (interrupt_.load(std::memory_order_relaxed) != 0) return abandon(Ending::interrupted);
      fill();
      if (flights_.empty()) break;
      turn();
    }
    const bool something_left = !flights_.empty() || !waiting_.empty() || !again_.empty();
    return stopped_ && something_left ? abandon(Ending::stopped) : Ending::complete;
  }

 private:
  void fill() {
    while (flights_.size() < most_in_flight_ && !waiting_.empty() && !stopped_) {
      const Job job = waiting_.back();
      waiting_.pop_back();
      launch(job);
    }
    while (waiting_.empty() && !again_.empty() && again_in_flight_ < most_again_in_flight &&
           flights_.size() < most_in_flight_ && !stopped_) {
      const Job job = again_.front();
      again_.pop_front();
      launch(job);
    }
  }

  std::set<std::string> missing_capabilities(const script::Test& test) const {
    const auto& able = target_.description().capabilities;
    std::set<std::string> missing;
    for (const auto& need : test.needs)
      if (!able.contains(need) && !is_declared(need)) missing.insert(need);
    // A target without settings plays such a test all the same; one whose settings are out of our
    // reach would show nothing but how they happen to stand.
    if (!test.sysctls.empty() && able.contains("fixed-sysctl") && !able.contains("sysctl")) missing.insert("sysctl");
    const auto* family = test.family == packet::Family::ipv6 ? "ipv6" : "ipv4";
    if (!able.contains(family)) missing.insert(family);
    return missing;
  }

  // A default is nobody's word: what it bounds is measured, but it is held against nobody.
  bool is_declared(std::string_view need) const {
    constexpr std::string_view prefix = "target.";
    return need.starts_with(prefix) && options_.declared.contains(std::string(need.substr(prefix.size())));
  }

  void launch(const Job& job) {
    Played played{job.test,
                  job.repetition,
                  {},
                  job.attempt,
                  seed_of(options_.seed, job.test->id, job.repetition),
                  missing_capabilities(*job.test),
                  {}};
    if (!played.missing.empty()) return report(std::move(played));
    target::AttachmentRequest request{job.test->family, job.test->sysctls,
                                      job.test->alone ? target::Isolation::alone : target::Isolation::shared,
                                      played.seed};
    auto attachment = target_.attach(request);
    if (!attachment) {
      played.refused = attachment.error();
      return report(std::move(played));
    }
    auto flight = std::make_unique<Flight>(job, target_, *attachment);
    flight->seed = played.seed;
    engine::Setup setup;
    setup.attachment = *attachment;
    setup.level = level_of(*job.test, catalogue_);
    setup.seed = played.seed;
    setup.time_scale = options_.time_scale;
    setup.make_peer = options_.make_peer;
    flight->play = std::make_unique<engine::Play>(*job.test, setup, *flight);
    flight->play->start(target_.now());
    if (job.attempt > 1) ++again_in_flight_;
    auto& kept = *flights_.emplace(attachment->id, std::move(flight)).first->second;
    set_alarm(kept);
    if (kept.play->finished()) finished_.push_back(kept.attachment());
    settle();
  }

  // One round: wait, deliver what the target did, let the scripts go on.
  void turn() {
    const Instant before = target_.now();
    // Waiting in short pieces shows when we were kept from running.
    const Instant wake = simulated_ ? earliest_alarm() : std::min(earliest_alarm(), before + slack_ / 2);
    target_.wait(wake, events_);
    const Instant now = target_.now();
    const bool late = now > wake + slack_;
    Instant seen = before;  // everything that was done by then is in events_
    if (now >= earliest_alarm()) {
      // A deadline has come. What was sent before it must be seen before it is judged, and
      // the first wait may have returned before then with the events of other tests.
      target_.wait(now, events_);
      seen = now;
    }
    deliver(now);
    touch_due(now);
    for (auto* flight : touched_) {
      const bool had_news = std::exchange(flight->news, false);
      const auto acts = flight->acts();
      const auto alarm = flight->alarm;
      flight->touched = false;
      flight->play->advance(now);
      set_alarm(*flight);
      if (flight->play->finished()) finished_.push_back(flight->attachment());
      // Being late matters to a test that acts late, or that goes on to another step (with
      // another deadline) or ends on what it saw late. To one that had nothing to do, or whose
      // time is merely judged over, it does not.
      const bool acted = flight->acts() != acts && !flight->play->finished();
      const bool moved_on = flight->play->deadline() != alarm;
      if (late && (acted || (had_news && moved_on))) flight->late = true;
      // What it sent counts as sent at `now`: that must not be far from the truth.
      if (acted && target_.now() > now + slack_) flight->late = true;
    }
    touched_.clear();
    seen_ = seen;
    settle();
    if (on_progress_) on_progress_(done_, flights_.size(), waiting_.size() + again_.size());
  }

  [[nodiscard]] Instant earliest_alarm() const { return alarms_.empty() ? Instant::max() : alarms_.begin()->first; }

  // Keeps the flight's place among the alarms in step with its deadline.
  void set_alarm(Flight& flight) {
    const auto deadline = flight.play->deadline();
    if (deadline == flight.alarm) return;
    drop_alarm(flight);
    flight.alarm = deadline;
    if (deadline) alarms_.emplace(*deadline, flight.attachment());
  }

  void drop_alarm(Flight& flight) {
    if (flight.alarm) alarms_.erase({*flight.alarm, flight.attachment()});
    flight.alarm.reset();
  }

  void touch(Flight& flight) {
    if (!std::exchange(flight.touched, true)) touched_.push_back(&flight);
  }

  void touch_due(Instant now) {
    for (const auto& [deadline, id] : alarms_) {
      if (deadline > now) break;
      touch(*flights_.at(id));
    }
  }

  // In the order of the events, so that two runs do the same in the same order.
  void deliver(Instant now) {
    struct {
      Schedule& schedule;
      Instant now;
      Flight* find(target::AttachmentId id) const {
        const auto found = schedule.flights_.find(id);
        if (found == schedule.flights_.end()) return nullptr;
        schedule.touch(*found->second);
        found->second->news = true;
        return found->second.get();
      }
      void operator()(target::PacketArrival& arrival) const {
        if (auto* flight = find(arrival.attachment)) flight->play->on_packet(std::move(arrival));
      }
      void operator()(target::CallCompletion& completion) const {
        // It may be seen only after `now`, by the second look of a turn.
        if (auto* flight = find(completion.attachment))
          flight->play->on_call(std::move(completion.result), schedule.seen_, std::max(now, schedule.target_.now()));
      }
      void operator()(target::TargetFailure& failure) const {
        if (auto* flight = find(failure.attachment)) flight->play->on_failure(failure, now);
      }
    } delivering{*this, now};
    for (auto& event : events_) std::visit(delivering, event);
    events_.clear();
  }

  void settle() {
    for (const auto id : finished_) {
      const auto found = flights_.find(id);
      if (found == flights_.end()) continue;
      auto flight = std::move(found->second);
      flights_.erase(found);
      drop_alarm(*flight);
      if (flight->job().attempt > 1) --again_in_flight_;
      target_.detach(id);
      complete(*flight);
    }
    finished_.clear();
  }

  void complete(Flight& flight) {
    Played played{flight.job().test,
                  flight.job().repetition,
                  flight.play->take_outcome(),
                  flight.job().attempt,
                  flight.seed,
                  {},
                  {}};
    const bool good = played.outcome.verdict <= engine::Verdict::unsupported;
    const bool crashed = played.outcome.verdict == engine::Verdict::crash;
    const bool surprises = good && options_.surprises && options_.surprises(*played.test, played.outcome.verdict);
    // Our lateness is never the target's fault, nor its merit: the attempt says nothing. But nothing that
    // we do late may crash it.
    if ((!good || surprises) && !crashed && flight.late) {
      if (flight.job().attempt < options_.most_attempts) {
        Job again = flight.job();
        ++again.attempt;
        // When all others have had their turn, and few at a time, the tester has time for it.
        // A long one begins at once: it would make the run longer else.
        if (again.least < long_test)
          again_.push_back(again);
        else
          waiting_.push_back(again);
        return;
      }
      if (!good) {
        played.outcome.verdict = engine::Verdict::inconclusive;
        played.outcome.reason = "the tester itself was late in " + std::to_string(options_.most_attempts) +
                                " attempts, so nothing can be said of the target: try fewer --jobs, or --time-scale 2";
      }
    }
    report(std::move(played));
  }

  void report(Played&& played) {
    ++done_;
    const bool deviates = played.refused || played.outcome.verdict > engine::Verdict::warn;
    if (deviates && played.missing.empty() && options_.stop == ScheduleOptions::Stop::at_first_deviation)
      stopped_ = true;
    on_played_(std::move(played));
  }

  Ending abandon(Ending ending) {
    for (auto& [id, flight] : flights_) target_.detach(id);
    alarms_.clear();
    flights_.clear();
    return ending;
  }

  const Catalogue& catalogue_;
  target::Target& target_;
  const ScheduleOptions& options_;
  const std::atomic<int>& interrupt_;
  const OnPlayed& on_played_;
  const OnProgress& on_progress_;
  bool simulated_;
  std::size_t most_in_flight_;
  Duration slack_;
  std::vector<Job> waiting_;
  std::deque<Job> again_;  // whose attempt was void
  std::size_t again_in_flight_ = 0;
  std::unordered_map<target::AttachmentId, std::unique_ptr<Flight>> flights_;
  std::set<std::pair<Instant, target::AttachmentId>> alarms_;  // deadlines of the flights
  std::vector<Flight*> touched_;
  std::vector<target::AttachmentId> finished_;
  std::vector<target::Event> events_;
  Instant seen_{};  // what the target did until then has been delivered
  std::size_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace

Ending play_all(const std::vector<const script::Test*>& tests, const Catalogue& catalogue, target::Target& target,
                const ScheduleOptions& options, const std::atomic<int>& interrupt, const OnPlayed& on_played,
                const OnProgress& on_progress) {
  return Schedule(tests, catalogue, target, options, interrupt, on_played, on_progress).run();
}

}  // namespace tcpspec::runner
