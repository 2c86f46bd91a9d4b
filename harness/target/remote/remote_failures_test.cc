// What can be wrong on the wire, with the agent, or with the tester's machine.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "target/linux/socket_address.hh"
#include "target/remote/test_ground.hh"
#include "target/remote_target.hh"
#include "target/test_conversation.hh"

namespace tcpspec::target {
namespace {

using packet::Flags;
using ::testing::HasSubstr;

class RemoteFailures : public testing::Test {
 protected:
  void SetUp() override { make(Ground::Offloads::off); }
  void make(Ground::Offloads offloads) {
    ground.reset();
    auto made = Ground::make(Ground::Testers::behind_a_gateway, offloads);
    if (!made) GTEST_SKIP() << made.error().what << "; " << made.error().hint;
    ground.emplace(std::move(*made));
    options = ground->options();
    options.ipv6.reset();
  }

  std::string refusal() const {
    const auto opened = open_remote_target(options);
    return opened ? "" : opened.error().what + "; " + opened.error().hint;
  }
  static std::vector<TargetFailure> failures(Target& target, AttachmentId id) {
    std::vector<TargetFailure> out;
    const auto until = target.now() + patience;
    while (out.empty() && target.now() < until) {
      std::vector<Event> events;
      target.wait(until, events);
      for (const auto& event : events)
        if (const auto* failure = std::get_if<TargetFailure>(&event); failure != nullptr && failure->attachment == id)
          out.push_back(*failure);
    }
    return out;
  }

  std::optional<Ground> ground;
  RemoteOptions options;
  Mail mail;
};

TEST_F(RemoteFailures, ATestersAddressMayBeNobodysHere) {
  options.agent.reset();
  EXPECT_EQ(refusal(), "");
  Ground::must(Ground::must(Netlink::open()).add_address("control0", Ground::address("10.9.128.77")));
  EXPECT_THAT(refusal(), HasSubstr("10.9.128.77 is an address of this machine (control0)"));
  EXPECT_THAT(refusal(), HasSubstr("ip address del 10.9.128.77 dev control0"));
}

TEST_F(RemoteFailures, NorMayTheGateways) {
  Ground::must(Ground::must(Netlink::open()).add_address("wire0", Ground::address("10.9.0.3")));
  EXPECT_THAT(refusal(), HasSubstr("10.9.0.3 is an address of this machine (wire0)"));
}

TEST_F(RemoteFailures, TheInterfaceIsAnEthernetThatIsUp) {
  options.interface = "wire7";
  EXPECT_THAT(refusal(), HasSubstr("interface wire7: No such device"));
  options.interface = "lo";
  EXPECT_THAT(refusal(), HasSubstr("lo is no Ethernet interface"));
  options.interface = "a-name-that-is-too-long";
  EXPECT_THAT(refusal(), HasSubstr("cannot be an interface's name"));
}

TEST_F(RemoteFailures, ATargetThatIsNotThereIsToldOf) {
  options.ipv4->address = Ground::address("10.9.0.77");
  EXPECT_THAT(refusal(), HasSubstr("nobody on wire0 says that it has 10.9.0.77"));
}

TEST_F(RemoteFailures, AnAgentThatIsNotThereIsToldOf) {
  EXPECT_THAT(refusal(), HasSubstr("connect to the agent 10.8.0.2:7777: Connection refused"));
  EXPECT_THAT(refusal(), HasSubstr("tcpspec-agent --listen 10.8.0.2:7777"));
}

TEST_F(RemoteFailures, WithoutAnAgentNothingIsCalled) {
  options.agent.reset();
  const auto target = Ground::must(open_remote_target(options));
  EXPECT_FALSE(target->description().capabilities.contains("listen"));
  EXPECT_FALSE(target->description().capabilities.contains("connect"));
  EXPECT_FALSE(target->description().capabilities.contains("ipv6"));
  EXPECT_FALSE(target->attach({.family = packet::Family::ipv6}));
  Conversation talk(*target, mail, Ground::must(target->attach({})));
  EXPECT_EQ(talk.call(1, Listen{.port = talk.attachment().port}).error, ENOTSUP);
  talk.send(Flags::syn);
  EXPECT_EQ(talk.next(), "RA");
}

TEST_F(RemoteFailures, WhatIsNotToBeBelievedIsLeftOut) {
  const auto agent = ground->start_agent();
  options.without = {"urgent"};
  const auto target = Ground::must(open_remote_target(options));
  EXPECT_FALSE(target->description().capabilities.contains("urgent"));
  EXPECT_TRUE(target->description().capabilities.contains("listen"));
}

TEST_F(RemoteFailures, AnAgentServesOneTesterAtATime) {
  const auto agent = ground->start_agent();
  auto first = Ground::must(open_remote_target(options));
  EXPECT_THAT(refusal(), HasSubstr("one tester at a time"));
  Conversation talk(*first, mail, Ground::must(first->attach({})));
  talk.establish(1, 2);
  first.reset();
  EXPECT_EQ(agent->line(), "a tester has come");
  EXPECT_EQ(agent->line(), "a second tester is turned away");
  EXPECT_EQ(agent->line(), "the tester has gone");
  EXPECT_EQ(refusal(), "");
}

TEST_F(RemoteFailures, TheEndOfTheConnectionEndsAllSockets) {
  const auto agent = ground->start_agent();
  options.ipv4->testers = *Network::parse("10.9.128.0/30");
  options.last_port = options.first_port + 3;
  auto first = Ground::must(open_remote_target(options));
  Conversation talk(*first, mail, Ground::must(first->attach({})));
  talk.establish(1, 2);
  first.reset();
  ASSERT_EQ(agent->line(), "a tester has come");
  ASSERT_EQ(agent->line(), "the tester has gone");
  const auto second = Ground::must(open_remote_target(options));
  auto place = Ground::must(second->attach({}));
  if (place.tester != talk.attachment().tester) {  // then the other one
    second->detach(place.id);
    place = Ground::must(second->attach({}));
  }
  Mail mail_of_second;
  Conversation again(*second, mail_of_second, place);
  // The same addresses and ports as before: nobody listens, and nothing is left of the connection.
  EXPECT_EQ(again.attachment().tester, talk.attachment().tester);
  again.snd_nxt = talk.snd_nxt;
  again.rcv_nxt = talk.rcv_nxt;
  again.send(Flags::ack);
  EXPECT_EQ(again.next(), "R");
}

TEST_F(RemoteFailures, AnAgentThatDiesSpoilsTheTestsThatCalled) {
  auto agent = ground->start_agent();
  const auto target = Ground::must(open_remote_target(options));
  Conversation caller(*target, mail, Ground::must(target->attach({})));
  Conversation silent(*target, mail, Ground::must(target->attach({})));
  ASSERT_EQ(caller.call(1, Listen{.port = caller.attachment().port}).error, 0);
  agent->end();
  const auto failed = failures(*target, caller.attachment().id);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].kind, TargetFailure::Kind::garbled);
  EXPECT_THAT(failed[0].what, HasSubstr("the control connection to the agent 10.8.0.2:7777 has ended"));
  silent.send(Flags::syn);
  EXPECT_EQ(silent.next(), "RA");

