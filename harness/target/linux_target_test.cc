// What every link and both families must do alike.
#include "target/linux_target.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <stdexcept>

#include "packet/icmp.hh"
#include "target/test_conversation.hh"

namespace tcpspec::target {
namespace {

using packet::Family;
using packet::Flags;

struct Ground {
  LinuxOptions::Link link;
  Family family;
};

std::string name_of(const testing::TestParamInfo<Ground>& info) {
  return std::string(info.param.link == LinuxOptions::Link::tun ? "tun" : "veth") +
         (info.param.family == Family::ipv4 ? "_ipv4" : "_ipv6");
}

class LinuxTarget : public testing::TestWithParam<Ground> {
 protected:
  void SetUp() override {
    auto opened = open_linux_target({.link = GetParam().link});
    if (!opened) GTEST_SKIP() << opened.error().what << "; " << opened.error().hint;
    target = std::move(*opened);
    if (GetParam().family == Family::ipv6 && !target->description().capabilities.contains("ipv6"))
      GTEST_SKIP() << "this kernel has no IPv6";
  }

  std::expected<Attachment, EnvironmentError> try_attach(std::map<std::string, std::string> sysctls = {},
                                                         Isolation isolation = Isolation::shared) {
    return target->attach({.family = GetParam().family, .sysctls = std::move(sysctls), .isolation = isolation});
  }
  Conversation attach(std::map<std::string, std::string> sysctls = {}, Isolation isolation = Isolation::shared) {
    const auto attached = try_attach(std::move(sysctls), isolation);
    if (!attached) throw std::runtime_error(attached.error().what + "; " + attached.error().hint);
    return {*target, mail, *attached};
  }

  std::unique_ptr<Target> target;
  Mail mail;
};

INSTANTIATE_TEST_SUITE_P(Each, LinuxTarget,
                         testing::Values(Ground{LinuxOptions::Link::tun, Family::ipv4},
                                         Ground{LinuxOptions::Link::tun, Family::ipv6},
                                         Ground{LinuxOptions::Link::veth, Family::ipv4},
                                         Ground{LinuxOptions::Link::veth, Family::ipv6}),
                         name_of);

TEST_P(LinuxTarget, AnswersASegmentToAClosedPortWithAReset) {
  auto talk = attach();
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "RA");
}

TEST_P(LinuxTarget, TheAnswerToAnInjectedSegmentIsThereAtTheNextWait) {
  auto talk = attach();
  for (int i = 0; i < 100; ++i) {
    talk.our_port = static_cast<std::uint16_t>(20000 + i);
    talk.send(Flags::syn);
    ASSERT_EQ(talk.next_at_once(), "RA");
    talk.towards(talk.attachment().port);
  }
}

TEST_P(LinuxTarget, CarriesAWholeConversation) {
  auto talk = attach();
  talk.establish(1, 2);
  talk.send(Flags::psh | Flags::ack, "hello");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 5}).data), "hello");
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.call(2, Send{.data = bytes_of("good day")}).value, 8);
  EXPECT_EQ(talk.next(), "PA good day");
  talk.send(Flags::fin | Flags::ack);
  const auto end = talk.call(2, Receive{.count = 1});
  EXPECT_EQ(end.error, 0);
  EXPECT_EQ(end.value, 0);
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.call(2, State{}).text, "CLOSE-WAIT");
  EXPECT_EQ(talk.call(2, Close{}).error, 0);
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::ack);
  EXPECT_EQ(talk.next_at_once(), "nothing");
}

TEST_P(LinuxTarget, DropsAWrongChecksumAndTakesTheRightOne) {
  auto talk = attach();
  const auto syn = talk.segment(Flags::syn);
  talk.inject(syn, {.tcp_checksum_xor = std::uint16_t{0x0100}});
  EXPECT_EQ(talk.next_at_once(), "nothing");
  talk.inject(syn);
  EXPECT_EQ(talk.next(), "RA");
}

