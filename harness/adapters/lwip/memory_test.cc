#include "adapters/lwip/memory.hh"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace {
std::array<std::byte, 256> variables{};
}

namespace tcpspec::lwip {

std::vector<std::span<std::byte>> lwip_variables() {
  return {variables};
}

namespace {

std::byte* take(std::size_t octets) {
  return static_cast<std::byte*>(allocate(octets));
}

// One test, as what is remembered is remembered once in a process.
TEST(Memory, all_is_as_it_was_remembered) {
  auto* kept = take(100);
  std::memset(kept, 1, 100);
  variables.fill(std::byte{2});
  remember_memory();

  auto* later = take(5000);
  std::memset(later, 3, 5000);
  kept[99] = std::byte{4};
  variables[255] = std::byte{5};
  release(kept);
  restore_memory();

  EXPECT_EQ(kept[99], std::byte{1});
  EXPECT_EQ(variables[255], std::byte{2});
  auto* again = take(5000);
  EXPECT_EQ(again, later);
  for (std::size_t i = 0; i < 5000; ++i) ASSERT_EQ(again[i], std::byte{0});
  check_memory();
}

TEST(Memory, has_room_for_any_size_and_gives_it_again) {
  for (const std::size_t octets : {0, 1, 31, 32, 33, 1000, 1024, 1025, 1460, 65535, 262144}) {
    auto* memory = take(octets);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 16, 0U);
    std::memset(memory, 0xff, octets);
    check_memory();
    release(memory);
    EXPECT_EQ(take(octets), memory);
  }
  EXPECT_EQ(allocate(std::size_t{1} << 30), nullptr);
}

// AddressSanitizer says so itself, and sooner.
TEST(Memory, an_overflow_is_seen) {
  auto* memory = take(33);
  (void)take(33);
  EXPECT_DEATH(
      {
        static_cast<volatile std::byte*>(memory)[33] = std::byte{0};
        check_memory();
      },
      "behind the end|use-after-poison");
}

}  // namespace
}  // namespace tcpspec::lwip
