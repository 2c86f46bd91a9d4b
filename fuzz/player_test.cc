#include "fuzz/player.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/conversation.hh"
#include "fuzz/faulty_stack.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using test::Faults;

Step sends(Flags flags, std::int64_t octets = 0) {
  SendSegment send;
  send.flags = flags;
  send.length.offset = octets;
  return {0, send};
}
Step calls(Call::Kind kind, std::int64_t number = 0) {
  Call call;
  call.kind = kind;
  call.socket = 1;
  call.number = number;
  return {0, call};
}

Program established(std::vector<Step> steps) {
  Program program;
  program.fixture.state = script::State::established;
  program.steps = std::move(steps);
  return program;
}

Played play_on(target::Target& target, const Program& program, PlayOptions options = {}) {
  auto played = play(program, target, options);
  if (!played) throw std::runtime_error(played.error().what);
  return std::move(*played);
}
Played play_on_reference(const Program& program, const PlayOptions& options = {}) {
  return play_on(*target::open_reference_target(), program, options);
}

std::string line_of(const Entry& entry, const Played& played) {
  const auto what = [&]() -> std::string {
    if (entry.kind == Entry::Kind::paused) return "paused";
    if (entry.kind == Entry::Kind::called) return fmt::format("calls {}", entry.call);
    if (entry.kind == Entry::Kind::completed)
      return fmt::format("call {} gives {} {}", entry.call, entry.result.error, entry.result.value);
    const packet::SegmentView segment{BytesView(entry.datagram)};
    return fmt::format("{} {} {}", entry.kind == Entry::Kind::sent ? ">" : "<", packet::to_string(segment.flags()),
                       segment.payload().size());
  };
  const auto stimulus = entry.kind != Entry::Kind::answered && entry.kind != Entry::Kind::completed;
  return fmt::format("{} {}ms {}{}{}", entry.step, (entry.at - played.started) / 1ms, what(), stimulus ? " in " : "",
                     stimulus ? script::to_string(entry.state) : "");
}

std::vector<std::string> lines_of(const Played& played) {
  std::vector<std::string> out;
  for (const auto& entry : played.entries) out.push_back(line_of(entry, played));
  return out;
}

const Entry* first(const Played& played, Entry::Kind kind, std::size_t behind_step) {
  for (const auto& entry : played.entries)
    if (entry.kind == kind && entry.step >= behind_step) return &entry;
  return nullptr;
}

TEST(Player, RecordsEverythingInOrder) {
  const auto played = play_on_reference(established({sends(Flags::ack | Flags::psh, 100),
                                                     calls(Call::Kind::receive, 100),
                                                     {0, Pause{500ms}},
                                                     calls(Call::Kind::close)}));
  EXPECT_EQ(played.fixture_steps, 4U);
  EXPECT_EQ(played.steps.size(), 8U);
  const std::vector<std::string> expected = {"0 0ms calls 0 in CLOSED",        "0 0ms call 0 gives 0 0",
                                             "1 0ms > S 0 in LISTEN",          "1 0ms < SA 0",
                                             "2 0ms > A 0 in SYN-RECEIVED",    "3 0ms calls 3 in ESTABLISHED",
                                             "3 0ms call 3 gives 0 0",         "4 0ms > PA 100 in ESTABLISHED",
                                             "5 0ms calls 5 in ESTABLISHED",   "5 0ms call 5 gives 0 100",
                                             "6 0ms paused in ESTABLISHED",    "6 200ms < A 0",
                                             "7 500ms calls 7 in ESTABLISHED", "7 500ms < FA 0",
                                             "7 500ms call 7 gives 0 0"};
  EXPECT_EQ(lines_of(played), expected);
  EXPECT_TRUE(played.breaches.empty());
  EXPECT_EQ(played.ended - played.started, 500ms);
}

