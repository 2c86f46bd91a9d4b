#include "target/remote_target.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <random>
#include <unordered_map>
#include <utility>

#include "packet/segment_view.hh"
#include "target/clock.hh"
#include "target/linux/numbering.hh"
#include "target/remote/agent.hh"
#include "target/remote/hosts.hh"
#include "target/remote/wire.hh"
#include "target/upper_tester.hh"

namespace tcpspec::target {
namespace {

constexpr std::uint64_t wire_tag = 0;
constexpr std::uint64_t agent_tag = 1;
// An agent that is not to be had: after so many times in a row it is not tried again.
constexpr int most_failed_connects = 3;

// Linux forgets neighbours beyond 512, and takes no new ones beyond 1024 within five seconds.
constexpr std::uint32_t most_neighbours = 500;

constexpr auto unfinished_words =
    "the target's segments come unfinished, with checksums that a network card should have written: the other end of "
    "{0} "
    "is virtual and has offloads on. Turn them off there: ethtool -K INTERFACE tx off rx off tso off gso off";

// One test in flight.
struct Seat {
  Attachment attachment;
  std::uint32_t host = 0;
  std::uint32_t port_block = 0;
  // From its first call on.
  std::unique_ptr<AgentCalls> calls;
  std::unique_ptr<UpperTester> upper_tester;
  bool failed = false;
};

class RemoteTarget final : public Target {
 public:
  RemoteTarget(RemoteOptions options, Poller poller, Wire wire)
      : options_(std::move(options)),
        poller_(std::move(poller)),
        wire_(std::move(wire)),
        hosts_(wire_),
        ports_(port_blocks()) {}

  [[nodiscard]] std::expected<void, EnvironmentError> open();

  [[nodiscard]] const Description& description() const override;
  [[nodiscard]] Instant now() const override { return monotonic_now(); }
  [[nodiscard]] std::expected<Attachment, EnvironmentError> attach(const AttachmentRequest& request) override;
  void detach(AttachmentId attachment) override;
  void inject(AttachmentId attachment, BytesView datagram) override;
  void start(AttachmentId attachment, const CallRequest& request) override;
  void wait(std::optional<Instant> until, std::vector<Event>& events) override;

 private:
  [[nodiscard]] std::uint32_t port_blocks() const {
    return static_cast<std::uint32_t>(options_.last_port - options_.first_port + 1) / ports_per_block;
  }
  [[nodiscard]] std::expected<void, EnvironmentError> add_side(const std::optional<RemoteOptions::Side>& side);
  [[nodiscard]] std::expected<void, EnvironmentError> connect_agent();
  void describe();
  [[nodiscard]] Seat& seat(AttachmentId attachment);
  [[nodiscard]] bool prepare_calls(Seat& caller);
  void collect(Seat& caller);
  void drop_events(AttachmentId attachment);

  void drain();
  void deliver(const Wire::Arrival& arrival, Instant not_before, Instant not_after);
  void listen_to_agent();
  void fail_the_forsaken();
  void fail(Seat& failing, std::string what);
  [[nodiscard]] Poller::Reason poll(std::optional<Instant> until);

