#include "fuzz/minimize.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/mutator.hh"
#include "fuzz/random_program.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using script::State;

// Of programs that are anything, those that show it: each is minimised.
template <class Judge>
int for_programs_that_show(const StillShows& shows, Judge judge) {
  test::RandomProgram random(3);
  Mutator mutator(3);
  int shown = 0;
  for (int i = 0; i < 4'000; ++i) {
    const auto program = i % 2 == 0 ? random() : mutator.cross(mutator.create(), mutator.create());
    if (!shows(program)) continue;
    ++shown;
    judge(program);
  }
  return shown;
}

std::string octets_of(const Program& program) {
  std::string out;
  for (const auto octet : encode(program)) out += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return out;
}

// The least program there is, with these steps.
Program least(std::vector<Step> steps) {
  Program program;
  program.steps = std::move(steps);
  return program;
}

const SendSegment* segment_of(const Step& step) {
  return std::get_if<SendSegment>(&step.action);
}

TEST(Minimize, ASegmentThatIsWantedStandsAlone) {
  const StillShows has_rst = [](const Program& program) {
    return std::ranges::any_of(program.steps, [](const Step& step) {
      const auto* segment = segment_of(step);
      return segment != nullptr && segment->flags.has(Flags::rst);
    });
  };
  SendSegment rst;
  rst.flags = Flags::rst;
  const int shown = for_programs_that_show(has_rst, [&](const Program& program) {
    EXPECT_EQ(octets_of(minimize(program, has_rst)), octets_of(least({{0, rst}})));
  });
  EXPECT_GT(shown, 500);
}

// What happens in CLOSE-WAIT, say, needs a handshake or a fixture.
TEST(Minimize, AHandshakeGivesWayToAFixture) {
  const auto has = [](const Program& program, Flags flags) {
    return std::ranges::any_of(program.steps, [flags](const Step& step) {
      const auto* segment = segment_of(step);
      return segment != nullptr && segment->flags == flags;
    });
  };
  const StillShows closes = [&](const Program& program) {
    const bool opened = has(program, Flags::syn) && has(program, Flags::ack);
    const bool established = program.fixture.state == State::established;
    return has(program, Flags::fin | Flags::ack) && (opened || established);
  };
  const auto sends = [](Flags flags) {
    SendSegment segment;
    segment.flags = flags;
    return Step{0, segment};
  };
  const auto fin = sends(Flags::fin | Flags::ack);
  for (const auto state : {State::closed, State::listen, State::syn_sent}) {
    auto program = least({sends(Flags::syn), sends(Flags::ack), fin});
    program.fixture.state = state;
    auto expected = least({fin});
    expected.fixture.state = State::established;
    EXPECT_EQ(octets_of(minimize(program, closes)), octets_of(expected)) << script::to_string(state);
  }
}

TEST(Minimize, APauseIsAsShortAsItMayBe) {
  const StillShows waits = [](const Program& program) {
    return std::ranges::any_of(program.steps, [](const Step& step) {
      const auto* pause = std::get_if<Pause>(&step.action);
      return pause != nullptr && pause->length > 2s;
    });
  };
  const int shown = for_programs_that_show(waits, [&](const Program& program) {
    const auto result = minimize(program, waits);
    ASSERT_EQ(result.steps.size(), 1U);
    const auto length = std::get<Pause>(result.steps.front().action).length;
    EXPECT_GT(length, 2s);
    EXPECT_LE(length, 10s);
    EXPECT_EQ(octets_of(result), octets_of(least({{0, Pause{length}}})));
  });
  EXPECT_GT(shown, 200);
}

// Segments that both have octets of the same place, from RCV.NXT as it is before either.
std::optional<std::pair<std::int64_t, std::int64_t>> text_of(const Step& step) {
  const auto* segment = segment_of(step);
  if (segment == nullptr || !segment->seq || segment->seq->base != Number::Base::rcv_nxt ||
      segment->length.base != Number::Base::zero || segment->length.offset <= 0)
    return std::nullopt;
  return std::pair(segment->seq->offset, segment->seq->offset + segment->length.offset);
}

bool overlaps(const Program& program) {
  for (std::size_t i = 0; i < program.steps.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto one = text_of(program.steps[i]), other = text_of(program.steps[j]);
      if (one && other && one->first < other->second && other->first < one->second) return true;
    }
  return false;
}

