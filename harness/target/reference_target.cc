#include "target/reference_target.hh"

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

#include "reference/stack.hh"
#include "target/reference_stack/calls.hh"

namespace tcpspec::target {
namespace {

constexpr std::uint16_t listening_port = 5000;

// One test, and the host that it has for itself.
class Seat {
 public:
  Seat(const reference::Settings& settings, const Attachment& attachment, Instant origin)
      : attachment_(attachment), origin_(origin), stack_(settings), calls_(stack_, attachment.target.family) {}

  [[nodiscard]] const Attachment& attachment() const { return attachment_; }
  [[nodiscard]] std::optional<Instant> deadline() const {
    const auto due = stack_.deadline();
    return due ? std::optional(origin_ + due->time_since_epoch()) : std::nullopt;
  }
  void inject(BytesView datagram, Instant now, std::vector<Event>& events) {
    stack_.input(datagram, own(now));
    collect(now, events);
  }
  void start(const CallRequest& request, Instant now, std::vector<Event>& events) {
    calls_.start(request, own(now));
    collect(now, events);
  }
  void advance(Instant now, std::vector<Event>& events) {
    stack_.advance(own(now));
    collect(now, events);
  }

 private:
  [[nodiscard]] Instant own(Instant now) const { return Instant{} + (now - origin_); }

  // What a call does may let another one end, and may send: until nothing changes.
  void collect(Instant now, std::vector<Event>& events) {
    std::vector<CallResult> completed;
    for (;;) {
      for (auto& datagram : stack_.take_output())
        events.emplace_back(PacketArrival{attachment_.id, std::move(datagram), now, now});
      calls_.retry(own(now));
      auto more = calls_.take_completed();
      if (more.empty()) break;
      std::ranges::move(more, std::back_inserter(completed));
    }
    for (auto& datagram : stack_.take_output())
      events.emplace_back(PacketArrival{attachment_.id, std::move(datagram), now, now});
    // Packets first: a completion may be the consequence of one.
    for (auto& result : completed) events.emplace_back(CallCompletion{attachment_.id, std::move(result)});
    (void)stack_.take_changed();
  }

  Attachment attachment_;
  Instant origin_;
  reference::Stack stack_;
  ReferenceCalls calls_;
};

class ReferenceTarget final : public Target {
 public:
  explicit ReferenceTarget(const reference::Settings& settings) : settings_(settings) {
    description_.name = "reference";
    description_.version = TCPSPEC_VERSION;
    description_.clock = Description::Clock::simulated;
    description_.capabilities = {
        "listen",   "accept",      "connect", "local-port", "half-close",   "simultaneous-open",
        "urgent",   "keep-alive",  "sack",    "timestamps", "window-scale", "ipv4",
        "ipv6",     "linger",      "icmp",    "backlog",    "user-timeout", "socket-options",
        "tcp-info", "virtual-time"};
    description_.provenance["clock"] = "simulated";
    description_.provenance["link"] = "none: in this process";
  }

  [[nodiscard]] const Description& description() const override { return description_; }
  [[nodiscard]] Instant now() const override { return now_; }

  [[nodiscard]] std::expected<Attachment, EnvironmentError> attach(const AttachmentRequest& request) override {
    // Settings of a kernel are not for us; a test that cannot do without says `needs: [sysctl]`.
    Attachment attachment;
    attachment.id = ++last_;
    attachment.target = request.family == packet::Family::ipv4 ? settings_.ipv4 : settings_.ipv6;
    attachment.tester = request.family == packet::Family::ipv4 ? packet::Address::ipv4(10, 1, 0, 1)
                                                               : *packet::Address::parse("fd01::1");
    attachment.port = listening_port;
    attachment.mtu = settings_.mtu;
    auto settings = settings_;
    settings.seed = request.seed;
    seats_.emplace(attachment.id, std::make_unique<Seat>(settings, attachment, now_));
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
      std::optional<Instant> next;
      for (const auto& [id, seat] : seats_)
        if (const auto due = seat->deadline(); due && (!next || *due < *next)) next = due;
      if (!next || (until && *next > *until)) {
        if (until) now_ = std::max(now_, *until);
        break;
      }
      now_ = std::max(now_, *next);
      for (const auto& [id, seat] : seats_)
        if (const auto due = seat->deadline(); due && *due <= now_) seat->advance(now_, events_);
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

  reference::Settings settings_;
  Description description_;
  Instant now_{};
  std::map<AttachmentId, std::unique_ptr<Seat>> seats_;
  std::vector<Event> events_;
  AttachmentId last_ = 0;
};

}  // namespace

std::unique_ptr<Target> open_reference_target(const reference::Settings& settings) {
  return std::make_unique<ReferenceTarget>(settings);
}

}  // namespace tcpspec::target
