// The plug-in as tcpspec loads it, against a tester of a few lines.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "packet/segment.hh"
#include "packet/segment_view.hh"
#include "target/adapter.h"

namespace {

using namespace tcpspec::packet;
using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

const tcpspec_adapter& adapter() {
  static const tcpspec_adapter* loaded = [] {
    void* plug_in = dlopen(SLIRP_PLUG_IN, RTLD_NOW | RTLD_LOCAL);
    if (plug_in == nullptr) throw std::runtime_error(dlerror());
    return reinterpret_cast<decltype(&tcpspec_get_adapter)>(dlsym(plug_in, "tcpspec_get_adapter"))();
  }();
  return *loaded;
}

const Endpoint stack_end{Address::ipv4(10, 0, 0, 1), 5000};
const Endpoint tester_end{Address::ipv4(10, 1, 0, 1), 40'000};
constexpr std::chrono::nanoseconds beginning = 7s;

class Stack {
 public:
  Stack() {
    tcpspec_config config{};
    config.size = sizeof config;
    config.family = 4;
    config.prefix = 8;
    config.mtu = 1500;
    std::memcpy(config.local, stack_end.address.bytes.data(), 4);
    std::memcpy(config.peer, tester_end.address.bytes.data(), 4);
    config.now = static_cast<std::uint64_t>(beginning.count());
    config.seed = 1;
    config.params = "";
    const tcpspec_host host{.context = this, .packet_out = packet_out, .log = nullptr};
    EXPECT_EQ(adapter().create(&config, &host, &stack_), TCPSPEC_OK);
  }
  ~Stack() { adapter().destroy(stack_); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  [[nodiscard]] tcpspec_stack* get() const { return stack_; }

  struct Sending {
    Flags flags = Flags::ack;
    std::uint32_t seq = 1;
    std::uint32_t ack = 1;
    std::string text = {};
    std::uint16_t urgent = 0;
    Malformation malformation = {};
  };
  // Sequence numbers of the tester's are its own, those of the stack relative to its SYN.
  void send(const Sending& sending) {
    Segment segment;
    segment.source = tester_end;
    segment.destination = {stack_end.address, port_};
    segment.flags = sending.flags;
    segment.seq = Seq32(sending.seq);
    segment.ack = segment.flags.has(Flags::ack) ? Seq32(iss_ + sending.ack) : Seq32(0);
    segment.window = 65'535;
    segment.urgent = sending.urgent;
    for (const char octet : sending.text) segment.payload.push_back(static_cast<std::byte>(octet));
    const auto datagram = serialize(segment, sending.malformation);
    adapter().input(stack_, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size());
  }

  // What was sent since it was asked last: "SA 0/1", flags, sequence and acknowledgment number, text.
  std::vector<std::string> sent() {
    std::vector<std::string> lines;
    for (const auto& datagram : std::exchange(output_, {})) lines.push_back(describe(SegmentView(datagram)));
    return lines;
  }
  [[nodiscard]] std::uint16_t last_window() const { return SegmentView(last_).window(); }
  [[nodiscard]] SegmentView last() const { return SegmentView(last_); }

  tcpspec_socket listen() {
    const auto listener = adapter().open(stack_);
    EXPECT_EQ(adapter().listen(stack_, listener, stack_end.port, 1), TCPSPEC_OK);
    return listener;
  }
  tcpspec_socket establish() {
    const auto listener = listen();
    send({.flags = Flags::syn, .seq = 0});
    EXPECT_EQ(adapter().accept(stack_, listener), TCPSPEC_AGAIN);
    EXPECT_THAT(sent(), testing::ElementsAre("SA 0/1"));
    send({});
    return adapter().accept(stack_, listener);
  }
  tcpspec_socket connect(std::uint16_t local_port) {
    const auto socket = adapter().open(stack_);
    EXPECT_EQ(
        adapter().connect(stack_, socket, local_port,
                          reinterpret_cast<const std::uint8_t*>(tester_end.address.bytes.data()), tester_end.port),
        TCPSPEC_OK);
    port_ = static_cast<std::uint16_t>(adapter().local_port(stack_, socket));
    return socket;
  }
  std::string receive(tcpspec_socket socket, std::size_t most = 1000) {
    std::string text(most, '\0');
    const auto got = adapter().receive(stack_, socket, text.data(), text.size(), 0);
    if (got < 0) return "error " + std::to_string(got);
    text.resize(static_cast<std::size_t>(got));
    return text;
  }
  std::int64_t send_text(tcpspec_socket socket, const std::string& text, std::uint32_t flags = 0) {
    return adapter().send(stack_, socket, text.data(), text.size(), flags);
  }
  // From deadline to deadline, as tcpspec does it.
  void advance(std::chrono::nanoseconds step) {
    const auto until = now_ + step;
    for (auto due = deadline(); due && *due <= until; due = deadline()) {
      now_ = std::max(now_, *due);
      adapter().advance(stack_, static_cast<std::uint64_t>(now_.count()));
    }
    now_ = until;
    adapter().advance(stack_, static_cast<std::uint64_t>(now_.count()));
  }
  [[nodiscard]] std::optional<std::chrono::nanoseconds> deadline() const {
    const auto due = adapter().deadline(stack_);
    return due < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(due));
  }
  [[nodiscard]] std::chrono::nanoseconds passed() const { return now_ - beginning; }
  [[nodiscard]] int state(tcpspec_socket socket) const { return adapter().state(stack_, socket); }
  [[nodiscard]] const std::vector<Bytes>& everything() const { return everything_; }

 private:
  static void packet_out(void* context, const std::uint8_t* octets, std::size_t size) {
    auto& stack = *static_cast<Stack*>(context);
    const auto* bytes = reinterpret_cast<const std::byte*>(octets);
    stack.last_.assign(bytes, bytes + size);
    stack.output_.push_back(stack.last_);
    stack.everything_.push_back(stack.last_);
  }

  std::string describe(const SegmentView& view) {
    if (!view.checksum_ok() || !view.ip_checksum_ok()) return "bad checksum";
    if (view.source() != Endpoint{stack_end.address, port_} || view.destination() != tester_end) return "misaddressed";
    if (view.flags().has(Flags::syn)) iss_ = view.seq().raw();
    auto line = to_string(view.flags());
    line += " " + std::to_string(view.seq().raw() - iss_) + "/" + std::to_string(view.ack().raw());
    if (!view.payload().empty()) line += " ";
    for (const auto octet : view.payload()) line += static_cast<char>(octet);
    return line;
  }

  tcpspec_stack* stack_ = nullptr;
  std::chrono::nanoseconds now_ = beginning;
  std::uint16_t port_ = stack_end.port;
  std::uint32_t iss_ = 0;
  Bytes last_;
  std::vector<Bytes> output_;
  std::vector<Bytes> everything_;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(SlirpAdapter, HandshakeEchoCloseAndTheEndOfTimeWait) {
  Stack stack;
  EXPECT_EQ(stack.deadline(), std::nullopt);
  const auto socket = stack.establish();
  ASSERT_GE(socket, 0);
  EXPECT_EQ(stack.state(socket), TCPSPEC_ESTABLISHED);
  EXPECT_EQ(adapter().local_port(stack.get(), socket), stack_end.port);

  stack.send({.flags = Flags::ack | Flags::psh, .text = "hello"});
  EXPECT_EQ(stack.receive(socket), "hello");
  EXPECT_EQ(stack.send_text(socket, "echo"), 4);
  stack.advance(2ms);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("A 1/6", "PA 1/6 echo"));

  EXPECT_EQ(adapter().shutdown(stack.get(), socket, TCPSPEC_WRITE), TCPSPEC_OK);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("FA 5/6"));
  stack.send({.seq = 6, .ack = 6});
  EXPECT_EQ(stack.state(socket), TCPSPEC_FIN_WAIT_2);
  stack.send({.flags = Flags::ack | Flags::fin, .seq = 6, .ack = 6});
  EXPECT_THAT(stack.sent(), testing::ElementsAre("A 6/7"));
  EXPECT_EQ(stack.receive(socket), "");
  EXPECT_EQ(stack.state(socket), TCPSPEC_TIME_WAIT);

  // 2 MSL are 20 ticks of 499 ms, and the first of them comes between two.
  stack.advance(9400ms);
  EXPECT_EQ(stack.state(socket), TCPSPEC_TIME_WAIT);
  stack.advance(600ms);
  EXPECT_EQ(stack.state(socket), TCPSPEC_CLOSED);
  EXPECT_EQ(stack.deadline(), std::nullopt);
  stack.send({.flags = Flags::ack | Flags::fin, .seq = 6, .ack = 6});
  EXPECT_THAT(stack.sent(), testing::ElementsAre("R 6/0"));
}

TEST(SlirpAdapter, ActiveOpenFromTheWantedPort) {
  Stack stack;
  const auto socket = stack.connect(4000);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("S 0/0"));
  EXPECT_EQ(stack.last().source(), (Endpoint{stack_end.address, 4000}));
  EXPECT_EQ(adapter().connected(stack.get(), socket), TCPSPEC_AGAIN);
  EXPECT_EQ(stack.state(socket), TCPSPEC_SYN_SENT);

