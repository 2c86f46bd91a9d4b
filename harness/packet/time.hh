#pragma once
// Time as the core knows it: a number that somebody passes in. Nothing in
// packet, script, oracle or engine reads a clock; only a target does.

#include <chrono>

namespace tcpspec::packet {

using Duration = std::chrono::nanoseconds;

// Instants count from an arbitrary origin that the target chooses (CLOCK_MONOTONIC
// for the kernel, zero for a virtual clock). There is no now().
struct TargetClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<TargetClock>;
  static constexpr bool is_steady = true;
};
using Instant = TargetClock::time_point;

}  // namespace tcpspec::packet
