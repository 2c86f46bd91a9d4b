#include "fuzz/compile.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/play.hh"
#include "fuzz/fixture.hh"
#include "fuzz/sides.hh"
#include "packet/icmp.hh"
#include "packet/segment_view.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {

namespace {

using packet::Flags;
using packet::Instant;
using packet::Seq32;
using script::Variable;

// ---- numbers

std::int32_t distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

struct Candidate {
  Number::Base base;
  std::uint32_t value = 0;
  std::int64_t weight = 1;  // one that is less natural must be so many times nearer
};

// The base that the number lies nearest to, the first of equals.
Number nearest(std::uint32_t value, std::initializer_list<Candidate> candidates) {
  const Candidate* best = nullptr;
  std::int64_t least = 0;
  for (const auto& candidate : candidates) {
    const auto far = (std::abs(std::int64_t{distance(candidate.value, value)}) + 1) * candidate.weight;
    if (best != nullptr && far >= least) continue;
    best = &candidate;
    least = far;
  }
  return {best->base, distance(best->value, value)};
}

std::uint32_t variable(const oracle::ConnectionView& view, Variable which) {
  return static_cast<std::uint32_t>(view.variable(which));
}

Number in_tester_space(std::uint32_t value, const oracle::ConnectionView& view) {
  const auto edge = view.rcv_nxt() + variable(view, Variable::rcv_wnd);
  return nearest(
      value, {{Number::Base::rcv_nxt, view.rcv_nxt()}, {Number::Base::rcv_edge, edge, 16}, {Number::Base::zero, 0, 2}});
}

// Before its SYN a target's numbers are as they are on the wire.
Number in_target_space(std::uint32_t value, const oracle::ConnectionView& view) {
  if (!view.target_iss_known()) return {Number::Base::zero, value};
  return nearest(value, {{Number::Base::snd_nxt, view.snd_nxt()},
                         {Number::Base::snd_una, variable(view, Variable::snd_una)},
                         {Number::Base::zero, 0, 2}});
}

// Windows and segment sizes differ from stack to stack.
Number octet_count(std::size_t count, const oracle::ConnectionView& view) {
  const auto value = static_cast<std::int64_t>(count);
  constexpr std::int64_t close = 2, least = 64;
  for (const auto& [base, which] :
       {std::pair{Number::Base::rcv_wnd, Variable::rcv_wnd}, std::pair{Number::Base::rcv_mss, Variable::rcv_mss}})
    if (const auto there = view.variable(which); value >= least && std::abs(value - there) <= close)
      return {base, value - there};
  return {Number::Base::zero, value};
}

// ---- what is played, written down

struct Timed {
  Duration at{};  // since the play began
  Step step;
};

class Recorder final : public engine::Commands, public engine::Observer {
 public:
  Recorder(const script::Test& test, const CompileOptions& options, target::Target& target,
           const target::Attachment& place)
      : test_(test),
        target_(target),
        place_(place),
        sides_(test.family, place.mtu, options.seed),
        started_(target.now()) {
    for (const auto& declared : test.connections) {
      sides_.add(declared.tuple_of, std::nullopt);
      connections_.push_back({static_cast<std::int8_t>(declared.tuple_of), {}});
    }
  }

  // ---- Commands

  void inject(BytesView datagram) override {
    target_.inject(place_.id, datagram);
    look();
  }
  void start(const target::CallRequest& request) override {
    target_.start(place_.id, request);
    look();
  }

  // ---- Observer

  void sends(int connection, const oracle::ConnectionView& view, const packet::Segment& segment,
             const packet::Malformation& malformation, oracle::Acceptance acceptance) override {
    auto& own = use(connection, view);
    const bool refused = acceptance == oracle::Acceptance::refused;
    note(connection, symbolic(segment, malformation, refused && !breaks(malformation), own));
    own.view.sent(segment, refused ? acceptance : oracle::Acceptance::expected, target_.now());
  }

  void sends(int connection, const oracle::ConnectionView& view, const packet::IcmpError& error) override {
    auto& own = use(connection, view);
    SendIcmp icmp{error.type, error.code, {}, {}, {}};
    if (error.rest_of_header != 0) icmp.rest_of_header = error.rest_of_header;
    if (error.quoted != own.last_answer) quote(icmp, error.quoted, own);
    note(connection, icmp);
  }

