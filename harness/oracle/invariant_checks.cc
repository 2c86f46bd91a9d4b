// What one segment of the target must satisfy, given what went before it. The order
// is that of the header: RST and SYN, acknowledgment, options, data, FIN.

#include <algorithm>

#include "oracle/invariant_connection.hh"
#include "packet/wire.hh"

namespace tcpspec::oracle {

using packet::Flags;
using packet::Seq32;

namespace {

// No stack that we know sends segments smaller than this, whatever it is told: a tiny
// MSS is a way to make it waste its time (CVE-2019-11479).
constexpr std::uint32_t least_mss = 48;

// TSval has no known unit, and after a long silence it may have gone round the circle.
// So only a small step back is certain to be one.
constexpr std::uint32_t small_step = 1U << 20;

}  // namespace

void WatchedConnection::check_reset(const SegmentFacts& segment, Findings& findings) const {
  if (tester_.segments == tester_.resets && target_.octets.empty())
    findings.add(Rule::no_rst_for_rst, "nothing but RSTs has been sent to the target");

  const bool has_ack = segment.has(Flags::ack);
  const auto edge = limit_.right_edge();
  // Of its own numbers those count too that were lost on the way to us; FIN and probe lie beyond the edge.
  const bool own = target_.octets.touches(segment.seq) || (edge && segment.seq.raw() - target_.iss->raw() <= *edge + 2);
  const bool acknowledged = tester_acks_.touches(segment.seq);
  const bool answers_no_ack = has_ack && segment.seq == Seq32(0);
  if (!own && !acknowledged && !answers_no_ack)
    findings.add(Rule::rst_sequence_legal, "seq {}, which nobody has named", in_target_space(segment.seq));
  if (has_ack && segment.ack != Seq32(0) && !tester_.octets.touches(segment.ack))
    findings.add(Rule::rst_ack_legal, "ack {}, where nothing that was sent lies or ends", in_tester_space(segment.ack));
}

void WatchedConnection::check_syn(const SegmentFacts& segment, Findings& findings) const {
  if (!segment.has(Flags::ack)) return;
  // Each ISS of a SYN-ACK is chosen upon a SYN of ours.
  const bool changed = target_.syn_ack_iss && *target_.syn_ack_iss != segment.seq;
  if (changed && target_.syn_ack_changes + 2 > tester_.syn_segments)
    findings.add(Rule::iss_stable, "the ISS moved by {} with no further SYN to choose one for",
                 distance(*target_.syn_ack_iss, segment.seq));
  check_offers(segment, findings);
}

void WatchedConnection::check_offers(const SegmentFacts& segment, Findings& findings) const {
  // In a simultaneous open the SYN-ACK repeats the target's own SYN (RFC 7323 section 3.2).
  if (target_.active_open || tester_.too_many_syns) return;
  TesterSyn offered;
  bool answers = false;
  for (const TesterSyn& syn : tester_.syns()) {
    if (segment.ack.raw() - syn.iss.raw() - 1 > syn.data) continue;
    answers = true;
    offered.scale |= syn.scale;
    offered.timestamps |= syn.timestamps;
    offered.ecn |= syn.ecn;
  }
  if (!answers) return;
  if (segment.options.scale_count != 0 && !offered.scale)
    findings.add(Rule::window_scale_offered_first, "window scale {} upon a SYN without it", segment.options.shift);
  if (segment.options.timestamps_count != 0 && !offered.timestamps)
    findings.add(Rule::timestamps_offered_first, "timestamps upon a SYN without them");
  const bool agrees_to_ecn = segment.has(Flags::ece) && !segment.has(Flags::cwr) && !segment.has(Flags::ae);
  if (agrees_to_ecn && !offered.ecn)
    findings.add(Rule::ecn_offered_first, "ECE without CWR upon a SYN that did not set both");
}

void WatchedConnection::check_ack(const SegmentFacts& segment, Findings& findings) const {
  if (stateless_ ? !tester_.octets.touches(segment.ack) : !tester_.reaches(segment.ack))
    findings.add(Rule::acks_only_what_was_sent, "ack {} covers octets that were not sent",
                 in_tester_space(segment.ack));
  if (segment.has(Flags::syn) || !target_.highest_ack || stateless_) return;
  if (distance(*target_.highest_ack, segment.ack) < 0)
    findings.add(Rule::ack_never_retreats, "ack {} after ack {}", in_tester_space(segment.ack),
                 in_tester_space(*target_.highest_ack));
}

void WatchedConnection::check_sack(const SegmentFacts& segment, Findings& findings) const {
  const OptionFacts& options = segment.options;
  if (options.sack_count == 0) return;
  if (!tester_.some_syn(&TesterSyn::sack) && !odd_handshake_)
    findings.add(Rule::sack_only_if_permitted, "no SYN permitted it");
  const packet::BytesView blocks = options.sack_blocks;
  for (std::size_t at = 0; at + 8 <= blocks.size(); at += 8) {
    const Seq32 left(packet::wire::load32(blocks, at)), right(packet::wire::load32(blocks, at + 4));
    const std::uint32_t octets = right.raw() - left.raw();
    if (octets == 0 || !tester_.octets.covers(left, octets))
      findings.add(Rule::sack_blocks_were_sent, "block {}-{}", in_tester_space(left), in_tester_space(right));
  }
}

void WatchedConnection::check_data(const SegmentFacts& segment, Findings& findings) const {
  // Data on a SYN goes by what an earlier connection left behind (RFC 7413 section 4.2.1).
  if (segment.payload.empty() || segment.has(Flags::syn)) return;
  const std::size_t octets = segment.payload.size() + segment.option_octets;
  if (tester_.syn_segments != 0 && octets > std::max(tester_.mss, least_mss))
    findings.add(Rule::segment_within_mss, "{} octets of data and {} of options, MSS {}", segment.payload.size(),
                 segment.option_octets, tester_.mss);
  const auto edge = limit_.right_edge();
  if (!edge) return;
  const std::int64_t end = distance(*target_.iss, segment.data_end());
  const std::int64_t probe = 1;  // RFC 9293 section 3.8.6.1: one octet may go to a window of zero
  if (end > *edge + probe)
    findings.add(Rule::data_within_window, "data up to {}, the furthest right edge is {}", end, *edge);
}

void WatchedConnection::check_fin(const SegmentFacts& segment, Findings& findings) const {
  if (segment.has(Flags::syn) || stateless_) return;
  const Seq32 end = segment.data_end();
  if (target_.fin) {
    const bool keep_alive = segment.payload.size() == 1 && segment.seq == *target_.fin && !segment.has(Flags::fin);
    if (!segment.payload.empty() && !keep_alive && distance(*target_.fin, end) > 0)
      findings.add(Rule::nothing_beyond_fin, "data up to {}, FIN at {}", in_target_space(end),
                   in_target_space(*target_.fin));
    if (segment.has(Flags::fin) && end != *target_.fin)
      findings.add(Rule::nothing_beyond_fin, "FIN at {}, before at {}", in_target_space(end),
                   in_target_space(*target_.fin));
  } else if (segment.has(Flags::fin) && target_.data_end && distance(end, *target_.data_end) > 0) {
    findings.add(Rule::nothing_beyond_fin, "FIN at {} after data up to {}", in_target_space(end),
                 in_target_space(*target_.data_end));
  }
}

bool WatchedConnection::timestamps_certain() const {
  // Some stacks leave the option out where the value to echo is zero, which is theirs
  // to explain in a test of its own; here only what holds for certain counts.
  return target_.iss && !target_.several_isss && target_.every_syn_has_timestamps && tester_.syn_segments != 0 &&
         tester_.every_syn_has_timestamps && !tester_.unclear_timestamps && !tester_.zero_ts_value && !odd_handshake_ &&
         !stateless_;
}

void WatchedConnection::check_timestamps(const SegmentFacts& segment, Findings& findings) const {
  const OptionFacts& options = segment.options;
  const bool syn = segment.has(Flags::syn);
  if (options.timestamps_count == 0) {
    if (!syn && timestamps_certain())
      findings.add(Rule::timestamps_on_every_segment, "flags {} without timestamps", to_string(segment.flags));
    return;
  }
  const bool negotiated = target_.any_syn_has_timestamps && tester_.some_syn(&TesterSyn::timestamps);
  if (!syn && !negotiated && !tester_.timestamps_without_syn && !tester_.unclear_timestamps)
    findings.add(Rule::timestamps_only_if_negotiated, "the two SYNs did not both carry them");
  if (options.ts_echo != 0 && !tester_.unclear_timestamps && !tester_.ts_values.covers(Seq32(options.ts_echo), 1))
    findings.add(Rule::timestamp_echo_was_sent, "TSecr {}", options.ts_echo);
  if (syn || !target_.ts_value) return;
  const std::uint32_t back = *target_.ts_value - options.ts_value;
  if (back != 0 && back < small_step)
    findings.add(Rule::timestamp_never_retreats, "TSval {} after {}", options.ts_value, *target_.ts_value);
}

}  // namespace tcpspec::oracle
