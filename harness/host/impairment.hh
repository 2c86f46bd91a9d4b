#pragma once
// A bad wire, one direction of it: drops, duplicates, reorders, corrupts and delays
// datagrams by chance. The same seed and the same datagrams at the same times have the
// same fate.

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "packet/segment.hh"
#include "packet/time.hh"

namespace tcpspec::host {

using packet::Bytes;
using packet::BytesView;
using packet::Duration;
using packet::Instant;

// Probabilities, 0 to 1, of each datagram by itself.
struct Odds {
  double drop = 0;
  double duplicate = 0;
  double reorder = 0;  // up to three later ones overtake it
  double corrupt = 0;  // one bit is flipped
  Duration least_delay{}, greatest_delay{};
  friend bool operator==(const Odds&, const Odds&) = default;
};

// "drop=1%,duplicate=0.5%,reorder=1%,corrupt=1%,delay=0..20ms", in any order; else what is wrong.
[[nodiscard]] std::expected<Odds, std::string> parse_odds(std::string_view text);

class Impairment {
 public:
  struct Counters {
    std::uint64_t taken = 0, dropped = 0, duplicated = 0, reordered = 0, corrupted = 0;
    friend bool operator==(const Counters&, const Counters&) = default;
  };

  Impairment(const Odds& odds, std::uint64_t seed) : odds_(odds), random_(seed) {}

  void take(Bytes datagram, Instant now);
  // Those that come out by now, in the order in which they do.
  [[nodiscard]] std::vector<Bytes> release(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct InLine {
    Instant due;
    Bytes datagram;
  };
  struct Overtaken {
    int by;          // so many more, or
    Instant latest;  // until then
    Bytes datagram;
  };
  [[nodiscard]] bool happens(double probability);
  [[nodiscard]] Duration delay();
  void queue(Bytes datagram, Instant now);
  void corrupt(Bytes& datagram);

  Odds odds_;
  std::mt19937_64 random_;
  Counters counters_;
  std::deque<InLine> line_;  // a delay alone changes no order
  std::vector<Overtaken> overtaken_;
};

}  // namespace tcpspec::host