  void calls(int connection, const oracle::ConnectionView& view, const script::Call& call,
             const target::Operation& operation) override {
    static_cast<void>(use(connection, view));
    Call out;
    out.kind = call.kind;
    out.socket = socket(call.socket);
    if (call.kind == Call::Kind::accept) out.accepted = socket(call.accepted);
    out.literal = call.literal;
    out.option = call.option;
    out.urgent = call.urgent;
    out.number = number_of(call, operation);
    note(connection, std::move(out));
  }

  // What has come since it was asked last, for the play.
  [[nodiscard]] std::vector<target::Event> take_events() { return std::exchange(events_, {}); }
  // Looks at everything that there is by now.
  void look() { wait(target_.now()); }
  void wait(Instant until) {
    const auto seen = events_.size();
    target_.wait(until, events_);
    for (auto i = seen; i < events_.size(); ++i)
      if (const auto* arrival = std::get_if<target::PacketArrival>(&events_[i]))
        sides_.take(sides_.route(arrival->datagram), arrival->datagram);
  }

  [[nodiscard]] std::vector<Timed>& steps() { return steps_; }
  [[nodiscard]] const std::vector<Connection>& connections() const { return connections_; }
  [[nodiscard]] const std::string& impossible() const { return impossible_; }

 private:
  void note(int connection, decltype(Step::action) action) {
    steps_.push_back({target_.now() - started_, {static_cast<std::uint8_t>(connection), std::move(action)}});
  }

  // What a connection does first decides its ISS.
  Sides::Side& use(int connection, const oracle::ConnectionView& view) {
    const auto index = static_cast<std::size_t>(connection);
    const auto& declared = test_.connections[index];
    auto& own = sides_[index];
    const bool takes_over = sides_.takes_over(index);
    if (declared.iss && (takes_over || (declared.tuple_of < 0 && !own.view.used()))) {
      const auto iss = view.tester_iss();
      connections_[index].iss =
          takes_over ? in_tester_space(sides_[static_cast<std::size_t>(declared.tuple_of)].view.in_tester_space(iss),
                                       sides_[static_cast<std::size_t>(declared.tuple_of)].view)
                     : Number{Number::Base::zero, iss.raw()};
      sides_.begin(index, iss);
    }
    if (takes_over) sides_.take_over(index);
    return own;
  }

  [[nodiscard]] packet::Timestamps own_timestamps(const Sides::Side& side) const {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(target_.now() - started_).count();
    return {engine::first_timestamp + static_cast<std::uint32_t>(elapsed), side.view.target_timestamp()};
  }

  [[nodiscard]] SendSegment symbolic(const packet::Segment& segment, const packet::Malformation& malformation,
                                     bool ignored, const Sides::Side& side) const {
    const auto& view = side.view;
    SendSegment out;
    out.flags = segment.flags;
    const auto seq = view.in_tester_space(segment.seq);
    if (seq != view.rcv_nxt())
      out.seq = seq == 0 && segment.flags.has(Flags::syn) ? Number{} : in_tester_space(seq, view);
    const auto ack = view.in_target_space(segment.ack);
    const bool acks = segment.flags.has(Flags::ack);
    if (acks ? ack != view.snd_nxt() : segment.ack != Seq32(0)) out.ack = in_target_space(ack, view);
    if (segment.window != view.last_window_sent()) out.window = segment.window;
    if (segment.urgent != 0) out.urgent = segment.urgent;
    constexpr packet::IpHeader usual;
    if (segment.ip.ttl != usual.ttl) out.ttl = segment.ip.ttl;
    if (segment.ip.traffic_class != usual.traffic_class) out.traffic_class = segment.ip.traffic_class;
    if (is_pattern(segment.payload, text_offset(seq, segment.flags)))
      out.length = octet_count(segment.payload.size(), view);
    else
      out.literal = segment.payload;
    if (segment.options != usual_options(segment.flags, side)) {
      out.options.emplace();
      for (const auto& option : segment.options) out.options->push_back(symbolic(option, side));
    }
    out.malformation = malformation;
    out.ignored = ignored;
    return out;
  }

