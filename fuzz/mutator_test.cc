#include "fuzz/mutator.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "fuzz/minimize.hh"
#include "fuzz/oracles.hh"
#include "fuzz/random_program.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

constexpr std::array<std::uint64_t, 4> seeds = {1, 2, 77, 0xfeed'beef};
constexpr std::size_t most_steps = 14;

// Programs that come of each other, as a fuzzer makes them: long lines of descent.
class Breeding {
 public:
  explicit Breeding(std::uint64_t seed) : mutator_(seed), random_(seed) {
    for (auto& program : pool_) program = mutator_.create();
  }

  const Program& next() {
    auto& child = pool_[random_() % pool_.size()];
    switch (random_() % 8) {
      case 0:
        child = mutator_.create();
        break;
      case 1:
        child = mutator_.cross(pool_[random_() % pool_.size()], pool_[random_() % pool_.size()]);
        break;
      default:
        mutator_.mutate(child);
        break;
    }
    return child;
  }

 private:
  Mutator mutator_;
  std::mt19937_64 random_;
  std::array<Program, 12> pool_;
};

void expect_sound(const Program& program) {
  const auto octets = encode(program);
  const auto read = decode(octets);
  ASSERT_TRUE(read.has_value()) << read.error().offset << ": " << read.error().message;
  ASSERT_EQ(read->fixture, program.fixture);
  ASSERT_EQ(read->connections, program.connections);
  for (std::size_t i = 0; i < program.steps.size(); ++i)
    ASSERT_EQ(read->steps.at(i), program.steps[i]) << i << ", of kind " << program.steps[i].action.index();
  ASSERT_EQ(*read, program);
}

TEST(Mutator, WhatItMakesIsWrittenAndReadUnchanged) {
  for (const auto seed : seeds) {
    SCOPED_TRACE(seed);
    Breeding breeding(seed);
    for (int i = 0; i < 5'000 && !testing::Test::HasFatalFailure(); ++i) {
      const auto& program = breeding.next();
      expect_sound(program);
      EXPECT_LE(program.steps.size(), most_steps);
      EXPECT_LE(encode(program).size(), 4'000U);
      for (const auto& step : program.steps)
        if (const auto* send = std::get_if<SendSegment>(&step.action); send != nullptr && send->options) {
          EXPECT_LE(send->options->size(), 12U);
        }
    }
  }
}

// One that a corpus brings has anything in it: the largest offsets, several connections.
TEST(Mutator, WhatItMakesOfAnyProgramIsSound) {
  Mutator mutator(5);
  test::RandomProgram random(5);
  for (int i = 0; i < 2'000 && !testing::Test::HasFatalFailure(); ++i) {
    auto program = random();
    for (int n = 0; n < 10; ++n) mutator.mutate(program);
    expect_sound(program);
    expect_sound(mutator.cross(program, random()));
    expect_sound(mutator.cross(random(), program));
  }
}

// What is sent goes on from what is near the edge of a field, too, and stays inside it.
TEST(Mutator, LongLinesOfDescentStayInsideTheFields) {
  for (const auto seed : seeds) {
    Mutator mutator(seed);
    auto program = mutator.create();
    for (int i = 0; i < 20'000; ++i) mutator.mutate(program);
    expect_sound(program);
  }
}

// Suites fill the largest buffers with one call. What comes of them is a thousand times as fast.
TEST(Mutator, CallsOfManyMegabytesBecomeShort) {
  Program program;
  for (const auto kind : {Call::Kind::send, Call::Kind::receive, Call::Kind::set_option}) {
    Call call;
    call.kind = kind;
    call.number = 64 << 20;
    program.steps.push_back({0, call});
  }
  const auto largest = [](const Program& of, auto... kinds) {
    std::int64_t most = 0;
    for (const auto& step : of.steps)
      if (const auto* call = std::get_if<Call>(&step.action); call != nullptr && ((call->kind == kinds) || ...))
        most = std::max(most, call->number);
    return most;
  };
  Mutator mutator(7);
  for (int i = 0; i < 100; ++i) {
    auto child = program;
    mutator.mutate(child);
    EXPECT_LE(largest(child, Call::Kind::send, Call::Kind::receive), 100'000);
    EXPECT_LE(largest(mutator.cross(program, program), Call::Kind::send, Call::Kind::receive), 100'000);
  }
  auto crossed = mutator.cross(program, program);
  while (largest(crossed, Call::Kind::set_option) == 0) crossed = mutator.cross(program, program);
  EXPECT_EQ(largest(crossed, Call::Kind::set_option), 64 << 20) << "an option's value is no length";
}

TEST(Mutator, OneSeedOneLine) {
  Breeding first(9), again(9), other(10);
  int different = 0;
  for (int i = 0; i < 500; ++i) {
    const auto program = first.next();
    ASSERT_EQ(program, again.next()) << i;
    different += program != other.next();
  }
  EXPECT_GT(different, 450);
}

TEST(Mutator, CrossesBeginAsTheFirstAndEndAsTheSecond) {
  Mutator mutator(3);
  const auto numbered = [](std::int64_t first, int count) {
    Program program;
    for (int i = 0; i < count; ++i) program.steps.push_back({0, Pause{Duration(first + i)}});
    return program;
  };
  const auto length = [](const Step& step) { return std::get<Pause>(step.action).length.count(); };
  const auto first = numbered(0, 5), second = numbered(100, 5);
  std::set<std::size_t> heads;
  for (int i = 0; i < 200; ++i) {
    const auto child = mutator.cross(first, second);
    std::size_t head = 0;
    while (head < child.steps.size() && length(child.steps[head]) < 100) {
      ASSERT_EQ(child.steps[head], first.steps[head]);
      ++head;
    }
    heads.insert(head);
    ASSERT_LT(head, child.steps.size()) << "nothing of the second";
    ASSERT_TRUE(std::equal(child.steps.rbegin(), child.steps.rend() - static_cast<std::ptrdiff_t>(head),
                           second.steps.rbegin()));
  }
  EXPECT_EQ(heads, (std::set<std::size_t>{0, 1, 2, 3, 4, 5}));
}

// ---- what is reached

class Reached {
 public:
  void take(const Program& program) {
    families.insert(program.family == packet::Family::ipv4 ? "4" : "6");
    fixtures.emplace(program.fixture.state, program.fixture.role);
    for (const auto& step : program.steps) {
      kinds.insert(step.action.index());
      if (const auto* send = std::get_if<SendSegment>(&step.action)) take(*send);
      if (const auto* call = std::get_if<Call>(&step.action)) calls.insert(call->kind);
    }
  }

  std::set<std::string> families, malformations;
  std::set<std::pair<script::State, script::Role>> fixtures;
  std::set<std::size_t> kinds;
  std::set<Call::Kind> calls;
  std::set<Number::Base> bases;
  std::set<OptionItem::Kind> options;

 private:
  void take(const SendSegment& send) {
    if (send.seq) bases.insert(send.seq->base);
    if (send.ack) bases.insert(send.ack->base);
    bases.insert(send.length.base);
    for (const auto& option : send.options.value_or(std::vector<OptionItem>{})) {
      options.insert(option.kind);
      for (const auto& number : option.numbers) bases.insert(number.base);
    }
    const auto& broken = send.malformation;
    const auto met = [this](bool is_there, const char* name) {
      if (is_there) malformations.insert(name);
    };
    met(broken.tcp_checksum.has_value(), "tcp_checksum");
    met(broken.tcp_checksum_xor.has_value(), "tcp_checksum_xor");
    met(broken.data_offset.has_value(), "data_offset");
    met(broken.reserved.has_value(), "reserved");
    met(broken.ip_total_length.has_value(), "ip_total_length");
    met(broken.ip_checksum_xor.has_value(), "ip_checksum_xor");
    met(broken.ip_protocol.has_value(), "ip_protocol");
    met(!broken.ip_options.empty(), "ip_options");
    met(broken.truncate_to.has_value(), "truncate_to");
  }
};

TEST(Mutator, ReachesEverythingThatAProgramCanSay) {
  Reached reached;
  Breeding breeding(1);
  for (int i = 0; i < 20'000; ++i) reached.take(breeding.next());
  EXPECT_EQ(reached.families.size(), 2U);
  EXPECT_EQ(reached.kinds.size(), std::variant_size_v<decltype(Step::action)>);
  EXPECT_EQ(reached.bases.size(), Number::bases);
  EXPECT_EQ(reached.options.size(), 1U + static_cast<std::size_t>(OptionItem::Kind::raw));
  EXPECT_EQ(reached.malformations.size(), 9U);
  // What only looks is left to who tells: get_option and state.
  EXPECT_EQ(reached.calls.size(), 11U);
  // Eleven states of each side, but for LISTEN and SYN-SENT.
  EXPECT_EQ(reached.fixtures.size(), 20U);
}

// ---- played

TEST(Mutator, TheReferenceStackKeepsItsPromisesWhateverItGets) {
  const auto target = target::open_reference_target();
  const auto found = [&](const Program& program, std::uint64_t seed) -> std::optional<Suspicion> {
    const auto played = play(program, *target, {.seed = seed});
    if (!played) return Suspicion{Oracle::crash, "", played.error().what, "", 0};
    const auto all = suspicions(*played);
    return all.empty() ? std::nullopt : std::optional(all.front());
  };
  std::size_t failed = 0;
  for (const auto seed : seeds) {
    Breeding breeding(seed);
    for (int i = 0; i < 1'250; ++i) {
      const auto& program = breeding.next();
      const auto suspected = found(program, seed);
      if (!suspected || ++failed > 5) continue;
      const auto least = minimize(program, [&](const Program& candidate) {
        const auto again = found(candidate, seed);
        return again && again->oracle == suspected->oracle && again->place == suspected->place;
      });
      std::string octets;
      for (const auto octet : encode(least)) octets += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
      ADD_FAILURE() << "seed " << seed << ", program " << i << ": " << to_string(suspected->oracle) << ": "
                    << suspected->place << ": " << suspected->what << "\n"
                    << octets;
    }
  }
  EXPECT_EQ(failed, 0U);
}

}  // namespace
}  // namespace tcpspec::fuzz
