// What a stack does not give back. Nobody counts without a sanitizer.

#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/enclosed_stack.hh"
#include "fuzz/faulty_stack.hh"
#include "fuzz/harness_memory.hh"
#include "fuzz/session.hh"

namespace tcpspec::fuzz {
namespace {

// Keeps what `input` allocates for a datagram.
struct Hoard {
  std::vector<std::unique_ptr<std::byte[]>> kept;
};

auto watched() {
  return WatchedMemory();
}

std::unique_ptr<target::Target> open_enclosed(const test::Faults& faults) {
  auto description = target::open_reference_target()->description();
  return target::make_packet_target(
      std::move(description),
      [&faults](const target::Seating& seating)
          -> std::expected<std::unique_ptr<target::PacketStack>, target::EnvironmentError> {
        auto stack = [&]() -> std::unique_ptr<target::PacketStack> {
          const WatchedMemory inside;
          auto made = target::make_plug_in_stack(adapter::reference_adapter(), seating, "");
          if (!made) throw std::runtime_error(made.error().what);
          return std::make_unique<test::FaultyStack>(std::move(*made), faults);
        }();
        return std::make_unique<EnclosedStack<decltype(&watched)>>(&watched, std::move(stack),
                                                                   std::make_shared<FencedRoom>());
      });
}

std::optional<Suspicion> examine(const test::Faults& faults) {
  Program program;
  program.fixture.state = script::State::established;
  SendSegment send;
  send.flags = packet::Flags::ack;
  send.length.offset = 100;
  program.steps = {{0, send}, {0, Pause{std::chrono::seconds(1)}}};
  Session session(open_enclosed(faults), nullptr, {});
  auto examined = session.examine(program, Session::Care::thorough);
  if (!examined) throw std::runtime_error(examined.error().what);
  return examined->suspicion;
}

// Behind the last octet, and when it has been given back. An odd length: the last granule is in use in part.
TEST(FencedRoom, WhoReadsBeyondADatagramIsStopped) {
  FencedRoom room;
  const std::vector<std::byte> datagram(43, std::byte{7});
  const std::byte* kept = nullptr;
  const auto read = [](const std::byte* at) {
    return std::to_integer<int>(*static_cast<const volatile std::byte*>(at));
  };
  room.lend(datagram, [&](target::BytesView lent) {
    kept = lent.data();
    EXPECT_TRUE(std::ranges::equal(lent, datagram));
    if (__asan_poison_memory_region == nullptr) return;
    EXPECT_DEATH(read(kept + lent.size()), "use-after-poison");
    EXPECT_DEATH(read(kept - 1), "use-after-poison");
  });
  if (__asan_poison_memory_region == nullptr) return;
  EXPECT_DEATH(read(kept), "use-after-poison");
  room.lend(datagram, [&](target::BytesView lent) { EXPECT_EQ(read(lent.data() + 42), 7) << "and lent again"; });
}

TEST(Memory, WhatAStackKeepsIsToldWhereItIsCounted) {
  Hoard hoard;
  test::Faults faults;
  faults.input = [&hoard](target::BytesView) -> std::optional<target::TargetFailure> {
    hoard.kept.push_back(std::make_unique<std::byte[]>(100));
    return std::nullopt;
  };
  const auto found = examine(faults);
  if (__sanitizer_get_current_allocated_bytes == nullptr) {
    EXPECT_FALSE(found.has_value());
    return;
  }
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->oracle, Oracle::memory);
}

TEST(Memory, WhatIsKeptOnceIsNoMistake) {
  Hoard hoard;
  test::Faults faults;
  faults.input = [&hoard](target::BytesView) -> std::optional<target::TargetFailure> {
    if (hoard.kept.empty()) hoard.kept.push_back(std::make_unique<std::byte[]>(100));
    return std::nullopt;
  };
  EXPECT_FALSE(examine(faults).has_value());
}

TEST(Memory, TheReferenceStackGivesEverythingBack) {
  EXPECT_FALSE(examine({}).has_value());
}

}  // namespace
}  // namespace tcpspec::fuzz
