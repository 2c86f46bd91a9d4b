#include "fuzz/minimize.hh"

#include <algorithm>
#include <set>
#include <utility>

namespace tcpspec::fuzz {
namespace {

using script::Role;
using script::State;

class Minimizing {
 public:
  Minimizing(Program program, const StillShows& still_shows, std::size_t trials)
      : best_(std::move(program)), still_shows_(still_shows), trials_(trials) {}

  Program run() {
    for (bool smaller = true; smaller && trials_ > 0;) {
      smaller = drop_steps();
      smaller = plainer_fixture() || smaller;
      smaller = begin_established() || smaller;
      smaller = drop_connections() || smaller;
      for (std::size_t i = 0; i < best_.steps.size(); ++i) smaller = plainer_step(i) || smaller;
    }
    return std::move(best_);
  }

 private:
  // Keeps the candidate where it shows the same.
  bool keep(Program candidate) {
    if (trials_ == 0 || candidate == best_ || !tried_.insert(encode(candidate)).second) return false;
    --trials_;
    if (!still_shows_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }
  template <class Change>
  bool attempt(Change change) {
    auto candidate = best_;
    change(candidate);
    return keep(std::move(candidate));
  }

  bool drop_steps() {
    bool dropped = false;
    for (auto size = std::max<std::size_t>(best_.steps.size() / 2, 1); size > 0; size /= 2) {
      // From the end: what comes after the fault goes at once.
      for (auto end = best_.steps.size(); end > 0;) {
        const auto begin = end > size ? end - size : 0;
        if (attempt([&](Program& program) {
              program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(begin),
                                  program.steps.begin() + static_cast<std::ptrdiff_t>(end));
            }))
          dropped = true;
        end = std::min(begin, best_.steps.size());
      }
    }
    return dropped;
  }

  bool plainer_fixture() {
    bool plainer = attempt([](Program& program) { program.family = packet::Family::ipv4; });
    plainer = attempt([](Program& program) { program.fixture.by_close = false; }) || plainer;
    plainer = attempt([](Program& program) { program.fixture.sack = false; }) || plainer;
    plainer = attempt([](Program& program) { program.fixture.timestamps = false; }) || plainer;
    plainer = attempt([](Program& program) { program.fixture.window_scale.reset(); }) || plainer;
    if (best_.fixture.role == Role::active && best_.fixture.state != State::syn_sent)
      plainer = attempt([](Program& program) { program.fixture.role = Role::passive; }) || plainer;
    for (const auto state : {State::closed, State::listen, State::established})
      if (best_.fixture.state > state)
        plainer = attempt([state](Program& program) {
                    program.fixture = {};
                    program.fixture.state = state;
                  }) ||
                  plainer;
    return plainer;
  }

  // Where the steps open a connection themselves, a fixture does it with fewer of them.
  bool begin_established() {
    for (auto i = best_.steps.size(); i-- > 0 && best_.fixture.state < State::established;)
      if (attempt([i](Program& program) {
            program.fixture = {};
            program.fixture.state = State::established;
            program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(i));
          }))
        return true;
    return false;
  }

  bool drop_connections() {
    std::size_t used = 1;
    for (const auto& step : best_.steps) used = std::max<std::size_t>(used, step.connection + 1U);
    bool plainer =
        used < best_.connections.size() && attempt([used](Program& program) { program.connections.resize(used); });
    for (std::size_t i = 0; i < best_.connections.size(); ++i) {
      plainer = attempt([i](Program& program) { program.connections[i].tuple_of = -1; }) || plainer;
      plainer = attempt([i](Program& program) { program.connections[i].iss.reset(); }) || plainer;
    }
    return plainer;
  }

  template <class Action, class Change>
  bool attempt_in(std::size_t index, Change change) {
    return attempt([&](Program& program) { change(std::get<Action>(program.steps[index].action)); });
  }