TEST(Player, WhatIsBrokenIsNotAnswered) {
  // Text ahead of RCV.NXT is answered at once (RFC 9293 section 3.10.7.4), with a broken checksum never.
  auto ahead = sends(Flags::ack, 10);
  auto& segment = std::get<SendSegment>(ahead.action);
  segment.seq = Number{Number::Base::rcv_nxt, 1000};
  const auto whole = play_on_reference(established({ahead}), {.drain = 1s});
  ASSERT_NE(first(whole, Entry::Kind::answered, 4), nullptr);
  segment.malformation.tcp_checksum_xor = 1;
  const auto broken = play_on_reference(established({ahead}), {.drain = 1s});
  EXPECT_EQ(first(broken, Entry::Kind::answered, 4), nullptr);
  // Nor do its octets count: what comes next is still in order.
  auto text = sends(Flags::ack | Flags::psh, 10);
  auto damaged = text;
  std::get<SendSegment>(damaged.action).malformation.tcp_checksum_xor = 0x8000;
  const auto again = play_on_reference(established({damaged, text, calls(Call::Kind::receive, 10)}));
  const auto* read = first(again, Entry::Kind::completed, 6);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->result.value, 10);
  EXPECT_TRUE(again.breaches.empty());
}

TEST(Player, PausesTakeTheirTimeToTheNanosecond) {
  const auto program = established(
      {{0, Pause{Duration(1)}}, sends(Flags::ack), {0, Pause{7500s + Duration(3)}}, sends(Flags::ack), {0, Pause{}}});
  const auto played = play_on_reference(program, {.drain = 250ms});
  std::vector<Duration> sent;
  for (const auto& entry : played.entries)
    if (entry.kind == Entry::Kind::sent && entry.step >= played.fixture_steps)
      sent.push_back(entry.at - played.started);
  EXPECT_EQ(sent, (std::vector<Duration>{Duration(1), 7500s + Duration(4)}));
  EXPECT_EQ(played.ended - played.started, 7500s + Duration(4) + 250ms);
}