  // What is wrong on the wire is wrong behind it, too.
  const Malformation wrong{.tcp_checksum_xor = 0x0100};
  stack.send({.flags = Flags::syn | Flags::ack, .seq = 0, .malformation = wrong});
  const Malformation wrong_below{.ip_checksum_xor = 0x0100};
  stack.send({.flags = Flags::syn | Flags::ack, .seq = 0, .malformation = wrong_below});
  EXPECT_THAT(stack.sent(), IsEmpty());

  stack.send({.flags = Flags::syn | Flags::ack, .seq = 0});
  EXPECT_THAT(stack.sent(), testing::ElementsAre("A 1/1"));
  EXPECT_EQ(adapter().connected(stack.get(), socket), TCPSPEC_OK);
  EXPECT_EQ(stack.send_text(socket, "abc"), 3);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("PA 1/1 abc"));
}

TEST(SlirpAdapter, RefusedConnectionFails) {
  Stack stack;
  const auto socket = stack.connect(0);
  EXPECT_THAT(stack.sent(), SizeIs(1));
  stack.send({.flags = Flags::rst | Flags::ack, .seq = 0});
  EXPECT_EQ(adapter().connected(stack.get(), socket), TCPSPEC_ABORTED);
}

// slirp answers a SYN inside the window with two RSTs; the second comes when it has forgotten
// the connection.
TEST(SlirpAdapter, WhatEndsAnActiveOpenIsAnsweredFromItsAddress) {
  Stack stack;
  const auto socket = stack.connect(4000);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("S 0/0"));
  stack.send({.flags = Flags::syn | Flags::ack, .seq = 0});
  EXPECT_THAT(stack.sent(), testing::ElementsAre("A 1/1"));
  stack.send({.flags = Flags::syn, .seq = 1});
  EXPECT_THAT(stack.sent(), testing::ElementsAre("RA 1/1", testing::StartsWith("RA ")));
  EXPECT_EQ(stack.last().source(), (Endpoint{stack_end.address, 4000}));
  EXPECT_EQ(stack.state(socket), TCPSPEC_CLOSED);
}

