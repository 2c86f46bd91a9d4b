#pragma once
// What may be in flight, and what must be sent again: RFC 5681 (with RFC 6928's initial
// window and RFC 3042's limited transmit), NewReno (RFC 6582) without SACK, and RFC 6675
// with it. It knows sequence numbers and no octets; a FIN counts as one.
//
// The connection tells what happened (acknowledged, timed_out, transmitted) and then asks,
// in this order, until it gets no for an answer: next_retransmission(), then
// fresh_octets_allowed(), and last_resort() where it had nothing fresh to send or the
// peer's window has no room for it.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "packet/seq32.hh"
#include "packet/time.hh"
#include "reference/receive_buffer.hh"
#include "reference/scoreboard.hh"

namespace tcpspec::reference {

struct SequenceRange {
  Seq32 from;
  std::uint32_t octets = 0;
  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

class LossRecovery {
 public:
  enum class Sack : std::uint8_t { no, yes };
  enum class Syn : std::uint8_t { arrived, was_lost };
  // `smss` octets; RFC 6928 section 2 reduces the initial window to one segment where a SYN or SYN-ACK was lost.
  // `una` lies behind the SYN: what acknowledges that does not enlarge the window (RFC 5681 section 3.1).
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
  // Path MTU discovery lowered it (RFC 1191 section 6.4): what was larger is to be sent again, at once
  // and without a halved window.
  void smss_became(std::uint32_t smss);
  void resend_all(Flight flight);
  // What went into a closed window as a probe was not taken, and now the window is open: it
  // goes again with what follows it. No congestion is to blame.
  void window_opened(Flight flight);

  // At most SMSS octets that are to be sent again now; nullopt: none, or none that may.
  [[nodiscard]] std::optional<SequenceRange> next_retransmission(Flight flight) const;
  // How many octets beyond SND.NXT the congestion window (not the peer's) allows.
  [[nodiscard]] std::uint32_t fresh_octets_allowed(Flight flight) const;
  // Rules (3) and (4) of NextSeg() (RFC 6675 section 4): what keeps acknowledgments coming
  // where neither of the two above gives anything to send.
  [[nodiscard]] std::optional<SequenceRange> last_resort(Flight flight) const;
  // Whether the acknowledgment of new data that was taken last restarts the retransmission
  // timer (RFC 6298 section 5.3). It does, but for NewReno's "impatient" variant: in fast
  // recovery only the first partial one does (RFC 6582 section 3.2 step 3, and section 4),
  // so that many losses in one window end in a timeout and not in as many round trips.
  [[nodiscard]] bool restarts_timer() const;

  [[nodiscard]] std::uint32_t cwnd() const { return cwnd_; }
  [[nodiscard]] std::uint32_t ssthresh() const { return ssthresh_; }
  [[nodiscard]] std::uint32_t smss() const { return smss_; }
  [[nodiscard]] bool recovering() const { return recovering_; }  // fast recovery
  [[nodiscard]] const std::vector<SackBlock>& sacked() const { return scoreboard_.ranges(); }

 private:
  enum class InitialWindow : std::uint8_t { rfc_6928, rfc_3390, one_segment };
  [[nodiscard]] std::uint32_t initial_window() const;
  [[nodiscard]] std::uint32_t pipe(Flight flight) const;
  [[nodiscard]] std::uint32_t room(Flight flight) const;
  [[nodiscard]] std::uint32_t flight_size(Flight flight) const;
  [[nodiscard]] bool below_recover(Seq32 una) const;
  [[nodiscard]] SequenceRange first_segment_of(SackBlock hole) const;
  [[nodiscard]] bool is_rescue(SequenceRange range) const;

  void advanced(std::uint32_t octets, Flight flight);
  void partially_acknowledged(std::uint32_t octets, Flight flight);
  void grow(std::uint32_t acknowledged);
  void duplicated(Flight flight);
  void enter_recovery(Flight flight);
  void leave_recovery(Flight flight);
  void mark_all_lost(Flight flight);
  void halve(Flight flight);
  void set_cwnd(std::uint64_t octets);

  std::uint32_t smss_;
  Sack sack_;
  Scoreboard scoreboard_;
  std::uint32_t cwnd_ = 0;
  std::uint32_t ssthresh_;
  std::uint32_t acknowledged_in_avoidance_ = 0;  // bytes_acked of RFC 3465 section 2.1
  Seq32 una_;

  InitialWindow initial_window_ = InitialWindow::rfc_6928;
  Seq32 initial_flight_end_;  // behind what the latest initial or restart window may have held

  int duplicates_ = 0;         // DupAcks
  std::uint32_t limited_ = 0;  // octets in flight beyond cwnd, by limited transmit
  bool recovering_ = false;
  int partial_acknowledgments_ = 0;  // in this recovery
  // `recover` of RFC 6582 and RecoveryPoint of RFC 6675, but behind the octet that they name;
  // nullopt where SND.UNA has left it behind. Not the ISS in the beginning (RFC 6582 section
  // 3.2 step 1), which would deny fast retransmit to the very first segment.
  std::optional<Seq32> recover_;
  std::optional<Seq32> timed_out_at_;  // SND.UNA when the timer expired, while it stays there

  bool at_once_ = false;  // the first hole is to be sent again, whatever the window
  Seq32 lost_before_;     // all holes before it are lost: by timeout, or as the first segment of NewReno
  Seq32 high_rxt_;        // HighRxt, but behind the octet
  Seq32 rescue_rxt_;      // RescueRxt, but behind the octet
};

}  // namespace tcpspec::reference
