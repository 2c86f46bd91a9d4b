#include "reference/initial_sequence_number.hh"

#include <gtest/gtest.h>

#include <bit>
#include <set>

namespace tcpspec::reference {
namespace {

using namespace std::chrono_literals;
using packet::Address;
using packet::Endpoint;
using packet::Instant;
using packet::Seq32;
using Purpose = SecretFunction::Purpose;

const Endpoint kLocal{Address::ipv4(10, 0, 0, 1), 1000};
const Endpoint kRemote{Address::ipv4(10, 0, 0, 2), 80};

TEST(SecretFunction, IsTheSameForTheSameTwoEnds) {
  EXPECT_EQ(SecretFunction(1)(kLocal, kRemote, Purpose::sequence),
            SecretFunction(1)(kLocal, kRemote, Purpose::sequence));
}

TEST(SecretFunction, DiffersInEachThingItDependsOn) {
  const auto f = [](std::uint64_t seed, Endpoint local, Endpoint remote, Purpose purpose) {
    return SecretFunction(seed)(local, remote, purpose);
  };
  Endpoint other_address = kRemote;
  other_address.address.bytes[3] ^= 1;
  Endpoint other_port = kRemote;
  other_port.port ^= 0x100;
  Endpoint other_family = kRemote;
  other_family.address.family = packet::Family::ipv6;
  const std::set<std::uint32_t> values = {
      f(1, kLocal, kRemote, Purpose::sequence),        f(2, kLocal, kRemote, Purpose::sequence),
      f(1, kRemote, kLocal, Purpose::sequence),        f(1, kLocal, other_address, Purpose::sequence),
      f(1, kLocal, other_port, Purpose::sequence),     f(1, kLocal, other_family, Purpose::sequence),
      f(1, other_address, kRemote, Purpose::sequence), f(1, other_port, kRemote, Purpose::sequence),
      f(1, kLocal, kRemote, Purpose::timestamp),       f(1, kLocal, kRemote, Purpose::port)};
  EXPECT_EQ(values.size(), 10u);
}

// No bit is fixed (a UUID's version and variant are), and neighbours have nothing in common.
TEST(SecretFunction, EveryBitIsSetForAboutHalfOfThePorts) {
  const SecretFunction f(1);
  std::array<int, 32> set{};
  constexpr int kPorts = 4096;
  Endpoint local = kLocal;
  for (int port = 0; port < kPorts; ++port) {
    local.port = static_cast<std::uint16_t>(port);
    for (std::uint32_t left = f(local, kRemote, Purpose::sequence); left != 0; left &= left - 1)
      ++set.at(static_cast<std::size_t>(std::countr_zero(left)));
  }
  // Six standard deviations of 32 to either side.
  for (const int count : set) EXPECT_NEAR(count, kPorts / 2, 192);
}

// RFC 9293 section 3.4.1, RFC 6528 section 3: one step in 4 microseconds.
TEST(InitialSequenceNumber, StepsEveryFourMicroseconds) {
  const SecretFunction f(1);
  const auto at = [&](packet::Duration since) { return f.initial_sequence_number(kLocal, kRemote, Instant(since)); };
  EXPECT_EQ(at(0us), Seq32(f(kLocal, kRemote, Purpose::sequence)));
  EXPECT_EQ(at(4us - 1ns), at(0us));
  EXPECT_EQ(at(4us), at(0us) + 1);
  EXPECT_EQ(at(1s), at(0us) + 250'000);
  EXPECT_EQ(at(-1ns), at(0us) - 1);
}

TEST(InitialSequenceNumber, ComesRoundAfterFourAndThreeQuarterHours) {
  const SecretFunction f(1);
  const auto round = 4us * (std::int64_t{1} << 32);
  EXPECT_EQ(f.initial_sequence_number(kLocal, kRemote, Instant(round - 4us)),
            f.initial_sequence_number(kLocal, kRemote, Instant(-4us)));
  EXPECT_EQ(f.initial_sequence_number(kLocal, kRemote, Instant(round)),
            f.initial_sequence_number(kLocal, kRemote, Instant(0us)));
}

}  // namespace
}  // namespace tcpspec::reference
