#include "target/linux_target.hh"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <unordered_map>
#include <utility>

#include "packet/segment_view.hh"
#include "target/clock.hh"
#include "target/linux/namespace.hh"
#include "target/linux/numbering.hh"
#include "target/linux/reaper.hh"
#include "target/linux/sockets.hh"
#include "target/linux/stage.hh"

namespace tcpspec::target {
namespace {

// One test in flight.
struct Seat {
  Seat(Sockets::Place place, CallDesk& desk) : sockets(place, desk) {}

  Attachment attachment;
  Stage* stage = nullptr;
  Isolation isolation = Isolation::shared;
  std::uint32_t address = 0;
  std::uint32_t port_block = 0;
  Sockets sockets;
};

// Tags of the poller that are no socket's: attachments count from 1, and so do stages.
constexpr std::uint64_t reaper_tag = 0;
constexpr std::uint64_t tag_of(const Stage& stage) {
  return stage.serial;
}
constexpr bool is_socket(std::uint64_t tag) {
  return tag >> 32 != 0;
}

class LinuxTarget final : public Target {
 public:
  LinuxTarget(LinuxOptions options, Namespace home, Poller poller, Reaper reaper)
      : options_(std::move(options)), home_(std::move(home)), poller_(std::move(poller)), reaper_(std::move(reaper)) {}
  LinuxTarget(const LinuxTarget&) = delete;
  LinuxTarget& operator=(const LinuxTarget&) = delete;
  ~LinuxTarget() override;

  [[nodiscard]] std::expected<void, EnvironmentError> open(Privilege privilege);

  [[nodiscard]] const Description& description() const override;
  [[nodiscard]] Instant now() const override { return monotonic_now(); }
  [[nodiscard]] std::expected<Attachment, EnvironmentError> attach(const AttachmentRequest& request) override;
  void detach(AttachmentId attachment) override;
  void inject(AttachmentId attachment, BytesView datagram) override;
  void start(AttachmentId attachment, const CallRequest& request) override;
  void wait(std::optional<Instant> until, std::vector<Event>& events) override;

 private:
  using StageResult = std::expected<Stage*, EnvironmentError>;
  [[nodiscard]] StageResult stage_for(const AttachmentRequest& request);
  [[nodiscard]] StageResult open_stage(const Sysctls& sysctls);
  void close_stage(Stage& stage);
  [[nodiscard]] Sysctls beyond_pinned(const Sysctls& requested) const;

  [[nodiscard]] Seat& seat(AttachmentId attachment);
  void touch(Stage& stage);
  void drain(Stage& stage, std::vector<Event>& events);
  void drain_touched(std::vector<Event>& events);
  void deliver(BytesView datagram, Instant not_before, Instant not_after, std::vector<Event>& events);
  void handle(std::uint64_t tag);
  void collect_lingering_closes();
  // True when a look at the poller could find what draining the touched links did not.
  [[nodiscard]] bool poller_may_know_more() const {
    return desk_.blocked != 0 || reaper_.lingering() != 0 || stages_.size() > 1;
  }
  [[nodiscard]] Poller::Reason poll(std::optional<Instant> until, std::vector<Event>& events);

