#pragma once
// What may be in flight, and what must be sent again: RFC 5681 (with RFC 6928's initial
// window and RFC 3042's limited transmit), NewReno (RFC 6582) without SACK, and RFC 6675
// with it. It knows sequence numbers and no octets; a FIN counts as one.
//
// The connection tells what happened (acknowledged, timed_out, transmitted) and then asks,
// in this order, until it gets no for an answer: next_retransmission(), then
// fresh_octets_allowed().

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "packet/seq32.hh"
#include "packet/time.hh"
#include "reference/receive_buffer.hh"

namespace tcpspec::reference {

struct Flight {
  Seq32 una;  // SND.UNA
  Seq32 nxt;  // SND.NXT: behind everything that was ever sent
};

struct SequenceRange {
  Seq32 from;
  std::uint32_t octets = 0;
};

class LossRecovery {
 public:
  enum class Sack : std::uint8_t { no, yes };
  enum class Syn : std::uint8_t { arrived, was_lost };
  // `smss` octets; RFC 6928 section 2 reduces the initial window to one segment where a SYN or SYN-ACK was lost.
  LossRecovery(std::uint32_t smss, Sack sack, Syn syn, Seq32 una, std::size_t most_ranges);

  struct Acknowledgment {
    Seq32 una_before;
    Flight flight;           // after it was taken
    bool duplicate = false;  // by all of (a) to (e) of RFC 5681 section 2
    std::span<const SackBlock> blocks = {};
  };
  void acknowledged(const Acknowledgment& ack);
  // The retransmission timer expired: RFC 5681 section 3.1 (equation 4), RFC 6675 section 5.1, RFC 6582 section 4.
  void timed_out(Flight flight);
  enum class Transmission : std::uint8_t { fresh, again };
  void transmitted(SequenceRange range, Transmission kind);
  // Nothing was sent for longer than the RTO: RFC 5681 section 4.1.
  void restart_after_idle();
  // Path MTU discovery lowered it (RFC 1191 section 6.5): what was larger is to be sent again, at once
  // and without a halved window.
  void smss_became(std::uint32_t smss);
  void resend_all(Flight flight);

  // At most SMSS octets that are to be sent again now; nullopt: none, or none that may.
  [[nodiscard]] std::optional<SequenceRange> next_retransmission(Flight flight) const;
  // How many octets beyond SND.NXT the congestion window (not the peer's) allows.
  [[nodiscard]] std::uint32_t fresh_octets_allowed(Flight flight) const;

  [[nodiscard]] std::uint32_t cwnd() const { return cwnd_; }
  [[nodiscard]] std::uint32_t ssthresh() const { return ssthresh_; }
  [[nodiscard]] std::uint32_t smss() const { return smss_; }
  [[nodiscard]] bool recovering() const { return recovering_; }  // fast recovery
  [[nodiscard]] const std::vector<SackBlock>& sacked() const { return sacked_; }

 private:
  // Whoever writes loss_recovery.cc chooses what else it needs.
  std::uint32_t smss_;
  Sack sack_;
  std::size_t most_ranges_;
  std::uint32_t cwnd_ = 0;
  std::uint32_t ssthresh_ = 0;
  bool recovering_ = false;
  std::vector<SackBlock> sacked_;  // by position, disjoint, above SND.UNA
};

}  // namespace tcpspec::reference
