#pragma once
// The host that `options` and `segment` play against: a reference stack that listens and has one
// established connection with data on its way. All numbers are the same in every run, so that an
// input may hold them.

#include "oracle/invariants.hh"
#include "packet/segment.hh"
#include "reference/stack.hh"

namespace tcpspec::fuzz {

using packet::Bytes;
using packet::BytesView;

struct Offer {
  packet::Family family = packet::Family::ipv4;
  bool timestamps = false;  // RFC 7323; SACK and window scale always
  friend auto operator<=>(const Offer&, const Offer&) = default;
};

class Host {
 public:
  explicit Host(const Offer& offer);

  // Any octets. What the host answers is held against the invariants.
  void inject(BytesView datagram);
  // The application takes all that there is.
  void read();
  // At most `deadlines` timers go off.
  void let_time_pass(int deadlines);
  // Whatever has come: a SYN of somebody else is still answered.
  void probe();

  // From the tester to the host, on the established connection and in order.
  [[nodiscard]] packet::Segment next_segment(packet::Flags flags) const;
  [[nodiscard]] const Offer& offer() const { return offer_; }

 private:
  void establish();
  std::size_t hold_answers();  // how many there were

  Offer offer_;
  reference::Stack stack_;
  packet::Instant now_{};
  oracle::InvariantMonitor monitor_;
  packet::Endpoint tester_, local_;
  reference::SocketId listener_ = 0, connection_ = 0;
  packet::Seq32 snd_nxt_, rcv_nxt_;  // the tester's
  packet::Timestamps stamps_;
};

[[nodiscard]] packet::Address tester_address(packet::Family family);
[[nodiscard]] packet::Address host_address(packet::Family family);
// The segments on the odd one carry timestamps.
[[nodiscard]] std::uint16_t tester_port(const Offer& offer);
inline constexpr std::uint16_t listening_port = 80;

// From `source` to `destination`, with checksums that are right as far as they have a place.
void readdress(std::span<std::byte> datagram, const packet::Address& source, const packet::Address& destination);

}  // namespace tcpspec::fuzz
