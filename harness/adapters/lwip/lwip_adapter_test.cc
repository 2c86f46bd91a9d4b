#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "adapters/lwip/test_stack.hh"

namespace tcpspec {
namespace {

using packet::Family;

std::vector<std::string> plugins() {
  std::vector<std::string> paths;
  std::istringstream all(TCPSPEC_PLUGINS);
  for (std::string path; std::getline(all, path, ':');) paths.push_back(path);
  return paths;
}

std::string name_of(const std::string& plugin) {
  auto name = plugin.substr(plugin.rfind('/') + 1);
  name.resize(name.rfind('.'));
  std::ranges::replace(name, '-', '_');
  return name;
}

class LwipAdapter : public testing::TestWithParam<std::string> {
 protected:
  const tcpspec_adapter& adapter = load(GetParam());
};
INSTANTIATE_TEST_SUITE_P(All, LwipAdapter, testing::ValuesIn(plugins()),
                         [](const auto& plugin) { return name_of(plugin.param); });

TEST_P(LwipAdapter, says_what_it_is) {
  EXPECT_EQ(adapter.abi, TCPSPEC_ADAPTER_ABI);
  EXPECT_EQ(adapter.size, sizeof(tcpspec_adapter));
  EXPECT_EQ(name_of(std::string(adapter.name) + ".so"), name_of(GetParam()));
  EXPECT_THAT(adapter.version, testing::StartsWith("2."));
  EXPECT_THAT(adapter.capabilities, testing::HasSubstr("listen accept connect"));
}

TEST_P(LwipAdapter, handshake_echo_and_close_in_both_families) {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    TestStack stack(adapter, family);
    const auto socket = stack.establish();
    EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_ESTABLISHED);
    EXPECT_EQ(stack->local_port(stack.get(), socket), TestStack::port);
    EXPECT_EQ(stack.read(socket), std::to_string(TCPSPEC_AGAIN));
    stack.send(Flags::ack | Flags::psh, "hello");
    EXPECT_EQ(stack.get(socket, "SIOCINQ"), 5);
    EXPECT_EQ(stack.read(socket, 2), "he");
    EXPECT_EQ(stack.read(socket), "llo");
    EXPECT_EQ(stack.write(socket, "world"), 5);
    EXPECT_EQ(stack.next(), "PA world");
    EXPECT_EQ(stack.get(socket, "SIOCOUTQ"), 5);
    stack.send(Flags::ack | Flags::fin);
    EXPECT_EQ(stack.get(socket, "SIOCOUTQ"), 0);
    EXPECT_EQ(stack.next(), "A");
    EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_CLOSE_WAIT);
    EXPECT_EQ(stack.read(socket), "");
    EXPECT_EQ(stack->close(stack.get(), socket), TCPSPEC_OK);
    EXPECT_EQ(stack.next(), "FA");
    stack.send(Flags::ack);
    EXPECT_EQ(stack.next(), "nothing");
    EXPECT_EQ(stack->close(stack.get(), socket), TCPSPEC_BAD_SOCKET);
  }
}

TEST_P(LwipAdapter, the_first_connection_opens_whatever_the_seed) {
  unsigned last_port = 1;  // of the range that lwIP draws from
  for (std::srand(last_port); (std::rand() & 0x3fff) != 0x3fff; std::srand(last_port)) ++last_port;
  TestStack stack(adapter, Family::ipv4, last_port);
  EXPECT_EQ(stack.connect(stack.open()), TCPSPEC_OK);
}

TEST_P(LwipAdapter, connects_and_is_refused) {
  TestStack stack(adapter);
  const auto first = stack.open(), second = stack.open();
  EXPECT_EQ(stack.connect(first, 4321), TCPSPEC_OK);
  EXPECT_EQ(stack->connected(stack.get(), first), TCPSPEC_AGAIN);
  EXPECT_EQ(stack.connect(first), TCPSPEC_IN_PROGRESS);
  EXPECT_EQ(stack.next(), "S");
  EXPECT_EQ(stack.view().source_port(), 4321);
  stack.send(Flags::syn | Flags::ack);
  EXPECT_EQ(stack.next(), "A");
  EXPECT_EQ(stack->connected(stack.get(), first), TCPSPEC_OK);
  EXPECT_EQ(stack.connect(first), TCPSPEC_IS_CONNECTED);

  EXPECT_EQ(stack.connect(second), TCPSPEC_OK);
  EXPECT_EQ(stack.next(), "S");
  EXPECT_EQ(stack->local_port(stack.get(), second), stack.view().source_port());
  stack.send(Flags::rst | Flags::ack);
  EXPECT_EQ(stack->connected(stack.get(), second), TCPSPEC_REFUSED);
  EXPECT_EQ(stack->state(stack.get(), second), TCPSPEC_CLOSED);
  EXPECT_EQ(stack->close(stack.get(), second), TCPSPEC_OK);
}

