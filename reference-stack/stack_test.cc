// The host, where no suite can look: errors of calls, bounds, what is forgotten and when.
// What segments draw is the matter of the suites (ctest suites.reference).

#include "reference/stack.hh"

#include <gmock/gmock.h>

#include "reference/test_talk.hh"

namespace tcpspec::reference::test {
namespace {

using testing::Optional;

Error error_of(const auto& result) {
  EXPECT_FALSE(result.has_value());
  return result.error();
}

TEST(Calls, OnASocketThatNobodyOpened) {
  Talk talk;
  std::array<std::byte, 10> into{};
  EXPECT_EQ(error_of(talk.stack.listen(7, 80, 1)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.connect(7, talk.us, 0, talk.now)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.accept(7)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.send(7, octets("x"), SendKind::pushed, talk.now)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.receive(7, into, talk.now)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.close(7, talk.now)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.abort(7, talk.now)), Error::bad_socket);
  EXPECT_EQ(error_of(talk.stack.status(7)), Error::bad_socket);
}

// RFC 9293 section 3.10.2 to 3.10.4, CLOSED: "error: connection does not exist".
TEST(Calls, BeforeOpen) {
  Talk talk;
  std::array<std::byte, 10> into{};
  const auto socket = talk.stack.open(packet::Family::ipv4).value();
  EXPECT_EQ(error_of(talk.stack.send(socket, octets("x"), SendKind::pushed, talk.now)), Error::not_connected);
  EXPECT_EQ(error_of(talk.stack.receive(socket, into, talk.now)), Error::not_connected);
  EXPECT_EQ(error_of(talk.stack.shutdown(socket, Direction::send, talk.now)), Error::not_connected);
  EXPECT_EQ(error_of(talk.stack.accept(socket)), Error::invalid);
  EXPECT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(talk.stack.statistics().sockets, 0U);
}

// Section 3.10.1: OPEN where there is a connection already.
TEST(Calls, OpenTwice) {
  Talk talk;
  const auto socket = talk.established();
  EXPECT_EQ(error_of(talk.stack.connect(socket, talk.us, 0, talk.now)), Error::already_connected);
  EXPECT_EQ(error_of(talk.stack.listen(socket, 81, 1)), Error::already_connected);
  const auto other = talk.stack.open(packet::Family::ipv4).value();
  EXPECT_EQ(error_of(talk.stack.listen(other, 80, 1)), Error::address_in_use);
  // MUST-42: the pair of sockets is taken.
  EXPECT_EQ(error_of(talk.stack.connect(other, talk.us, 80, talk.now)), Error::address_in_use);
  EXPECT_TRUE(talk.stack.connect(other, {talk.us.address, 40001}, 4000, talk.now));
  EXPECT_EQ(error_of(talk.stack.connect(other, talk.us, 0, talk.now)), Error::in_progress);
}

TEST(Calls, SendTakesWhatFits) {
  Settings settings;
  settings.limits.send_buffer = 5000;
  Talk talk(settings);
  talk.window = 0;
  const auto socket = talk.established();
  const Bytes much(6000);
  EXPECT_EQ(talk.stack.send(socket, much, SendKind::pushed, talk.now), 5000U);
  EXPECT_EQ(error_of(talk.stack.send(socket, much, SendKind::pushed, talk.now)), Error::would_block);
}

TEST(Calls, EndOfFileOnlyAfterTheData) {
  Talk talk;
  const auto socket = talk.established();
  EXPECT_EQ(talk.read(socket), "would block");
  talk.send(Flags::psh | Flags::ack, "last words");
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.read(socket), "last words");
  EXPECT_EQ(talk.read(socket), "end of file");
  EXPECT_EQ(talk.read(socket), "end of file");
}

TEST(Calls, AnErrorIsToldOnce) {
  Talk talk;
  const auto socket = talk.established();
  talk.send(Flags::psh | Flags::ack, "data");
  talk.send(Flags::rst);
  EXPECT_EQ(talk.read(socket), "data");
  EXPECT_EQ(talk.read(socket), "error");
  EXPECT_EQ(talk.read(socket), "end of file");
  EXPECT_EQ(error_of(talk.stack.send(socket, octets("x"), SendKind::pushed, talk.now)), Error::closing);
}

// RFC 5961 section 3: the sequence number of a RST counts as it is on the wire, and is not cut to the window.
TEST(Reset, TextThatReachesTheWindowBringsNoRstThere) {
  Talk talk;
  const auto socket = talk.established();
  talk.send(Flags::psh | Flags::ack, "0123456789");
  auto reset = talk.segment(Flags::rst, "0123456789");
  reset.seq = talk.snd - 5U;
  talk.inject(reset);
  EXPECT_EQ(talk.read(socket), "0123456789");
  EXPECT_EQ(talk.read(socket), "would block") << "the connection is still there";
  reset.seq = talk.snd;
  talk.inject(reset);
  EXPECT_EQ(talk.read(socket), "error");
}

// RFC 1122 section 4.2.2.13: CLOSE waits for the data, and no longer than asked.
TEST(Linger, CloseWaitsUntilEverythingIsAcknowledged) {
  Talk talk;
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.set(socket, Option::linger, 10));
  talk.write(socket, "data");
  EXPECT_EQ(error_of(talk.stack.close(socket, talk.now)), Error::would_block);
  EXPECT_EQ(talk.next(), "PA data");
  EXPECT_EQ(talk.next(), "FA");
  EXPECT_EQ(error_of(talk.stack.close(socket, talk.now)), Error::would_block);
  talk.send(Flags::ack);
  EXPECT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(error_of(talk.stack.close(socket, talk.now)), Error::bad_socket);
}