TEST_P(LinuxTarget, SurvivesBytesThatAreNoDatagram) {
  auto talk = attach();
  target->inject(talk.attachment().id, {});
  target->inject(talk.attachment().id, bytes_of("x"));
  target->inject(talk.attachment().id, Bytes(3000, std::byte{0xff}));
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "RA");
}

TEST_P(LinuxTarget, AnAttemptThatShutdownEndsIsOver) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  ASSERT_EQ(talk.next(), "S");
  EXPECT_EQ(talk.call(1, Shutdown{.direction = Direction::both}).error, 0);
  EXPECT_EQ(talk.result(connect).error, ECONNRESET);
  EXPECT_EQ(talk.next_at_once(), "nothing");
}

TEST_P(LinuxTarget, ConnectsFromAChosenPort) {
  auto talk = attach();
  const auto port = static_cast<std::uint16_t>(talk.attachment().port + 1);
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}, .local_port = port});
  EXPECT_EQ(talk.next(), "S");
  EXPECT_FALSE(talk.completed(connect));
  EXPECT_EQ(talk.call(1, State{}).text, "SYN-SENT");
  talk.send(Flags::syn | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  const auto connected = talk.result(connect);
  EXPECT_EQ(connected.error, 0);
  EXPECT_EQ(connected.local, (packet::Endpoint{talk.attachment().target, port}));
  EXPECT_EQ(talk.call(1, State{}).text, "ESTABLISHED");
}

TEST_P(LinuxTarget, AResetInSynSentRefusesTheConnection) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  EXPECT_EQ(talk.next(), "S");
  talk.send(Flags::rst | Flags::ack);
  EXPECT_EQ(talk.result(connect).error, ECONNREFUSED);
}

TEST_P(LinuxTarget, AnIcmpErrorReachesTheConnection) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  auto syn = talk.next_arrival();
  ASSERT_TRUE(syn);
  const bool ipv4 = GetParam().family == Family::ipv4;  // port unreachable in RFC 792 and in RFC 4443 section 3.1
  const packet::IcmpError unreachable{.source = talk.attachment().tester,
                                      .destination = talk.attachment().target,
                                      .type = static_cast<std::uint8_t>(ipv4 ? 3 : 1),
                                      .code = static_cast<std::uint8_t>(ipv4 ? 3 : 4),
                                      .rest_of_header = 0,
                                      .quoted = std::move(syn->datagram)};
  target->inject(talk.attachment().id, packet::serialize(unreachable));
  EXPECT_EQ(talk.result(connect).error, ECONNREFUSED);
}

TEST_P(LinuxTarget, ShuttingDownReadingEndsAWaitingReceive) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 1});
  EXPECT_FALSE(talk.completed(receive));
  EXPECT_EQ(talk.call(2, Shutdown{.direction = Direction::read}).error, 0);
  const auto end = talk.result(receive);
  EXPECT_EQ(end.error, 0);
  EXPECT_EQ(end.value, 0);
}

TEST_P(LinuxTarget, CallsOfOneKindWaitInLine) {
  auto talk = attach();
  ASSERT_EQ(talk.call(1, Listen{.port = talk.attachment().port}).error, 0);
  const auto first_accept = talk.start(1, Accept{.accepted = 2});
  const auto second_accept = talk.start(1, Accept{.accepted = 3});
  talk.handshake();
  EXPECT_EQ(talk.result(first_accept).error, 0);
  EXPECT_FALSE(talk.completed(second_accept));
  const auto first = talk.start(2, Receive{.count = 2});
  const auto second = talk.start(2, Receive{.count = 2});
  talk.send(Flags::ack, "abc");
  EXPECT_EQ(text_of(talk.result(first).data), "ab");
  EXPECT_FALSE(talk.completed(second));
  talk.send(Flags::ack, "d");
  EXPECT_EQ(text_of(talk.result(second).data), "cd");
}

TEST_P(LinuxTarget, SendWaitsForTheConnection) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  const auto send = talk.start(1, Send{.data = bytes_of("early")});
  EXPECT_EQ(talk.next(), "S");
  EXPECT_FALSE(talk.completed(send));
  talk.send(Flags::syn | Flags::ack);
  EXPECT_EQ(talk.result(connect).error, 0);
  EXPECT_EQ(talk.result(send).value, 5);
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.next(), "PA early");
}

