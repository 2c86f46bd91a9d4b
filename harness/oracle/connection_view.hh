#pragma once
// What can be known of a connection from the wire: RFC 9293's variables of the
// target, inferred from what the tester sent and from what the script has taken
// notice of. RCV.NXT is what the target must have received in order, whether it has
// acknowledged it or not. Where the target may take octets or leave them (data on a
// SYN, behind the window, with an acknowledgement of something that nobody has seen it
// send), they count once it acknowledges them.

#include <array>
#include <cstdint>
#include <optional>

#include "oracle/reassembly.hh"
#include "packet/segment_view.hh"
#include "packet/time.hh"
#include "script/expression.hh"

namespace tcpspec::oracle {

// Whether the target has to take a segment of ours. `certain`: it does, for a conforming peer
// sent it, which acknowledges what has arrived, though the script may not have taken notice of it.
enum class Acceptance : std::uint8_t { expected, refused, certain };

class ConnectionView {
 public:
  ConnectionView(packet::Family family, packet::Seq32 tester_iss, std::uint16_t mtu);

  // `now` matters to PAWS alone: a TS.Recent that is 24 days old rejects nothing (RFC 7323 section 5.5).
  void sent(const packet::Segment& segment, Acceptance acceptance, packet::Instant now = {});
  // A segment of the target has arrived. What it says counts once the script takes notice of
  // it, but the window that it offers holds from now on for whatever is sent.
  void arrived(const packet::SegmentView& segment);
  // The same where a peer answers it at once: a SYN of the target, too, allows the peer to send.
  void heard(const packet::SegmentView& segment);
  // The script has taken notice of a segment of the target.
  void consumed(const packet::SegmentView& segment);

  [[nodiscard]] std::int64_t variable(script::Variable variable) const;
  using Variables = std::array<std::int64_t, 12>;  // indexed by script::Variable
  [[nodiscard]] Variables variables() const;

  // Spaces: relative to the tester's ISS, and to the target's. Until the target has
  // sent a SYN its ISS counts as 0, so that its numbers are shown as they are.
  [[nodiscard]] packet::Seq32 tester_iss() const { return tester_iss_; }
  [[nodiscard]] packet::Seq32 target_iss() const { return target_iss_.value_or(packet::Seq32(0)); }
  [[nodiscard]] bool target_iss_known() const { return target_iss_.has_value(); }
  // It has sent a SYN with another ISS on these ports: where its octets belong in a stream is not known any more.
  [[nodiscard]] bool target_began_again() const { return target_began_again_; }
  [[nodiscard]] std::uint32_t in_tester_space(packet::Seq32 absolute) const {
    return absolute.raw() - tester_iss_.raw();
  }
  [[nodiscard]] std::uint32_t in_target_space(packet::Seq32 absolute) const {
    return absolute.raw() - target_iss().raw();
  }
  [[nodiscard]] packet::Seq32 from_tester_space(std::int64_t relative) const {
    return tester_iss_ + static_cast<std::uint32_t>(relative);
  }
  [[nodiscard]] packet::Seq32 from_target_space(std::int64_t relative) const {
    return target_iss() + static_cast<std::uint32_t>(relative);
  }

  [[nodiscard]] std::uint32_t rcv_nxt() const { return received_.next(); }
  [[nodiscard]] std::uint32_t snd_nxt() const { return snd_nxt_; }
  [[nodiscard]] std::uint32_t acked() const { return acked_; }  // tester's space: highest acknowledgement consumed
  [[nodiscard]] bool timestamps_in_force() const { return tester_syn_.timestamps && target_syn_.timestamps; }
  [[nodiscard]] std::uint32_t target_timestamp() const { return target_timestamp_; }
  [[nodiscard]] std::uint16_t last_window_sent() const { return window_sent_; }
  [[nodiscard]] bool used() const { return used_; }