TEST(SlirpAdapter, AbortSendsAReset) {
  Stack stack;
  const auto socket = stack.establish();
  EXPECT_EQ(adapter().abort(stack.get(), socket), TCPSPEC_OK);
  EXPECT_THAT(stack.sent(), testing::ElementsAre("RA 1/1"));
  EXPECT_EQ(stack.state(socket), TCPSPEC_BAD_SOCKET);
  EXPECT_EQ(stack.deadline(), std::nullopt);
}

TEST(SlirpAdapter, AbortBehindAFinIsBeyondIt) {
  Stack stack;
  const auto socket = stack.establish();
  EXPECT_EQ(adapter().shutdown(stack.get(), socket, TCPSPEC_WRITE), TCPSPEC_OK);
  EXPECT_EQ(adapter().abort(stack.get(), socket), TCPSPEC_UNSUPPORTED);
  EXPECT_EQ(stack.state(socket), TCPSPEC_FIN_WAIT_1);
}

TEST(SlirpAdapter, UrgentOctetsBothWays) {
  if (std::string(adapter().capabilities).find("urgent") == std::string::npos)
    GTEST_SKIP() << "this kernel has no urgent data on Unix sockets";
  Stack stack;
  const auto socket = stack.establish();
  stack.send({.flags = Flags::ack | Flags::urg, .text = "alarm", .urgent = 5});
  EXPECT_EQ(stack.receive(socket), "alar");  // up to the mark, which slirp sees before the last octet
  EXPECT_EQ(stack.receive(socket), "m");
  stack.advance(2ms);
  stack.sent();
  EXPECT_EQ(stack.send_text(socket, "alarm", TCPSPEC_URGENT), 5);
  EXPECT_THAT(stack.sent(), testing::Contains(testing::StartsWith("PAU ")));
}