TEST_P(LinuxTarget, ReceiveWaitsForAllItsOctets) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 6});
  EXPECT_FALSE(talk.completed(receive));
  talk.send(Flags::ack, "abc");
  EXPECT_FALSE(talk.completed(receive));
  talk.send(Flags::ack, "defg");
  EXPECT_EQ(text_of(talk.result(receive).data), "abcdef");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 1}).data), "g");
}

TEST_P(LinuxTarget, OctetsComeBeforeTheErrorThatFollowsThem) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 100});
  talk.send(Flags::ack, "abc");
  EXPECT_FALSE(talk.completed(receive));
  talk.send(Flags::rst | Flags::ack);
  const auto cut_short = talk.result(receive);
  EXPECT_EQ(cut_short.error, 0);
  EXPECT_EQ(text_of(cut_short.data), "abc");
  const auto next = talk.call(2, Receive{.count = 1});
  EXPECT_EQ(next.error, ECONNRESET);
  EXPECT_EQ(talk.call(2, Receive{.count = 1}).error, 0);  // told once; then it is an end of file
}

TEST_P(LinuxTarget, OctetsComeBeforeTheEndOfFile) {
  auto talk = attach();
  talk.establish(1, 2);
  talk.send(Flags::fin | Flags::ack, "bye");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 100}).data), "bye");
  const auto end = talk.call(2, Receive{.count = 100});
  EXPECT_EQ(end.error, 0);
  EXPECT_EQ(end.value, 0);
}

TEST_P(LinuxTarget, SendTellsHowMuchWasTakenBeforeAnError) {
  auto talk = attach();
  ASSERT_EQ(talk.call(1, SetOption{.name = "SO_SNDBUF", .value = 8192}).error, 0);
  talk.establish(1, 2);
  constexpr std::size_t much = 4 << 20;
  const auto send = talk.start(2, Send{.data = Bytes(much, std::byte{'x'})});
  EXPECT_FALSE(talk.completed(send));
  talk.send(Flags::rst | Flags::ack);
  const auto result = talk.result(send);
  EXPECT_EQ(result.error, ECONNRESET);
  EXPECT_GT(result.value, 0);
  EXPECT_LT(result.value, static_cast<std::int64_t>(much));
  EXPECT_EQ(talk.call(2, Send{.data = bytes_of("x")}).error, EPIPE);
}

TEST_P(LinuxTarget, ShutdownClosesHalf) {
  auto talk = attach();
  talk.establish(1, 2);
  EXPECT_EQ(talk.call(2, Shutdown{.direction = Direction::write}).error, 0);
  EXPECT_EQ(talk.next(), "FA");
  EXPECT_EQ(talk.call(2, State{}).text, "FIN-WAIT-1");
  talk.send(Flags::ack);
  EXPECT_EQ(talk.call(2, State{}).text, "FIN-WAIT-2");
  talk.send(Flags::ack, "still");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 5}).data), "still");
}

TEST_P(LinuxTarget, AbortResets) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 1});
  EXPECT_EQ(talk.call(2, Abort{}).error, 0);
  EXPECT_EQ(talk.result(receive).error, ECANCELED);
  EXPECT_EQ(talk.next(), "RA");
  EXPECT_EQ(talk.call(2, State{}).error, EBADF);
}

TEST_P(LinuxTarget, ALingeringCloseEndsWhenTheFinIsAcknowledged) {
  auto talk = attach();
  // Set on the listener: what it accepts inherits it.
  ASSERT_EQ(talk.call(1, SetOption{.name = "SO_LINGER", .value = 30}).error, 0);
  talk.establish(1, 2);
  const auto close = talk.start(2, Close{});
  EXPECT_EQ(talk.next(), "FA");
  EXPECT_FALSE(talk.completed(close));
  EXPECT_EQ(talk.call(2, State{}).error, EBADF);
  talk.send(Flags::ack);
  EXPECT_EQ(talk.result(close).error, 0);
}