TEST(Linger, CloseReturnsWhenTheTimeIsOver) {
  Talk talk;
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.set(socket, Option::linger, 10));
  talk.write(socket, "data");
  EXPECT_EQ(error_of(talk.stack.close(socket, talk.now)), Error::would_block);
  talk.wait(10s - 1ms);
  EXPECT_EQ(error_of(talk.stack.close(socket, talk.now)), Error::would_block);
  talk.wait(1ms);
  EXPECT_TRUE(talk.stack.close(socket, talk.now));
}

TEST(Forgetting, TimeWaitLastsTwoMsl) {
  Settings settings;
  settings.times.msl = 30s;
  Talk talk(settings);
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  talk.wait(60s - 1ms);
  EXPECT_EQ(talk.stack.statistics().sockets, 2U);
  talk.wait(1ms);
  EXPECT_EQ(talk.stack.statistics().sockets, 1U) << "the listener alone is left";
}

TEST(Forgetting, FinWait2OfNobodyEnds) {
  Talk talk;
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::ack);
  const auto patience = talk.stack.settings().times.orphan_fin_wait_2;
  talk.wait(patience - 1ms);
  EXPECT_EQ(talk.stack.statistics().sockets, 2U);
  talk.wait(1ms);
  EXPECT_EQ(talk.stack.statistics().sockets, 1U);
}

TEST(Forgetting, FinWait2OfAnApplicationDoesNot) {
  Talk talk;
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.shutdown(socket, Direction::send, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::ack);
  talk.wait(24h);
  EXPECT_EQ(talk.state(socket), State::fin_wait_2);
  talk.send(Flags::psh | Flags::ack, "still here");
  EXPECT_EQ(talk.read(socket), "still here");
}

TEST(Forgetting, ClosingAListenerEndsWhatItHasNotGivenAway) {
  Talk talk;
  const auto listener = talk.listen();
  talk.handshake();
  ASSERT_TRUE(talk.stack.close(listener, talk.now));
  EXPECT_EQ(talk.next(), "R");
  EXPECT_EQ(talk.stack.statistics().sockets, 0U);
}

TEST(Bounds, TheBacklogCountsHalfOpenAndWaiting) {
  Talk talk;
  const auto listener = talk.listen(2);
  talk.handshake();
  talk.us.port = 40001;
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "SA");
  talk.us.port = 40002;
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "-") << "a third has no place";
  ASSERT_TRUE(talk.stack.accept(listener));
  talk.snd = Seq32(0xffffff00);
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "SA");
}

TEST(Bounds, NoMoreSocketsThanAllowed) {
  Settings settings;
  settings.limits.connections = 2;
  Talk talk(settings);
  talk.established();
  EXPECT_EQ(error_of(talk.stack.open(packet::Family::ipv4)), Error::no_resources);
  talk.us.port = 40001;
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "-");
}

