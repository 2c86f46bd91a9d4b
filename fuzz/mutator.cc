#include "fuzz/mutator.hh"

#include <algorithm>
#include <array>
#include <utility>

namespace tcpspec::fuzz {

using script::Role;
using script::State;

Program Mutator::create() {
  Program program;
  change_fixture(program);
  const auto steps = 1 + below(4);
  for (std::uint32_t i = 0; i < steps; ++i) insert(program, new_step(program));
  return program;
}

void Mutator::mutate(Program& program) {
  do change(program);
  while (chance(40));
  keep_short(program);
}

void Mutator::keep_short(Program& program) {
  if (program.steps.size() > most_steps) program.steps.resize(most_steps);
  for (auto& step : program.steps)
    if (auto* call = std::get_if<Call>(&step.action);
        call != nullptr && (call->kind == Call::Kind::send || call->kind == Call::Kind::receive))
      call->number = std::min(call->number, most_octets_of_a_call);
}

void Mutator::change(Program& program) {
  const auto what = below(100);
  if (program.steps.empty() || what < 30) {
    insert(program, new_step(program));
  } else if (what < 62) {
    change_step(program.steps[any_step(program)]);
  } else if (what < 74) {
    program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(any_step(program)));
  } else if (what < 82) {
    repeat(program);
  } else if (what < 86) {
    split(program);
  } else if (what < 91) {
    std::swap(program.steps[any_step(program)], program.steps[any_step(program)]);
  } else if (what < 99) {
    change_fixture(program);
  } else {
    program.family = program.family == packet::Family::ipv4 ? packet::Family::ipv6 : packet::Family::ipv4;
  }
}

// Not CLOSED too often: whoever starts there has everything before him.
void Mutator::change_fixture(Program& program) {
  constexpr std::array often = {State::listen,      State::syn_received, State::established, State::established,
                                State::established, State::fin_wait_1,   State::fin_wait_2,  State::close_wait,
                                State::closing,     State::last_ack,     State::time_wait,   State::closed};
  auto& fixture = program.fixture;
  fixture.state = pick(often);
  fixture.role = chance(75) ? Role::passive : Role::active;
  if (fixture.role == Role::active && chance(20)) fixture.state = State::syn_sent;
  // LISTEN is a passive side's, SYN-SENT an active one's.
  if (fixture.state == State::listen) fixture.role = Role::passive;
  if (fixture.state == State::syn_sent) fixture.role = Role::active;
  fixture.sack = chance(50);
  fixture.timestamps = chance(40);
  fixture.window_scale = chance(40) ? std::optional<std::uint8_t>(static_cast<std::uint8_t>(below(15))) : std::nullopt;
  fixture.by_close = chance(25);
}

std::size_t Mutator::any_step(const Program& program) {
  return below(static_cast<std::uint32_t>(program.steps.size()));
}

// Rather behind the last step than before it.
void Mutator::insert(Program& program, Step step) {
  const auto size = program.steps.size();
  const auto at = size == 0 || chance(60) ? size : below(static_cast<std::uint32_t>(size));
  program.steps.insert(program.steps.begin() + static_cast<std::ptrdiff_t>(at), std::move(step));
}

Program Mutator::cross(const Program& first, const Program& second) {
  auto program = first;
  const auto head = program.steps.empty() ? 0 : below(static_cast<std::uint32_t>(program.steps.size()) + 1);
  const auto tail = second.steps.empty() ? 0 : below(static_cast<std::uint32_t>(second.steps.size()));
  program.steps.resize(head);
  program.steps.insert(program.steps.end(), second.steps.begin() + tail, second.steps.end());
  if (program.connections.size() < second.connections.size()) program.connections = second.connections;
  keep_short(program);
  return program;
}

// A segment that is sent again takes its place from where it stood: its number is that of the
// first octet that the target still remembers.
void Mutator::repeat(Program& program) {
  auto step = program.steps[any_step(program)];
  if (auto* segment = std::get_if<SendSegment>(&step.action); segment != nullptr && !segment->seq && chance(70)) {
    const auto back = static_cast<std::int64_t>(segment->literal.empty() ? segment->length.offset : 0);
    segment->seq = Number{Number::Base::rcv_nxt, -std::clamp<std::int64_t>(back, 0, 1460)};
    if (chance(50)) move(*segment->seq, distance());
  }
  insert(program, std::move(step));
}

// One segment with text becomes two, in order or not.
void Mutator::split(Program& program) {
  const auto at = any_step(program);
  const auto* whole = std::get_if<SendSegment>(&program.steps[at].action);
  if (whole == nullptr || whole->length.base != Number::Base::zero || whole->length.offset < 2) return;
  auto first = program.steps[at];
  auto second = program.steps[at];
  const auto cut = 1 + static_cast<std::int64_t>(below(static_cast<std::uint32_t>(whole->length.offset - 1)));
  auto& head = std::get<SendSegment>(first.action);
  auto& tail = std::get<SendSegment>(second.action);
  const auto seq = whole->seq.value_or(Number{Number::Base::rcv_nxt, 0});
  head.length.offset = cut + (chance(30) ? 1 : 0);  // overlapping
  tail.length.offset -= cut;
  head.seq = tail.seq = seq;
  const bool in_order = chance(50);
  // Where the first has moved RCV.NXT the second lies right behind it.
  move(*tail.seq, in_order && seq.base == Number::Base::rcv_nxt ? 0 : cut);
  program.steps[at] = in_order ? std::move(first) : std::move(second);
  program.steps.insert(program.steps.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                       in_order ? std::move(second) : std::move(first));
}

// A number where the call has one, else another way to close.
void Mutator::change_call(Call& call) {
  using Kind = Call::Kind;
  constexpr std::array ways = {Kind::shutdown_write, Kind::shutdown_read, Kind::shutdown_both, Kind::close,
                               Kind::abort};
  if (std::ranges::find(ways, call.kind) != ways.end()) {
    call.kind = pick(ways);
  } else if (call.kind != Kind::accept && call.kind != Kind::get_option && call.kind != Kind::state) {
    const std::int64_t most = call.kind == Kind::listen || call.kind == Kind::connect ? 65'535 : most_octets_of_a_call;
    const auto number = std::clamp<std::int64_t>(call.number, 0, most);
    call.number = std::clamp<std::int64_t>(chance(50) ? below(3000) : number + distance(), 0, most);
  }
}

void Mutator::change_step(Step& step) {
  if (auto* segment = std::get_if<SendSegment>(&step.action)) {
    change_segment(*segment);
  } else if (auto* call = std::get_if<Call>(&step.action)) {
    change_call(*call);
  } else if (auto* pause = std::get_if<Pause>(&step.action)) {
    pause->length = new_pause();
  } else if (auto* icmp = std::get_if<SendIcmp>(&step.action)) {
    icmp->code = static_cast<std::uint8_t>(below(16));
    if (chance(50)) icmp->rest_of_header = below(chance(50) ? 1500 : 70'000);
    if (chance(30)) icmp->quoted_seq = near({Number::Base::snd_nxt, Number::Base::snd_una});
  }
}

}  // namespace tcpspec::fuzz