TEST_P(LinuxTarget, UrgentDataIsReadOutOfBand) {
  auto talk = attach();
  talk.establish(1, 2);
  EXPECT_EQ(talk.call(2, Receive{.count = 1, .urgent = true}).error, EINVAL);
  auto urgent = talk.segment(Flags::psh | Flags::ack | Flags::urg, "ab!");
  urgent.urgent = 3;
  talk.inject(urgent);
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 1, .urgent = true}).data), "!");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 2}).data), "ab");
  EXPECT_EQ(talk.call(2, GetOption{.name = "SIOCATMARK"}).value, 1);
}

TEST_P(LinuxTarget, OptionsGoByName) {
  auto talk = attach();
  ASSERT_EQ(talk.call(1, SetOption{.name = "TCP_MAXSEG", .value = 700}).error, 0);
  EXPECT_EQ(talk.call(1, SetOption{.name = "IP_TOS", .value = 0x20}).error, 0);
  EXPECT_EQ(talk.call(1, GetOption{.name = "IPV6_TCLASS"}).value, 0x20);
  EXPECT_EQ(talk.call(1, SetOption{.name = "TCP_NO_SUCH", .value = 1}).error, ENOPROTOOPT);
  EXPECT_EQ(talk.call(1, GetOption{.name = "TCP_NO_SUCH"}).error, ENOPROTOOPT);
  EXPECT_EQ(talk.call(1, SetOption{.name = "SO_RCVBUF", .value = std::int64_t{1} << 40}).error, EINVAL);
  EXPECT_EQ(talk.call(1, GetOption{.name = "SO_LINGER"}).value, -1);
  EXPECT_EQ(talk.call(1, SetOption{.name = "SO_LINGER", .value = 3}).error, 0);
  EXPECT_EQ(talk.call(1, GetOption{.name = "SO_LINGER"}).value, 3);
  ASSERT_EQ(talk.call(1, Listen{.port = talk.attachment().port}).error, 0);
  EXPECT_EQ(talk.call(1, State{}).text, "LISTEN");
  talk.send(Flags::syn);
  const auto arrival = talk.next_arrival();
  ASSERT_TRUE(arrival);
  EXPECT_EQ(packet::SegmentView(arrival->datagram).find<packet::Mss>(), packet::Mss{700});
}

TEST_P(LinuxTarget, ACallOnNoSocketIsEbadf) {
  auto talk = attach();
  for (const Operation& operation : {Operation{Accept{.accepted = 8}}, Operation{Send{.data = bytes_of("x")}},
                                     Operation{Receive{.count = 1}}, Operation{Shutdown{}}, Operation{Close{}},
                                     Operation{Abort{}}, Operation{GetOption{.name = "SO_ERROR"}}, Operation{State{}}})
    EXPECT_EQ(talk.call(7, operation).error, EBADF) << operation.index();
  EXPECT_EQ(talk.call(7, SetOption{.name = "TCP_NODELAY", .value = 1}).error, 0);
  EXPECT_EQ(talk.call(7, Close{}).error, 0);
  EXPECT_EQ(talk.call(7, SetOption{.name = "TCP_NODELAY", .value = 1}).error, EBADF);
}

TEST_P(LinuxTarget, ConversationsDoNotDisturbEachOther) {
  auto one = attach();
  auto two = attach();
  EXPECT_NE(one.attachment().tester, two.attachment().tester);
  EXPECT_NE(one.attachment().port, two.attachment().port);
  ASSERT_EQ(one.call(1, Listen{.port = one.attachment().port}).error, 0);
  ASSERT_EQ(two.call(1, Listen{.port = two.attachment().port}).error, 0);
  const auto accept_one = one.start(1, Accept{.accepted = 2});
  const auto accept_two = two.start(1, Accept{.accepted = 2});
  two.handshake();
  EXPECT_EQ(two.result(accept_two).error, 0);
  EXPECT_FALSE(one.completed(accept_one));
  target->detach(two.attachment().id);
  one.handshake();
  EXPECT_EQ(one.result(accept_one).error, 0);
  EXPECT_EQ(one.next_at_once(), "nothing");
  EXPECT_EQ(mail.arrivals[two.attachment().id].size(), 0U);  // its reset went to nobody
}

