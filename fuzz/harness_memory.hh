#pragma once
// Whose allocations a sanitizer watches.
//
// Half of what a fuzzer allocates is the harness's own: steps, entries, datagrams of a record. Watched by
// AddressSanitizer it costs more than the stack under test. Here operator new takes the harness's small
// objects from a pool of its own; what the code under test allocates, and all that is large, comes from the
// sanitizer as ever. (The harness's own mistakes are the business of its tests under sanitizers.)

#include <utility>

namespace tcpspec::fuzz {

inline thread_local bool from_pool = false;

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
  WatchedMemory() : before_(std::exchange(from_pool, false)) {}
  ~WatchedMemory() { from_pool = before_; }
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;

 private:
  bool before_;
};

}  // namespace tcpspec::fuzz
