#include "oracle/invariant_connection.hh"

#include <algorithm>

namespace tcpspec::oracle {

using packet::Family;
using packet::Flags;
using packet::Seq32;

namespace {

constexpr std::uint8_t largest_shift = 14;  // RFC 7323 section 2.3
constexpr std::uint32_t unknown_mss = 65535;

// RFC 9293 section 3.7.1: what holds where no MSS was announced.
std::uint32_t default_mss(Family family) {
  return family == Family::ipv4 ? 536 : 1220;
}

}  // namespace

bool TesterHistory::some_syn(bool TesterSyn::*offer) const {
  return too_many_syns || std::ranges::any_of(syns(), offer);
}

bool TesterHistory::reaches(Seq32 ack) const {
  if (too_many_syns) return octets.touches(ack);
  return std::ranges::any_of(syns(), [&](const TesterSyn& syn) {
    const std::uint32_t acknowledged = ack.raw() - syn.iss.raw();
    return acknowledged != 0 && octets.covers(syn.iss, acknowledged);
  });
}

void TesterHistory::add(const SegmentFacts& segment, Family family) {
  ++segments;
  if (segment.has(Flags::rst)) ++resets;
  if (segment.has(Flags::fin)) ++fins;
  octets.add(segment.seq, segment.length);
  if (segment.has(Flags::syn)) add_syn(segment, family);

  const OptionFacts& options = segment.options;
  const bool clear = segment.offset_legal && options.unambiguous() && options.timestamps_count <= 1;
  if (!clear) unclear_timestamps = true;
  if (options.timestamps_count == 0) return;
  ts_values.add(Seq32(options.ts_value), 1);
  if (options.ts_value == 0) zero_ts_value = true;
  if (!segment.has(Flags::syn)) timestamps_without_syn = true;
}

void TesterHistory::add_syn(const SegmentFacts& segment, Family family) {
  const OptionFacts& options = segment.options;
  // Where readers may find different options, each of them may have found any.
  const bool unclear = !segment.offset_legal || !options.unambiguous();
  ++syn_segments;
  syn_window = std::max(syn_window, segment.window);
  const bool announced = options.mss_count != 0 && options.mss != 0;
  mss = std::max<std::uint32_t>(mss, unclear ? unknown_mss : announced ? options.mss : default_mss(family));
  // Which of several counts no RFC says, and one of them may have been taken for none.
  if (options.mss_count > 1) mss = std::max(mss, default_mss(family));
  shift = std::max(shift, unclear ? largest_shift : std::min(options.shift, largest_shift));
  if (unclear || options.timestamps_count != 1) every_syn_has_timestamps = false;

  const auto known = std::ranges::find(syns(), segment.seq, &TesterSyn::iss);
  std::size_t at = static_cast<std::size_t>(known - syns().begin());
  if (at == most_syns) {
    too_many_syns = true;
    return;
  }
  if (at == distinct_syns) {
    syn_list[at] = {.iss = segment.seq};
    ++distinct_syns;
  }
  TesterSyn& syn = syn_list[at];
  syn.data = std::max(syn.data, segment.length);
  syn.scale |= unclear || options.scale_count != 0;
  syn.timestamps |= unclear || options.timestamps_count != 0;
  syn.sack |= unclear || options.sack_permitted_count != 0;
  syn.ecn |= segment.has(Flags::ece) && segment.has(Flags::cwr);
}

void WatchedConnection::tester_sent(const SegmentFacts& segment) {
  learn_handshake(segment);
  tester_.add(segment, tester_end_.address.family);
  if (segment.has(Flags::syn)) limit_.allow_from_syn(segment.window);
  if (!segment.has(Flags::ack)) return;
  if (!target_.octets.touches(segment.ack)) tester_acks_.add(segment.ack, 0);
  if (segment.has(Flags::rst)) return;
  // RFC 7323 section 2.2: the window of a SYN is never scaled.
  const std::uint8_t shift = segment.has(Flags::syn) ? 0 : odd_handshake_ ? largest_shift : tester_.shift;
  limit_.allow(segment.ack, std::uint32_t{segment.window} << shift);
  const bool older = latest_update_ && distance(segment.seq, *latest_update_) > 0;
  if (older && reaches_window(segment)) limit_.allow_as_before(segment.ack);
  if (!older) latest_update_ = segment.seq;
}

// Whether it may be acceptable: not all of it was acknowledged before.
bool WatchedConnection::reaches_window(const SegmentFacts& segment) const {
  if (!target_.highest_ack) return true;
  return segment.seq == *target_.highest_ack || distance(*target_.highest_ack, segment.seq + segment.length) > 0;
}

// A stack with SYN cookies (RFC 4987 section 3.6) remembers nothing between SYN-ACK and
// ACK, and makes of an ACK whatever connection fits it: once more after the first has
// gone, one that begins a few octets beside the SYN, one whose options are those that
// the echoed timestamp seems to say.
void WatchedConnection::learn_handshake(const SegmentFacts& segment) {
  if (segment.has(Flags::syn) || segment.has(Flags::rst) || !segment.has(Flags::ack)) return;
  if (!target_.iss) {
    odd_handshake_ |= tester_.some_syn(&TesterSyn::timestamps);
    return;
  }
  const bool may_be_gone = tester_.resets != 0 || target_.resets != 0 || (tester_.fins != 0 && target_.fins != 0);
  const bool may_establish = may_be_gone || !target_.highest_ack;
  if (!may_establish || !fits_a_cookie(segment)) return;
  const bool exact = segment.ack == *target_.iss + 1 && std::ranges::any_of(tester_.syns(), [&](const TesterSyn& syn) {
                       return syn.iss + 1 == segment.seq;
                     });
  stateless_ |= may_be_gone || !exact;
  if (!target_.any_syn_has_timestamps) return;
  const OptionFacts& options = segment.options;
  if (target_.several_isss || !segment.offset_legal || !options.unambiguous() || options.timestamps_count != 1 ||
      options.ts_echo != target_.syn_ts_value)
    odd_handshake_ = true;
}

// A cookie vouches for the distance between the two sequence numbers, give or take the
// few values that stand for an MSS.
bool WatchedConnection::fits_a_cookie(const SegmentFacts& segment) const {
  if (!target_.syn_ack_iss) return false;
  if (target_.several_isss || tester_.too_many_syns) return true;
  return std::ranges::any_of(tester_.syns(), [&](const TesterSyn& syn) {
    const std::uint32_t skew = (segment.seq.raw() - syn.iss.raw()) - (segment.ack.raw() - target_.syn_ack_iss->raw());
    return skew + 4 <= 8;
  });
}

// RFC 9293 section 3.10.7.4 (MAY-2): a SYN that took over a pair in TIME-WAIT may turn out to be an old
// duplicate; then it is TIME-WAIT again, whose one answer is the last acknowledgment.
bool WatchedConnection::is_of_time_wait(const SegmentFacts& segment) const {
  return time_wait_ && segment.seq == time_wait_->seq && segment.ack == time_wait_->ack && segment.length == 0 &&
         segment.has(Flags::ack) && !segment.has(Flags::rst);
}

void WatchedConnection::target_sent(const SegmentFacts& segment, Findings& findings) {
  if (is_of_time_wait(segment)) return;
  if (tester_.segments != 0) {
    if (segment.has(Flags::rst)) {
      check_reset(segment, findings);
    } else {
      if (segment.has(Flags::syn)) check_syn(segment, findings);
      if (segment.has(Flags::ack)) check_ack(segment, findings);
      check_sack(segment, findings);
      check_timestamps(segment, findings);
      check_data(segment, findings);
      check_fin(segment, findings);
    }
  }
  if (segment.has(Flags::rst)) {
    ++target_.resets;
  } else {
    learn(segment, findings);
  }
}

void WatchedConnection::learn(const SegmentFacts& segment, Findings& findings) {
  target_.octets.add(segment.seq, segment.length);
  if (segment.has(Flags::syn)) begin_incarnation(segment);
  if (segment.has(Flags::fin)) ++target_.fins;

  if (!stateless_ && !segment.payload.empty() && target_.iss &&
      (!target_.fin || distance(segment.data_end(), *target_.fin) >= 0)) {
    const std::int64_t begin = distance(*target_.iss + 1, segment.data_begin());
    if (const auto differs = sent_octets_.add(begin, segment.payload))
      findings.add(Rule::retransmission_same_octets, "octet {} has changed; it is now {:#04x}", *differs + 1,
                   std::to_integer<unsigned>(segment.payload[*differs - static_cast<std::size_t>(begin)]));
  }
  // One octet alone may be a keep-alive or a probe, which uses up no sequence number.
  if (segment.payload.size() > 1)
    target_.data_end = target_.data_end ? later(*target_.data_end, segment.data_end()) : segment.data_end();
  if (segment.has(Flags::syn)) return;
  if (segment.has(Flags::fin) && !target_.fin) target_.fin = segment.data_end();
  if (segment.has(Flags::ack))
    target_.highest_ack = target_.highest_ack ? later(*target_.highest_ack, segment.ack) : segment.ack;
  if (segment.options.timestamps_count != 0) target_.ts_value = segment.options.ts_value;
}

void WatchedConnection::begin_incarnation(const SegmentFacts& syn) {
  if (target_.fin && target_.highest_ack && tester_.fins != 0)
    time_wait_ = LastAcknowledgment{*target_.fin + 1, *target_.highest_ack};
  target_.several_isss |= target_.iss && *target_.iss != syn.seq;
  if (syn.has(Flags::ack)) {
    if (target_.syn_ack_iss && *target_.syn_ack_iss != syn.seq) ++target_.syn_ack_changes;
    target_.syn_ack_iss = syn.seq;
  } else {
    target_.active_open = true;
  }
  target_.iss = syn.seq;
  limit_.begin(syn.seq);

  const bool timestamps = syn.options.timestamps_count != 0;
  target_.any_syn_has_timestamps |= timestamps;
  target_.every_syn_has_timestamps &= timestamps;
  target_.syn_ts_value = syn.options.ts_value;
  target_.ts_value = timestamps ? std::optional(syn.options.ts_value) : std::nullopt;
  target_.highest_ack.reset();
  target_.fin.reset();
  target_.data_end.reset();
  sent_octets_.clear();
}

std::uint32_t WatchedConnection::in_tester_space(Seq32 number) const {
  return tester_.distinct_syns == 0 ? number.raw() : number.raw() - tester_.syns().back().iss.raw();
}

std::uint32_t WatchedConnection::in_target_space(Seq32 number) const {
  return target_.iss ? number.raw() - target_.iss->raw() : number.raw();
}

}  // namespace tcpspec::oracle
