#pragma once
// A sender for the tests of LossRecovery: it has no octets, only numbers, and segments of
// 1000 octets with the numbers 0, 1, 2 ... It begins 5000 octets before the wrap.

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "reference/loss_recovery.hh"

namespace tcpspec::reference::test {

using packet::distance;

constexpr Seq32 kFirst{0xffffffff - 4999};
constexpr std::uint32_t kSmss = 1000;

constexpr Seq32 at(std::uint32_t position) {
  return kFirst + position;
}
constexpr Seq32 segment(std::uint32_t number) {
  return at(number * kSmss);
}
// Segments `first` to `last`, both included.
constexpr SackBlock segments(std::uint32_t first, std::uint32_t last) {
  return {segment(first), segment(last + 1)};
}

struct Sent {
  LossRecovery::Transmission kind;
  std::uint32_t from;  // position
  std::uint32_t octets;
  friend bool operator==(const Sent&, const Sent&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Sent& sent) {
    return out << (sent.kind == LossRecovery::Transmission::fresh ? "fresh " : "again ") << sent.from << "+"
               << sent.octets;
  }
};
constexpr Sent fresh(std::uint32_t number) {
  return {LossRecovery::Transmission::fresh, number * kSmss, kSmss};
}
constexpr Sent again(std::uint32_t number) {
  return {LossRecovery::Transmission::again, number * kSmss, kSmss};
}

class Sender {
 public:
  explicit Sender(LossRecovery::Sack sack, LossRecovery::Syn syn = LossRecovery::Syn::arrived)
      : loss(kSmss, sack, syn, kFirst, 256) {}

  // Asks as a connection does, until there is nothing (more) to send.
  std::vector<Sent> send() {
    std::vector<Sent> sent;
    for (;;) {
      if (const auto range = loss.next_retransmission(flight)) {
        sent.push_back(transmit(*range, LossRecovery::Transmission::again));
      } else if (const std::uint32_t octets = fresh_octets(); octets > 0) {
        const SequenceRange next{flight.nxt, octets};
        flight.nxt += octets;
        unsent -= octets;
        sent.push_back(transmit(next, LossRecovery::Transmission::fresh));
      } else if (const auto resort = loss.last_resort(flight)) {
        sent.push_back(transmit(*resort, LossRecovery::Transmission::again));
      } else {
        return sent;
      }
    }
  }

  void acknowledge(Seq32 una, std::vector<SackBlock> blocks = {}) {
    const Seq32 before = std::exchange(flight.una, una);
    loss.acknowledged({.una_before = before, .flight = flight, .duplicate = false, .blocks = blocks});
  }
  // One duplicate, by RFC 5681; with SACK only `blocks` make it one.
  void duplicate(std::vector<SackBlock> blocks = {}) {
    loss.acknowledged({.una_before = flight.una, .flight = flight, .duplicate = true, .blocks = blocks});
  }
  void time_out() { loss.timed_out(flight); }

  LossRecovery loss;
  Flight flight{kFirst, kFirst};
  std::uint32_t unsent = 1'000'000;

 private:
  // A segment that is not full waits for more (Nagle), unless it is the last one.
  [[nodiscard]] std::uint32_t fresh_octets() const {
    const std::uint32_t octets = std::min({loss.fresh_octets_allowed(flight), unsent, loss.smss()});
    return octets == loss.smss() || octets == unsent ? octets : 0;
  }
  Sent transmit(SequenceRange range, LossRecovery::Transmission kind) {
    loss.transmitted(range, kind);
    return {kind, static_cast<std::uint32_t>(distance(kFirst, range.from)), range.octets};
  }
};

}  // namespace tcpspec::reference::test
