// A stack on the wire: this kernel in a second namespace, and an agent beside it.
#include "target/remote_target.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

#include "target/remote/test_ground.hh"
#include "target/test_conversation.hh"

namespace tcpspec::target {
namespace {

using packet::Family;
using packet::Flags;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

struct Place {
  Family family;
  Ground::Testers testers;
};

std::string name_of(const testing::TestParamInfo<Place>& info) {
  return std::string(info.param.family == Family::ipv4 ? "ipv4" : "ipv6") +
         (info.param.testers == Ground::Testers::on_the_link ? "_on_the_link" : "_behind_a_gateway");
}

class RemoteTarget : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    auto made = Ground::make(GetParam().testers, Ground::Offloads::off);
    if (!made) GTEST_SKIP() << made.error().what << "; " << made.error().hint;
    ground.emplace(std::move(*made));
    agent = ground->start_agent();
    target = Ground::must(open_remote_target(ground->options()));
  }

  Conversation attach() { return {*target, mail, Ground::must(target->attach({.family = GetParam().family}))}; }

  std::optional<Ground> ground;
  std::unique_ptr<AgentProcess> agent;
  std::unique_ptr<Target> target;
  Mail mail;
};

INSTANTIATE_TEST_SUITE_P(Each, RemoteTarget,
                         testing::Values(Place{Family::ipv4, Ground::Testers::behind_a_gateway},
                                         Place{Family::ipv4, Ground::Testers::on_the_link},
                                         Place{Family::ipv6, Ground::Testers::behind_a_gateway},
                                         Place{Family::ipv6, Ground::Testers::on_the_link}),
                         name_of);

TEST_P(RemoteTarget, SaysWhatItIs) {
  const auto& description = target->description();
  EXPECT_EQ(description.name, "linux");
  EXPECT_FALSE(description.version.empty());
  EXPECT_THAT(description.capabilities, IsSupersetOf({"listen", "connect", "ipv4", "ipv6", "fixed-sysctl"}));
  EXPECT_FALSE(description.capabilities.contains("sysctl"));
  EXPECT_THAT(description.provenance.at("link"), HasSubstr("wire0"));
  EXPECT_EQ(description.provenance.at("target.10.9.0.2"), "02:00:00:00:09:02");
  EXPECT_EQ(description.provenance.at("target.fd09::2"), "02:00:00:00:09:02");
  EXPECT_THAT(description.provenance.at("agent.system"), HasSubstr(description.version));
}

TEST_P(RemoteTarget, AnswersASegmentToAClosedPortWithAReset) {
  auto talk = attach();
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "RA");
}

TEST_P(RemoteTarget, CarriesAWholeConversation) {
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
}

TEST_P(RemoteTarget, ConnectsFromAChosenPort) {
  auto talk = attach();
  const auto port = static_cast<std::uint16_t>(talk.attachment().port + 1);
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}, .local_port = port});
  ASSERT_EQ(talk.next(), "S");
  EXPECT_FALSE(talk.completed(connect));
  talk.send(Flags::syn | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  const auto connected = talk.result(connect);
  EXPECT_EQ(connected.error, 0);
  EXPECT_EQ(connected.local, (packet::Endpoint{talk.attachment().target, port}));
}

TEST_P(RemoteTarget, TellsHowAnAttemptToConnectEnded) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  ASSERT_EQ(talk.next(), "S");
  talk.send(Flags::rst | Flags::ack);
  EXPECT_EQ(talk.result(connect).error, ECONNREFUSED);
}

TEST_P(RemoteTarget, AnAttemptThatShutdownEndsIsOver) {
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  ASSERT_EQ(talk.next(), "S");
  EXPECT_EQ(talk.call(1, Shutdown{.direction = Direction::both}).error, 0);
  EXPECT_EQ(talk.result(connect).error, ECONNRESET);
  EXPECT_EQ(talk.call(1, State{}).text, "CLOSED");
}

TEST_P(RemoteTarget, ACallThatWaitsGoesOnWhenItsDataComes) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 6});
  talk.send(Flags::psh | Flags::ack, "one");
  ASSERT_EQ(talk.next(), "A");
  EXPECT_FALSE(talk.completed(receive));
  talk.send(Flags::psh | Flags::ack, "two");
  EXPECT_EQ(text_of(talk.result(receive).data), "onetwo");
}

TEST_P(RemoteTarget, TheUrgentOctetIsReadBesideAReceiveThatWaits) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 3});
  auto urgent = talk.segment(Flags::ack | Flags::urg, "!");
  urgent.urgent = 1;
  talk.inject(urgent);
  talk.snd_nxt += 1;
  ASSERT_EQ(talk.next(), "A");
  EXPECT_EQ(text_of(talk.call(2, Receive{.count = 1, .urgent = true}).data), "!");
  talk.send(Flags::psh | Flags::ack, "abc");
  EXPECT_EQ(text_of(talk.result(receive).data), "abc");
}

TEST_P(RemoteTarget, AResetIsTheErrorOfWhatWaits) {
  auto talk = attach();
  talk.establish(1, 2);
  const auto receive = talk.start(2, Receive{.count = 1});
  talk.send(Flags::rst);
  EXPECT_EQ(talk.result(receive).error, ECONNRESET);
}