// Two that depend on each other do not get less one at a time for ever, but nothing else is left.
TEST(Minimize, OfTwoThatOverlapTheirPlacesAreLeft) {
  Mutator mutator(8);
  for (int i = 0; i < 300; ++i) {
    auto program = mutator.create();
    SendSegment text;
    text.flags = Flags::ack | Flags::psh;
    text.seq = Number{Number::Base::rcv_nxt, 40 + i};
    text.length.offset = 1 + (i % 100);
    text.window = 100;
    program.steps.insert(program.steps.begin(), {0, text});
    text.length.offset += 20;
    text.options.emplace();
    text.options->resize(2);
    program.steps.push_back({0, text});
    ASSERT_TRUE(overlaps(program));
    const auto result = minimize(program, overlaps);
    ASSERT_EQ(result.steps.size(), 2U);
    SendSegment first, second;
    first.seq = segment_of(result.steps[0])->seq;
    first.length = segment_of(result.steps[0])->length;
    second.seq = segment_of(result.steps[1])->seq;
    second.length = segment_of(result.steps[1])->length;
    EXPECT_EQ(octets_of(result), octets_of(least({{0, first}, {0, second}})));
    EXPECT_TRUE(first.length.offset == 1 || second.length.offset == 1);
    EXPECT_EQ(octets_of(minimize(result, overlaps)), octets_of(result)) << "it could still be less";
  }
}

// What shows it in any form is done in few trials, and not when they have run out.
TEST(Minimize, EndsWhereNothingGetsLess) {
  test::RandomProgram random(9);
  for (int i = 0; i < 200; ++i) {
    const auto program = random();
    std::size_t trials = 0;
    (void)minimize(program, [&](const Program& candidate) {
      ++trials;
      return candidate.steps.size() == program.steps.size();
    });
    EXPECT_LT(trials, 40 + 80 * program.steps.size());
  }
}

TEST(Minimize, WhatIsWantedOfTheFixtureIsKept) {
  Program program;
  program.family = packet::Family::ipv6;
  program.fixture = {State::close_wait, script::Role::active, true, true, 7, true};
  program.connections.resize(3);
  program.steps = {{2, SendSegment{}}, {1, SendSegment{}}};
  const auto kept = [&](const StillShows& shows) { return minimize(program, shows); };
  EXPECT_EQ(kept([](const Program&) { return true; }), Program{});
  auto expected = Program{};
  expected.fixture.state = State::close_wait;
  EXPECT_EQ(kept([](const Program& one) { return one.fixture.state == State::close_wait; }), expected);
  expected.fixture.timestamps = true;
  EXPECT_EQ(kept([](const Program& one) { return one.fixture.state == State::close_wait && one.fixture.timestamps; }),
            expected);
  expected = Program{};
  expected.connections.resize(2);
  expected.steps = {{1, SendSegment{}}};
  EXPECT_EQ(kept([](const Program& one) {
              return std::ranges::any_of(one.steps, [](const Step& step) { return step.connection == 1; });
            }),
            expected);
}

TEST(Minimize, WhatCannotBeLessStaysAsItIs) {
  test::RandomProgram random(4);
  for (int i = 0; i < 50; ++i) {
    const auto program = random();
    EXPECT_EQ(minimize(program, [&](const Program& candidate) { return candidate == program; }), program);
    EXPECT_EQ(minimize(program, [](const Program&) { return false; }), program);
  }
}

TEST(Minimize, KeepsToItsTrialsAndStillShows) {
  const auto long_one = [](const Program& program) { return program.steps.size() >= 5; };
  for (const std::size_t most : {0U, 1U, 10U, 100U}) {
    test::RandomProgram random(6);
    for (int i = 0; i < 200; ++i) {
      const auto program = random();
      if (!long_one(program)) continue;
      std::size_t trials = 0;
      const auto result = minimize(
          program,
          [&](const Program& candidate) {
            ++trials;
            return long_one(candidate);
          },
          most);
      EXPECT_LE(trials, most);
      EXPECT_TRUE(long_one(result));
      if (most == 0) {
        EXPECT_EQ(result, program);
      }
    }
  }
}

TEST(Minimize, TriesTheSameEachTime) {
  test::RandomProgram random(7);
  for (int i = 0; i < 100; ++i) {
    const auto program = random();
    const auto tried = [&program] {
      std::vector<Bytes> out;
      const auto result = minimize(program, [&](const Program& candidate) {
        out.push_back(encode(candidate));
        return out.back().size() % 3 != 0;
      });
      out.push_back(encode(result));
      return out;
    };
    EXPECT_EQ(tried(), tried());
  }
}

}  // namespace
}  // namespace tcpspec::fuzz