  LinuxOptions options_;
  Namespace home_;
  Poller poller_;
  Reaper reaper_;
  CallDesk desk_{.poller = poller_, .reaper = reaper_, .completed = {}, .blocked = 0};
  std::vector<std::unique_ptr<Stage>> stages_;
  std::map<Sysctls, Stage*> shared_;
  std::vector<Stage*> touched_;
  std::unordered_map<AttachmentId, std::unique_ptr<Seat>> seats_;
  std::unordered_map<packet::Address, AttachmentId, packet::AddressHash> by_tester_;
  Circle addresses4_{tester_addresses};
  Circle addresses6_{tester_addresses};
  Circle ports_{port_blocks};
  AttachmentId last_attachment_ = 0;
  std::uint32_t last_stage_ = 0;
  std::uint64_t unclaimed_ = 0;
  Instant idle_at_;  // a moment at which no link had anything to read
  std::array<std::byte, 65536> buffer_{};
  mutable Description description_;
};

LinuxTarget::~LinuxTarget() {
  seats_.clear();
  home_.enter();
  for (auto& stage : stages_) reaper_.dispose(stage->dismantle());
}

std::expected<void, EnvironmentError> LinuxTarget::open(Privilege privilege) {
  if (auto watched = poller_.watch(reaper_.descriptor(), Poller::Trigger::level, reaper_tag); !watched) return watched;
  const auto stage = open_stage({});
  if (!stage) return std::unexpected(stage.error());
  shared_[{}] = *stage;

  utsname system{};
  uname(&system);
  description_.name = "linux";
  description_.version = system.release;
  description_.capabilities = {"listen",        "accept", "connect",    "local-port", "half-close", "simultaneous-open",
                               "tcp-info",      "urgent", "keep-alive", "sack",       "timestamps", "window-scale",
                               "ipv4",          "sysctl", "linger",     "icmp",       "backlog",    "user-timeout",
                               "socket-options"};
  if ((*stage)->has_ipv6()) description_.capabilities.insert("ipv6");
  description_.provenance = (*stage)->provenance();
  description_.provenance["kernel"] = std::string(system.release) + " " + system.version;
  description_.provenance["machine"] = system.machine;
  description_.provenance["privilege"] = to_string(privilege);
  description_.provenance["clock"] = "CLOCK_MONOTONIC";
  return {};
}

const Description& LinuxTarget::description() const {
  description_.provenance["datagrams.unclaimed"] = std::to_string(unclaimed_);
  return description_;
}

// What differs from the first stage, so that naming a pinned value costs no namespace.
Sysctls LinuxTarget::beyond_pinned(const Sysctls& requested) const {
  Sysctls rest;
  const auto& in_force = stages_.front()->provenance();
  for (const auto& [name, value] : requested) {
    const auto pinned = in_force.find("sysctl." + name);
    if (pinned == in_force.end() || pinned->second != value) rest.emplace(name, value);
  }
  return rest;
}

LinuxTarget::StageResult LinuxTarget::stage_for(const AttachmentRequest& request) {
  const auto sysctls = beyond_pinned(request.sysctls);
  if (request.isolation == Isolation::alone) return open_stage(sysctls);
  if (const auto known = shared_.find(sysctls); known != shared_.end()) return known->second;
  auto stage = open_stage(sysctls);
  if (stage) shared_[sysctls] = *stage;
  return stage;
}

LinuxTarget::StageResult LinuxTarget::open_stage(const Sysctls& sysctls) {
  auto stage = Stage::create(options_, sysctls);
  if (!stage) {
    (stages_.empty() ? home_ : stages_.front()->space()).enter();
    return std::unexpected(stage.error());
  }
  (*stage)->serial = ++last_stage_;
  if (auto watched = poller_.watch((*stage)->link().descriptor(), Poller::Trigger::level, tag_of(**stage)); !watched)
    return std::unexpected(watched.error());
  return stages_.emplace_back(std::move(*stage)).get();
}

void LinuxTarget::close_stage(Stage& stage) {
  stages_.front()->space().enter();
  poller_.forget(stage.link().descriptor());
  std::erase(touched_, &stage);
  reaper_.dispose(stage.dismantle());
  std::erase_if(stages_, [&](const auto& owned) { return owned.get() == &stage; });
}

std::expected<Attachment, EnvironmentError> LinuxTarget::attach(const AttachmentRequest& request) {
  const auto stage = stage_for(request);
  if (!stage) return std::unexpected(stage.error());
  if (request.family == packet::Family::ipv6 && !(*stage)->has_ipv6()) {
    if (request.isolation == Isolation::alone) close_stage(**stage);
    return std::unexpected(EnvironmentError{.what = "this kernel has no IPv6 (/proc/sys/net/ipv6 is missing)",
                                            .hint = "boot without ipv6.disable=1, or select IPv4 tests"});
  }
  auto& addresses = request.family == packet::Family::ipv4 ? addresses4_ : addresses6_;
  const auto block = ports_.take();
  const auto address = block ? addresses.take() : std::nullopt;
  if (!address) {
    if (block) ports_.give_back(*block);
    if (request.isolation == Isolation::alone) close_stage(**stage);
    return std::unexpected(
        EnvironmentError{.what = "all " + std::to_string(port_blocks) + " blocks of listening ports are in use",
                         .hint = "run fewer tests at once (-j)"});
  }
  do ++last_attachment_;
  while (last_attachment_ == 0 || seats_.contains(last_attachment_));

  const Sockets::Place place{.attachment = last_attachment_,
                             .target = target_address(request.family),
                             .space = &(*stage)->space(),
                             .congestion_control = &(*stage)->congestion_control()};
  auto fresh = std::make_unique<Seat>(place, desk_);
  fresh->attachment = {.id = last_attachment_,
                       .target = place.target,
                       .tester = tester_address(request.family, *address),
                       .port = port_of_block(*block),
                       .mtu = link_mtu};
  fresh->stage = *stage;
  fresh->isolation = request.isolation;
  fresh->address = *address;
  fresh->port_block = *block;
  by_tester_.emplace(fresh->attachment.tester, last_attachment_);
  return seats_.emplace(last_attachment_, std::move(fresh)).first->second->attachment;
}

void LinuxTarget::detach(AttachmentId attachment) {
  const auto found = seats_.find(attachment);
  if (found == seats_.end()) return;
  const auto leaving = std::move(found->second);
  seats_.erase(found);
  by_tester_.erase(leaving->attachment.tester);
  auto& addresses = leaving->attachment.tester.family == packet::Family::ipv4 ? addresses4_ : addresses6_;
  addresses.give_back(leaving->address);
  ports_.give_back(leaving->port_block);
  leaving->sockets.abort_all();
  std::erase_if(desk_.completed, [&](const auto& completion) { return completion.attachment == attachment; });
  if (leaving->isolation == Isolation::alone)
    close_stage(*leaving->stage);
  else
    touch(*leaving->stage);
}

Seat& LinuxTarget::seat(AttachmentId attachment) {
  const auto found = seats_.find(attachment);
  assert(found != seats_.end() && "inject and start are for attachments that have not been detached");
  return *found->second;
}

void LinuxTarget::inject(AttachmentId attachment, BytesView datagram) {
  auto& sender = seat(attachment);
  sender.stage->link().write(sender.attachment.tester.family, datagram);
  touch(*sender.stage);
}

void LinuxTarget::start(AttachmentId attachment, const CallRequest& request) {
  auto& caller = seat(attachment);
  caller.sockets.start(request);
  touch(*caller.stage);
}

void LinuxTarget::touch(Stage& stage) {
  if (std::exchange(stage.touched, Stage::Touched::yes) == Stage::Touched::no) touched_.push_back(&stage);
}

void LinuxTarget::deliver(BytesView datagram, Instant not_before, Instant not_after, std::vector<Event>& events) {
  const auto claimed = by_tester_.find(packet::SegmentView(datagram).destination_address());
  if (claimed == by_tester_.end()) {
    ++unclaimed_;
    return;
  }
  events.emplace_back(PacketArrival{.attachment = claimed->second,
                                    .datagram = Bytes(datagram.begin(), datagram.end()),
                                    .not_before = not_before,
                                    .not_after = not_after});
}

void LinuxTarget::drain(Stage& stage, std::vector<Event>& events) {
  stage.touched = Stage::Touched::no;
  const auto not_before = std::max(stage.empty_at, idle_at_);
  auto before_read = monotonic_now();
  for (auto datagram = stage.link().read(buffer_); !datagram.empty(); datagram = stage.link().read(buffer_)) {
    before_read = monotonic_now();
    deliver(datagram, not_before, before_read, events);
  }
  stage.empty_at = before_read;
}

void LinuxTarget::drain_touched(std::vector<Event>& events) {
  for (auto* stage : touched_) drain(*stage, events);
  touched_.clear();
}

void LinuxTarget::collect_lingering_closes() {
  for (const auto& closed : reaper_.finished()) {
    const auto owner = seats_.find(closed.attachment);
    if (owner == seats_.end()) continue;
    touch(*owner->second->stage);
    CallResult result;
    result.id = closed.call;
    result.error = closed.error;
    desk_.completed.push_back({.attachment = closed.attachment, .result = std::move(result)});
  }
}

void LinuxTarget::handle(std::uint64_t tag) {
  if (tag == reaper_tag) return collect_lingering_closes();
  if (!is_socket(tag)) {
    const auto stage = std::ranges::find(stages_, tag, [](const auto& each) { return tag_of(*each); });
    if (stage != stages_.end()) touch(**stage);
    return;
  }
  const auto owner = seats_.find(static_cast<AttachmentId>(tag >> 32));
  if (owner == seats_.end()) return;
  owner->second->sockets.retry(static_cast<SocketId>(tag));
  touch(*owner->second->stage);
}

Poller::Reason LinuxTarget::poll(std::optional<Instant> until, std::vector<Event>& events) {
  auto wake = poller_.wait(until);
  const auto reason = wake.reason;
  for (;; wake = poller_.look()) {
    for (const auto& ready : wake.ready) handle(ready.data.u64);
    drain_touched(events);
    if (wake.more) continue;
    // Drained or not reported: either way every link was empty then.
    idle_at_ = wake.idle_at;
    return reason;
  }
}

void LinuxTarget::wait(std::optional<Instant> until, std::vector<Event>& events) {
  const auto before = events.size();
  const auto anything = [&] { return events.size() != before || !desk_.completed.empty(); };
  // The answer to what we just did is queued already: no need to ask whether.
  drain_touched(events);
  if (anything()) {
    if (poller_may_know_more()) (void)poll(Instant::min(), events);
  } else {
    while (!anything() && poll(until, events) == Poller::Reason::ready) {
    }
  }
  // Packets first: a completion may be the consequence of one.
  for (auto& completion : desk_.completed) events.emplace_back(std::move(completion));
  desk_.completed.clear();
}

// Hundreds of tests at once have several sockets each. Where it cannot be raised, the
// limit shows up as EMFILE in a call.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::expected<std::unique_ptr<Target>, EnvironmentError> open_linux_target(const LinuxOptions& options) {
  const auto privilege = acquire_privilege();
  if (!privilege) return std::unexpected(privilege.error());
  raise_descriptor_limit();
  auto home = Namespace::current();
  if (!home) return std::unexpected(home.error());
  auto poller = Poller::open();
  if (!poller) return std::unexpected(poller.error());
  auto reaper = Reaper::open();
  if (!reaper) return std::unexpected(reaper.error());
  auto target = std::make_unique<LinuxTarget>(options, std::move(*home), std::move(*poller), std::move(*reaper));
  if (auto done = target->open(*privilege); !done) return std::unexpected(done.error());
  return target;
}

}  // namespace tcpspec::target
