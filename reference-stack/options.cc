// Options: what SYNs negotiate, and what every segment carries. RFC 9293 sections 3.1, 3.2
// and 3.7.1, RFC 7323, RFC 2018.

#include <algorithm>

#include "packet/wire.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::Family;
using packet::Flags;

namespace {

constexpr std::uint8_t greatest_shift = 14;     // RFC 7323 section 2.3
constexpr std::uint32_t timestamp_octets = 12;  // two NOPs before it (RFC 7323 appendix A)
constexpr std::size_t option_area = 40;

constexpr std::uint16_t headers(Family family) {
  return static_cast<std::uint16_t>(packet::wire::tcp_header_octets + (family == Family::ipv4
                                                                           ? packet::wire::ipv4_header_octets
                                                                           : packet::wire::ipv6_header_octets));
}

// Section 3.7.1 (MUST-15): what holds where the option did not come.
constexpr std::uint16_t default_mss(Family family) {
  return family == Family::ipv4 ? 536 : 1220;
}

}  // namespace

// Section 3.7.1 (MUST-67): "MMS_R - 20", whatever options our own segments carry (RFC 6691).
std::uint16_t Connection::announced_mss() const {
  const auto whole = static_cast<std::uint16_t>(stack_.settings().mtu - headers(family_));
  if (MUTANT(mss_less_options)) return static_cast<std::uint16_t>(whole - timestamp_octets);
  return wish_.max_segment_size == 0 ? whole : std::min(whole, wish_.max_segment_size);
}

std::uint32_t Connection::option_octets() const {
  return stamps_.on ? timestamp_octets : 0;
}

// Eff.snd.MSS = min(SendMSS+20, MMS_S) - TCPhdrsize - IPoptionsize (section 3.7.1, MUST-16).
// Some octets always go, even where a peer announces an MSS that leaves no room beside the
// options: nothing would ever flow else.
std::uint32_t Connection::effective_mss(Instant now) const {
  std::uint32_t mss =
      std::min<std::uint32_t>(snd_.peer_mss, stack_.mtu_towards(remote_.address, now) - headers(family_));
  if (wish_.max_segment_size != 0) mss = std::min<std::uint32_t>(mss, wish_.max_segment_size);
  const std::uint32_t options = MUTANT(options_not_counted) ? 0 : option_octets();
  return mss > options ? mss - options : 1;
}

// RFC 7323 section 2.3: the smallest shift by which the whole buffer can be offered.
std::uint8_t Connection::offered_shift() const {
  std::uint8_t shift = 0;
  while (shift < greatest_shift && (incoming_.capacity() >> shift) > 0xffff) ++shift;
  return shift;
}

// RFC 7323 section 5.4: a clock of 1 ms, with an offset of its own for each pair of ends, so
// that a later incarnation of the pair goes on where the earlier was.
std::uint32_t Connection::timestamp_now(Instant now) const {
  if (MUTANT(timestamp_clock_stands)) return stamps_.offset;
  return stamps_.offset + static_cast<std::uint32_t>(now.time_since_epoch() / stack_.settings().times.timestamp_tick);
}

std::vector<packet::Option> Connection::syn_options(Instant now) const {
  const auto& offers = stack_.settings().offers;
  // A SYN-ACK has window scale, timestamps and SACK only where the SYN had them (RFC 7323
  // sections 2.2 and 3.2; RFC 2018 section 2 knows no such rule, but nobody would use it).
  const bool answer = rcv_known_;
  const bool scale = answer ? scaling_ : offers.window_scale == Offers::Choice::yes;
  const bool stamps = answer ? stamps_.on : offers.timestamps == Offers::Choice::yes;
  const bool sack = answer ? sack_ : offers.sack == Offers::Choice::yes;
  std::vector<packet::Option> options;
  options.reserve(8);
  if (!MUTANT(mss_not_announced)) options.emplace_back(packet::Mss{announced_mss()});
  if (sack) options.emplace_back(packet::SackPermitted{});
  if (!sack && stamps) options.insert(options.end(), 2, packet::Nop{});
  if (stamps || MUTANT(timestamps_unasked))
    options.emplace_back(packet::Timestamps{timestamp_now(now), answer ? stamps_.recent : 0});
  if (sack && !stamps) options.insert(options.end(), 2, packet::Nop{});
  if (scale || MUTANT(window_scale_unasked)) {
    options.emplace_back(packet::Nop{});
    options.emplace_back(packet::WindowScale{MUTANT(window_scale_15) ? std::uint8_t{15} : rcv_.shift});
  }
  return options;
}

