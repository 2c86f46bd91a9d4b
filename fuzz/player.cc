#include "fuzz/player.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "engine/beginning.hh"
#include "engine/pattern.hh"
#include "engine/play.hh"
#include "fuzz/fixture.hh"
#include "fuzz/sides.hh"
#include "fuzz/streams.hh"
#include "fuzz/transitions.hh"
#include "packet/icmp.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;
using packet::Seq32;

constexpr oracle::Invariant delivery_intact{
    "delivery-intact", "The application reads each octet once, in order, as it was sent.", "RFC 9293 section 2.2"};
constexpr oracle::Invariant stream_intact{
    "stream-intact", "What a target sends is what its application wrote, at its place.", "RFC 9293 section 2.2"};
constexpr std::int64_t most_octets = 65'000;  // of one segment's text
// A target that reacts so often at one instant of simulated time goes round in a circle.
constexpr int most_rounds = 2000;

struct Side {
  oracle::ConnectionView view;
  std::uint16_t tester_port = 0;
  std::uint16_t target_port = 0;  // 0: not known yet
  Bytes last_answer;
  bool reset = false;  // by either
  ObservedState state;
};

class Playing {
 public:
  Playing(Program program, target::Target& target, const PlayOptions& options)
      : program_(std::move(program)), target_(target), options_(options), draw_(options.seed) {}

  std::expected<Played, target::EnvironmentError> run() {
    auto place = target_.attach({.family = program_.family, .seed = options_.seed});
    if (!place) return std::unexpected(place.error());
    place_ = *place;
    real_time_ = target_.description().clock == target::Description::Clock::real;
    played_.started = target_.now();
    const auto& fixture = steps_of(program_.fixture, program_.family);
    played_.fixture_steps = fixture.size();
    played_.steps.reserve(fixture.size() + program_.steps.size());
    played_.entries.reserve(4 * (fixture.size() + program_.steps.size()));
    played_.steps = fixture;
    std::ranges::move(program_.steps, std::back_inserter(played_.steps));
    begin_connections();
    for (step_ = 0; step_ < played_.steps.size() && !over(); ++step_) take(played_.steps[step_]);
    if (step_ > 0) --step_;
    if (!over() && options_.drain > Duration{}) pass(options_.drain);
    if (real_time_ && !played_.failure) reset_all();
    played_.ended = target_.now();
    target_.detach(place_.id);
    return std::move(played_);
  }

 private:
  [[nodiscard]] bool over() const { return played_.failure || played_.flooded; }

  void begin_connections() {
    for (std::size_t i = 0; i < program_.connections.size(); ++i) {
      const auto& declared = program_.connections[i];
      auto [iss, port] = engine::draw_beginning(draw_, i);
      if (declared.tuple_of >= 0)
        port = sides_[static_cast<std::size_t>(declared.tuple_of)].tester_port;
      else if (declared.iss)
        iss = Seq32(static_cast<std::uint32_t>(declared.iss->offset));
      sides_.push_back(Side{oracle::ConnectionView(program_.family, iss, place_.mtu), port, 0, {}, false, {}});
      active_.push_back(declared.tuple_of >= 0 ? active_[static_cast<std::size_t>(declared.tuple_of)]
                                               : static_cast<int>(i));
    }
  }

  // A later incarnation takes the ports over when it is first used.
  void activate(std::size_t index) {
    const auto& declared = program_.connections[index];
    auto& own = sides_[index];
    if (declared.tuple_of < 0 || own.view.used() || active_[index] == static_cast<int>(index)) return;
    const auto& old = sides_[static_cast<std::size_t>(declared.tuple_of)];
    if (declared.iss)
      own.view =
          oracle::ConnectionView(program_.family, old.view.from_tester_space(value(old, *declared.iss)), place_.mtu);
    own.target_port = old.target_port;
    for (std::size_t i = 0; i < sides_.size(); ++i)
      if (sides_[i].tester_port == own.tester_port) active_[i] = static_cast<int>(index);
  }

  [[nodiscard]] static std::int64_t value(const Side& side, const Number& number) {
    return value_of(number, side.view);
  }

  // ---- stimuli

