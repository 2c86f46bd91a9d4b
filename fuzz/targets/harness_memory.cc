// operator new and delete of the fuzz targets that play programs; harness_memory.hh says why.
//
// Objects of one class lie in a span of their own; a table says which class a span holds, so that delete
// needs an address alone, on whatever side of the line it happens. Freed objects are used again at once.

#include "fuzz/harness_memory.hh"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

// Where LeakSanitizer is linked.
// NOLINTNEXTLINE(bugprone-reserved-identifier): its name
extern "C" [[gnu::weak]] void __lsan_register_root_region(const void* begin, std::size_t octets);

namespace {

constexpr std::size_t grain = 16;  // what operator new promises
// A class for each multiple of the grain up to here, then one for each doubling: steps and entries lie in vectors.
constexpr std::size_t finest = 1024;
constexpr std::size_t largest = 32'768;
constexpr std::size_t classes = finest / grain + 1 + std::bit_width(largest / finest) - 1;
constexpr std::size_t span_octets = std::size_t{1} << 16U;
constexpr std::size_t room = std::size_t{1} << 30U;  // of addresses; when it is used up, all is watched

constexpr std::size_t class_of(std::size_t octets) {
  if (octets <= finest) return (octets + grain - 1) / grain;
  return finest / grain + static_cast<std::size_t>(std::bit_width((octets - 1) / finest));
}
constexpr std::size_t octets_of(std::size_t its_class) {
  return its_class <= finest / grain ? its_class * grain : finest << (its_class - finest / grain);
}
static_assert(class_of(finest + 1) == finest / grain + 1 && octets_of(class_of(finest + 1)) == 2 * finest);
static_assert(class_of(largest) == classes - 1 && octets_of(classes - 1) == largest);

struct Free {
  Free* next;
};

class Pool {
 public:
  void* take(std::size_t octets) {
    const auto its_class = class_of(octets);
    auto*& head = free_[its_class];
    if (head == nullptr && !grow(its_class)) return nullptr;
    auto* const object = head;
    head = object->next;
    return object;
  }
  [[nodiscard]] bool has(const void* address) const {
    return static_cast<std::uintptr_t>(reinterpret_cast<std::uintptr_t>(address) - base_) < room;
  }
  void give_back(void* address) {
    auto*& head = free_[class_of_[(reinterpret_cast<std::uintptr_t>(address) - base_) / span_octets]];
    head = new (address) Free{head};
  }

 private:
  [[gnu::noinline]] bool grow(std::size_t its_class) {
    if (base_ == 0) {
      void* const begin =
          mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (begin == MAP_FAILED) return false;
      base_ = reinterpret_cast<std::uintptr_t>(begin);
    }
    if ((used_ + 1) * span_octets > room) return false;
    auto* const span = reinterpret_cast<std::byte*>(base_ + used_ * span_octets);
    class_of_[used_++] = static_cast<std::uint8_t>(its_class);
    // What the harness holds may hold what the code under test allocated.
    if (__lsan_register_root_region != nullptr) __lsan_register_root_region(span, span_octets);
    const auto octets = octets_of(its_class);
    for (auto at = span_octets / octets; at-- > 0;) free_[its_class] = new (span + at * octets) Free{free_[its_class]};
    return true;
  }

  std::uintptr_t base_ = 0;
  std::size_t used_ = 0;  // spans
  std::array<std::uint8_t, room / span_octets> class_of_{};
  std::array<Free*, classes> free_{};
};

constinit Pool pool;

void* allocate(std::size_t octets) {
  if (tcpspec::fuzz::from_pool && octets <= largest)
    if (void* const object = pool.take(octets == 0 ? 1 : octets); object != nullptr) return object;
  void* const object = std::malloc(octets == 0 ? 1 : octets);
  if (object == nullptr) std::abort();
  return object;
}

void release(void* address) {
  if (address == nullptr) return;
  if (pool.has(address))
    pool.give_back(address);
  else
    std::free(address);
}

}  // namespace

void* operator new(std::size_t octets) {
  return allocate(octets);
}
void* operator new[](std::size_t octets) {
  return allocate(octets);
}
void* operator new(std::size_t octets, const std::nothrow_t&) noexcept {
  return allocate(octets);
}
void* operator new[](std::size_t octets, const std::nothrow_t&) noexcept {
  return allocate(octets);
}
void operator delete(void* address) noexcept {
  release(address);
}
void operator delete[](void* address) noexcept {
  release(address);
}
void operator delete(void* address, std::size_t) noexcept {
  release(address);
}
void operator delete[](void* address, std::size_t) noexcept {
  release(address);
}
