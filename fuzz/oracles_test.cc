#include "fuzz/oracles.hh"

#include <gtest/gtest.h>

#include "fuzz/faulty_stack.hh"
#include "fuzz/fixture.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;
using script::Role;
using script::State;

constexpr oracle::Invariant invented{"no-nonsense", "It sends no nonsense.", "RFC 0 section 1"};

Entry sent(State state, std::uint32_t step) {
  Entry entry;
  entry.step = step;
  entry.state = state;
  return entry;
}
Entry answered(std::uint32_t step, std::int32_t connection, Flags flags) {
  packet::Segment segment;
  segment.source = {packet::Address::ipv4(10, 0, 0, 1), 5000};
  segment.destination = {packet::Address::ipv4(10, 1, 0, 1), 6000};
  segment.flags = flags;
  Entry entry;
  entry.kind = Entry::Kind::answered;
  entry.step = step;
  entry.connection = connection;
  entry.datagram = packet::serialize(segment);
  return entry;
}

// Two stimuli, each with an answer.
Played record() {
  Played played;
  played.steps = {{0, SendSegment{}}, {1, SendSegment{}}};
  played.entries = {sent(State::listen, 0), answered(0, 0, Flags::syn | Flags::ack), sent(State::established, 1),
                    answered(1, 1, Flags::rst | Flags::ack)};
  return played;
}

std::optional<Suspicion> worst(const Played& played) {
  const auto all = suspicions(played);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

TEST(Suspicion, NoneOfAnIrreproachableRecord) {
  EXPECT_FALSE(worst(record()));
  EXPECT_FALSE(worst(Played{}));
}

TEST(Suspicion, ABreachIsPlacedByItsStateAndTheFirstCounts) {
  auto played = record();
  played.breaches = {{{&invented, "it sent 7"}, 1}, {{&invented, "it sent 8"}, 3}};
  const auto found = worst(played);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->oracle, Oracle::invariant);
  EXPECT_EQ(found->place, "no-nonsense in LISTEN") << "the state before the stimulus that drew it";
  EXPECT_EQ(found->what, "it sent 7");
  EXPECT_EQ(found->reference, "RFC 0 section 1");
  EXPECT_EQ(found->entry, 1U);
  played.breaches.erase(played.breaches.begin());
  EXPECT_EQ(worst(played)->place, "no-nonsense in ESTABLISHED");
}

TEST(Suspicion, EachPlaceIsToldOnce) {
  auto played = record();
  played.breaches = {{{&invented, "it sent 7"}, 1}, {{&invented, "it sent 8"}, 1}, {{&invented, "it sent 9"}, 3}};
  const auto all = suspicions(played);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].place, "no-nonsense in LISTEN");
  EXPECT_EQ(all[0].what, "it sent 7");
  EXPECT_EQ(all[1].place, "no-nonsense in ESTABLISHED");
  EXPECT_EQ(all[1].entry, 3U);
}

TEST(Suspicion, TheWorstComesFirst) {
  using Kind = target::TargetFailure::Kind;
  auto played = record();
  played.breaches = {{{&invented, "it sent 7"}, 1}};
  played.flooded = true;
  EXPECT_EQ(worst(played)->oracle, Oracle::flood);
  EXPECT_EQ(worst(played)->entry, 3U);
  played.failure = target::TargetFailure{0, Kind::hang, "no answer in 5 s.\nIt said: x"};
  EXPECT_EQ(worst(played)->oracle, Oracle::hang);
  EXPECT_EQ(worst(played)->place, "no answer in 5 s") << "what it printed is no place";
  EXPECT_EQ(worst(played)->what, played.failure->what);
  played.failure->kind = Kind::crash;
  EXPECT_EQ(worst(played)->oracle, Oracle::crash);
}