  void take(const Step& step) {
    activate(step.connection);
    struct {
      Playing& playing;
      const Step& step;
      void operator()(const SendSegment& send) const { playing.send(send, step.connection); }
      void operator()(const SendIcmp& icmp) const { playing.send(icmp, step.connection); }
      void operator()(const Call& call) const { playing.start(call, step.connection); }
      void operator()(const Pause& pause) const {
        playing.tell(playing.record(Entry::Kind::paused, step.connection));
        playing.pass(playing.real_time_ ? std::min(pause.length, playing.options_.longest_pause) : pause.length);
      }
    } taking{*this, step};
    std::visit(taking, step.action);
    collect();
  }

  [[nodiscard]] packet::Timestamps own_timestamps(const Side& side) const {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(target_.now() - played_.started).count();
    return {engine::first_timestamp + static_cast<std::uint32_t>(elapsed), side.view.target_timestamp()};
  }

  [[nodiscard]] packet::Segment blank(const Side& side) const {
    packet::Segment segment;
    segment.source = {place_.tester, side.tester_port};
    segment.destination = {place_.target, side.target_port != 0 ? side.target_port : place_.port};
    segment.window = side.view.last_window_sent();
    return segment;
  }

  void send(const SendSegment& send, std::uint8_t index) {
    auto& own = sides_[index];
    const auto& broken = send.malformation;
    auto segment = blank(own);
    segment.flags = send.flags;
    const auto seq = send.seq ? static_cast<std::uint32_t>(value(own, *send.seq)) : own.view.rcv_nxt();
    segment.seq = own.view.from_tester_space(seq);
    if (send.ack)
      segment.ack = own.view.from_target_space(value(own, *send.ack));
    else if (send.flags.has(Flags::ack))
      segment.ack = own.view.from_target_space(own.view.snd_nxt());
    segment.window = send.window.value_or(segment.window);
    segment.urgent = send.urgent.value_or(0);
    segment.ip.ttl = send.ttl.value_or(segment.ip.ttl);
    segment.ip.traffic_class = send.traffic_class.value_or(0);
    segment.payload = text(send, own, text_offset(seq, send.flags));
    if (send.options) {
      segment.options.reserve(send.options->size());
      for (const auto& item : *send.options) segment.options.push_back(option_of(item, own.view, own_timestamps(own)));
    } else if (own.view.timestamps_in_force() && !send.flags.has(Flags::syn)) {
      segment.options = {packet::Nop{}, packet::Nop{}, own_timestamps(own)};
    }
    const bool refused = send.ignored || breaks(broken);
    segment.ip.identification = identification_++;
    // Octets count from where the SYN is.
    if (segment.flags.has(Flags::syn) && seq != 0) streams_.doubt_delivery();
    own.reset = own.reset || segment.flags.has(Flags::rst);
    if (!segment.payload.empty()) text_reaches_others(index);
    // Urgent data may be taken out of the stream, and which octet that is is disputed (RFC 6093 section 3.1).
    if (segment.flags.has(Flags::urg)) streams_.doubt_delivery();
    if (own.target_port == 0 && segment.flags.has(Flags::syn) && !segment.flags.has(Flags::ack))
      own.target_port = segment.destination.port;
    const auto place = place_of(segment, refused, own.view);
    own.view.sent(segment, refused ? oracle::Acceptance::refused : oracle::Acceptance::expected, target_.now());
    auto datagram = packet::serialize(segment, broken);
    // Options beyond 40 octets, or an offset that lies.
    if (packet::SegmentView(datagram).payload().size() != segment.payload.size()) streams_.doubt_delivery();
    auto& entry = inject(std::move(datagram), index);
    entry.place = place;
    if (!refused) own.state.sent(segment.flags, own.view);
  }

