#pragma once
// A hand-made peer for tests of the stack: segments in, segments out, time by hand.

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "packet/icmp.hh"
#include "packet/segment.hh"
#include "packet/segment_view.hh"
#include "reference/stack.hh"

namespace tcpspec::reference::test {

using packet::Flags;
using packet::Seq32;
using namespace std::chrono_literals;

inline Bytes octets(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

class Talk {
 public:
  explicit Talk(const Settings& settings = {}) : stack(settings) {}

  Stack stack;
  Instant now{};
  Endpoint us{packet::Address::ipv4(10, 1, 0, 1), 40000};
  std::uint16_t port = 80;  // of the stack
  Seq32 snd{0xffffff00};    // what we send next
  Seq32 rcv{0};             // what the stack sends next
  std::uint16_t window = 65535;

  [[nodiscard]] packet::Segment segment(Flags flags, std::string_view text = {}) const {
    packet::Segment s;
    s.source = us;
    s.destination = {stack.settings().ipv4, port};
    s.seq = snd;
    s.ack = flags.has(Flags::ack) ? rcv : Seq32(0);
    s.flags = flags;
    s.window = window;
    s.payload = octets(text);
    return s;
  }
  void inject(const packet::Segment& s) {
    stack.input(packet::serialize(s), now);
    collect();
  }
  // In order: what we send next moves on.
  void send(Flags flags, std::string_view text = {}) {
    const auto s = segment(flags, text);
    snd += s.length();
    inject(s);
  }
  // Moves time, and everything that falls due happens at its own instant.
  void wait(Duration duration) {
    const auto until = now + duration;
    for (auto due = stack.deadline(); due && *due <= until; due = stack.deadline()) {
      now = std::max(now, *due);
      stack.advance(now);
      collect();
    }
    now = until;
  }
  void collect() {
    for (auto& datagram : stack.take_output()) out.push_back(std::move(datagram));
  }

  // Flags and text of the next segment of the stack: "SA", "PA data", "-" where there is none.
  std::string next() {
    collect();
    if (out.empty()) return "-";
    last = std::move(out.front());
    out.pop_front();
    const packet::SegmentView view(last);
    EXPECT_TRUE(view.checksum_ok());
    EXPECT_TRUE(view.ip_checksum_ok());
    port = view.source_port();
    if (!view.flags().has(Flags::rst)) rcv = view.seq() + view.length();
    const auto text = view.payload();
    return to_string(view.flags()) +
           (text.empty() ? "" : " " + std::string(reinterpret_cast<const char*>(text.data()), text.size()));
  }
  [[nodiscard]] packet::SegmentView view() const { return packet::SegmentView(last); }

  SocketId listen(int backlog = 8) {
    const auto socket = stack.open(packet::Family::ipv4).value();
    EXPECT_TRUE(stack.listen(socket, port, backlog));
    return socket;
  }
  void handshake() {
    send(Flags::syn);
    EXPECT_EQ(next(), "SA");
    send(Flags::ack);
    EXPECT_EQ(next(), "-");
  }
  // We open, the stack listens.
  SocketId established(int backlog = 8) {
    const auto listener = listen(backlog);
    handshake();
    return stack.accept(listener).value();
  }
  [[nodiscard]] State state(SocketId socket) const { return stack.status(socket)->state; }
  std::string read(SocketId socket) {
    std::string into(4096, '\0');
    const auto got = stack.receive(socket, std::as_writable_bytes(std::span(into)), now);
    collect();
    if (!got) return got.error() == Error::would_block ? "would block" : "error";
    return *got == 0 ? "end of file" : into.substr(0, *got);
  }
  void write(SocketId socket, std::string_view text) {
    EXPECT_EQ(stack.send(socket, octets(text), SendKind::pushed, now), text.size());
    collect();
  }

  std::deque<Bytes> out;
  Bytes last;
};

}  // namespace tcpspec::reference::test
