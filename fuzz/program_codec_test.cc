// Programs as octets. TCPSPEC_SEED=n repeats a failure.

#include <gtest/gtest.h>

#include <cstdlib>

#include "fuzz/program.hh"
#include "fuzz/random_program.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;

std::uint64_t seed() {
  const char* named = std::getenv("TCPSPEC_SEED");
  return named ? std::strtoull(named, nullptr, 0) : std::random_device{}();
}

Program with_steps(std::vector<Step> steps) {
  Program program;
  program.steps = std::move(steps);
  return program;
}

std::size_t octets_of_head() {
  return encode(Program{}).size();
}

Step sends(packet::Flags flags) {
  SendSegment send;
  send.flags = flags;
  return {0, send};
}

// There is one way only to write a program: what reads strictly is what would be written.
void expect_canonical(const Bytes& octets) {
  const auto read = decode(octets);
  if (read) {
    EXPECT_EQ(encode(*read), octets);
  }
}

TEST(ProgramCodec, WhatIsWrittenIsRead) {
  const auto chosen = seed();
  SCOPED_TRACE(chosen);
  test::RandomProgram random(chosen);
  for (int i = 0; i < 1'000; ++i) {
    const auto program = random();
    const auto octets = encode(program);
    const auto read = decode(octets);
    ASSERT_TRUE(read.has_value()) << read.error().offset << ": " << read.error().message;
    ASSERT_EQ(*read, program);
    EXPECT_EQ(encode(*read), octets);
  }
}

TEST(ProgramCodec, ALittleProgramTakesFewOctets) {
  SendSegment send;
  send.flags = packet::Flags::parse("PA").value();
  send.length = {Number::Base::zero, 100};
  // The kind, two octets of flags at the most, the mask, and two of a length of some hundred.
  EXPECT_LE(encode(with_steps({{0, send}})).size(), octets_of_head() + 6);
  EXPECT_LE(octets_of_head(), 11U);
}

TEST(ProgramCodec, WhatIsCutReadsAsFarAsItGoes) {
  const auto chosen = seed();
  SCOPED_TRACE(chosen);
  test::RandomProgram random(chosen);
  for (int i = 0; i < 60; ++i) {
    const auto program = random();
    const auto octets = encode(program);
    for (std::size_t cut = 0; cut < octets.size(); ++cut) {
      const Bytes shorter(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(cut));
      expect_canonical(shorter);
      const auto read = decode(shorter, Reading::prefix);
      if (!read) continue;  // not even a head
      ASSERT_LE(read->steps.size(), program.steps.size());
      EXPECT_EQ(read->connections, program.connections);
      EXPECT_EQ(read->fixture, program.fixture);
      EXPECT_TRUE(std::equal(read->steps.begin(), read->steps.end(), program.steps.begin()));
      EXPECT_LT(read->steps.size(), program.steps.size()) << "a whole program came of a part";
    }
  }
}

TEST(ProgramCodec, AnyOctetsAreReadToAnEnd) {
  const auto chosen = seed();
  SCOPED_TRACE(chosen);
  std::mt19937_64 random(chosen);
  test::RandomProgram programs(chosen);
  std::size_t sound = 0;
  for (int i = 0; i < 5'000; ++i) {
    // Sound octets of which some are others, or nothing but chance behind a head.
    auto octets = encode(i % 2 == 0 ? programs() : Program{});
    if (i % 2 == 0)
      for (auto n = random() % 4; n > 0; --n) octets[random() % octets.size()] = static_cast<std::byte>(random());
    else
      for (auto n = random() % 60; n > 0; --n) octets.push_back(static_cast<std::byte>(random() % 32));
    expect_canonical(octets);
    const auto strict = decode(octets);
    const auto prefix = decode(octets, Reading::prefix);
    if (strict) {
      ++sound;
      ASSERT_TRUE(prefix.has_value());
      EXPECT_EQ(*strict, *prefix);
    } else {
      EXPECT_LE(strict.error().offset, octets.size());
      EXPECT_FALSE(strict.error().message.empty());
    }
    if (prefix) {
      EXPECT_EQ(decode(encode(*prefix)), *prefix) << "what is read of a part is a program";
    }
  }
  EXPECT_GT(sound, 25U);
  EXPECT_LT(sound, 4'975U);
}

TEST(ProgramCodec, WhatIsNoProgramIsNone) {
  for (const std::string_view text : {"", "T", "TCPQ", "TCPP", "TCPP\x02", "TCPP\x01\x07"}) {
    Bytes octets;
    for (const char letter : text) octets.push_back(static_cast<std::byte>(letter));
    EXPECT_FALSE(decode(octets).has_value()) << text;
    EXPECT_FALSE(decode(octets, Reading::prefix).has_value()) << text;
  }
}

TEST(ProgramCodec, FaultsAreNamedAtTheirPlace) {
  auto octets = encode(with_steps({sends(packet::Flags::syn), sends(packet::Flags::ack)}));
  octets.push_back(static_cast<std::byte>(7 << 2));
  octets.push_back(std::byte{0});
  octets.push_back(std::byte{0});
  const auto read = decode(octets);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().offset, octets.size() - 3);
  EXPECT_EQ(read.error().message, "a step on connection 7 of 1");
  const auto prefix = decode(octets, Reading::prefix);
  ASSERT_TRUE(prefix.has_value());
  EXPECT_EQ(prefix->steps.size(), 2U);
}

