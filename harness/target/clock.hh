#pragma once
// The one place that reads a clock or blocks. Under User-Mode Linux with time
// travel the same calls run on virtual time, so nothing else may spin or sleep.

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "packet/time.hh"
#include "target/linux/descriptor.hh"
#include "target/target.hh"

namespace tcpspec::target {

// CLOCK_MONOTONIC.
[[nodiscard]] Instant monotonic_now();

class Poller {
 public:
  enum class Trigger : std::uint8_t { level, edge };
  enum class Reason : std::uint8_t { ready, expired, interrupted };
  struct Wake {
    Reason reason = Reason::expired;
    std::span<const epoll_event> ready;  // valid until the next wait(); data.u64 is the tag
    bool more = false;                   // the list was too short: ask again
    // What is not in `ready` (unless there is more) was idle at some moment no earlier than this.
    Instant idle_at;
  };

  [[nodiscard]] static std::expected<Poller, EnvironmentError> open();

  // level: readable. edge: readable, writable, urgent data, hang-up, each reported
  // once per change. A descriptor leaves the list by itself when it is closed for good.
  [[nodiscard]] std::expected<void, EnvironmentError> watch(int descriptor, Trigger trigger, std::uint64_t tag);
  void forget(int descriptor);

  // Blocks until something is ready, `until` has come (nullopt: for ever) or a signal
  // arrived. With `until` in the past it only looks.
  [[nodiscard]] Wake wait(std::optional<Instant> until);
  [[nodiscard]] Wake look() { return wait(Instant::min()); }

 private:
  Descriptor epoll_;
  std::array<epoll_event, 256> ready_{};
};

}  // namespace tcpspec::target