TEST_P(RemoteTarget, ACloseThatLingersHoldsUpNobody) {
  auto talk = attach();
  talk.establish(1, 2);
  ASSERT_EQ(talk.call(2, SetOption{.name = "SO_LINGER", .value = 60}).error, 0);
  ASSERT_EQ(talk.call(2, Send{.data = bytes_of("x")}).error, 0);
  ASSERT_EQ(talk.next(), "PA x");
  const auto closing = talk.start(2, Close{});
  ASSERT_EQ(talk.next(), "FA");
  auto other = attach();
  other.establish(1, 2);
  EXPECT_FALSE(talk.completed(closing));
  talk.send(Flags::fin | Flags::ack);
  EXPECT_EQ(talk.result(closing).error, 0);
}

TEST_P(RemoteTarget, OptionsAreSetAndReadByName) {
  auto talk = attach();
  talk.establish(1, 2);
  EXPECT_EQ(talk.call(2, SetOption{.name = "TCP_NODELAY", .value = 1}).error, 0);
  EXPECT_EQ(talk.call(2, GetOption{.name = "TCP_NODELAY"}).value, 1);
  EXPECT_EQ(talk.call(2, GetOption{.name = "SO_ERROR"}).value, 0);
  EXPECT_EQ(talk.call(2, GetOption{.name = "TCP_OF_TOMORROW"}).error, ENOTSUP);
  EXPECT_EQ(talk.call(7, GetOption{.name = "TCP_NODELAY"}).error, EBADF);
}

TEST_P(RemoteTarget, WhatIsMoreThanTheBufferIsTakenPieceByPiece) {
  constexpr std::size_t much = 3'000'000;
  auto talk = attach();
  talk.establish(1, 2);
  ASSERT_EQ(talk.call(2, SetOption{.name = "SO_SNDBUF", .value = 100'000}).error, 0);
  const auto sending = talk.start(2, Send{.data = Bytes(much, std::byte{7})});
  std::size_t got = 0;
  while (got < much) {
    const auto arrival = talk.next_arrival();
    ASSERT_TRUE(arrival);
    const packet::SegmentView view(arrival->datagram);
    if (view.seq() != talk.rcv_nxt) continue;
    got += view.payload().size();
    talk.rcv_nxt += view.length();
    talk.send(Flags::ack);
  }
  EXPECT_EQ(talk.result(sending).value, static_cast<std::int64_t>(much));
}

TEST_P(RemoteTarget, ManyTestsAtOnceDoNotMeet) {
  constexpr int many = 100;
  std::vector<Conversation> talks;
  for (int i = 0; i < many; ++i) talks.push_back(attach());
  for (auto& talk : talks) talk.establish(1, 2);
  for (auto& talk : talks) talk.send(Flags::psh | Flags::ack, std::to_string(talk.attachment().id));
  for (auto& talk : talks) {
    const auto id = std::to_string(talk.attachment().id);
    EXPECT_EQ(text_of(talk.call(2, Receive{.count = id.size()}).data), id);
  }
}

// The kernel of this machine has forwarding on, and would say that there is no such host.
TEST_P(RemoteTarget, NobodyAnswersInATestersPlace) {
  ASSERT_TRUE(write_sysctl("net.ipv4.ip_forward", "1"));
  ASSERT_TRUE(write_sysctl("net.ipv6.conf.all.forwarding", "1"));
  auto talk = attach();
  const auto connect = talk.start(1, Connect{.remote = {talk.attachment().tester, talk.our_port}});
  ASSERT_EQ(talk.next(), "S");
  auto other = attach();
  other.establish(1, 2);
  EXPECT_FALSE(talk.completed(connect));
  talk.send(Flags::syn | Flags::ack);
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.result(connect).error, 0);
}

// What a test leaves retransmitting is told that there is nobody any more.
TEST_P(RemoteTarget, WhatComesForNobodyIsTurnedAway) {
  auto talk = attach();
  talk.establish(1, 2);
  ASSERT_EQ(talk.call(2, Send{.data = bytes_of("x")}).error, 0);
  ASSERT_EQ(talk.next(), "PA x");
  ASSERT_EQ(talk.call(2, Close{}).error, 0);
  ASSERT_EQ(talk.next(), "FA");
  const auto port = talk.attachment().port;
  target->detach(talk.attachment().id);
  // The RST to the retransmission ends the orphan, after which the port can be bound again.
  const auto orphans = [&] {
    ground->enter_target();
    const Descriptor file{
        open(GetParam().family == Family::ipv4 ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/tcp6", O_RDONLY)};
    ground->enter_tester();
    std::string text(1 << 16, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(read(file.get(), text.data(), text.size()), 0)));
    return text.find(fmt::format(":{:04X} ", port)) != std::string::npos;
  };
  ASSERT_TRUE(orphans());
  const auto until = target->now() + patience;
  std::vector<Event> events;
  while (orphans() && target->now() < until) target->wait(target->now() + std::chrono::milliseconds(20), events);
  EXPECT_FALSE(orphans());
  EXPECT_TRUE(events.empty());
  EXPECT_NE(target->description().provenance.at("datagrams.unclaimed"), "0");
}

}  // namespace
}  // namespace tcpspec::target