  bool plainer_step(std::size_t index) {
    bool plainer = attempt([index](Program& program) { program.steps[index].connection = 0; });
    if (std::holds_alternative<SendSegment>(best_.steps[index].action)) return plainer_segment(index) || plainer;
    if (std::holds_alternative<Call>(best_.steps[index].action)) {
      plainer = attempt_in<Call>(index, [](Call& one) { one.urgent = false; }) || plainer;
      plainer = attempt_in<Call>(index, [](Call& one) { one.literal.clear(); }) || plainer;
      const auto half = std::get<Call>(best_.steps[index].action).number / 2;
      for (const std::int64_t number : {std::int64_t{0}, std::int64_t{1}, half})
        if (number < std::get<Call>(best_.steps[index].action).number)
          plainer = attempt_in<Call>(index, [number](Call& one) { one.number = number; }) || plainer;
    } else if (std::holds_alternative<Pause>(best_.steps[index].action)) {
      for (const Duration length : {Duration(std::chrono::milliseconds(1)), Duration(std::chrono::seconds(1)),
                                    Duration(std::chrono::seconds(10))})
        if (length < std::get<Pause>(best_.steps[index].action).length)
          plainer = attempt_in<Pause>(index, [length](Pause& pause) { pause.length = length; }) || plainer;
    } else {
      plainer = attempt_in<SendIcmp>(index, [](SendIcmp& icmp) { icmp.quoted_seq.reset(); }) || plainer;
      plainer = attempt_in<SendIcmp>(index, [](SendIcmp& icmp) { icmp.quoted_source_port.reset(); }) || plainer;
      plainer = attempt_in<SendIcmp>(index, [](SendIcmp& icmp) { icmp.rest_of_header.reset(); }) || plainer;
      plainer = attempt_in<SendIcmp>(index, [](SendIcmp& icmp) { icmp.code = 0; }) || plainer;
    }
    return plainer;
  }

  bool plainer_segment(std::size_t index) {
    using Segment = SendSegment;
    const auto change = [&](auto what) { return attempt_in<Segment>(index, what); };
    bool plainer = change([](Segment& segment) { segment.malformation = {}; });
    plainer = change([](Segment& segment) { segment.seq.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.ack.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.window.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.urgent.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.options.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.ttl.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.traffic_class.reset(); }) || plainer;
    plainer = change([](Segment& segment) { segment.ignored = false; }) || plainer;
    plainer = change([](Segment& segment) { segment.literal.clear(); }) || plainer;
    plainer = change([](Segment& segment) { segment.length = {}; }) || plainer;
    // Not where it is none already: a change that goes back and forth has no end.
    if (std::get<Segment>(best_.steps[index].action).length != Number{})
      plainer = change([](Segment& segment) { segment.length = {Number::Base::zero, 1}; }) || plainer;
    plainer = halve_length(index) || plainer;
    for (unsigned bit = 0; bit < 9; ++bit)
      plainer = change([bit](Segment& segment) {
                  segment.flags = segment.flags.without(packet::Flags(static_cast<std::uint16_t>(1U << bit)));
                }) ||
                plainer;
    plainer = nearer(index, &Segment::seq) || plainer;
    plainer = nearer(index, &Segment::ack) || plainer;
    return drop_options(index) || plainer;
  }

  bool halve_length(std::size_t index) {
    const auto length = [&] { return std::get<SendSegment>(best_.steps[index].action).length; };
    bool plainer = false;
    while (length().base == Number::Base::zero && length().offset > 1 &&
           attempt_in<SendSegment>(index, [](SendSegment& segment) { segment.length.offset /= 2; }))
      plainer = true;
    return plainer;
  }

  bool nearer(std::size_t index, std::optional<Number> SendSegment::*field) {
    bool plainer = false;
    for (const std::int64_t offset : {0, 1, -1}) {
      const auto& number = std::get<SendSegment>(best_.steps[index].action).*field;
      if (!number || std::abs(number->offset) <= std::abs(offset)) continue;
      plainer =
          attempt_in<SendSegment>(index, [&](SendSegment& segment) { (segment.*field)->offset = offset; }) || plainer;
    }
    return plainer;
  }

  bool drop_options(std::size_t index) {
    bool plainer = false;
    const auto count = [&] {
      const auto& options = std::get<SendSegment>(best_.steps[index].action).options;
      return options ? options->size() : 0;
    };
    for (auto i = count(); i-- > 0;)
      plainer =
          attempt_in<SendSegment>(index,
                                  [i](SendSegment& segment) {
                                    segment.options->erase(segment.options->begin() + static_cast<std::ptrdiff_t>(i));
                                  }) ||
          plainer;
    return plainer;
  }

  Program best_;
  const StillShows& still_shows_;
  std::size_t trials_;
  std::set<Bytes> tried_;  // the last round, in which nothing gets less, has few that are new
};

}  // namespace

Program minimize(Program program, const StillShows& still_shows, std::size_t most_trials) {
  return Minimizing(std::move(program), still_shows, most_trials).run();
}

}  // namespace tcpspec::fuzz
