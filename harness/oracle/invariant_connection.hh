#pragma once
// What has been seen of one pair of endpoints, through all its incarnations, and the
// invariants that need it.

#include <array>
#include <cstdint>
#include <optional>

#include "oracle/invariant_numbers.hh"
#include "oracle/invariant_octets.hh"
#include "oracle/invariant_rules.hh"
#include "oracle/invariant_segment.hh"
#include "oracle/invariant_window.hh"

namespace tcpspec::oracle {

// A SYN of the tester. Two with the same ISS count as one that carried what either did.
struct TesterSyn {
  packet::Seq32 iss;
  std::uint32_t data = 0;  // octets of payload
  bool scale = false, timestamps = false, sack = false, ecn = false;
};

// All that the tester has sent: what the target can have learnt.
struct TesterHistory {
  static constexpr std::size_t most_syns = 16;

  void add(const SegmentFacts& segment, packet::Family family);
  [[nodiscard]] std::span<const TesterSyn> syns() const { return std::span(syn_list).first(distinct_syns); }
  [[nodiscard]] bool some_syn(bool TesterSyn::*offer) const;
  // Whether the target can have received everything before `ack`, beginning with a SYN.
  [[nodiscard]] bool reaches(packet::Seq32 ack) const;

  NumberSet octets;     // sequence numbers used; where a segment without length stood, the place
  NumberSet ts_values;  // TSvals
  std::uint32_t segments = 0, resets = 0, syn_segments = 0, fins = 0;
  std::array<TesterSyn, most_syns> syn_list{};
  std::size_t distinct_syns = 0;
  bool too_many_syns = false;
  std::uint32_t mss = 0;         // the largest that a SYN announced or implied
  std::uint8_t shift = 0;        // the largest window shift that can be in force
  std::uint16_t syn_window = 0;  // the largest on a SYN
  bool every_syn_has_timestamps = true;
  bool timestamps_without_syn = false;  // some segment other than a SYN carried them
  bool unclear_timestamps = false;      // a segment whose timestamps readers may differ about
  bool zero_ts_value = false;

 private:
  void add_syn(const SegmentFacts& segment, packet::Family family);
};

// What the target has sent. `iss` and what follows it are of the latest SYN.
struct TargetHistory {
  NumberSet octets;  // as above, all incarnations
  std::optional<packet::Seq32> iss;
  std::optional<packet::Seq32> syn_ack_iss;
  std::uint32_t syn_ack_changes = 0;  // how often a SYN-ACK had another ISS than the one before
  bool several_isss = false;
  bool active_open = false;  // ever sent a SYN without ACK
  bool any_syn_has_timestamps = false, every_syn_has_timestamps = true;
  std::uint32_t syn_ts_value = 0;
  std::uint32_t resets = 0, fins = 0;

  std::optional<packet::Seq32> highest_ack;  // of segments without SYN
  std::optional<std::uint32_t> ts_value;
  std::optional<packet::Seq32> fin;       // its sequence number
  std::optional<packet::Seq32> data_end;  // behind the furthest data
};

class WatchedConnection {
 public:
  WatchedConnection(packet::Endpoint tester, packet::Endpoint target, OctetBudget& budget)
      : tester_end_(tester), target_end_(target), sent_octets_(budget) {}

  [[nodiscard]] bool is_between(const packet::Endpoint& tester, const packet::Endpoint& target) const {
    return tester_end_ == tester && target_end_ == target;
  }

  void tester_sent(const SegmentFacts& segment);
  // A segment whose form is in order.
  void target_sent(const SegmentFacts& segment, Findings& findings);

 private:
  void check_reset(const SegmentFacts& segment, Findings& findings) const;
  void check_syn(const SegmentFacts& segment, Findings& findings) const;
  void check_offers(const SegmentFacts& segment, Findings& findings) const;
  void check_ack(const SegmentFacts& segment, Findings& findings) const;
  void check_sack(const SegmentFacts& segment, Findings& findings) const;
  void check_data(const SegmentFacts& segment, Findings& findings) const;
  void check_fin(const SegmentFacts& segment, Findings& findings) const;
  void check_timestamps(const SegmentFacts& segment, Findings& findings) const;
  [[nodiscard]] bool timestamps_certain() const;

  [[nodiscard]] bool is_of_time_wait(const SegmentFacts& segment) const;
  void learn_handshake(const SegmentFacts& segment);
  [[nodiscard]] bool reaches_window(const SegmentFacts& segment) const;
  [[nodiscard]] bool fits_a_cookie(const SegmentFacts& segment) const;
  void learn(const SegmentFacts& segment, Findings& findings);
  void begin_incarnation(const SegmentFacts& syn);

  // Numbers as a reader of the test knows them: relative to the latest ISS, if there is one.
  [[nodiscard]] std::uint32_t in_tester_space(packet::Seq32 number) const;
  [[nodiscard]] std::uint32_t in_target_space(packet::Seq32 number) const;

  packet::Endpoint tester_end_, target_end_;
  TesterHistory tester_;
  TargetHistory target_;
  NumberSet tester_acks_;       // those outside of what the target had sent
  bool odd_handshake_ = false;  // an ACK of a SYN of the target that SYN cookies may read otherwise
  bool stateless_ = false;      // there may be an incarnation for which the target sent no SYN of that kind
  struct LastAcknowledgment {
    packet::Seq32 seq, ack;
  };
  std::optional<LastAcknowledgment> time_wait_;  // of an incarnation that both sides have closed
  SendLimit limit_;
  std::optional<packet::Seq32> latest_update_;  // SEG.SEQ of the latest segment with an ACK: at the most SND.WL1
  OctetRecord sent_octets_;
};

}  // namespace tcpspec::oracle