TEST_P(LwipAdapter, a_reset_is_told_once_behind_the_data) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  stack.send(Flags::ack | Flags::psh, "last words");
  stack.send(Flags::rst);
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_CLOSED);
  EXPECT_EQ(stack.read(socket), "last words");
  EXPECT_EQ(stack.read(socket), std::to_string(TCPSPEC_RESET));
  EXPECT_EQ(stack.read(socket), "");
  EXPECT_EQ(stack.write(socket, "x"), TCPSPEC_BROKEN_PIPE);
  EXPECT_EQ(stack->close(stack.get(), socket), TCPSPEC_OK);
}

TEST_P(LwipAdapter, SO_ERROR_tells_the_reset_too) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  EXPECT_EQ(stack.get(socket, "SO_ERROR"), 0);
  stack.send(Flags::rst);
  EXPECT_EQ(stack.get(socket, "SO_ERROR"), TCPSPEC_RESET);
  EXPECT_EQ(stack.get(socket, "SO_ERROR"), 0);
}

// What nobody reads fills the window, and reading opens it.
TEST_P(LwipAdapter, the_window_closes_and_opens) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  const std::string data(1460, 'x');
  std::uint32_t sent = 0;
  const auto room = stack.view().window();
  while (sent + data.size() <= room) {
    stack.send(Flags::ack, data);
    sent += static_cast<std::uint32_t>(data.size());
  }
  const std::string rest(room - sent, 'x');
  stack.send(Flags::ack, rest);
  stack.wait(TestStack::second);
  while (stack.next() != "nothing") {
  }
  EXPECT_EQ(stack.view().window(), 0);
  EXPECT_EQ(stack.view().ack(), stack.snd_nxt);

  EXPECT_EQ(stack.get(socket, "SIOCINQ"), room);
  std::size_t got = 0;
  for (auto part = stack.read(socket, 10000); part != std::to_string(TCPSPEC_AGAIN); part = stack.read(socket, 10000))
    got += part.size();
  EXPECT_EQ(got, room);
  while (stack.next() != "nothing") {
  }
  EXPECT_GE(stack.view().window(), 2 * 1460);
}

TEST_P(LwipAdapter, sends_as_much_as_the_buffer_takes) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  const std::string data(200'000, 'y');
  std::int64_t taken = 0, part = 0;
  while ((part = stack.write(socket, std::string_view(data).substr(static_cast<std::size_t>(taken)))) > 0)
    taken += part;
  EXPECT_EQ(part, TCPSPEC_AGAIN);
  EXPECT_EQ(stack.get(socket, "SIOCOUTQ"), taken);
  std::size_t arrived = 0;
  for (auto idle = 0; idle < 3;) {
    const auto next = stack.next();
    if (next == "nothing") {
      stack.send(Flags::ack);
      ++idle;
      continue;
    }
    idle = 0;
    arrived += stack.view().payload().size();
  }
  EXPECT_EQ(arrived, taken);
  EXPECT_GT(stack.write(socket, data), 0);
}

TEST_P(LwipAdapter, unread_data_at_close_draw_a_reset) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  stack.send(Flags::ack, "never read");
  EXPECT_EQ(stack->close(stack.get(), socket), TCPSPEC_OK);
  EXPECT_EQ(stack.next(), "RA");
  EXPECT_EQ(stack.next(), "nothing");
}

TEST_P(LwipAdapter, half_close_and_the_end_of_time_wait) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  EXPECT_EQ(stack->shutdown(stack.get(), socket, TCPSPEC_WRITE), TCPSPEC_OK);
  EXPECT_EQ(stack.next(), "FA");
  EXPECT_EQ(stack.write(socket, "x"), TCPSPEC_BROKEN_PIPE);
  stack.send(Flags::ack);
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_FIN_WAIT_2);
  stack.send(Flags::ack, "still here");
  EXPECT_EQ(stack.read(socket), "still here");
  stack.send(Flags::ack | Flags::fin);
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_TIME_WAIT);
  EXPECT_EQ(stack.read(socket), "");
  stack.wait(119 * TestStack::second);
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_TIME_WAIT);
  stack.wait(3 * TestStack::second);
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_CLOSED);
  EXPECT_EQ(stack->shutdown(stack.get(), socket, TCPSPEC_BOTH), TCPSPEC_NOT_CONNECTED);
  EXPECT_EQ(stack->close(stack.get(), socket), TCPSPEC_OK);
}

TEST_P(LwipAdapter, abort_sends_a_reset) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  EXPECT_EQ(stack->abort(stack.get(), socket), TCPSPEC_OK);
  EXPECT_EQ(stack.next(), "RA");
  EXPECT_EQ(stack->abort(stack.get(), socket), TCPSPEC_BAD_SOCKET);
}

