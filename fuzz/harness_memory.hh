#pragma once
// Whose allocations a sanitizer watches.
//
// Half of what a fuzzer allocates is the harness's own: steps, entries, datagrams of a record. Watched by
// AddressSanitizer it costs more than the stack under test. Here operator new takes the harness's small
// objects from a pool of its own; what the code under test allocates, and all that is large, comes from the
// sanitizer as ever. (The harness's own mistakes are the business of its tests under sanitizers.)

#include <cstddef>
#include <cstdint>
#include <utility>

// Where a sanitizer is linked; octets.
// NOLINTNEXTLINE(bugprone-reserved-identifier): its name
extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();

namespace tcpspec::fuzz {

inline thread_local bool from_pool = false;

// Octets that the code under test allocated, less what it freed, while it is counted: what an oracle of
// memory compares. Without a sanitizer nobody counts.
struct HeldMemory {
  bool counted = false;
  std::int64_t octets = 0;
};
inline thread_local HeldMemory held_memory;

// For its lifetime, what this thread allocates is the harness's. Engines' own code stays outside.
class HarnessMemory {
 public:
  HarnessMemory() : before_(std::exchange(from_pool, true)) {}
  ~HarnessMemory() { from_pool = before_; }
  HarnessMemory(const HarnessMemory&) = delete;
  HarnessMemory& operator=(const HarnessMemory&) = delete;

 private:
  bool before_;
};

// And back again: the code under test runs.
class WatchedMemory {
 public:
  WatchedMemory() : before_(std::exchange(from_pool, false)), at_first_(allocated()) {}
  ~WatchedMemory() {
    held_memory.octets += allocated() - at_first_;
    from_pool = before_;
  }
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;

 private:
  static std::int64_t allocated() {
    if (!held_memory.counted || __sanitizer_get_current_allocated_bytes == nullptr) return 0;
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
  }

  bool before_;
  std::int64_t at_first_;
};

}  // namespace tcpspec::fuzz