// 128 KiB of its own, and what the socket takes.
TEST(SlirpAdapter, WhoDoesNotReadClosesTheWindow) {
  Stack stack;
  const auto socket = stack.establish();
  const std::string text(1000, 'x');
  std::uint32_t seq = 1;
  do {
    stack.send({.seq = seq, .text = text});
    stack.advance(2ms);
    seq += 1000;
  } while (stack.last_window() >= 1000 && seq < 1'000'000);
  EXPECT_LT(stack.last_window(), 1000);
  EXPECT_GT(seq, 65'536U);
  EXPECT_LT(seq, 150'000U);
  stack.sent();
  std::size_t read = 0;
  while (read < 100'000) read += stack.receive(socket, 4096).size();
  EXPECT_THAT(stack.sent(), testing::Not(IsEmpty()));
  EXPECT_GT(stack.last_window(), 32'768);
}

TEST(SlirpAdapter, RetransmitsAtItsDeadlines) {
  Stack stack;
  const auto socket = stack.establish();
  stack.advance(1s);
  stack.send_text(socket, "lost");
  EXPECT_THAT(stack.sent(), testing::ElementsAre("PA 1/1 lost"));
  const auto since = stack.passed();
  std::vector<std::chrono::nanoseconds> dues;
  while (stack.sent().empty() && stack.passed() - since < 30s) {
    const auto due = stack.deadline();
    ASSERT_NE(due, std::nullopt);
    stack.advance(*due - stack.passed() - beginning - 1ns);
    ASSERT_THAT(stack.sent(), IsEmpty()) << "before the deadline";
    stack.advance(1ns);
    dues.push_back(*due);
  }
  ASSERT_THAT(dues, SizeIs(testing::Ge(2)));
  EXPECT_EQ(dues[1] - dues[0], 499ms);
  EXPECT_LT(stack.passed() - since, 30s);
}

void converse(Stack& stack) {
  const auto socket = stack.establish();
  stack.send({.flags = Flags::ack | Flags::psh, .text = "one"});
  stack.advance(1s);
  stack.send_text(socket, std::string(5000, 'y'));
  stack.advance(20s);
  stack.connect(0);
  stack.advance(10s);
}

void make_a_mess() {
  Stack stack;
  const auto listener = stack.listen();
  stack.send({.flags = Flags::syn, .seq = 0});
  stack.sent();
  stack.send({.text = "nobody reads this"});
  adapter().open(stack.get());
  stack.connect(0);
  stack.connect(4000);
  const auto gone = adapter().accept(stack.get(), listener);
  stack.send_text(gone, std::string(500'000, 'z'));
  adapter().close(stack.get(), gone);
  stack.advance(3s);
}

TEST(SlirpAdapter, TheSameCallsGiveTheSameOctets) {
  Stack first;
  converse(first);
  EXPECT_THAT(first.everything(), SizeIs(testing::Gt(6)));
  make_a_mess();
  Stack second;
  converse(second);
  EXPECT_EQ(first.everything(), second.everything());
}

TEST(SlirpAdapter, LeavesNothingBehind) {
  make_a_mess();  // whatever is opened once and for all
  const auto before = open_descriptors();
  const std::filesystem::path folder = testing::TempDir() + "slirp_test_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  for (int times = 0; times < 20; ++times) make_a_mess();
  {
    Stack stack;
    stack.establish();
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  unsetenv("TMPDIR");
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_TRUE(std::filesystem::remove(folder));
}

}  // namespace