TEST(ProgramCodec, AnIdleOctetIsAFault) {
  auto octets = encode(with_steps({{0, Pause{Duration(5)}}}));
  octets.back() |= std::byte{0x80};
  octets.push_back(std::byte{0});
  const auto read = decode(octets);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "a number with idle octets");
}

TEST(ProgramCodec, NoFixtureWhereTheLanguageHasNone) {
  Program program;
  program.fixture.state = script::State::syn_sent;  // and the tester would open
  EXPECT_EQ(decode(encode(program)).value().fixture, Fixture{});
  program.fixture.role = script::Role::active;
  EXPECT_EQ(decode(encode(program)), program);
}

TEST(ProgramCodec, WhatIsTooMuchIsLeftOut) {
  const ProgramLimits limits;
  auto program = with_steps(std::vector<Step>(limits.steps + 5, sends(packet::Flags::ack)));
  EXPECT_EQ(decode(encode(program)).value().steps.size(), limits.steps);

  SendSegment large;
  large.literal.resize(65'000);
  program.steps.assign(20, {0, large});
  EXPECT_LE(encode(program).size(), limits.octets);
  EXPECT_EQ(decode(encode(program)).value().steps.size(), 16U);

  program.steps.assign(3, {0, Pause{Duration(limits.pauses) - Duration(1s)}});
  const auto read = decode(encode(program)).value();
  EXPECT_EQ(std::get<Pause>(read.steps.at(1).action).length, Duration(1s));
  EXPECT_EQ(std::get<Pause>(read.steps.at(2).action).length, Duration(0));

  EXPECT_FALSE(decode(Bytes(limits.octets + 1)).has_value());
}

TEST(ProgramCodec, WhatDoesNotFitBecomesTheNearest) {
  Program program;
  program.connections = {{3, {}}, {7, {}}};
  SendSegment send;
  send.seq = Number{Number::Base::rcv_nxt, INT64_MAX};
  send.options = {{OptionItem::Kind::mss, {}, {}},
                  {OptionItem::Kind::sack, {{}, {}, {}}, {}},
                  {OptionItem::Kind::nop, {{}}, Bytes(2)}};
  Call call;
  call.option = "a b: 'SO_X'";
  call.kind = Call::Kind::listen;
  call.number = -3;
  program.steps = {{9, send}, {0, call}, {1, Pause{}}};
  const auto read = decode(encode(program)).value();
  EXPECT_EQ(read.connections.at(0).tuple_of, -1);
  EXPECT_EQ(read.connections.at(1).tuple_of, 0);
  EXPECT_EQ(read.steps.at(0).connection, 1);
  EXPECT_EQ(std::get<SendSegment>(read.steps.at(0).action).seq->offset, std::int64_t{1} << 32);
  const std::vector<OptionItem> sound = {{OptionItem::Kind::mss, {{}}, {}}, {OptionItem::Kind::sack, {{}, {}}, {}}, {}};
  EXPECT_EQ(std::get<SendSegment>(read.steps.at(0).action).options, sound);
  EXPECT_EQ(std::get<Call>(read.steps.at(1).action).option, "SO_X");
  EXPECT_EQ(std::get<Call>(read.steps.at(1).action).number, 0);
  EXPECT_EQ(read.steps.at(2).connection, 0);
}

}  // namespace
}  // namespace tcpspec::fuzz
