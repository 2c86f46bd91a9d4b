#include "reference/retransmission_timeout.hh"

#include <algorithm>
#include <chrono>

#include "reference/mutants.hh"

namespace tcpspec::reference {

RetransmissionTimeout::RetransmissionTimeout(const Times& times)
    : times_(&times), rto_(MUTANT(initial_rto_too_low) ? std::chrono::milliseconds(100) : times.initial_rto) {}

void RetransmissionTimeout::measured(Duration round_trip, unsigned samples_per_window) {
  const Duration r = std::max(round_trip, Duration::zero());
  if (!srtt_) {
    // Section 2.2: the first measurement.
    srtt_ = r;
    rttvar_ = r / 2;
  } else {
    // Section 2.3: alpha = 1/8 and beta = 1/4; RTTVAR first, with the SRTT from before.
    // RFC 7323 appendix G: both divided by the number of samples, so that one window of them
    // counts for as much as one measurement does in RFC 6298.
    const int samples = static_cast<int>(std::clamp(samples_per_window, 1U, 1U << 16));
    rttvar_ += (std::chrono::abs(*srtt_ - r) - rttvar_) / (4 * samples);
    *srtt_ += (r - *srtt_) / (8 * samples);
  }
  // Section 2.3, and 2.4 and 2.5 for the bounds. Section 4: the variance counts for G at least.
  const Duration rto =
      *srtt_ + (MUTANT(variance_ignored) ? Duration{} : std::max(times_->clock_granularity, 4 * rttvar_));
  if (MUTANT(rto_never_shrinks) && rto <= rto_) return;
  rto_ = std::min(std::max(rto, MUTANT(rto_without_least) ? Duration{1} : times_->least_rto), times_->greatest_rto);
  backed_off_ = 0;
}

void RetransmissionTimeout::expired() {
  // Section 5.5, with the greatest of section 2.5. What is greater from the beginning does not shrink.
  rto_ = std::max(
      rto_, std::min(2 * rto_, MUTANT(rto_capped_early) ? Duration(std::chrono::seconds(5)) : times_->greatest_rto));
  ++backed_off_;
}

void RetransmissionTimeout::lost_syn() {
  // Section 5.7 asks for it where the timer that expired was shorter than these 3 seconds;
  // the first one of a SYN is the initial RTO.
  if (times_->initial_rto >= times_->rto_after_lost_syn || MUTANT(rto_after_lost_syn_kept)) return;
  rto_ = times_->rto_after_lost_syn;
  backed_off_ = 0;
}

Duration RetransmissionTimeout::value() const {
  return rto_;
}

}  // namespace tcpspec::reference