TEST(Liveness, WantsARstOfTheProbe) {
  auto played = record();
  EXPECT_FALSE(liveness(played));
  played.entries.back() = answered(1, 0, Flags::rst | Flags::ack);
  ASSERT_TRUE(liveness(played)) << "of another connection";
  EXPECT_EQ(liveness(played)->oracle, Oracle::liveness);
  EXPECT_EQ(liveness(played)->entry, 3U);
  played.entries.back() = answered(0, 1, Flags::rst | Flags::ack);
  EXPECT_TRUE(liveness(played)) << "of another step";
  played.entries.back() = answered(1, 1, Flags::ack);
  EXPECT_TRUE(liveness(played)) << "not refused";
  played.entries.pop_back();
  EXPECT_TRUE(liveness(played));
  played.flooded = true;
  EXPECT_FALSE(liveness(played)) << "that is another oracle's";
}

TEST(Liveness, OfARecordWithoutAnEntryIsNoCrash) {
  Played played;
  played.steps = {{0, SendSegment{}}};
  ASSERT_TRUE(liveness(played));
  EXPECT_EQ(liveness(played)->entry, 0U);
}

TEST(Liveness, TheReferenceStackAnswersBehindEveryFixture) {
  const auto target = target::open_reference_target();
  int probed = 0;
  for (int i = 0; i <= static_cast<int>(State::time_wait); ++i)
    for (const auto role : {Role::passive, Role::active})
      for (const auto family : {packet::Family::ipv4, packet::Family::ipv6}) {
        Program program;
        program.family = family;
        program.fixture.state = static_cast<State>(i);
        program.fixture.role = role;
        if (program.fixture.state == (role == Role::passive ? State::syn_sent : State::listen)) continue;
        SCOPED_TRACE(given_of(program.fixture));
        const auto played = play(with_probe(program), *target, {});
        ASSERT_TRUE(played.has_value());
        EXPECT_FALSE(worst(*played));
        EXPECT_FALSE(liveness(*played));
        ++probed;
      }
  EXPECT_EQ(probed, 40);
}

TEST(Liveness, AStackThatFallsSilentIsFound) {
  test::Faults faults;
  bool silent = false;
  faults.output = [&](std::vector<target::Bytes>& out) {
    for (const auto& datagram : out) silent = silent || test::has_flags(datagram, Flags::fin | Flags::ack);
    if (silent) out.clear();
  };
  const auto target = test::open_faulty_target(faults);
  Program program;
  program.fixture.state = State::established;
  EXPECT_FALSE(liveness(play(with_probe(program), *target, {}).value()));
  Call close;
  close.kind = Call::Kind::close;
  close.socket = 1;
  program.steps = {{0, close}};
  EXPECT_TRUE(liveness(play(with_probe(program), *target, {}).value()));
}

TEST(Determinism, SeesEveryDifferenceAndNotWhenItBegan) {
  const auto first = record();
  auto later = first;
  const auto shift = std::chrono::hours(3);
  later.started += shift;
  for (auto& entry : later.entries) entry.at += shift;
  EXPECT_FALSE(determinism(first, later));

  const auto differs_at = [&](std::size_t index, auto change) {
    auto other = later;
    change(other.entries[index]);
    const auto found = determinism(first, other);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->oracle, Oracle::determinism);
    EXPECT_EQ(found->entry, index);
  };
  differs_at(0, [](Entry& entry) { entry.at += Duration(1); });
  differs_at(1, [](Entry& entry) { entry.datagram.back() ^= std::byte{1}; });
  differs_at(2, [](Entry& entry) { entry.kind = Entry::Kind::called; });
  differs_at(3, [](Entry& entry) { entry.step = 0; });
  differs_at(3, [](Entry& entry) { entry.result.error = 5; });
  differs_at(3, [](Entry& entry) { entry.result.value = 5; });
  differs_at(3, [](Entry& entry) { entry.result.data.resize(5); });

  later.entries.pop_back();
  EXPECT_EQ(determinism(first, later)->entry, 3U);
  EXPECT_EQ(determinism(later, first)->entry, 3U);
}

}  // namespace
}  // namespace tcpspec::fuzz