// RFC 9293 section 3.6.1: a SYN reopens from TIME-WAIT; "(2) returns to TIME-WAIT state if the
// SYN turns out to be an old duplicate".
TEST(Reopening, AnOldDuplicateLeavesTimeWait) {
  Talk talk;
  const auto socket = talk.established();
  ASSERT_TRUE(talk.stack.shutdown(socket, Direction::send, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  ASSERT_EQ(talk.state(socket), State::time_wait);
  const auto behind = talk.snd;
  const auto last = talk.rcv;
  talk.snd += 1000;
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "SA");
  EXPECT_GT(packet::distance(last, talk.view().seq()), 0) << "(1): the ISS is above all that was sent before";
  talk.send(Flags::rst);
  EXPECT_EQ(talk.state(socket), State::time_wait);
  talk.snd = behind - 1;
  talk.rcv = last;
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.next(), "A") << "the old connection answers for its FIN again";
}

TEST(Reopening, ANewConnectionEndsTheOldOne) {
  Talk talk;
  const auto listener = talk.listen();
  talk.handshake();
  const auto socket = talk.stack.accept(listener).value();
  ASSERT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  talk.snd += 1000;
  talk.handshake();
  const auto again = talk.stack.accept(listener).value();
  EXPECT_EQ(talk.state(again), State::established);
  EXPECT_EQ(talk.stack.statistics().sockets, 2U) << "the listener and the new connection";
}

// RFC 1191 sections 3, 6.3 and 6.5.
TEST(PathMtu, SmallerAtOnceAndForgottenAfterAWhile) {
  Talk talk;
  const auto socket = talk.established();
  const std::string whole(536, 'x');  // the default send MSS (MUST-15)
  talk.write(socket, whole);
  EXPECT_EQ(talk.next(), "PA " + whole);
  packet::IcmpError error;
  error.source = packet::Address::ipv4(10, 9, 9, 9);
  error.destination = talk.stack.settings().ipv4;
  error.code = 4;
  error.rest_of_header = 300;
  error.quoted = talk.last;
  talk.stack.input(packet::serialize(error), talk.now);
  EXPECT_EQ(talk.next(), "A " + std::string(260, 'x'));
  talk.rcv += 276;
  talk.send(Flags::ack);
  talk.wait(talk.stack.settings().times.path_mtu_age);
  talk.write(socket, whole);
  EXPECT_EQ(talk.next(), "PA " + whole);
}

TEST(Ports, AreChosenFromTheDynamicRangeAndDiffer) {
  Talk talk;
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 100; ++i) {
    const auto socket = talk.stack.open(packet::Family::ipv4).value();
    ASSERT_TRUE(talk.stack.connect(socket, talk.us, 0, talk.now));
    EXPECT_EQ(talk.next(), "S");
    ports.insert(talk.view().source_port());
    EXPECT_GE(talk.view().source_port(), 49'152);
  }
  EXPECT_EQ(ports.size(), 100U);
}

TEST(Statistics, EverythingComesBack) {
  Talk talk;
  const auto before = talk.stack.statistics();
  const auto socket = talk.established();
  talk.write(socket, "some");
  talk.send(Flags::psh | Flags::ack, "data");
  EXPECT_EQ(talk.stack.statistics().octets_held, 8U);
  ASSERT_TRUE(talk.stack.abort(socket, talk.now));
  EXPECT_EQ(talk.stack.statistics().octets_held, before.octets_held);
  EXPECT_EQ(talk.stack.statistics().sockets, before.sockets + 1) << "the listener";
}

// SHLD-9: R1 is told to the layer below.
TEST(Statistics, R1IsReachedAfterThreeRetransmissions) {
  Talk talk;
  const auto socket = talk.established();
  talk.write(socket, "data");
  talk.wait(1s + 2s + 4s - 1ms);
  EXPECT_EQ(talk.stack.statistics().reached_r1, 0U);
  talk.wait(1ms);
  EXPECT_EQ(talk.stack.statistics().reached_r1, 1U);
}

}  // namespace
}  // namespace tcpspec::reference::test
