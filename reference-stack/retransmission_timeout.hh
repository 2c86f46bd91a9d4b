#pragma once
// How long to wait for an acknowledgment: RFC 6298, section by section.

#include <optional>

#include "packet/time.hh"
#include "reference/settings.hh"

namespace tcpspec::reference {

class RetransmissionTimeout {
 public:
  explicit RetransmissionTimeout(const Times& times);

  // A round-trip time measured by Karn's rule or by timestamps (section 3). Ends the back-off.
  // `samples_per_window` spreads many samples of one window over the filters
  // (RFC 7323 appendix G): 1 where one segment at a time is measured.
  void measured(Duration round_trip, unsigned samples_per_window = 1);
  void expired();  // section 5.5: doubles, up to the greatest
  // Section 5.7: the SYN was retransmitted, and now data begins to flow.
  void lost_syn();

  [[nodiscard]] Duration value() const;
  [[nodiscard]] std::optional<Duration> smoothed() const { return srtt_; }  // SRTT
  [[nodiscard]] int backed_off() const { return backed_off_; }  // expiries since the last sample, or the SYN

 private:
  const Times* times_;
  std::optional<Duration> srtt_;
  Duration rttvar_{};
  Duration rto_;
  int backed_off_ = 0;
};

}  // namespace tcpspec::reference