  static bool is_pattern(const Bytes& octets, std::uint32_t offset) {
    for (std::size_t i = 0; i < octets.size(); ++i)
      if (octets[i] != engine::pattern_octet(engine::Stream::from_tester, offset + i)) return false;
    return true;
  }

  [[nodiscard]] std::vector<packet::Option> usual_options(Flags flags, const Sides::Side& side) const {
    if (!side.view.timestamps_in_force() || flags.has(Flags::syn)) return {};
    return {packet::Nop{}, packet::Nop{}, own_timestamps(side)};
  }

  [[nodiscard]] OptionItem symbolic(const packet::Option& option, const Sides::Side& side) const {
    using Kind = OptionItem::Kind;
    const auto plain = [](std::uint32_t value) { return Number{Number::Base::zero, value}; };
    struct {
      const Recorder& recorder;
      const Sides::Side& side;
      decltype(plain)& number;
      OptionItem operator()(const packet::EndOfList&) const { return {Kind::end_of_list, {}, {}}; }
      OptionItem operator()(const packet::Nop&) const { return {Kind::nop, {}, {}}; }
      OptionItem operator()(const packet::Mss& mss) const { return {Kind::mss, {number(mss.value)}, {}}; }
      OptionItem operator()(const packet::WindowScale& scale) const {
        return {Kind::window_scale, {number(scale.shift)}, {}};
      }
      OptionItem operator()(const packet::SackPermitted&) const { return {Kind::sack_permitted, {}, {}}; }
      OptionItem operator()(const packet::Sack& sack) const {
        OptionItem out{Kind::sack, {}, {}};
        for (const auto& [left, right] : sack.blocks)
          for (const auto edge : {left, right})
            out.numbers.push_back(in_target_space(side.view.in_target_space(Seq32(edge)), side.view));
        return out;
      }
      OptionItem operator()(const packet::Timestamps& stamps) const { return recorder.symbolic(stamps, side); }
      OptionItem operator()(const packet::UnknownOption& unknown) const {
        return {Kind::unknown, {number(unknown.kind)}, unknown.data};
      }
      OptionItem operator()(const packet::RawBytes& raw) const { return {Kind::raw, {}, raw.bytes}; }
    } making{*this, side, plain};
    return std::visit(making, option);
  }

  [[nodiscard]] OptionItem symbolic(const packet::Timestamps& stamps, const Sides::Side& side) const {
    OptionItem out{OptionItem::Kind::timestamps, {}, {}};
    if (stamps == own_timestamps(side)) return out;
    const auto& view = side.view;
    // Where there has been none yet, the variable is nothing to count from.
    const auto number = [](std::uint32_t value, Number::Base base, std::uint32_t there) {
      return there == 0 ? Number{Number::Base::zero, value}
                        : nearest(value, {{base, there}, {Number::Base::zero, 0, 2}});
    };
    out.numbers = {number(stamps.value, Number::Base::ts_recent, variable(view, Variable::ts_recent)),
                   number(stamps.echo_reply, Number::Base::ts_val, variable(view, Variable::ts_val))};
    return out;
  }

  // Another sequence number than that of the last answer, or another port.
  void quote(SendIcmp& icmp, BytesView quoted, const Sides::Side& side) {
    const packet::SegmentView wanted(quoted);
    if (!wanted.has_tcp_header() || side.last_answer.empty()) return fail("an ICMP error quotes nothing that came");
    const packet::SegmentView last(side.last_answer);
    if (wanted.seq() != last.seq())
      icmp.quoted_seq = in_target_space(side.view.in_target_space(wanted.seq()), side.view);
    if (wanted.source_port() != last.source_port()) icmp.quoted_source_port = wanted.source_port();
  }

  std::uint8_t socket(const std::string& name) {
    if (name == "listener") return 0;
    for (std::size_t i = 0; i < test_.connections.size(); ++i)
      if (test_.connections[i].name == name) return static_cast<std::uint8_t>(1 + i);
    const auto next = test_.connections.size() + 1 + others_.size();
    if (next > 0xff) fail("the test has more sockets than a program");
    return others_.try_emplace(name, static_cast<std::uint8_t>(next)).first->second;
  }

