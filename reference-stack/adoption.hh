#pragma once
// A connection that another one has brought up to here: what the transmission control block
// of RFC 9293 section 3.3.1 must know to go on from this point as if it had been there from
// the start.

#include <cstdint>
#include <optional>

#include "packet/segment.hh"
#include "packet/seq32.hh"
#include "reference/stack.hh"

namespace tcpspec::reference {

using packet::Seq32;

struct Adoption {
  Endpoint local, remote;
  State state = State::established;  // ESTABLISHED or a later one, not CLOSED
  // Sequence numbers are those of the wire. A FIN counts in SND.NXT, SND.UNA and RCV.NXT as on
  // the wire; whether there was one, the state tells.
  Seq32 iss = {}, irs = {};
  Seq32 snd_una = {}, snd_nxt = {};
  // From SND.UNA to SND.NXT, a FIN left out: what may have to be sent again.
  Bytes in_flight = {};
  std::uint32_t snd_wnd = 0;       // that the remote side offered last, in octets
  std::uint16_t remote_mss = 536;  // of its MSS option, or the default
  Seq32 rcv_nxt = {};
  Seq32 last_ack_sent = {};     // before RCV.NXT: an acknowledgment is due, and leaves at once
  std::uint32_t rcv_wnd = 0;    // from RCV.NXT on, as offered last
  std::uint16_t local_mss = 0;  // as announced; 0: what the path allows
  struct Scaling {              // RFC 7323 section 2: where both sides agreed on it
    std::uint8_t snd_shift = 0;
    std::uint8_t rcv_shift = 0;
  };
  std::optional<Scaling> scaling = std::nullopt;
  struct Stamps {              // RFC 7323 section 3, likewise
    std::uint32_t value = 0;   // that our clock shows now
    std::uint32_t recent = 0;  // TS.Recent
  };
  std::optional<Stamps> stamps = std::nullopt;
  enum class Sack : std::uint8_t { no, yes } sack = Sack::no;  // RFC 2018: both sides permit it
};

}  // namespace tcpspec::reference