  EXPECT_THAT(target->attach({}).error().what, HasSubstr("connect to the agent"));
  agent = ground->start_agent();
  Conversation next(*target, mail, Ground::must(target->attach({})));
  next.establish(1, 2);
}

TEST_F(RemoteFailures, AnAgentThatStaysAwayIsNotAskedForEver) {
  auto agent = ground->start_agent();
  const auto target = Ground::must(open_remote_target(options));
  Conversation caller(*target, mail, Ground::must(target->attach({})));
  ASSERT_EQ(caller.call(1, Listen{.port = caller.attachment().port}).error, 0);
  agent->end();
  // Noticed by a call, before any wait.
  caller.start(1, State{});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(target->attach({}).error().what, HasSubstr("connect to the agent"));
  agent = ground->start_agent();
  EXPECT_THAT(target->attach({}).error().what, HasSubstr("has ended"));
  EXPECT_EQ(failures(*target, caller.attachment().id).size(), 1u);
}

TEST_F(RemoteFailures, AnAgentSurvivesWhatIsNoMessage) {
  const auto agent = ground->start_agent();
  const Bytes bad[] = {Bytes(100, std::byte{0xff}), Bytes(100, std::byte{0}), bytes_of("GET / HTTP/1.0\r\n\r\n")};
  for (const auto& octets : bad) {
    const Descriptor connection{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const SocketAddress place(*options.agent);
    ASSERT_EQ(connect(connection.get(), place.pointer(), place.size()), 0);
    ASSERT_GT(send(connection.get(), octets.data(), octets.size(), MSG_NOSIGNAL), 0);
    std::array<char, 100> answer{};
    EXPECT_LE(recv(connection.get(), answer.data(), answer.size(), 0), 0);
  }
  EXPECT_EQ(refusal(), "");
}

// A virtual wire at whose other end a network card is thought to finish the segments.
TEST_F(RemoteFailures, UnfinishedSegmentsAreNotTheTargetsFault) {
  make(Ground::Offloads::on);
  const auto agent = ground->start_agent();
  const auto target = Ground::must(open_remote_target(options));
  Conversation talk(*target, mail, Ground::must(target->attach({})));
  ASSERT_EQ(talk.call(1, Listen{.port = talk.attachment().port}).error, 0);
  talk.send(Flags::syn);
  const auto failed = failures(*target, talk.attachment().id);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].kind, TargetFailure::Kind::garbled);
  EXPECT_THAT(failed[0].what, HasSubstr("the other end of wire0 is virtual and has offloads on"));
  EXPECT_THAT(failed[0].what, HasSubstr("ethtool -K"));
}

TEST_F(RemoteFailures, TestersAndPortsComeToAnEndAndComeBack) {
  options.agent.reset();
  options.ipv4->testers = *Network::parse("10.9.128.0/30");
  const auto target = Ground::must(open_remote_target(options));
  EXPECT_EQ(target->description().most_attachments, 2u);
  const auto first = Ground::must(target->attach({}));
  const auto second = Ground::must(target->attach({}));
  EXPECT_NE(first.tester, second.tester);
  EXPECT_NE(first.port, second.port);
  EXPECT_THAT(target->attach({}).error().what, HasSubstr("are in use"));
  target->detach(first.id);
  EXPECT_EQ(Ground::must(target->attach({})).tester, first.tester);
}

}  // namespace
}  // namespace tcpspec::target