// A target that plays for long sees more than the 292 years of its clock.
TEST(Player, CenturiesGoBy) {
  const auto target = target::open_reference_target();
  const auto program = established({{0, Pause{std::chrono::hours(24'000)}}, sends(Flags::ack, 10)});
  const auto first = play_on(*target, program);
  for (int year = 0; year < 400; ++year) {
    const auto played = play_on(*target, program);
    ASSERT_EQ(played.failure, std::nullopt) << year;
    ASSERT_EQ(played.ended - played.started, first.ended - first.started) << year;
    ASSERT_EQ(played.entries.size(), first.entries.size()) << year;
  }
}

TEST(Player, OneSeedOneRecord) {
  auto program = established({calls(Call::Kind::send, 3000), {0, Pause{3s}}, sends(Flags::ack), {0, Pause{1s}}});
  program.fixture.timestamps = true;
  const auto conversation = [&](std::uint64_t seed) {
    return test::conversation_of(play_on_reference(program, {.seed = seed}));
  };
  const auto one = conversation(5), again = conversation(5), other = conversation(6);
  EXPECT_EQ(one.sent, again.sent);
  EXPECT_EQ(one.answered, again.answered);
  EXPECT_EQ(one.completed, again.completed);
  EXPECT_GT(one.answered.size(), 3U);
  EXPECT_NE(one.sent, other.sent);
  EXPECT_NE(one.answered, other.answered);
  // On one target, too, which has played before.
  const auto target = target::open_reference_target();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(test::conversation_of(play_on(*target, program, {.seed = 5})).answered, one.answered) << i;
}

TEST(Player, WhoAnswersWithoutEndIsStopped) {
  Faults faults;
  // Each answer is there again and again.
  faults.output = [](std::vector<target::Bytes>& out) {
    if (out.size() == 1 && test::has_flags(out.front(), Flags::ack)) out.resize(200, out.front());
  };
  const auto target = test::open_faulty_target(faults);
  auto ahead = sends(Flags::ack, 10);
  std::get<SendSegment>(ahead.action).seq = Number{Number::Base::rcv_nxt, 1000};
  const auto program = established({ahead, sends(Flags::ack)});
  const auto played = play_on(*target, program, {.most_answers = 100});
  EXPECT_TRUE(played.flooded);
  EXPECT_FALSE(played.failure);
  EXPECT_EQ(played.entries.back().step, 4U) << "the play ends there";
  EXPECT_FALSE(play_on(*target, program, {.most_answers = 1000}).flooded);
}

TEST(Player, DeathEndsThePlay) {
  using Failure = target::TargetFailure;
  Faults faults;
  faults.input = [](target::BytesView datagram) {
    return test::has_flags(datagram, Flags::fin | Flags::ack)
               ? std::optional(Failure{0, Failure::Kind::crash, "it died of a FIN"})
               : std::nullopt;
  };
  const auto target = test::open_faulty_target(faults);
  const auto played = play_on(*target, established({sends(Flags::fin | Flags::ack), sends(Flags::ack)}));
  ASSERT_TRUE(played.failure);
  EXPECT_EQ(played.failure->kind, Failure::Kind::crash);
  EXPECT_EQ(played.failure->what, "it died of a FIN");
  EXPECT_EQ(line_of(played.entries.back(), played), "4 0ms > FA 0 in ESTABLISHED");
  EXPECT_FALSE(play_on(*target, established({sends(Flags::ack)})).failure) << "the next one has a stack of its own";
}

TEST(Player, WhoHasAlwaysSomethingToDoHangs) {
  Faults faults;
  faults.restless = true;
  const auto target = test::open_faulty_target(faults);
  const auto played = play_on(*target, established({{0, Pause{1s}}}));
  ASSERT_TRUE(played.failure);
  EXPECT_EQ(played.failure->kind, target::TargetFailure::Kind::hang);
}

TEST(Player, WhatTheApplicationReadsWronglyIsABreach) {
  Faults faults;
  const auto target = test::open_faulty_target(faults);
  const auto program = established(
      {sends(Flags::ack | Flags::psh, 100), calls(Call::Kind::receive, 50), calls(Call::Kind::receive, 50)});
  EXPECT_TRUE(play_on(*target, program).breaches.empty());
  int reads = 0;
  faults.delivered = [&](std::span<std::byte> octets) {
    if (++reads == 2) octets[9] ^= std::byte{1};
  };
  const auto played = play_on(*target, program);
  ASSERT_EQ(played.breaches.size(), 1U);
  const auto& breach = played.breaches.front();
  EXPECT_EQ(breach.violation.invariant->name, "delivery-intact");
  EXPECT_EQ(breach.violation.what, "octet 60 that the application read is not what was sent there");
  EXPECT_EQ(played.entries[breach.entry].kind, Entry::Kind::completed);
  EXPECT_EQ(played.entries[breach.entry].call, 6U);
}

// The stack has the incarnation that opened later; the octet comes from the earlier one, whose numbers meet its window.
TEST(Player, TextOfAnotherIncarnationIsNobodysMistake) {
  Program program;
  program.connections.resize(2);
  program.connections[1].tuple_of = 0;
  Step opening = sends(Flags::syn);
  opening.connection = 1;
  program.steps = {calls(Call::Kind::connect), opening, calls(Call::Kind::receive, 1), sends(Flags::ack, 1)};
  const auto played = play_on_reference(program);
  EXPECT_TRUE(std::ranges::any_of(played.entries, [](const Entry& entry) {
    return entry.kind == Entry::Kind::completed && !entry.result.data.empty();
  }));
  EXPECT_TRUE(played.breaches.empty());
}

TEST(Player, WhatTheTargetSendsWronglyIsABreach) {
  Faults faults;
  faults.output = [](std::vector<target::Bytes>& out) {
    for (auto& datagram : out) {
      auto segment = packet::parse(datagram);
      if (!segment || segment->payload.size() < 10) continue;
      segment->payload[4] ^= std::byte{1};
      datagram = packet::serialize(*segment);
    }
  };
  const auto target = test::open_faulty_target(faults);
  const auto played = play_on(*target, established({calls(Call::Kind::send, 100)}));
  ASSERT_EQ(played.breaches.size(), 1U);
  EXPECT_EQ(played.breaches.front().violation.invariant->name, "stream-intact");
  EXPECT_EQ(played.breaches.front().violation.what, "octet 5 is not what the application wrote there");
}

// The SYN's number is the last before the first octet's.
TEST(Player, TextMayBeginBeforeTheStream) {
  auto send = sends(Flags::ack);
  auto& segment = std::get<SendSegment>(send.action);
  segment.seq = Number{Number::Base::rcv_nxt, -1};
  for (const char letter : std::string("text")) segment.literal.push_back(static_cast<std::byte>(letter));
  const auto played = play_on_reference(established({send, calls(Call::Kind::receive, 3)}));
  ASSERT_EQ(played.entries.back().result.data.size(), 3U) << "it was read";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

TEST(Player, UrgentDataThatIsRefusedIsNoPartOfTheStream) {
  Faults faults;
  faults.no_urgent = true;
  const auto target = test::open_faulty_target(faults);
  Program program;
  program.fixture.state = script::State::syn_sent;
  program.fixture.role = script::Role::active;
  auto urgent = calls(Call::Kind::send, 1);
  std::get<Call>(urgent.action).urgent = true;
  program.steps = {urgent, calls(Call::Kind::send, 1), sends(Flags::syn | Flags::ack)};
  const auto played = play_on(*target, program);
  EXPECT_TRUE(std::ranges::any_of(played.entries, [](const Entry& entry) {
    return entry.kind == Entry::Kind::answered && !packet::SegmentView{BytesView(entry.datagram)}.payload().empty();
  })) << "the second was sent";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

TEST(Player, AnAcceptedSocketIsOfWhicheverConnection) {
  Program program;
  program.connections.resize(2);
  auto text = sends(Flags::ack | Flags::psh);
  std::get<SendSegment>(text.action).literal = {std::byte{'o'}, std::byte{'h'}};
  auto listens = calls(Call::Kind::listen, 2);
  std::get<Call>(listens.action).socket = 0;
  auto accepts = calls(Call::Kind::accept);
  std::get<Call>(accepts.action).socket = 0;
  program.steps = {listens, sends(Flags::syn), sends(Flags::ack), text, accepts, calls(Call::Kind::receive, 2)};
  for (const int i : {1, 2, 3}) program.steps[static_cast<std::size_t>(i)].connection = 1;
  const auto played = play_on_reference(program);
  EXPECT_EQ(played.entries.back().result.value, 2);
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

TEST(Player, ALaterIncarnationMayWriteIntoTheEarlierOnesWindow) {
  auto program = established({sends(Flags::ack | Flags::psh, 10), calls(Call::Kind::receive, 10)});
  program.connections.push_back({.tuple_of = 0, .iss = Number{Number::Base::rcv_nxt, -1}});
  const auto before = play_on_reference(program);
  const auto* syn_ack = first(before, Entry::Kind::answered, 0);
  auto step = sends(Flags::ack | Flags::psh, 10);
  step.connection = 1;
  auto& segment = std::get<SendSegment>(step.action);
  segment.seq = Number{Number::Base::zero, 1};
  segment.ack = Number{Number::Base::zero, packet::SegmentView{BytesView(syn_ack->datagram)}.seq().raw() + 1};
  program.steps.push_back(step);
  program.steps.push_back(calls(Call::Kind::receive, 10));
  const auto played = play_on_reference(program);
  EXPECT_EQ(played.entries.back().kind, Entry::Kind::completed) << "it was read";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

// The application connects once more from the same ports, which a RST has freed: a stream that begins anew.
TEST(Player, AnIncarnationThatTheTargetOpensHasAStreamOfItsOwn) {
  Program program;
  program.fixture.state = script::State::fin_wait_1;
  program.fixture.by_close = true;
  program.steps = {sends(Flags::rst), {0, Pause{1ms}},      calls(Call::Kind::connect),  sends(Flags::syn),
                   sends(Flags{}),    sends(Flags::ack, 3), calls(Call::Kind::send, 400)};
  const auto played = play_on_reference(program);
  EXPECT_TRUE(std::ranges::any_of(played.entries, [](const Entry& entry) {
    return entry.kind == Entry::Kind::answered &&
           packet::SegmentView{BytesView(entry.datagram)}.payload().size() == 400;
  })) << "it was sent";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

// At the same instant even the ISS is the same (RFC 9293 section 3.4.1: it is bound to a clock), whoever opens.
TEST(Player, AnIncarnationOfTheSameInstantHasAStreamOfItsOwn) {
  auto answer = sends(Flags::syn | Flags::ack);
  std::get<SendSegment>(answer.action).ack = Number{Number::Base::snd_una, 0};
  auto accept = calls(Call::Kind::accept);
  std::get<Call>(accept.action).socket = 0;
  auto ack = sends(Flags::ack);  // behind a SYN at RCV.NXT of the connection that was
  std::get<SendSegment>(ack.action).seq = Number{Number::Base::rcv_nxt, 1};
  std::get<SendSegment>(ack.action).ack = Number{Number::Base::zero, 1};
  const auto write = calls(Call::Kind::send, 1), abort = calls(Call::Kind::abort);
  for (const auto& program : {established({write, abort, calls(Call::Kind::connect), answer, write}),
                              established({write, abort, sends(Flags::syn), ack, accept, write})}) {
    const auto played = play_on_reference(program);
    EXPECT_EQ(std::ranges::count_if(played.entries,
                                    [](const Entry& entry) {
                                      return entry.kind == Entry::Kind::answered &&
                                             packet::SegmentView{BytesView(entry.datagram)}.payload().size() == 1;
                                    }),
              2)
        << "both octets were sent";
    EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
  }
}

// Whose call it was does not say whose connection is accepted.
TEST(Player, AnAcceptedSocketMayBeOfAnyConnection) {
  Program program;
  program.fixture.state = script::State::syn_received;
  program.connections.resize(2);
  auto accepting = calls(Call::Kind::accept);
  accepting.connection = 1;
  std::get<Call>(accepting.action).socket = 0;
  std::get<Call>(accepting.action).accepted = 1;
  program.steps = {accepting, sends(Flags::rst), sends(Flags::syn), sends(Flags::ack, 3),
                   calls(Call::Kind::receive, 1)};
  const auto played = play_on_reference(program);
  EXPECT_EQ(played.entries.back().result.data.size(), 1u) << "it was read";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

// And who accepts once more under a number that is free again has another connection's streams.
TEST(Player, ASocketThatIsAcceptedAnewHasStreamsOfItsOwn) {
  Program program;
  program.fixture.state = script::State::syn_received;
  program.connections.resize(2);
  const auto on_other = [](Step step) {
    step.connection = 1;
    return step;
  };
  auto accept = calls(Call::Kind::accept);
  std::get<Call>(accept.action).socket = 0;
  const auto write = calls(Call::Kind::send, 1), read = calls(Call::Kind::receive, 1);
  program.steps = {on_other(sends(Flags::syn)),
                   on_other(sends(Flags::ack, 1)),
                   sends(Flags::ack, 1),
                   accept,
                   write,
                   read,
                   calls(Call::Kind::close),
                   accept,
                   write,
                   read};
  const auto played = play_on_reference(program);
  EXPECT_EQ(std::ranges::count_if(played.entries,
                                  [](const Entry& entry) {
                                    return entry.kind == Entry::Kind::completed && entry.result.data.size() == 1;
                                  }),
            2)
      << "both octets were read";
  EXPECT_TRUE(played.breaches.empty()) << played.breaches.front().violation.what;
}

// RFC 9293 section 3.8.4, MAY-6.
TEST(Player, AKeepAliveMayCarryAnOctetOfGarbage) {
  Faults faults;
  faults.output = [](std::vector<target::Bytes>& sent) {
    for (auto& datagram : sent) {
      auto segment = packet::parse(datagram);
      if (!segment || !segment->payload.empty() || segment->flags != Flags(Flags::ack)) continue;
      segment->seq = segment->seq - 1U;
      segment->payload = {std::byte{0xee}};
      datagram = packet::serialize(*segment);
    }
  };
  const auto target = test::open_faulty_target(faults);
  const auto played = play_on(
      *target,
      established(
          {calls(Call::Kind::send, 10), sends(Flags::ack), sends(Flags::ack | Flags::psh, 10), {0, Pause{1s}}}));
  EXPECT_TRUE(std::ranges::any_of(played.entries, [](const Entry& entry) {
    return entry.kind == Entry::Kind::answered && packet::SegmentView{BytesView(entry.datagram)}.payload().size() == 1;
  })) << "there was one";
  EXPECT_TRUE(std::ranges::none_of(played.breaches, [](const Breach& breach) {
    return breach.violation.invariant->name == std::string_view("stream-intact");
  })) << played.breaches.front().violation.what;
}

TEST(Player, TheWitnessKnowsWhatTheTargetIsAboutToGet) {
  std::vector<Entry> told;
  std::size_t inputs = 0;
  Faults faults;
  faults.input = [&](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    ++inputs;
    EXPECT_TRUE(!told.empty() && told.back().kind == Entry::Kind::sent &&
                std::ranges::equal(told.back().datagram, datagram));
    return std::nullopt;
  };
  const auto target = test::open_faulty_target(faults);
  const auto program = established({sends(Flags::ack | Flags::psh, 100), {0, Pause{1s}}, calls(Call::Kind::close)});
  const auto played = play_on(*target, program, {.witness = [&](const Entry& entry) { told.push_back(entry); }});
  EXPECT_EQ(inputs, 3U);
  ASSERT_EQ(told.size(), played.entries.size());
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(line_of(told[i], played), line_of(played.entries[i], played));
}

}  // namespace
}  // namespace tcpspec::fuzz
