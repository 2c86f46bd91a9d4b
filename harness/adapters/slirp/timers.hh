#pragma once
// When slirp's timers are next due. slirp does not say it: slirp_pollfds_fill() gives an interval
// at most so long, and slirp_pollfds_poll() looks whether its clock, of milliseconds, is far
// enough behind the last time. What it remembers of both is followed here, so that the clock
// can be stopped at the very millisecond.

#include <cstdint>
#include <optional>

namespace tcpspec::slirp {

// In slirp's clock. Like it, 32 bits that wrap.
using Milliseconds = std::uint32_t;

class Timers {
 public:
  static constexpr Milliseconds slow_interval = 499;  // slirp.c: retransmission, TIME-WAIT and the rest count these
  static constexpr Milliseconds fast_interval = 2;    // slirp.c: delayed acknowledgments

  // After slirp_pollfds_fill() has put `interval` in place of the longest there is.
  // has_connections is asked where the interval does not tell.
  template <class HasConnections>
  void filled(Milliseconds interval, HasConnections has_connections) {
    const bool fast = interval <= fast_interval;
    if (fast && !fast_since_) fast_since_ = polled_at_;
    slow_runs_ = fast ? has_connections() : interval <= slow_interval;
  }

  // After slirp_pollfds_poll() at `now`.
  void polled(Milliseconds now) {
    polled_at_ = now;
    if (fast_since_ && now - *fast_since_ >= fast_interval) fast_since_.reset();
    if (slow_runs_ && now - slow_at_ >= slow_interval) slow_at_ = now;
  }

  // How long after `now` something is due; 0: at once; nullopt: nothing is.
  [[nodiscard]] std::optional<Milliseconds> due(Milliseconds now) const {
    std::optional<Milliseconds> first;
    const auto consider = [&](Milliseconds since, Milliseconds interval) {
      const Milliseconds passed = now - since;
      const Milliseconds left = passed >= interval ? 0 : interval - passed;
      if (!first || left < *first) first = left;
    };
    if (slow_runs_) consider(slow_at_, slow_interval);
    if (fast_since_) consider(*fast_since_, fast_interval);
    return first;
  }

 private:
  bool slow_runs_ = false;
  Milliseconds polled_at_ = 0;
  Milliseconds slow_at_ = 0;
  std::optional<Milliseconds> fast_since_;
};

}  // namespace tcpspec::slirp