void Connection::take_syn_options(const ArrivedSegment& syn, Instant now) {
  const auto& offers = stack_.settings().offers;
  const auto& theirs = syn.options;
  // Section 3.7.1: "If an MSS Option is not received at connection setup, TCP implementations
  // MUST assume a default send MSS". An MSS of 0 says nothing that could be kept to.
  snd_.peer_mss = theirs.mss && *theirs.mss != 0 ? *theirs.mss : default_mss(family_);
  if (MUTANT(mss_default_ethernet) && !theirs.mss) snd_.peer_mss = 1460;
  if (MUTANT(mss_of_peer_ignored)) snd_.peer_mss = announced_mss();
  // RFC 7323 section 2.2: "this option MUST be sent by both sides".
  scaling_ = theirs.window_scale.has_value() && offers.window_scale == Offers::Choice::yes;
  // Section 2.3: "If a Window Scale option is received with a shift.cnt value larger than 14,
  // the TCP SHOULD log the error but MUST use 14 instead of the specified value."
  if (scaling_)
    snd_.shift = MUTANT(shift_not_clamped) ? static_cast<std::uint8_t>(*theirs.window_scale & 31)
                                           : std::min(*theirs.window_scale, greatest_shift);
  else
    rcv_.shift = MUTANT(scaling_without_peer) ? rcv_.shift : std::uint8_t{0};
  stamps_.on = theirs.timestamps.has_value() && offers.timestamps == Offers::Choice::yes;
  if (stamps_.on) {
    stamps_.recent = theirs.timestamps->value;
    stamps_.recent_at = now;
  }
  sack_ = (theirs.sack_permitted || MUTANT(sack_unasked)) && offers.sack == Offers::Choice::yes;
  rcv_known_ = true;
  rcv_.last_ack_sent = syn.seq + 1U;
}

// What a segment after the SYNs carries: timestamps on each but a RST (RFC 7323 section 3.2),
// and SACK as long as something waits behind a gap (RFC 2018 section 4).
std::vector<packet::Option> Connection::data_options(Instant now) {
  std::vector<packet::Option> options;
  std::size_t room = option_area;
  if (stamps_.on && !MUTANT(timestamps_forgotten)) {
    options.reserve(8);
    options.insert(options.end(), 2, packet::Nop{});
    options.emplace_back(packet::Timestamps{timestamp_now(now), MUTANT(timestamp_echo_zero) ? 0 : stamps_.recent});
    if (!MUTANT(sack_fills_option_area)) room -= timestamp_octets;
  }
  if (!sack_) return options;
  // RFC 2018 section 3: four blocks, or three beside timestamps.
  const auto blocks = incoming_.take_sack_blocks((room - 4) / 8);
  if (blocks.empty()) return options;
  packet::Sack sack;
  for (const auto& block : blocks)
    sack.blocks.emplace_back(block.left.raw(), block.right.raw() - (MUTANT(sack_right_edge_inside) ? 1U : 0U));
  options.insert(options.end(), 2, packet::Nop{});
  options.emplace_back(std::move(sack));
  return options;
}

// RFC 7323 section 5.3, R1, with section 5.5: a TS.Recent of 24 days says nothing any more.
bool Connection::timestamp_too_old(const ArrivedSegment& segment, Instant now) const {
  if (!segment.options.timestamps || MUTANT(paws_skipped)) return false;
  if (now - stamps_.recent_at > stack_.settings().times.timestamp_validity && !MUTANT(paws_for_ever)) return false;
  const auto newer = static_cast<std::int32_t>(segment.options.timestamps->value - stamps_.recent);
  if (MUTANT(paws_inverted)) return newer > 0;
  if (MUTANT(paws_without_wrap)) return segment.options.timestamps->value < stamps_.recent;
  return newer < 0;
}

// RFC 7323 section 4.3 (2) and 5.3 R3: "If SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent
// then record its timestamp in TS.Recent".
void Connection::note_timestamp(const ArrivedSegment& segment, Instant now) {
  if (!stamps_.on || !segment.options.timestamps) return;
  const std::uint32_t value = segment.options.timestamps->value;
  const bool newer = static_cast<std::int32_t>(value - stamps_.recent) >= 0 ||
                     now - stamps_.recent_at > stack_.settings().times.timestamp_validity;
  const bool left_of_ack = packet::distance(segment.seq, rcv_.last_ack_sent) >= 0;
  if (!newer || (!left_of_ack && !MUTANT(timestamp_of_any_segment))) return;
  stamps_.recent = value;
  stamps_.recent_at = now;
}

}  // namespace tcpspec::reference
