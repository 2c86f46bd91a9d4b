#pragma once
// What the engine needs of a peer: a TCP that plays the tester's side of one connection where
// a test does not care about it (`peer: auto`). Like a target it is known as an interface
// only; whoever makes a play supplies it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "packet/address.hh"
#include "packet/segment.hh"
#include "packet/time.hh"

namespace tcpspec::engine {

// Where a peer begins, and with which numbers: those that the tester counts from.
struct PeerPlace {
  packet::Endpoint tester, target;  // the target's port may be 0 where it has not opened yet
  std::uint16_t mtu = 1500;
  packet::Seq32 iss;
  packet::Instant origin;             // of the clock of its timestamps
  std::uint32_t first_timestamp = 0;  // that it shows at the origin
};

// The tester's side of a connection that has been played by a script so far. The peer's
// SND.NXT is the target's RCV.NXT, and so on; FINs count in all numbers.
struct PeerAdoption {
  // What both have said: it tells the state.
  enum class Fin : std::uint8_t { none, sent, acknowledged };
  Fin own = Fin::none;      // ours: sent, and acknowledged by the target
  Fin targets = Fin::none;  // the target's: taken notice of, and acknowledged by us
  packet::Seq32 iss, irs;
  packet::Seq32 snd_una, snd_nxt;
  packet::Bytes in_flight;    // octets from SND.UNA to SND.NXT
  std::uint32_t snd_wnd = 0;  // octets
  std::uint16_t target_mss = 0;
  packet::Seq32 rcv_nxt, acknowledged;  // the latter: what we have acknowledged
  std::uint32_t rcv_wnd = 0;            // octets behind RCV.NXT that we have offered
  std::uint16_t announced_mss = 0;
  struct Shifts {
    std::uint8_t of_target = 0, of_tester = 0;
  };
  std::optional<Shifts> shifts;
  std::optional<std::uint32_t> ts_recent;  // where timestamps are in force
  enum class Sack : std::uint8_t { no, yes } sack = Sack::no;
};

class Peer {
 public:
  virtual ~Peer() = default;

  // How it begins: one of these. adopt() acknowledges at once what has not been acknowledged.
  virtual void adopt(const PeerAdoption& adoption, packet::Instant now) = 0;
  virtual void listen() = 0;
  virtual void open(const packet::Endpoint& target, packet::Instant now) = 0;

  // What its application does. Octets that do not fit wait, and what follows them waits too.
  virtual void send(packet::Bytes octets, packet::Instant now) = 0;
  virtual void shutdown(packet::Instant now) = 0;
  virtual void abort(packet::Instant now) = 0;
  enum class Reading : std::uint8_t { at_once, stopped };  // at once: windows stay open
  virtual void read(Reading reading, packet::Instant now) = 0;

  virtual void arrives(packet::BytesView datagram, packet::Instant now) = 0;
  virtual void advance(packet::Instant now) = 0;
  [[nodiscard]] virtual std::optional<packet::Instant> deadline() const = 0;
  // Datagrams that it has sent since the last time, in order.
  [[nodiscard]] virtual std::vector<packet::Bytes> take_output() = 0;
};

using MakePeer = std::function<std::unique_ptr<Peer>(const PeerPlace&)>;

}  // namespace tcpspec::engine
