#include "adapters/lwip/memory.hh"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#define TCPSPEC_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TCPSPEC_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef TCPSPEC_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define TCPSPEC_UNCHECKED __attribute__((no_sanitize_address, noinline))
#else
#define ASAN_POISON_MEMORY_REGION(address, octets) (static_cast<void>(address), static_cast<void>(octets))
#define ASAN_UNPOISON_MEMORY_REGION(address, octets) (static_cast<void>(address), static_cast<void>(octets))
#define TCPSPEC_UNCHECKED
#endif

namespace tcpspec::lwip {
namespace {

constexpr std::size_t arena_octets = std::size_t{64} << 20;
constexpr std::size_t fine_step = 32, most_fine = 1024;
constexpr std::size_t fine_classes = most_fine / fine_step;
constexpr std::size_t classes = fine_classes + 16;
constexpr std::size_t guard_octets = 16;  // behind what was asked for
constexpr std::byte guard{0xa5};

// Precedes what is allocated. 16 octets, so that what follows is aligned for anything.
struct alignas(16) Chunk {
  Chunk* next;           // in its list, while it is free
  std::uint32_t octets;  // that were asked for; 0: free
  std::uint32_t size_class;
};

struct FreeList {
  Chunk* first = nullptr;
  Chunk* last = nullptr;
};

struct Arena {
  std::byte* memory = nullptr;
  std::size_t used = 0;
  std::array<FreeList, classes + 1> free{};
};
Arena arena;

struct Remembered {
  Arena arena;
  std::vector<std::byte> heap;
  std::vector<std::span<std::byte>> variables;
  std::vector<std::vector<std::byte>> values;
};
Remembered remembered;

// Steps of 32 octets up to a kilooctet, then powers of two.
std::size_t class_of(std::size_t octets) {
  if (octets <= most_fine) return (octets + fine_step - 1) / fine_step;
  return fine_classes + std::bit_width((octets - 1) / most_fine);
}
std::size_t octets_of(std::size_t size_class) {
  return size_class <= fine_classes ? size_class * fine_step : most_fine << (size_class - fine_classes);
}

std::byte* body(Chunk* chunk) {
  return reinterpret_cast<std::byte*>(chunk + 1);
}

// AddressSanitizer watches memcpy(), and neither the gaps between variables nor free chunks may
// be touched in its eyes.
TCPSPEC_UNCHECKED void copy_octets(std::byte* to, const std::byte* from, std::size_t octets) {
#ifdef TCPSPEC_ADDRESS_SANITIZER
  for (std::size_t i = 0; i < octets; ++i) static_cast<volatile std::byte*>(to)[i] = from[i];
#else
  std::memcpy(to, from, octets);
#endif
}

void reserve() {
  if (arena.memory != nullptr) return;
  void* memory =
      mmap(nullptr, arena_octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  arena.memory = static_cast<std::byte*>(memory);
  ASAN_POISON_MEMORY_REGION(memory, arena_octets);
}

// What was freed the longest ago goes first, so that a use after free has time to be seen.
TCPSPEC_UNCHECKED Chunk* reuse(FreeList& list) {
  auto* chunk = list.first;
  if (chunk == nullptr) return nullptr;
  list.first = chunk->next;
  if (list.first == nullptr) list.last = nullptr;
  return chunk;
}

TCPSPEC_UNCHECKED Chunk* carve(std::size_t size_class) {
  const auto octets = sizeof(Chunk) + octets_of(size_class);
  if (arena.memory == nullptr || arena_octets - arena.used < octets) return nullptr;
  auto* chunk = reinterpret_cast<Chunk*>(arena.memory + arena.used);
  arena.used += octets;
  return chunk;
}

// For each chunk that is in use; stops at the first that is not whole.
template <class Action>
TCPSPEC_UNCHECKED bool for_each_in_use(Action action) {
  for (std::size_t at = 0; at < arena.used;) {
    auto* chunk = reinterpret_cast<Chunk*>(arena.memory + at);
    const auto room = chunk->size_class <= classes ? octets_of(chunk->size_class) : 0;
    if (room == 0 || chunk->octets > room - guard_octets || (chunk->octets > 0 && !action(chunk))) return false;
    at += sizeof(Chunk) + room;
  }
  return true;
}

void allow_what_is_in_use() {
#ifdef TCPSPEC_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(arena.memory, arena_octets);
  (void)for_each_in_use([](Chunk* chunk) TCPSPEC_UNCHECKED {
    ASAN_UNPOISON_MEMORY_REGION(body(chunk), chunk->octets);
    return true;
  });
#endif
}

}  // namespace

TCPSPEC_UNCHECKED void* allocate(std::size_t octets) {
  reserve();
  if (octets == 0) octets = 1;
  const auto size_class = class_of(octets + guard_octets);
  if (size_class > classes) return nullptr;
  auto* chunk = reuse(arena.free[size_class]);
  if (chunk == nullptr) chunk = carve(size_class);
  if (chunk == nullptr) return nullptr;
  chunk->next = nullptr;
  chunk->octets = static_cast<std::uint32_t>(octets);
  chunk->size_class = static_cast<std::uint32_t>(size_class);
#ifndef TCPSPEC_ADDRESS_SANITIZER
  std::memset(body(chunk) + octets, std::to_integer<int>(guard), guard_octets);
#endif
  ASAN_UNPOISON_MEMORY_REGION(body(chunk), octets);
  return body(chunk);
}

TCPSPEC_UNCHECKED void release(void* memory) {
  if (memory == nullptr) return;
  auto* chunk = static_cast<Chunk*>(memory) - 1;
  ASAN_POISON_MEMORY_REGION(memory, octets_of(chunk->size_class));
  auto& list = arena.free[chunk->size_class];
  chunk->octets = 0;
  chunk->next = nullptr;
  (list.last != nullptr ? list.last->next : list.first) = chunk;
  list.last = chunk;
}

void check_memory() {
#ifndef TCPSPEC_ADDRESS_SANITIZER
  const bool whole = for_each_in_use([](Chunk* chunk) {
    const auto* end = body(chunk) + chunk->octets;
    return std::all_of(end, end + guard_octets, [](std::byte octet) { return octet == guard; });
  });
  if (whole) return;
  std::fputs("lwIP has written behind the end of memory that it had allocated\n", stderr);
  std::abort();
#endif
}

void remember_memory() {
  reserve();
  remembered.arena = arena;
  remembered.heap.resize(arena.used);
  copy_octets(remembered.heap.data(), arena.memory, arena.used);
  remembered.variables = lwip_variables();
  for (const auto& variables : remembered.variables) {
    remembered.values.emplace_back(variables.size());
    copy_octets(remembered.values.back().data(), variables.data(), variables.size());
  }
}

// What lies beyond the heap of that time is zero, as it was then: not even a read of what was
// never written may tell of the stack before.
void restore_memory() {
  ASAN_UNPOISON_MEMORY_REGION(arena.memory, arena.used);
  if (arena.used > remembered.arena.used)
    std::memset(arena.memory + remembered.arena.used, 0, arena.used - remembered.arena.used);
  arena = remembered.arena;
  copy_octets(arena.memory, remembered.heap.data(), remembered.heap.size());
  for (std::size_t i = 0; i < remembered.variables.size(); ++i)
    copy_octets(remembered.variables[i].data(), remembered.values[i].data(), remembered.values[i].size());
  allow_what_is_in_use();
}

}  // namespace tcpspec::lwip
