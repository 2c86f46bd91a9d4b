#pragma once
// One connection: the transmission control block of RFC 9293 section 3.3.1 and what
// happens to it. The stack finds it, and owns it; after each event on it the stack
// looks at what has become of it (Stack::settle).

#include <array>
#include <cstdint>
#include <list>
#include <optional>

#include "reference/arrived_segment.hh"
#include "reference/loss_recovery.hh"
#include "reference/receive_buffer.hh"
#include "reference/retransmission_timeout.hh"
#include "reference/send_buffer.hh"
#include "reference/stack.hh"

namespace tcpspec::reference {

enum class Timer : std::uint8_t {
  retransmission,  // RFC 6298 section 5
  persist,         // RFC 9293 section 3.8.6.1
  override,        // section 3.8.6.2.1: the sender's silly-window avoidance has waited long enough
  delayed_ack,     // section 3.8.6.3
  user,            // section 3.10.8, USER TIMEOUT
  time_wait,       // section 3.10.8, TIME-WAIT TIMEOUT; and an orphan's FIN-WAIT-2
  keep_alive,      // section 3.8.4
  linger           // RFC 1122 section 4.2.2.13
};
inline constexpr std::size_t timer_count = 8;

class Connection {
 public:
  enum class Opening : std::uint8_t { passive, active };

  Connection(Stack& stack, SocketId id, packet::Family family);

  // ---- user calls, sections 3.10.1 to 3.10.6 (user_calls.cc). The stack has checked that
  // ports are free and that the socket exists.
  void listen(const Endpoint& local, int backlog);
  void open_actively(const Endpoint& local, const Endpoint& remote, Instant now);
  void adopt(const Adoption& adoption, Instant now);  // adoption.cc
  [[nodiscard]] Result<void> connected();
  [[nodiscard]] Result<std::size_t> send(BytesView octets, SendKind kind, Instant now);
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> into, Instant now);
  [[nodiscard]] Result<void> shutdown(Direction direction, Instant now);
  [[nodiscard]] Result<void> close(Instant now);
  void abort(Instant now);
  [[nodiscard]] Status status() const;
  [[nodiscard]] Result<void> set(Option option, std::int64_t value);
  [[nodiscard]] Result<std::int64_t> get(Option option) const;
  [[nodiscard]] Result<void> take_error();

  // ---- section 3.10.7 (segment_arrives.cc, synchronized.cc)
  void opened_by(const Connection& listener, const ArrivedSegment& syn, std::optional<Seq32> above, Instant now);
  void segment_arrives(const ArrivedSegment& segment, Instant now);
  // ICMP (icmp.cc): what a message means; whether a number that it quotes is in flight.
  enum class Trouble : std::uint8_t { soft, hard, too_big };
  void icmp_arrives(Trouble trouble, Instant now);
  [[nodiscard]] bool in_flight(Seq32 seq) const;  // RFC 5927 section 4.1

