#pragma once
// What the tests of the monitor share: two endpoints, short ways to say a segment, and
// a wire that gives the names of the invariants which a segment of the target breaks.

#include <string>
#include <utility>
#include <vector>

#include "oracle/invariants.hh"

namespace tcpspec::oracle::test {

using packet::Family;
using packet::Flags;
using packet::Malformation;
using packet::Mss;
using packet::Option;
using packet::RawBytes;
using packet::Sack;
using packet::SackPermitted;
using packet::Segment;
using packet::Seq32;
using packet::Timestamps;
using packet::WindowScale;

inline constexpr Flags S = Flags::syn, A = Flags::ack, R = Flags::rst, F = Flags::fin;
inline constexpr Flags SA = Flags::syn | Flags::ack, RA = Flags::rst | Flags::ack, FA = Flags::fin | Flags::ack;

// Near the places where sequence numbers wrap.
inline constexpr std::uint32_t tester_iss = 0xfffffffa;
inline constexpr std::uint32_t target_iss = 0x7ffffffa;

using Options = std::vector<Option>;

// Numbers are relative to the two ISSs.
struct Said {
  Flags flags;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  Options options = {};
  std::size_t data = 0;  // octets; each says its place, so that a retransmission repeats them
  std::uint16_t window = 1000;
  std::uint8_t change = 0;  // added to every octet
};

inline packet::Bytes octets_at(std::uint32_t seq, std::size_t count, std::uint8_t change) {
  packet::Bytes octets(count);
  for (std::size_t i = 0; i < count; ++i) octets[i] = static_cast<std::byte>((seq + i) * 7 + change);
  return octets;
}

class Wire {
 public:
  explicit Wire(Family family = Family::ipv4) : family_(family) {}

  std::uint16_t tester_port = 40000;
  std::uint32_t own_iss = tester_iss;    // of the tester
  std::uint32_t other_iss = target_iss;  // of the target

  void tester(const Said& said, const Malformation& malformation = {}) { send(from_tester(said), malformation); }
  std::vector<std::string> target(const Said& said, const Malformation& malformation = {}) {
    return receive(from_target(said), malformation);
  }

  void send(const Segment& segment, const Malformation& malformation = {}) {
    monitor.sent(serialize(segment, malformation));
  }
  std::vector<std::string> receive(const Segment& segment, const Malformation& malformation = {}) {
    return names(monitor.received(serialize(segment, malformation)));
  }
  static std::vector<std::string> names(const std::vector<Violation>& violations) {
    std::vector<std::string> result;
    for (const Violation& violation : violations) result.emplace_back(violation.invariant->name);
    return result;
  }

  [[nodiscard]] Segment from_tester(const Said& said) const {
    Segment segment = common(said, own_iss, other_iss);
    std::swap(segment.source, segment.destination);
    return segment;
  }
  [[nodiscard]] Segment from_target(const Said& said) const { return common(said, other_iss, own_iss); }

  // A connection that the tester opens. Returns what the target's SYN-ACK breaks.
  std::vector<std::string> open(const Options& offered = {}, const Options& answered = {},
                                std::uint16_t window = 1000) {
    tester({.flags = S, .options = offered, .window = window});
    auto broken = target({.flags = SA, .ack = 1, .options = answered});
    Options options;
    for (const Option& option : answered)
      if (const auto* ts = std::get_if<Timestamps>(&option))
        options.emplace_back(Timestamps{ts->echo_reply + 1, ts->value});
    tester({.flags = A, .seq = 1, .ack = 1, .options = options, .window = window});
    return broken;
  }

  InvariantMonitor monitor;

 private:
  [[nodiscard]] Segment common(const Said& said, std::uint32_t seq_from, std::uint32_t ack_from) const {
    Segment segment;
    const char* const target = family_ == Family::ipv4 ? "10.0.0.2" : "fd00::2";
    const char* const tester = family_ == Family::ipv4 ? "10.0.0.1" : "fd00::1";
    segment.source = {packet::Address::parse(target).value(), 80};
    segment.destination = {packet::Address::parse(tester).value(), tester_port};
    segment.seq = Seq32(seq_from + said.seq);
    if (said.flags.has(Flags::ack)) segment.ack = Seq32(ack_from + said.ack);
    segment.flags = said.flags;
    segment.window = said.window;
    segment.options = said.options;
    segment.payload = octets_at(said.seq + (said.flags.has(Flags::syn) ? 1 : 0), said.data, said.change);
    return segment;
  }

  Family family_;
};

}  // namespace tcpspec::oracle::test