  RemoteOptions options_;
  Poller poller_;
  Wire wire_;
  Hosts hosts_;
  Circle ports_;
  std::map<packet::Family, Circle> testers_;
  std::shared_ptr<AgentConnection> agent_;
  int failed_connects_ = 0;
  std::unordered_map<AttachmentId, std::unique_ptr<Seat>> seats_;
  std::unordered_map<packet::Address, AttachmentId, packet::AddressHash> by_tester_;
  AttachmentId last_attachment_ = 0;
  std::vector<Event> arrivals_;
  std::vector<Event> completions_;
  std::uint64_t unclaimed_ = 0;
  Instant empty_at_ = monotonic_now();  // a moment at which the wire had nothing to read
  std::array<std::byte, 65536 + ethernet_header> buffer_{};
  mutable Description description_;
};

std::expected<void, EnvironmentError> RemoteTarget::open() {
  description_.most_attachments = port_blocks();
  if (auto watched = poller_.watch(wire_.descriptor(), Poller::Trigger::level, wire_tag); !watched) return watched;
  if (auto done = add_side(options_.ipv4); !done) return done;
  if (auto done = add_side(options_.ipv6); !done) return done;
  if (auto done = hosts_.find_targets(poller_); !done) return done;
  if (options_.agent)
    if (auto done = connect_agent(); !done) return done;
  describe();
  return {};
}

std::expected<void, EnvironmentError> RemoteTarget::add_side(const std::optional<RemoteOptions::Side>& side) {
  if (!side) return {};
  if (side->testers.hosts() == 0 || side->testers.contains(side->address))
    return std::unexpected(
        EnvironmentError{.what = fmt::format("{} is no range of testers for the target {}", to_string(side->testers),
                                             to_string(side->address)),
                         .hint = "testers: 10.9.128.0/17, a range in the target's network that it is not in itself"});
  const auto most = side->gateway ? side->testers.hosts() : std::min(side->testers.hosts(), most_neighbours);
  description_.most_attachments = std::min<std::size_t>(description_.most_attachments, most);
  // Somewhere else in each run: the target may remember peers of the last one.
  testers_.emplace(side->address.family, Circle(most, std::random_device{}()));
  hosts_.add(side->address, side->testers, side->gateway);
  return {};
}

std::expected<void, EnvironmentError> RemoteTarget::connect_agent() {
  auto connected = AgentConnection::open(*options_.agent);
  if (!connected) return std::unexpected(connected.error());
  agent_ = std::move(*connected);
  return poller_.watch(agent_->descriptor(), Poller::Trigger::level, agent_tag);
}

void RemoteTarget::describe() {
  description_.name = "remote";
  description_.version = "unknown";
  if (options_.ipv4) description_.capabilities.insert("ipv4");
  if (options_.ipv6) description_.capabilities.insert("ipv6");
  if (agent_) {
    const auto& hello = agent_->hello();
    description_.name = hello.name;
    description_.version = hello.version;
    description_.capabilities.insert(hello.capabilities.begin(), hello.capabilities.end());
    description_.provenance["agent"] = to_string(*options_.agent);
    description_.provenance["agent.system"] = hello.system;
  }
  for (const auto& capability : options_.without) description_.capabilities.erase(capability);
  description_.provenance["link"] = fmt::format("Ethernet, {}", wire_.interface());
  description_.provenance["clock"] = "CLOCK_MONOTONIC";
  for (const auto& target : hosts_.targets())
    description_.provenance[fmt::format("target.{}", to_string(target.address))] = to_string(target.mac);
}

const Description& RemoteTarget::description() const {
  description_.provenance["datagrams.unclaimed"] = std::to_string(unclaimed_);
  return description_;
}

std::expected<Attachment, EnvironmentError> RemoteTarget::attach(const AttachmentRequest& request) {
  const auto& side = request.family == packet::Family::ipv4 ? options_.ipv4 : options_.ipv6;
  if (!side)
    return std::unexpected(EnvironmentError{.what = "the target has no address of this family",
                                            .hint = "`address` and `testers`, `address6` and `testers6` in its file"});
  if (agent_ && agent_->broken()) {
    fail_the_forsaken();
    if (failed_connects_ >= most_failed_connects)
      return std::unexpected(EnvironmentError{.what = *agent_->broken(), .hint = "start the agent anew"});
    poller_.forget(agent_->descriptor());
    if (auto connected = connect_agent(); !connected) {
      ++failed_connects_;
      return std::unexpected(connected.error());
    }
    failed_connects_ = 0;
  }
  const auto block = ports_.take();
  const auto host = block ? testers_.at(request.family).take() : std::nullopt;
  if (!host) {
    if (block) ports_.give_back(*block);
    return std::unexpected(EnvironmentError{.what = "all tester addresses or blocks of ports are in use",
                                            .hint = "run fewer tests at once (-j), or give the target's file more"});
  }
  auto fresh = std::make_unique<Seat>();
  fresh->attachment = {.id = ++last_attachment_,
                       .target = side->address,
                       .tester = side->testers.host(*host),
                       .port = static_cast<std::uint16_t>(options_.first_port + *block * ports_per_block),
                       .mtu = wire_.mtu()};
  fresh->host = *host;
  fresh->port_block = *block;
  by_tester_.emplace(fresh->attachment.tester, last_attachment_);
  hosts_.introduce(fresh->attachment.tester);
  return seats_.emplace(last_attachment_, std::move(fresh)).first->second->attachment;
}

void RemoteTarget::detach(AttachmentId attachment) {
  const auto found = seats_.find(attachment);
  if (found == seats_.end()) return;
  const auto leaving = std::move(found->second);
  seats_.erase(found);
  by_tester_.erase(leaving->attachment.tester);
  testers_.at(leaving->attachment.tester.family).give_back(leaving->host);
  ports_.give_back(leaving->port_block);
  drop_events(attachment);
}

void RemoteTarget::drop_events(AttachmentId attachment) {
  const auto is_its = [&](const Event& event) {
    return std::visit([&](const auto& what) { return what.attachment == attachment; }, event);
  };
  std::erase_if(arrivals_, is_its);
  std::erase_if(completions_, is_its);
}

Seat& RemoteTarget::seat(AttachmentId attachment) {
  const auto found = seats_.find(attachment);
  assert(found != seats_.end() && "inject and start are for attachments that have not been detached");
  return *found->second;
}

void RemoteTarget::inject(AttachmentId attachment, BytesView datagram) {
  hosts_.send(seat(attachment).attachment.tester.family, datagram);
}

bool RemoteTarget::prepare_calls(Seat& caller) {
  if (caller.calls) return true;
  if (!agent_) return false;
  const Seating seating{.local = caller.attachment.target,
                        .peer = caller.attachment.tester,
                        .mtu = caller.attachment.mtu,
                        .seed = 0,
                        .now = now()};
  caller.calls = std::make_unique<AgentCalls>(agent_, seating);
  caller.upper_tester = std::make_unique<UpperTester>(*caller.calls, caller.attachment.target);
  return true;
}

void RemoteTarget::start(AttachmentId attachment, const CallRequest& request) {
  auto& caller = seat(attachment);
  if (caller.failed) return;
  if (!prepare_calls(caller)) {
    CallResult unsupported;
    unsupported.id = request.id;
    unsupported.error = ENOTSUP;
    completions_.emplace_back(CallCompletion{attachment, std::move(unsupported)});
    return;
  }
  caller.upper_tester->start(request);
  collect(caller);
}

// What a broken connection made of the calls says nothing of them.
void RemoteTarget::collect(Seat& caller) {
  auto completed = caller.upper_tester->take_completed();
  if (caller.calls->agent().broken()) return;
  for (auto& result : completed) completions_.emplace_back(CallCompletion{caller.attachment.id, std::move(result)});
}

void RemoteTarget::fail(Seat& failing, std::string what) {
  if (std::exchange(failing.failed, true)) return;
  const auto id = failing.attachment.id;
  drop_events(id);
  completions_.emplace_back(TargetFailure{id, TargetFailure::Kind::garbled, std::move(what)});
}

void RemoteTarget::deliver(const Wire::Arrival& arrival, Instant not_before, Instant not_after) {
  const auto datagram = hosts_.take(arrival.frame);
  if (datagram.empty()) return;
  const packet::SegmentView view(datagram);
  const auto claimed = by_tester_.find(view.destination_address());
  if (claimed == by_tester_.end()) {
    ++unclaimed_;
    hosts_.turn_away(datagram);
    return;
  }
  if (!view.is_tcp() && !view.is_icmp()) return;
  auto& receiver = seat(claimed->second);
  if (arrival.unfinished) return fail(receiver, fmt::format(unfinished_words, wire_.interface()));
  arrivals_.emplace_back(PacketArrival{.attachment = claimed->second,
                                       .datagram = Bytes(datagram.begin(), datagram.end()),
                                       .not_before = not_before,
                                       .not_after = not_after});
}

void RemoteTarget::drain() {
  const auto not_before = empty_at_;
  auto before_read = monotonic_now();
  for (auto arrival = wire_.read(buffer_); !arrival.frame.empty(); arrival = wire_.read(buffer_)) {
    before_read = monotonic_now();
    deliver(arrival, not_before, before_read);
  }
  empty_at_ = before_read;
}

void RemoteTarget::listen_to_agent() {
  if (!agent_) return;
  // With the replies to what is asked now more may come.
  for (auto scopes = agent_->take_notices(); !scopes.empty(); scopes = agent_->take_notices()) {
    for (const auto& [id, each] : seats_) {
      if (!each->calls || &each->calls->agent() != agent_.get() || !scopes.contains(each->calls->scope())) continue;
      each->upper_tester->retry();
      collect(*each);
    }
  }
  if (!agent_->broken()) return;
  poller_.forget(agent_->descriptor());
  fail_the_forsaken();
}

// Tests whose calls went through a connection that has ended.
void RemoteTarget::fail_the_forsaken() {
  for (const auto& [id, each] : seats_)
    if (each->calls && each->calls->agent().broken()) fail(*each, *each->calls->agent().broken());
}

Poller::Reason RemoteTarget::poll(std::optional<Instant> until) {
  const auto wake = poller_.wait(until);
  const auto has = [&](std::uint64_t tag) {
    return std::ranges::any_of(wake.ready, [&](const epoll_event& each) { return each.data.u64 == tag; });
  };
  const bool wire_ready = has(wire_tag);
  if (has(agent_tag)) listen_to_agent();
  if (!wire_ready) empty_at_ = std::max(empty_at_, wake.idle_at);
  return wake.reason;
}

void RemoteTarget::wait(std::optional<Instant> until, std::vector<Event>& events) {
  const auto anything = [&] { return !arrivals_.empty() || !completions_.empty(); };
  // Asking the agent may have brought notices, and the end of its connection.
  const bool news_of_agent = agent_ && (agent_->may_have_notices() || agent_->broken());
  if (news_of_agent) listen_to_agent();
  auto reason = poll(anything() ? std::optional(Instant::min()) : until);
  for (drain(); reason == Poller::Reason::ready && !anything(); drain()) reason = poll(until);
  // Packets first: a completion may be the consequence of one, and was waited for before the wire was read.
  std::ranges::move(arrivals_, std::back_inserter(events));
  std::ranges::move(completions_, std::back_inserter(events));
  arrivals_.clear();
  completions_.clear();
}

}  // namespace

std::expected<std::unique_ptr<Target>, EnvironmentError> open_remote_target(const RemoteOptions& options) {
  std::vector<Network> ours;
  for (const auto& side : {options.ipv4, options.ipv6}) {
    if (!side) continue;
    ours.push_back(side->testers);
    if (side->gateway)
      ours.push_back({.prefix = *side->gateway, .length = static_cast<unsigned>(side->gateway->size()) * 8});
  }
  auto poller = Poller::open();
  if (!poller) return std::unexpected(poller.error());
  auto wire = Wire::open(options.interface, ours);
  if (!wire) return std::unexpected(wire.error());
  auto target = std::make_unique<RemoteTarget>(options, std::move(*poller), std::move(*wire));
  if (auto done = target->open(); !done) return std::unexpected(done.error());
  return target;
}

}  // namespace tcpspec::target
