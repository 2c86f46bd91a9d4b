#pragma once
// How far the target may have been allowed to send: the furthest right edge of every
// window that the tester has ever advertised.

#include <array>
#include <cstdint>
#include <optional>

#include "packet/seq32.hh"

namespace tcpspec::oracle {

class SendLimit {
 public:
  // The tester has sent ACK = `ack` with a window of so many octets.
  void allow(packet::Seq32 ack, std::uint32_t window);
  // The tester has sent ACK = `ack` in a segment whose window counts for nothing, because it is older than one
  // before it: that one's window stays, and now begins here (RFC 9293 section 3.10.7.4, SND.WL1).
  void allow_as_before(packet::Seq32 ack);
  // A SYN of the tester, whose window counts from behind the target's SYN.
  void allow_from_syn(std::uint16_t window);
  // The target has sent a SYN; what was advertised before may have been meant for it.
  void begin(packet::Seq32 iss);

  // Right edge relative to the target's ISS; nullopt where none can be stated.
  [[nodiscard]] std::optional<std::int64_t> right_edge() const;

 private:
  struct Advertised {
    packet::Seq32 ack;
    std::uint32_t window = 0;
  };
  static constexpr std::size_t most_strays = 8;

  void keep_for_later(const Advertised& advertised);

  std::optional<packet::Seq32> iss_;
  std::int64_t edge_ = -1;    // relative to iss_; -1: none
  std::uint32_t widest_ = 0;  // window but of a SYN
  std::optional<std::uint16_t> syn_window_;
  // Advertised before the ISS was known, or behind it: they count once an ISS before them is.
  std::array<Advertised, most_strays> strays_{};
  std::size_t stray_count_ = 0;
  bool strays_lost_ = false;
  bool unknown_ = false;  // an edge for this ISS may have been lost
};

}  // namespace tcpspec::oracle