  // ---- section 3.10.8 (timeouts.cc)
  void advance(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  // Sends what may be sent now, and the acknowledgment that is due (transmit.cc).
  void output(Instant now);

  // ---- for the stack
  [[nodiscard]] SocketId id() const { return id_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  [[nodiscard]] packet::Family family() const { return family_; }
  [[nodiscard]] bool held() const { return held_; }  // by an application
  void release() { held_ = false; }
  [[nodiscard]] bool opened() const { return opened_; }
  void end() { enter_closed(std::nullopt); }  // its pair has a new incarnation
  [[nodiscard]] bool lingering() const { return timer(Timer::linger).has_value(); }
  [[nodiscard]] bool over() const { return state_ == State::closed && opened_; }
  [[nodiscard]] std::size_t octets_held() const;
  // RFC 6191 section 2: whether a SYN may open the pair anew though this one is in TIME-WAIT.
  [[nodiscard]] bool yields_to(const ArrivedSegment& syn) const;
  [[nodiscard]] Seq32 snd_nxt() const { return snd_.nxt; }

  // A listener's children that are not accepted yet. (A list: most connections never have one, and
  // an empty list costs nothing.)
  struct Queue {
    std::size_t half_open = 0;
    std::list<SocketId> ready;
    std::size_t backlog = 0;
  };
  Queue queue;
  std::optional<SocketId> parent;   // of a child: the listener, until accepted
  std::optional<SocketId> revives;  // of a child: the connection in TIME-WAIT whose pair it took
  bool parked = false;              // in TIME-WAIT, and a new SYN has the pair
  enum class Place : std::uint8_t { none, half_open, ready };
  Place place = Place::none;      // of a child, in its parent's queue
  std::optional<Instant> listed;  // its place among the stack's deadlines

 private:
  struct Preferences {                   // by set()
    std::uint16_t max_segment_size = 0;  // 0: what the path allows
    std::size_t receive_buffer;
    std::size_t send_buffer;
    bool no_delay = false;
    bool keep_alive = false;
    Duration keep_alive_idle, keep_alive_interval;
    int keep_alive_probes;
    std::optional<Duration> user_timeout;
    std::optional<Duration> linger;
    std::uint8_t traffic_class = 0;
    std::uint8_t ttl = 64;
  };
  struct SendVariables {
    Seq32 iss, una, nxt, wl1, wl2;
    std::uint32_t wnd = 0;
    std::uint32_t max_wnd = 0;   // MAX.SND.WND of RFC 5961 section 5
    std::optional<Seq32> up;     // behind the urgent data
    std::uint8_t shift = 0;      // Snd.Wind.Shift: of the peer's windows
    std::uint16_t peer_mss = 0;  // its MSS option, or the default
  };
  struct ReceiveVariables {
    Seq32 irs;
    Seq32 edge;  // right edge of the window that was offered last
    std::optional<Seq32> up;
    std::uint8_t shift = 0;  // Rcv.Wind.Shift: of our windows
    bool fin = false;        // the peer's FIN is in order, and counted by RCV.NXT
    Seq32 last_ack_sent;     // RFC 7323 section 4.3
  };
  struct TimestampVariables {  // RFC 7323
    bool on = false;           // Snd.TS.OK
    std::uint32_t recent = 0;  // TS.Recent
    Instant recent_at;
    std::uint32_t offset = 0;
  };
  enum class AckDue : std::uint8_t { none, delayed, now };
  enum class Acceptability : std::uint8_t { acceptable, control_only, unacceptable };

  [[nodiscard]] Seq32 rcv_nxt() const { return incoming_.next() + (rcv_.fin ? 1U : 0U); }
  [[nodiscard]] std::uint32_t rcv_wnd() const;
  [[nodiscard]] Flight flight() const { return {snd_.una, snd_.nxt}; }
  [[nodiscard]] std::uint32_t flight_size() const {
    return static_cast<std::uint32_t>(packet::distance(snd_.una, snd_.nxt));
  }
  [[nodiscard]] bool synchronized() const { return state_ >= State::established; }

  // options.cc: what SYNs negotiate, and what every segment carries
  [[nodiscard]] std::vector<packet::Option> syn_options(Instant now) const;
  [[nodiscard]] std::vector<packet::Option> data_options(Instant now);
  void take_syn_options(const ArrivedSegment& syn, Instant now);
  [[nodiscard]] std::uint16_t announced_mss() const;
  [[nodiscard]] std::uint32_t effective_mss(Instant now) const;  // Eff.snd.MSS of section 3.7.1
  [[nodiscard]] std::uint32_t option_octets() const;
  [[nodiscard]] std::uint8_t offered_shift() const;
  [[nodiscard]] std::uint32_t timestamp_now(Instant now) const;
  [[nodiscard]] bool timestamp_too_old(const ArrivedSegment& segment, Instant now) const;
  void note_timestamp(const ArrivedSegment& segment, Instant now);

  // segment_arrives.cc
  void arrives_in_syn_sent(const ArrivedSegment& segment, Instant now);
  void take_peer_syn(const ArrivedSegment& syn, Instant now);
  void defer_text_of_syn(const ArrivedSegment& syn);
  void enter_established(Instant now);
  // synchronized.cc, in the order of section 3.10.7.4
  void arrives_in_other_states(const ArrivedSegment& segment, Instant now);
  [[nodiscard]] Acceptability acceptability(const ArrivedSegment& segment) const;
  [[nodiscard]] bool passes_sequence_check(ArrivedSegment& segment, Instant now);
  [[nodiscard]] bool passes_rst_check(const ArrivedSegment& segment, Instant now);
  [[nodiscard]] bool passes_syn_check(const ArrivedSegment& segment, Instant now);
  [[nodiscard]] bool passes_ack_check(const ArrivedSegment& segment, Instant now);
  void check_urg(const ArrivedSegment& segment);
  void process_text(const ArrivedSegment& segment, Instant now);
  void process_fin(const ArrivedSegment& segment, Instant now);
  void take_deferred_fin(Instant now);
  void trim_to_window(ArrivedSegment& segment);
  void note_repeated_text(const ArrivedSegment& segment);
  void discard_unread();
  // acknowledgment.cc
  void take_acknowledgment(const ArrivedSegment& segment, Instant now);
  void keep_right_edge(Seq32 una_before);
  void update_send_window(const ArrivedSegment& segment, Instant now);
  void measure_round_trip(const ArrivedSegment& segment, Instant now);
  [[nodiscard]] bool is_duplicate_ack(const ArrivedSegment& segment) const;
  [[nodiscard]] bool fin_acknowledged() const;
  void challenge(Instant now);
  void begin_sending(Instant now);

  // adoption.cc
  void adopt_receiving(const Adoption& adoption);
  void adopt_sending(const Adoption& adoption, Instant now);

  // user_calls.cc
  void choose_iss(Instant now);
  void choose_timestamp_offset();
  void begin_sequence(Seq32 iss);
  void begin_closing(Instant now);

  // transmit.cc
  [[nodiscard]] packet::Segment blank(packet::Flags flags, Seq32 seq) const;
  void emit(packet::Segment segment, Instant now);
  void send_syn(Instant now);
  void send_ack(Instant now);
  void send_reset(Seq32 seq, Instant now);
  bool send_next(Instant now);
  bool send_again(std::optional<SequenceRange> range, Instant now);
  bool send_fresh(Instant now);
  void send_range(Seq32 from, std::uint32_t octets, LossRecovery::Transmission kind, Instant now);
  void note_transmission(Seq32 from, std::uint32_t length, LossRecovery::Transmission kind, Instant now);
  [[nodiscard]] std::uint32_t sendable(Instant now, std::uint32_t allowed) const;
  [[nodiscard]] std::uint32_t usable_window() const;
  [[nodiscard]] std::uint32_t unsent() const;  // octets of data, the FIN not counted
  [[nodiscard]] bool fin_to_send() const;
  [[nodiscard]] bool fin_sent() const;
  void send_window_probe(Instant now);
  // The window to write into a segment; moves the right edge (section 3.8.6.2.2).
  [[nodiscard]] std::uint16_t offer_window(packet::Flags flags);
  [[nodiscard]] Seq32 best_edge() const;
  [[nodiscard]] std::uint16_t window_of_syn() const;
  void acknowledge(AckDue due);
  void announce_reopened_window();

  // timeouts.cc
  [[nodiscard]] std::optional<Instant>& timer(Timer which) { return timers_[static_cast<std::size_t>(which)]; }
  [[nodiscard]] const std::optional<Instant>& timer(Timer which) const {
    return timers_[static_cast<std::size_t>(which)];
  }
  void start(Timer which, Instant at) { timer(which) = at; }
  void stop(Timer which) { timer(which).reset(); }
  void expire(Timer which, Instant now);
  void retransmission_timeout(Instant now);
  void persist_timeout(Instant now);
  void keep_alive_timeout(Instant now);
  void set_transmission_timers(Instant now);
  void heard(Instant now);
  [[nodiscard]] Duration patience() const;
  [[nodiscard]] Duration persist_interval() const;
  enum class Manner : std::uint8_t { silent, with_reset };
  void give_up(Error error, Manner manner, Instant now);
  void enter_time_wait(Instant now);
  void become(State state);
  void enter_closed(std::optional<Error> error);

  Stack& stack_;
  SocketId id_;
  packet::Family family_;
  Endpoint local_, remote_;
  State state_ = State::closed;
  Opening opening_ = Opening::passive;
  bool opened_ = false;  // OPEN was called
  bool held_ = true;
  bool reading_ = true;      // the application has not shut down its receiving side
  bool fin_wanted_ = false;  // CLOSE was called: a FIN follows the data
  std::optional<Error> error_;
  std::optional<Error> soft_error_;  // from ICMP; told when the connection times out (section 3.9.2.2, MUST-56)
  Preferences wish_;
  SendVariables snd_;
  ReceiveVariables rcv_;
  TimestampVariables stamps_;
  bool sack_ = false;       // both sides permit it
  bool scaling_ = false;    // Snd.WS.OK and Rcv.WS.OK
  bool rcv_known_ = false;  // the peer's SYN has come
  SendBuffer outgoing_;
  ReceiveBuffer incoming_;
  RetransmissionTimeout rto_;
  std::optional<LossRecovery> recovery_;  // once the peer's SYN has come
  std::array<std::optional<Instant>, timer_count> timers_{};

  AckDue ack_due_ = AckDue::none;
  unsigned segments_unacknowledged_ = 0;  // with text, since our last ACK
  std::optional<Seq32> deferred_fin_;     // behind text that waits, or before ESTABLISHED
  Bytes syn_text_;                        // text of a SYN (section 3.10.7.2: "queued for processing later")
  struct TimedSegment {
    Seq32 end;
    Instant sent;
  };
  std::optional<TimedSegment> timed_;        // Karn: never one that was sent twice
  std::optional<Instant> unanswered_since_;  // the oldest transmission that no ACK has come for
  Instant last_sent_;
  Instant last_heard_;
  int transmissions_ = 0;              // retransmissions of the oldest segment, in a row
  int probes_ = 0;                     // keep-alive probes without answer
  int window_probes_ = 0;              // into the window that is closed now
  std::uint32_t largest_segment_ = 0;  // octets of text, of those that have come
  bool syn_lost_ = false;              // RFC 6928 section 2 and RFC 6298 section 5.7
  bool override_ = false;              // silly-window avoidance has been overridden
  bool repeated_ = false;              // the segment at hand begins with text that was here before
  bool linger_over_ = false;
  std::list<Instant> challenges_;  // RFC 5961 section 7
};

}  // namespace tcpspec::reference
