#include "target/packet_target.hh"

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

#include "target/upper_tester.hh"

namespace tcpspec::target {
namespace {

constexpr std::uint16_t listening_port = 5000;
// No stack meets a clock that shows nothing.
constexpr Duration time_of_birth = std::chrono::seconds(1000);
// An Instant ends after 292 years (nanoseconds, 63 bits), and a fuzzer's pauses reach them in half an hour.
constexpr Instant time_to_start_over = Instant{} + std::chrono::hours(100 * 365 * 24);
// A stack that so many times in a row has something to do at once, and does nothing, hangs.
constexpr int most_idle_deadlines = 10'000;

// One test, and the stack that it has for itself.
class Seat {
 public:
  Seat(const Attachment& attachment, Instant origin, std::unique_ptr<PacketStack> stack)
      : attachment_(attachment), origin_(origin), stack_(std::move(stack)), calls_(*stack_, attachment.target) {}

  [[nodiscard]] std::optional<Instant> deadline() const {
    if (failed_) return std::nullopt;
    const auto due = stack_->deadline();
    return due ? std::optional(outer(*due)) : std::nullopt;
  }
  void inject(BytesView datagram, Instant now, std::vector<Event>& events) {
    if (failed_) return;
    stack_->advance(own(now));
    stack_->input(datagram);
    collect(now, events);
  }
  void start(const CallRequest& request, Instant now, std::vector<Event>& events) {
    if (failed_) return;
    stack_->advance(own(now));
    calls_.start(request);
    collect(now, events);
  }
  void advance(Instant now, std::vector<Event>& events) {
    if (failed_) return;
    stack_->advance(own(now));
    collect(now, events);
    watch_idling(now, events);
  }
  // As far as nothing happens, and at most until `limit`. A call that waits may complete at
  // any of the stack's timers: then each of them is looked at.
  [[nodiscard]] Instant run(Instant limit, std::vector<Event>& events) {
    const auto due = deadline();
    if (calls_.has_pending() || !due || *due >= limit) {
      const auto now = due ? std::min(*due, limit) : limit;
      advance(now, events);
      return now;
    }
    const auto reached = outer(stack_->run(own(limit)));
    collect(reached, events);
    watch_idling(reached, events);
    return reached;
  }

 private:
  [[nodiscard]] Instant own(Instant now) const { return Instant{} + time_of_birth + (now - origin_); }
  [[nodiscard]] Instant outer(Instant own_time) const { return origin_ + (own_time - (Instant{} + time_of_birth)); }

  // What a call does may let another one end, and may send: until nothing changes.
  void collect(Instant now, std::vector<Event>& events) {
    std::vector<CallResult> completed;
    for (;;) {
      take_output(now, events);
      calls_.retry();
      auto more = calls_.take_completed();
      if (more.empty()) break;
      std::ranges::move(more, std::back_inserter(completed));
    }
    take_output(now, events);
    // What a dying stack said of its calls says nothing.
    if (const auto& failure = stack_->failure()) return fail(*failure, events);
    // Packets first: a completion may be the consequence of one.
    for (auto& result : completed) events.emplace_back(CallCompletion{attachment_.id, std::move(result)});
  }

  void take_output(Instant now, std::vector<Event>& events) {
    for (auto& datagram : stack_->take_output())
      events.emplace_back(PacketArrival{attachment_.id, std::move(datagram), now, now});
  }

  void watch_idling(Instant now, std::vector<Event>& events) {
    if (failed_ || !events.empty() || deadline().value_or(Instant::max()) > now) {
      idle_deadlines_ = 0;
    } else if (++idle_deadlines_ > most_idle_deadlines) {
      fail({attachment_.id, TargetFailure::Kind::hang,
            "the stack says again and again that it has something to do at once, and does nothing"},
           events);
    }
  }

  void fail(TargetFailure failure, std::vector<Event>& events) {
    failed_ = true;
    failure.attachment = attachment_.id;
    events.emplace_back(std::move(failure));
  }

