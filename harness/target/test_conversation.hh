#pragma once
// A hand-made peer for tests of the target: builds segments, waits for answers.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "packet/segment.hh"
#include "packet/segment_view.hh"
#include "target/linux_target.hh"

namespace tcpspec::target {

inline Bytes bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}
inline std::string text_of(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Long enough for a loaded machine; tests that pass never wait for it.
inline constexpr Duration patience = std::chrono::seconds{5};

// Events of all conversations on one target, until their own asks for them.
struct Mail {
  std::map<AttachmentId, std::deque<PacketArrival>> arrivals;
  std::map<AttachmentId, std::deque<CallResult>> results;

  void pump(Target& target, Instant until) {
    std::vector<Event> events;
    target.wait(until, events);
    for (auto& event : events) {
      if (auto* arrival = std::get_if<PacketArrival>(&event))
        arrivals[arrival->attachment].push_back(std::move(*arrival));
      if (auto* done = std::get_if<CallCompletion>(&event))
        results[done->attachment].push_back(std::move(done->result));
    }
  }
};

class Conversation {
 public:
  Conversation(Target& target, Mail& mail, Attachment attachment)
      : target_(&target), mail_(&mail), attachment_(attachment), port_(attachment.port) {}

  [[nodiscard]] const Attachment& attachment() const { return attachment_; }
  std::uint16_t our_port = 40000;
  packet::Seq32 snd_nxt{0xffffff00};
  packet::Seq32 rcv_nxt{0};

  // Talk to this port of the target from now on.
  void towards(std::uint16_t port) { port_ = port; }

  [[nodiscard]] packet::Segment segment(packet::Flags flags, std::string_view data = {}) const {
    packet::Segment s;
    s.source = {attachment_.tester, our_port};
    s.destination = {attachment_.target, port_};
    s.seq = snd_nxt;
    s.ack = rcv_nxt;
    s.flags = flags;
    s.window = 65535;
    s.payload = bytes_of(data);
    return s;
  }
  void inject(const packet::Segment& s, const packet::Malformation& malformation = {}) {
    target_->inject(attachment_.id, packet::serialize(s, malformation));
  }
  void send(packet::Flags flags, std::string_view data = {}) {
    const auto s = segment(flags, data);
    inject(s);
    snd_nxt += s.length();
  }

  CallId start(SocketId socket, Operation operation) {
    target_->start(attachment_.id, {.id = ++last_call_, .socket = socket, .operation = std::move(operation)});
    return last_call_;
  }
  // Starts a call and waits for its end.
  CallResult call(SocketId socket, Operation operation) { return result(start(socket, std::move(operation))); }

  CallResult result(CallId id) {
    const auto until = target_->now() + patience;
    for (;;) {
      for (auto i = results().begin(); i != results().end(); ++i) {
        if (i->id != id) continue;
        auto found = std::move(*i);
        results().erase(i);
        return found;
      }
      if (target_->now() >= until) break;
      pump(until);
    }
    ADD_FAILURE() << "call " << id << " did not complete";
    return {.id = id, .error = -1, .value = 0, .data = {}, .text = {}, .local = {}};
  }
  [[nodiscard]] bool completed(CallId id) {
    pump(Instant{});
    return std::ranges::find(results(), id, &CallResult::id) != results().end();
  }

  // The next segment from the target; advances rcv_nxt when it is in order.
  std::optional<PacketArrival> next_arrival(Duration within = patience) {
    const auto until = target_->now() + within;
    if (arrivals().empty()) pump(Instant{});
    while (arrivals().empty() && target_->now() < until) pump(until);
    if (arrivals().empty()) return std::nullopt;
    auto arrival = std::move(arrivals().front());
    arrivals().pop_front();
    return arrival;
  }
  // Its flags as letters, then its payload: "SA", "PA data"; "nothing".
  std::string next(Duration within = patience) {
    const auto arrival = next_arrival(within);
    if (!arrival) return "nothing";
    const packet::SegmentView view(arrival->datagram);
    if (!view.has_tcp_header()) return "not TCP";
    EXPECT_TRUE(view.checksum_ok());
    EXPECT_TRUE(view.ip_checksum_ok());
    EXPECT_EQ(view.destination(), (packet::Endpoint{attachment_.tester, our_port}));
    rcv_nxt = view.seq() + view.length();
    port_ = view.source_port();
    return to_string(view.flags()) + (view.payload().empty() ? "" : " " + text_of(view.payload()));
  }
  // What has arrived up to now, without waiting.
  std::string next_at_once() { return next(Duration{0}); }

  // Passive open by hand: `listener` listens, `accepted` is what it accepts.
  void establish(SocketId listener, SocketId accepted) {
    ASSERT_EQ(call(listener, Listen{.port = attachment_.port}).error, 0);
    handshake();
    ASSERT_EQ(call(listener, Accept{.accepted = accepted}).error, 0);
  }
  void handshake() {
    send(packet::Flags::syn);
    ASSERT_EQ(next(), "SA");
    send(packet::Flags::ack);
  }

  void pump(Instant until) { mail_->pump(*target_, until); }

 private:
  [[nodiscard]] std::deque<PacketArrival>& arrivals() { return mail_->arrivals[attachment_.id]; }
  [[nodiscard]] std::deque<CallResult>& results() { return mail_->results[attachment_.id]; }

  Target* target_;
  Mail* mail_;
  Attachment attachment_;
  std::uint16_t port_ = 0;
  CallId last_call_ = 0;
};

}  // namespace tcpspec::target