  // Text for one incarnation may be in the window of another that has its ports: a number says nothing then of
  // which stream an octet belongs to.
  void text_reaches_others(std::uint8_t index) {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      const auto& other = sides_[i];
      if (i != index && other.tester_port == sides_[index].tester_port && other.view.used()) streams_.doubt_delivery();
    }
  }

  // The first octet of the stream has number 1; `offset` counts from there.
  [[nodiscard]] Bytes text(const SendSegment& send, const Side& side, std::uint32_t offset) {
    if (!send.literal.empty()) {
      streams_.wrote(engine::Stream::from_tester, offset, send.literal);
      return send.literal;
    }
    Bytes octets(static_cast<std::size_t>(std::clamp<std::int64_t>(value(side, send.length), 0, most_octets)));
    engine::write_pattern(engine::Stream::from_tester, offset, octets);
    return octets;
  }

  Entry& inject(Bytes datagram, std::uint8_t index) {
    auto& entry = record(Entry::Kind::sent, index);
    entry.datagram = std::move(datagram);
    entry.datagram.shrink_to_fit();  // one that was cut ends where its memory ends: a sanitizer sees who reads on
    monitor_.sent(entry.datagram);
    tell(entry);
    target_.inject(place_.id, entry.datagram);
    return entry;
  }

  void send(const SendIcmp& icmp, std::uint8_t index) {
    auto& own = sides_[index];
    if (own.last_answer.empty()) return;  // nothing to quote
    auto quoted = own.last_answer;
    std::optional<std::uint32_t> seq;
    if (icmp.quoted_seq) seq = own.view.from_target_space(value(own, *icmp.quoted_seq)).raw();
    packet::forge_quotation(quoted, seq, icmp.quoted_source_port);
    inject(packet::serialize(packet::IcmpError{.source = place_.tester,
                                               .destination = place_.target,
                                               .type = icmp.type,
                                               .code = icmp.code,
                                               .rest_of_header = icmp.rest_of_header.value_or(0),
                                               .quoted = std::move(quoted)}),
           index);
  }

  // ---- calls

  void start(const Call& call, std::uint8_t index) {
    streams_.called(call, index);
    if (call.urgent && !target_.description().capabilities.contains("urgent")) streams_.doubt_text_of(call.socket);
    auto& entry = record(Entry::Kind::called, index);
    entry.call = step_;
    tell(entry);
    sides_[index].state.called(call.kind);
    target_.start(place_.id, {step_, call.socket, operation(call, index)});
  }

  [[nodiscard]] target::Operation operation(const Call& call, std::uint8_t index) {
    auto& own = sides_[index];
    switch (call.kind) {
      case Call::Kind::listen:
        return target::Listen{place_.port, static_cast<int>(call.number)};
      case Call::Kind::connect: {
        std::uint16_t local = own.target_port;  // a later incarnation keeps the port
        if (call.number != 0) local = static_cast<std::uint16_t>(call.number);
        if (own.target_port == 0) own.target_port = local;
        own.reset = own.reset || own.view.target_iss_known();
        return target::Connect{{place_.tester, own.tester_port}, local};
      }
      case Call::Kind::accept:
        return target::Accept{call.accepted};
      case Call::Kind::send:
        return target::Send{streams_.text_of(call, step_), call.urgent};
      case Call::Kind::receive:
        return target::Receive{static_cast<std::size_t>(std::clamp<std::int64_t>(call.number, 1, 64 << 20)),
                               call.urgent};
      case Call::Kind::shutdown_write:
        return target::Shutdown{target::Direction::write};
      case Call::Kind::shutdown_read:
        return target::Shutdown{target::Direction::read};
      case Call::Kind::shutdown_both:
        return target::Shutdown{target::Direction::both};
      case Call::Kind::close:
        return target::Close{};
      case Call::Kind::abort:
        return target::Abort{};
      case Call::Kind::set_option:
        return target::SetOption{call.option, call.number};
      case Call::Kind::get_option:
        return target::GetOption{call.option};
      case Call::Kind::state:
        break;
    }
    return target::State{};
  }

  // ---- what the target does

  void tell(const Entry& entry) const {
    if (options_.witness) options_.witness(entry);
  }

  Entry& record(Entry::Kind kind, int index) {
    auto& entry = played_.entries.emplace_back();
    entry.kind = kind;
    entry.step = step_;
    entry.connection = index;
    entry.at = target_.now();
    if (index >= 0) entry.state = sides_[static_cast<std::size_t>(index)].state.now();
    return entry;
  }

  void pass(Duration length) {
    const auto until = target_.now() + length;
    while (!over() && target_.now() < until) {
      events_.clear();
      target_.wait(until, events_);
      take_events();
    }
  }

  // Everything that is there by now.
  void collect() {
    for (int rounds = 0; !over(); ++rounds) {
      events_.clear();
      target_.wait(target_.now(), events_);
      if (events_.empty()) return;
      if (rounds > most_rounds) played_.flooded = true;
      take_events();
      // In real time one look has all that was there by then (target.hh), and what our taking it draws is
      // nothing: a system call less for each step.
      if (real_time_) return;
    }
  }

  void take_events() {
    struct {
      Playing& playing;
      void operator()(target::PacketArrival& arrival) const { playing.answered(std::move(arrival.datagram)); }
      void operator()(target::CallCompletion& completion) const { playing.completed(std::move(completion.result)); }
      void operator()(target::TargetFailure& failure) const { playing.played_.failure = std::move(failure); }
    } taking{*this};
    for (auto& event : events_) {
      if (over()) return;
      std::visit(taking, event);
    }
  }

  void answered(Bytes datagram) {
    if (++answers_ > options_.most_answers) {
      played_.flooded = true;
      return;
    }
    const packet::SegmentView segment{BytesView(datagram)};
    int index = -1;
    if (segment.has_tcp_header())
      for (std::size_t i = 0; i < sides_.size() && index < 0; ++i)
        if (sides_[i].tester_port == segment.destination_port()) index = active_[i];
    auto violations = monitor_.received(datagram);
    auto& entry = record(Entry::Kind::answered, index);
    for (auto& violation : violations) breach(std::move(violation));
    if (index >= 0) {
      auto& own = sides_[static_cast<std::size_t>(index)];
      if (own.target_port == 0) own.target_port = segment.source_port();
      // Once more on the same ports, and at the same instant with the same ISS.
      if (segment.flags().has(Flags::syn) && own.reset) streams_.begin_anew(index);
      own.reset = own.reset || segment.flags().has(Flags::rst);
      check_text(segment, index);
      own.view.consumed(segment);
      own.state.answered(segment.flags(), own.view);
      own.last_answer = datagram;
    }
    entry.datagram = std::move(datagram);
    tell(entry);
  }

  void breach(oracle::Violation violation) {
    played_.breaches.push_back({std::move(violation), played_.entries.size() - 1});
  }

  void check_text(const packet::SegmentView& segment, int index) {
    const auto& own = sides_[static_cast<std::size_t>(index)];
    const auto octets = segment.payload();
    if (octets.empty() || segment.flags().has(Flags::rst)) return;
    if (!own.view.target_iss_known() || own.view.target_began_again()) return;
    const auto first = own.view.in_target_space(segment.seq()) + (segment.flags().has(Flags::syn) ? 1U : 0U) - 1U;
    // A keep-alive may carry one octet of garbage at the last number (RFC 9293 section 3.8.4, MAY-6), where nothing is
    // in flight (MUST-26).
    const auto una = static_cast<std::uint32_t>(own.view.variable(script::Variable::snd_una));
    if (octets.size() == 1 && own.view.in_target_space(segment.seq()) + 1U == una && una == own.view.snd_nxt()) return;
    if (const auto strange = streams_.strange_text(index, first, octets))
      breach({&stream_intact, fmt::format("octet {} is not what the application wrote there", *strange)});
  }

  void completed(target::CallResult result) {
    if (result.id >= played_.steps.size()) return;
    const auto* call = std::get_if<Call>(&played_.steps[result.id].action);
    if (call == nullptr) return;
    const auto connection = played_.steps[result.id].connection;
    auto& entry = record(Entry::Kind::completed, connection);
    entry.call = result.id;
    if (const auto strange = streams_.completed(*call, result))
      breach(
          {&delivery_intact, fmt::format("octet {} that the application read is not what was sent there", *strange)});
    if (call->kind == Call::Kind::connect && result.error == 0 && result.local.port != 0)
      if (auto& own = sides_[connection]; own.target_port == 0) own.target_port = result.local.port;
    entry.result = std::move(result);
    tell(entry);
  }

  // So that no orphan of a kernel retransmits into what follows.
  void reset_all() {
    for (auto& own : sides_) {
      if (!own.view.used() || own.target_port == 0) continue;
      auto reset = blank(own);
      reset.flags = Flags::rst | Flags::ack;
      reset.seq = own.view.from_tester_space(own.view.rcv_nxt());
      reset.ack = own.view.from_target_space(own.view.snd_nxt());
      target_.inject(place_.id, packet::serialize(reset));
    }
  }

  Program program_;  // without its steps
  target::Target& target_;
  const PlayOptions& options_;
  engine::Draw draw_;
  target::Attachment place_;
  bool real_time_ = false;
  Played played_;
  std::vector<Side> sides_;
  std::vector<int> active_;  // per connection: which incarnation takes what comes to its port
  Streams streams_{program_.connections.size()};
  oracle::InvariantMonitor monitor_;
  std::vector<target::Event> events_;
  std::uint32_t step_ = 0;
  std::size_t answers_ = 0;
  std::uint16_t identification_ = 1;
};

}  // namespace

std::expected<Played, target::EnvironmentError> play(Program program, target::Target& target,
                                                     const PlayOptions& options) {
  return Playing(std::move(program), target, options).run();
}

}  // namespace tcpspec::fuzz