  Attachment attachment_;
  Instant origin_;
  std::unique_ptr<PacketStack> stack_;
  UpperTester calls_;
  int idle_deadlines_ = 0;
  bool failed_ = false;
};

class PacketTarget final : public Target {
 public:
  PacketTarget(Description description, MakeStack make_stack)
      : description_(std::move(description)), make_stack_(std::move(make_stack)) {
    description_.clock = Description::Clock::simulated;
    description_.provenance["clock"] = "simulated";
  }

  [[nodiscard]] const Description& description() const override { return description_; }
  [[nodiscard]] Instant now() const override { return now_; }

  [[nodiscard]] std::expected<Attachment, EnvironmentError> attach(const AttachmentRequest& request) override {
    // Settings of a kernel are not for us; a test that cannot do without says `needs: [sysctl]`.
    const bool ipv4 = request.family == packet::Family::ipv4;
    Attachment attachment;
    attachment.id = ++last_;
    // Nobody has an instant of a target that nobody is attached to.
    if (seats_.empty() && now_ > time_to_start_over) now_ = {};
    attachment.target = ipv4 ? packet::Address::ipv4(10, 0, 0, 1) : *packet::Address::parse("fd00::1");
    attachment.tester = ipv4 ? packet::Address::ipv4(10, 1, 0, 1) : *packet::Address::parse("fd01::1");
    attachment.port = listening_port;
    auto stack = make_stack_({.local = attachment.target,
                              .peer = attachment.tester,
                              .mtu = attachment.mtu,
                              .seed = request.seed,
                              .now = Instant{} + time_of_birth});
    if (!stack) return std::unexpected(stack.error());
    seats_.emplace(attachment.id, std::make_unique<Seat>(attachment, now_, std::move(*stack)));
    return attachment;
  }

  void detach(AttachmentId attachment) override {
    seats_.erase(attachment);
    std::erase_if(events_, [attachment](const Event& event) {
      return std::visit([attachment](const auto& what) { return what.attachment == attachment; }, event);
    });
  }

  void inject(AttachmentId attachment, BytesView datagram) override {
    seat(attachment).inject(datagram, now_, events_);
  }
  void start(AttachmentId attachment, const CallRequest& request) override {
    seat(attachment).start(request, now_, events_);
  }

  // At one instant the target's timers come before the script's: whoever waits until an
  // instant gets what the target did at it.
  void wait(std::optional<Instant> until, std::vector<Event>& events) override {
    while (events_.empty()) {
      const auto next = next_deadline();
      if (!next || (until && *next > *until)) {
        if (until && *until > now_) advance_all(*until);
        break;
      }
      if (until && seats_.size() == 1 && *until > now_)
        now_ = std::max(now_, seats_.begin()->second->run(*until, events_));
      else
        advance_due(std::max(now_, *next));
    }
    std::ranges::move(events_, std::back_inserter(events));
    events_.clear();
  }

 private:
  [[nodiscard]] Seat& seat(AttachmentId attachment) {
    const auto found = seats_.find(attachment);
    assert(found != seats_.end() && "inject and start are for attachments that have not been detached");
    return *found->second;
  }

  [[nodiscard]] std::optional<Instant> next_deadline() const {
    std::optional<Instant> next;
    for (const auto& [id, seat] : seats_)
      if (const auto due = seat->deadline(); due && (!next || *due < *next)) next = due;
    return next;
  }
  void advance_due(Instant now) {
    now_ = now;
    for (const auto& [id, seat] : seats_)
      if (const auto due = seat->deadline(); due && *due <= now_) seat->advance(now_, events_);
  }
  // Where nothing is due, too: a stack whose deadline() was too late shows it, and its clock is
  // never far behind.
  void advance_all(Instant now) {
    now_ = now;
    for (const auto& [id, seat] : seats_) seat->advance(now_, events_);
  }

  Description description_;
  MakeStack make_stack_;
  Instant now_{};
  std::map<AttachmentId, std::unique_ptr<Seat>> seats_;
  std::vector<Event> events_;
  AttachmentId last_ = 0;
};

}  // namespace

std::unique_ptr<Target> make_packet_target(Description description, MakeStack make_stack) {
  return std::make_unique<PacketTarget>(std::move(description), std::move(make_stack));
}

}  // namespace tcpspec::target
