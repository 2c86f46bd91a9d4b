#pragma once
// A plug-in with a peer made by hand: what it sends waits in a queue, time moves when told.

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "packet/segment.hh"
#include "packet/segment_view.hh"
#include "target/adapter.h"

namespace tcpspec {

using packet::Flags;

inline const tcpspec_adapter& load(const std::string& plugin) {
  void* library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto get = reinterpret_cast<decltype(&tcpspec_get_adapter)>(dlsym(library, "tcpspec_get_adapter"));
  if (get == nullptr) throw std::runtime_error(dlerror());
  return *get();
}

class TestStack {
 public:
  static constexpr std::uint16_t port = 5000, our_port = 40000;
  static constexpr std::uint64_t second = 1'000'000'000, birth = 1000 * second + 123'456;

  explicit TestStack(const tcpspec_adapter& adapter, packet::Family family = packet::Family::ipv4,
                     std::uint64_t seed = 1)
      : adapter_(adapter),
        local_(*packet::Address::parse(family == packet::Family::ipv4 ? "10.0.0.1" : "fd00::1")),
        peer_(*packet::Address::parse(family == packet::Family::ipv4 ? "10.1.0.1" : "fd01::1")) {
    tcpspec_config config{};
    config.size = sizeof config;
    config.family = family == packet::Family::ipv4 ? 4 : 6;
    config.prefix = family == packet::Family::ipv4 ? 8 : 64;
    config.mtu = 1500;
    std::ranges::copy(local_.octets(), config.local);
    std::ranges::copy(peer_.octets(), config.peer);
    config.now = now_ = birth;
    config.seed = seed;
    config.params = "";
    const tcpspec_host host{this, queue, nullptr};
    if (adapter.create(&config, &host, &stack_) != TCPSPEC_OK) throw std::runtime_error("create() failed");
  }
  ~TestStack() { adapter_.destroy(stack_); }
  TestStack(TestStack&&) = delete;

  packet::Seq32 snd_nxt{0xffffff00};
  packet::Seq32 rcv_nxt{0};
  std::uint16_t window = 65535;

  void send(Flags flags, std::string_view data = {}) {
    packet::Segment segment;
    segment.source = {peer_, our_port};
    segment.destination = {local_, port_};
    segment.seq = snd_nxt;
    segment.ack = rcv_nxt;
    segment.flags = flags;
    segment.window = window;
    const auto* octets = reinterpret_cast<const std::byte*>(data.data());
    segment.payload.assign(octets, octets + data.size());
    snd_nxt += segment.length();
    input(packet::serialize(segment));
  }
  void input(const packet::Bytes& datagram) {
    EXPECT_EQ(adapter_.input(stack_, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size()),
              TCPSPEC_OK);
  }

  // The next segment: its flags, then its payload ("SA", "PA data"); "nothing".
  std::string next() {
    if (sent_.empty()) return "nothing";
    last_ = std::move(sent_.front());
    sent_.pop_front();
    const packet::SegmentView view(last_);
    EXPECT_TRUE(view.has_tcp_header() && view.checksum_ok() && view.ip_checksum_ok());
    EXPECT_EQ(view.destination(), (packet::Endpoint{peer_, our_port}));
    rcv_nxt = view.seq() + view.length();
    port_ = view.source_port();
    const auto payload = view.payload();
    const std::string text(reinterpret_cast<const char*>(payload.data()), payload.size());
    return to_string(view.flags()) + (text.empty() ? "" : " " + text);
  }
  // Of what next() gave.
  [[nodiscard]] packet::SegmentView view() const { return packet::SegmentView(last_); }

  void wait(std::uint64_t nanoseconds) {
    now_ += nanoseconds;
    EXPECT_EQ(adapter_.advance(stack_, now_), TCPSPEC_OK);
  }
  [[nodiscard]] std::uint64_t until_deadline() {
    const auto due = adapter_.deadline(stack_);
    if (due < 0) throw std::runtime_error("the stack has nothing to do ever");
    return std::max(static_cast<std::uint64_t>(due), now_) - now_;
  }
  // From deadline to deadline, until something was sent or `nanoseconds` are over.
  void wait_for_segment(std::uint64_t nanoseconds) {
    const auto end = now_ + nanoseconds;
    while (sent_.empty() && now_ + until_deadline() <= end) wait(until_deadline());
  }
  [[nodiscard]] std::uint64_t now() const { return now_ - birth; }

  tcpspec_socket open() { return adapter_.open(stack_); }
  tcpspec_socket listen() {
    const auto socket = open();
    EXPECT_EQ(adapter_.listen(stack_, socket, port, 16), TCPSPEC_OK);
    return socket;
  }
  int connect(tcpspec_socket socket, std::uint16_t local_port = 0) {
    return adapter_.connect(stack_, socket, local_port, peer_.bytes.data(), our_port);
  }
  // A connection that the peer has opened.
  tcpspec_socket establish() {
    const auto listener = listen();
    send(Flags::syn);
    EXPECT_EQ(next(), "SA");
    send(Flags::ack);
    return adapter_.accept(stack_, listener);
  }
  std::int64_t write(tcpspec_socket socket, std::string_view data) {
    return adapter_.send(stack_, socket, data.data(), data.size(), 0);
  }
  // What it got, or the number of an error.
  std::string read(tcpspec_socket socket, std::size_t most = 65536) {
    std::string data(most, '\0');
    const auto got = adapter_.receive(stack_, socket, data.data(), data.size(), 0);
    return got < 0 ? std::to_string(got) : data.substr(0, static_cast<std::size_t>(got));
  }
  std::int64_t get(tcpspec_socket socket, const char* name) {
    std::int64_t value = 0;
    const auto got = adapter_.get_option(stack_, socket, name, &value);
    return got < 0 ? got : value;
  }

  [[nodiscard]] const tcpspec_adapter* operator->() const { return &adapter_; }
  [[nodiscard]] tcpspec_stack* get() const { return stack_; }
  // All that was sent since the beginning, one datagram after the other.
  [[nodiscard]] const packet::Bytes& record() const { return record_; }

 private:
  static void queue(void* self, const std::uint8_t* datagram, std::size_t octets) {
    const auto* first = reinterpret_cast<const std::byte*>(datagram);
    auto& stack = *static_cast<TestStack*>(self);
    stack.sent_.emplace_back(first, first + octets);
    stack.record_.insert(stack.record_.end(), first, first + octets);
  }

  const tcpspec_adapter& adapter_;
  packet::Address local_, peer_;
  std::uint16_t port_ = port;
  tcpspec_stack* stack_ = nullptr;
  std::uint64_t now_ = 0;
  std::deque<packet::Bytes> sent_;
  packet::Bytes last_, record_;
};

}  // namespace tcpspec