TEST_P(LinuxTarget, DetachFreesWhatTheAttachmentHad) {
  std::set<packet::Address> seen;
  constexpr int more_than_there_are_ports = 8000;
  for (int i = 0; i < more_than_there_are_ports; ++i) {
    auto attached = try_attach();
    ASSERT_TRUE(attached) << attached.error().what;
    EXPECT_TRUE(seen.insert(attached->tester).second) << to_string(attached->tester) << " came twice";
    target->start(attached->id, {.id = 1, .socket = 1, .operation = Listen{.port = attached->port}});
    target->detach(attached->id);
  }
  std::vector<Event> events;
  target->wait(Instant{}, events);
  EXPECT_TRUE(events.empty());
}

TEST_P(LinuxTarget, TestsWithDifferentSettingsRunAtOnce) {
  auto with = attach();
  auto without = attach({{"net.ipv4.tcp_timestamps", "0"}});
  auto without_too = attach({{"net.ipv4.tcp_timestamps", "0"}});
  for (auto* talk : {&without, &with, &without_too}) {
    ASSERT_EQ(talk->call(1, Listen{.port = talk->attachment().port}).error, 0);
    auto syn = talk->segment(Flags::syn);
    syn.options = {packet::Timestamps{.value = 7, .echo_reply = 0}};
    talk->inject(syn);
    const auto arrival = talk->next_arrival();
    ASSERT_TRUE(arrival);
    EXPECT_EQ(packet::SegmentView(arrival->datagram).find<packet::Timestamps>().has_value(), talk == &with);
  }
}

TEST_P(LinuxTarget, ATestMayBeAlone) {
  for (int i = 0; i < 20; ++i) {
    auto alone = attach({}, Isolation::alone);
    alone.establish(1, 2);
    target->detach(alone.attachment().id);
  }
  auto shared = attach();
  shared.establish(1, 2);
}

TEST_P(LinuxTarget, SettingsThatCannotBeHadAreErrors) {
  const auto error_for = [&](const std::string& name, const std::string& value) {
    const auto attached = try_attach({{name, value}});
    return attached ? "attached" : attached.error().what;
  };
  EXPECT_THAT(error_for("kernel.panic", "1"), testing::HasSubstr("kernel.panic"));
  EXPECT_THAT(error_for("net.ipv4/../../kernel.panic", "1"), testing::HasSubstr("not a setting"));
  EXPECT_THAT(error_for("net.ipv4.no_such", "1"), testing::HasSubstr("No such file"));
  EXPECT_THAT(error_for("net.ipv4.tcp_ecn", "77"), testing::HasSubstr("Invalid argument"));
  EXPECT_THAT(error_for("net.ipv4.tcp_congestion_control", "no-such"), testing::HasSubstr("no-such"));
  auto talk = attach();  // and the target goes on
  talk.establish(1, 2);
}

TEST_P(LinuxTarget, ArrivalsAreBetweenTheLastEmptyLookAndTheRead) {
  auto talk = attach();
  const auto start = target->now();
  talk.pump(Instant{});
  talk.send(Flags::syn);
  const auto injected = target->now();
  const auto arrival = talk.next_arrival();
  ASSERT_TRUE(arrival);
  EXPECT_GE(arrival->not_before, start);
  EXPECT_LE(arrival->not_before, injected);
  EXPECT_GE(arrival->not_after, injected);
  EXPECT_LE(arrival->not_after, target->now());
}

TEST_P(LinuxTarget, WaitLastsUntilItsTimeAndNotLonger) {
  std::vector<Event> events;
  const auto until = target->now() + std::chrono::milliseconds{3};
  target->wait(until, events);
  EXPECT_GE(target->now(), until);
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace tcpspec::target