TEST_P(LwipAdapter, options_are_those_that_lwip_has) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  const auto set = [&](const char* name, std::int64_t value) {
    return stack->set_option(stack.get(), socket, name, value);
  };
  EXPECT_EQ(set("TCP_NODELAY", 1), TCPSPEC_OK);
  EXPECT_EQ(stack.get(socket, "TCP_NODELAY"), 1);
  EXPECT_EQ(set("TCP_KEEPIDLE", 5), TCPSPEC_OK);
  EXPECT_EQ(stack.get(socket, "TCP_KEEPIDLE"), 5);
  EXPECT_EQ(set("TCP_KEEPIDLE", 0), TCPSPEC_INVALID);
  EXPECT_EQ(set("SO_KEEPALIVE", 1), TCPSPEC_OK);
  EXPECT_EQ(stack.get(socket, "TCP_MAXSEG"), 536);
  EXPECT_EQ(set("TCP_MAXSEG", 1000), TCPSPEC_UNSUPPORTED);
  EXPECT_EQ(set("TCP_USER_TIMEOUT", 1000), TCPSPEC_UNSUPPORTED);
  EXPECT_EQ(stack->set_option(stack.get(), 99, "TCP_NODELAY", 1), TCPSPEC_BAD_SOCKET);
  // The options work: the probe of an idle connection comes after the five seconds.
  stack.wait_for_segment(7 * TestStack::second);
  EXPECT_EQ(stack.next(), "A");
  EXPECT_EQ(stack.view().seq(), stack.rcv_nxt);
  EXPECT_GE(stack.now(), 5 * TestStack::second);
}

TEST_P(LwipAdapter, options_of_a_listener_hold_for_what_it_accepts) {
  TestStack stack(adapter);
  const auto listener = stack.open();
  EXPECT_EQ(stack->set_option(stack.get(), listener, "TCP_NODELAY", 1), TCPSPEC_OK);
  EXPECT_EQ(stack->listen(stack.get(), listener, TestStack::port, 1), TCPSPEC_OK);
  stack.send(Flags::syn);
  EXPECT_EQ(stack.next(), "SA");
  EXPECT_EQ(stack->accept(stack.get(), listener), TCPSPEC_AGAIN);
  stack.send(Flags::ack);
  EXPECT_EQ(stack.get(stack->accept(stack.get(), listener), "TCP_NODELAY"), 1);
}

// A connection with losses, timers, and things left undone.
packet::Bytes messy(const tcpspec_adapter& adapter, std::uint64_t seed) {
  TestStack stack(adapter, Family::ipv4, seed);
  const auto socket = stack.establish();
  stack.write(socket, std::string(5000, 'z'));
  stack.send(Flags::ack, "unread");
  stack.snd_nxt += 100;
  stack.send(Flags::ack, "behind a hole");
  stack.wait(30 * TestStack::second);
  const auto other = stack.open();
  EXPECT_EQ(stack.connect(other), TCPSPEC_OK);
  stack.wait(10 * TestStack::second);
  return stack.record();
}

TEST_P(LwipAdapter, each_create_gives_a_stack_as_new) {
  const auto first = messy(adapter, 1), second = messy(adapter, 1);
  EXPECT_GT(first.size(), 4000U);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, messy(adapter, 2));
  EXPECT_EQ(first, messy(adapter, 1));
}

TEST_P(LwipAdapter, one_lives_at_a_time) {
  TestStack stack(adapter);
  EXPECT_THROW(TestStack another(adapter), std::runtime_error);
}

// Nothing is sent between the deadlines: who goes from one to the next sees the same as who looks
// at each millisecond.
TEST_P(LwipAdapter, deadlines_are_exact) {
  const auto times_of_syns = [&](bool by_deadlines) {
    TestStack stack(adapter);
    EXPECT_EQ(stack.connect(stack.open()), TCPSPEC_OK);
    std::vector<std::uint64_t> times;
    while (stack.now() < 20 * TestStack::second) {
      while (stack.next() != "nothing") times.push_back(stack.now() / 1'000'000);
      stack.wait(by_deadlines ? stack.until_deadline() : 1'000'000);
    }
    return times;
  };
  const auto exact = times_of_syns(true);
  EXPECT_GE(exact.size(), 4U);
  EXPECT_EQ(exact, times_of_syns(false));
}

// lwIP looks at the first octet of whatever comes, and answers only what is for it.
TEST_P(LwipAdapter, rubbish_is_no_trouble) {
  TestStack stack(adapter);
  const auto socket = stack.establish();
  stack.input({});
  stack.input(packet::Bytes(60, std::byte{0x45}));
  stack.input(packet::Bytes(60, std::byte{0x60}));
  stack.input(packet::Bytes(60, std::byte{0xff}));
  EXPECT_EQ(stack.next(), "nothing");
  EXPECT_EQ(stack->state(stack.get(), socket), TCPSPEC_ESTABLISHED);
}

}  // namespace
}  // namespace tcpspec