  static std::int64_t number_of(const script::Call& call, const target::Operation& operation) {
    if (const auto* listen = std::get_if<target::Listen>(&operation)) return listen->backlog;
    if (const auto* connect = std::get_if<target::Connect>(&operation))
      return call.local_port ? connect->local_port : 0;
    if (const auto* send = std::get_if<target::Send>(&operation))
      return call.literal.empty() ? static_cast<std::int64_t>(send->data.size()) : 0;
    if (const auto* receive = std::get_if<target::Receive>(&operation))
      return static_cast<std::int64_t>(receive->count);
    if (const auto* option = std::get_if<target::SetOption>(&operation)) return option->value;
    return 0;
  }

  void fail(std::string reason) {
    if (impossible_.empty()) impossible_ = std::move(reason);
  }

  const script::Test& test_;
  target::Target& target_;
  target::Attachment place_;
  Sides sides_;
  Instant started_;
  std::vector<Timed> steps_;
  std::vector<Connection> connections_;
  std::map<std::string, std::uint8_t, std::less<>> others_;
  std::vector<target::Event> events_;
  std::string impossible_;
};

// ---- the play

// In the order that the runner keeps to, so that the stack sees what it sees there.
void play_through(engine::Play& play, Recorder& recorder, const target::Target& target) {
  auto seen = target.now();
  play.start(target.now());
  while (!play.finished()) {
    const auto before = target.now();
    const auto wake = play.deadline().value_or(before);
    auto events = recorder.take_events();
    if (events.empty()) {
      recorder.wait(wake);
      events = recorder.take_events();
    }
    const auto now = target.now();
    if (now >= wake) {
      recorder.look();
      std::ranges::move(recorder.take_events(), std::back_inserter(events));
    }
    struct {
      engine::Play& play;
      Instant seen, now;
      void operator()(target::PacketArrival& arrival) const { play.on_packet(std::move(arrival)); }
      void operator()(target::CallCompletion& call) const { play.on_call(std::move(call.result), seen, now); }
      void operator()(target::TargetFailure& failure) const { play.on_failure(failure, now); }
    } delivering{play, seen, now};
    for (auto& event : events) std::visit(delivering, event);
    play.advance(now);
    seen = now >= wake ? now : before;
  }
}

struct Written {
  std::vector<Timed> steps;
  std::vector<Connection> connections;
  Duration length{};  // until the script had come to its end
};

std::expected<void, std::string> check_size(const script::Test& test, const std::vector<Timed>& steps) {
  constexpr ProgramLimits limits;
  if (test.connections.size() > limits.connections)
    return std::unexpected(fmt::format("it has more than {} connections", limits.connections));
  // With the pauses between them.
  if (steps.size() > limits.steps / 2)
    return std::unexpected(fmt::format("it has more than {} steps", limits.steps / 2));
  return {};
}

std::expected<Written, std::string> write_down(const script::Test& test, const CompileOptions& options) {
  const auto target = target::open_reference_target();
  std::vector<std::string> missing;
  for (const auto& need : test.needs)
    if (!need.starts_with("target.") && !target->description().capabilities.contains(need)) missing.push_back(need);
  if (!missing.empty()) return std::unexpected(fmt::format("the reference stack has no {}", fmt::join(missing, ", ")));
  const auto place = target->attach({.family = test.family, .seed = options.seed});
  if (!place) return std::unexpected(place.error().what);
  Recorder recorder(test, options, *target, *place);
  engine::Setup setup;
  setup.attachment = *place;
  setup.seed = options.seed;
  setup.make_peer = options.make_peer;
  setup.observer = &recorder;
  const auto started = target->now();
  engine::Play play(test, setup, recorder);
  play_through(play, recorder, *target);
  const auto outcome = play.take_outcome();
  target->detach(place->id);
  if (outcome.verdict == engine::Verdict::inconclusive || outcome.verdict == engine::Verdict::error)
    return std::unexpected(outcome.reason);
  if (!recorder.impossible().empty()) return std::unexpected(recorder.impossible());
  if (const auto fits = check_size(test, recorder.steps()); !fits) return std::unexpected(fits.error());
  Written out{std::move(recorder.steps()), recorder.connections(), outcome.finished - started - test.drain};
  if (!out.steps.empty()) out.length = std::max(out.length, out.steps.back().at);
  return out;
}

// Steps and the time between them; `at` is when they begin.
std::vector<Step> with_pauses(std::vector<Timed>::const_iterator from, std::vector<Timed>::const_iterator to,
                              Duration at, Duration end) {
  std::vector<Step> out;
  const auto pause = [&](Duration until) {
    if (until > at) out.push_back({0, Pause{until - at}});
    at = std::max(at, until);
  };
  for (; from != to; ++from) {
    pause(from->at);
    out.push_back(from->step);
  }
  pause(end);
  return out;
}

// ---- fixtures

// The fixture that a test says it begins with, if any has its parameters.
std::optional<Fixture> likely_fixture(const script::Test& test, const std::vector<Timed>& steps) {
  if (!test.given || *test.given == script::State::closed) return std::nullopt;
  Fixture out;
  out.state = *test.given;
  bool syn = false;
  for (const auto& [at, step] : steps) {
    if (const auto* call = std::get_if<Call>(&step.action); call != nullptr && step.connection == 0) {
      if (call->kind == Call::Kind::connect) out.role = script::Role::active;
      if (call->kind == Call::Kind::close || call->kind == Call::Kind::shutdown_write) {
        out.by_close = call->kind == Call::Kind::close;
        break;
      }
    }
    const auto* sent = std::get_if<SendSegment>(&step.action);
    if (sent == nullptr || syn || step.connection != 0 || !sent->flags.has(Flags::syn)) continue;
    syn = true;
    for (const auto& option : sent->options.value_or(std::vector<OptionItem>{})) {
      if (option.kind == OptionItem::Kind::sack_permitted) out.sack = true;
      if (option.kind == OptionItem::Kind::timestamps) out.timestamps = true;
      if (option.kind == OptionItem::Kind::window_scale)
        out.window_scale = static_cast<std::uint8_t>(option.numbers.at(0).offset);
    }
  }
  const bool closes = out.state == script::State::fin_wait_1 || out.state == script::State::fin_wait_2 ||
                      out.state == script::State::closing || out.state == script::State::time_wait ||
                      out.state == script::State::last_ack;
  out.by_close = out.by_close && closes;
  const auto nowhere = out.role == script::Role::passive ? script::State::syn_sent : script::State::listen;
  return out.state == nowhere ? std::nullopt : std::optional(out);
}

struct Beginning {
  std::size_t steps = 0;
  Duration length{};
};

// How much of what was written down the fixture's steps are; nothing where it begins otherwise.
std::optional<Beginning> match(const std::vector<Step>& fixture, const Written& written) {
  Beginning out;
  for (const auto& step : fixture) {
    if (const auto* pause = std::get_if<Pause>(&step.action)) {
      out.length += pause->length;
      continue;
    }
    if (out.steps == written.steps.size()) return std::nullopt;
    const auto& [at, found] = written.steps[out.steps++];
    if (at != out.length || !(found == step)) return std::nullopt;
  }
  const auto next = out.steps < written.steps.size() ? written.steps[out.steps].at : written.length;
  return next < out.length ? std::nullopt : std::optional(out);
}

}  // namespace

std::expected<Program, std::string> compile_whole(const script::Test& test, const CompileOptions& options) {
  auto written = write_down(test, options);
  if (!written) return std::unexpected(written.error());
  Program out;
  out.family = test.family;
  out.connections = std::move(written->connections);
  out.steps = with_pauses(written->steps.begin(), written->steps.end(), Duration{}, written->length);
  return out;
}

std::expected<Program, std::string> compile(const script::Test& test, const CompileOptions& options) {
  auto written = write_down(test, options);
  if (!written) return std::unexpected(written.error());
  Program out;
  out.family = test.family;
  out.connections = std::move(written->connections);
  Beginning beginning;
  if (const auto fixture = likely_fixture(test, written->steps))
    if (const auto found = match(steps_of(*fixture, test.family), *written)) {
      out.fixture = *fixture;
      beginning = *found;
    }
  out.steps = with_pauses(written->steps.begin() + static_cast<std::ptrdiff_t>(beginning.steps), written->steps.end(),
                          beginning.length, written->length);
  return out;
}

}  // namespace tcpspec::fuzz