  // What somebody must know who goes on with the tester's side of the connection.
  [[nodiscard]] bool tester_syn_sent() const { return tester_syn_.seen; }
  [[nodiscard]] bool tester_fin_taken() const { return tester_fin_ == received_.next(); }
  [[nodiscard]] bool target_fin_seen() const { return target_fin_; }
  [[nodiscard]] bool scaling_in_force() const { return tester_syn_.shift && target_syn_.shift; }
  [[nodiscard]] bool sack_in_force() const { return tester_syn_.sack && target_syn_.sack; }

  // How an arrived segment stands to what was consumed before it. A pure ACK that repeats
  // the last one with another window is a window update, right behind our data too:
  // RFC 5681 section 2 calls it a duplicate only where the window is the same. An ACK of
  // what the target cannot have accepted, and data of which a part is new, are `other`.
  enum class Character : std::uint8_t { advancing_ack, window_update, duplicate_ack, retransmission, probe, other };
  [[nodiscard]] Character character(const packet::SegmentView& segment) const;

 private:
  struct Syn {
    bool seen = false;
    bool timestamps = false;
    bool sack = false;
    std::optional<std::uint16_t> mss;
    std::optional<std::uint8_t> shift;
  };
  struct Offer;  // a segment of ours, in relative numbers
  static void read_option(Syn& syn, const packet::Option& option);
  static Syn read_syn(const packet::SegmentView& segment);
  void sent_syn(const packet::Segment& segment, Acceptance acceptance, packet::Instant now);
  void process(const Offer& offer, Acceptance acceptance, packet::Instant now);
  void take_ack(std::uint32_t ack);
  [[nodiscard]] bool in_window(const Offer& offer) const;
  [[nodiscard]] bool too_old(const Offer& offer, packet::Instant now) const;
  [[nodiscard]] bool acceptable_ack(std::uint32_t ack) const;
  void take_stamp(std::uint32_t value, packet::Instant now);
  void take_window(std::uint32_t window, std::uint32_t seq, std::uint32_t ack);
  [[nodiscard]] std::uint32_t window_of(const packet::SegmentView& segment) const;
  void consumed_syn(const packet::SegmentView& segment);
  [[nodiscard]] Character character_of_ack(const packet::SegmentView& segment) const;
  void widen(std::uint32_t right_edge);
  [[nodiscard]] std::uint32_t default_mss() const;
  [[nodiscard]] std::uint32_t shift_of(const Syn& advertiser) const;

  packet::Family family_;
  packet::Seq32 tester_iss_;
  std::optional<packet::Seq32> target_iss_;
  bool target_began_again_ = false;
  std::uint16_t mtu_;
  Syn tester_syn_, target_syn_;
  bool target_opened_ = false;    // its first SYN acknowledged nothing
  bool target_answered_ = false;  // it has acknowledged our SYN, as far as the script has taken notice
  Reassembly received_;           // what the target must have received
  Reassembly possible_;           // and what it may have taken besides
  std::uint32_t snd_nxt_ = 0;
  std::uint32_t snd_una_ = 0;
  std::optional<std::uint32_t> early_ack_;  // ours, of something that the script has not taken notice of
  std::uint32_t acked_ = 0;
  std::optional<std::uint32_t> tester_fin_;  // behind our FIN
  bool target_fin_ = false;
  std::uint32_t rcv_wnd_ = 0;
  std::uint32_t heard_wnd_ = 0;  // of a SYN that came before ours
  std::uint32_t snd_wnd_ = 0;
  std::uint32_t snd_wl1_ = 0;  // RFC 9293 section 3.3.1
  std::uint32_t snd_wl2_ = 0;
  std::uint32_t max_snd_wnd_ = 0;  // RFC 5961 section 5.2
  std::uint32_t right_edge_ = 0;   // tester's space: furthest that the target has allowed
  std::uint16_t window_sent_ = 65535;
  std::uint32_t ts_recent_ = 0;
  packet::Instant ts_recent_at_;
  std::uint32_t target_timestamp_ = 0;
  bool used_ = false;
};

}  // namespace tcpspec::oracle
