#include "target/remote/ethernet.hh"

#include <gtest/gtest.h>

#include <initializer_list>

#include "packet/segment_view.hh"

namespace tcpspec::target {
namespace {

constexpr MacAddress ours{0x02, 0xaa, 0, 0, 0, 1};
constexpr MacAddress theirs{0x02, 0xbb, 0, 0, 0, 2};
constexpr MacAddress everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

packet::Address address(const char* text) {
  return *packet::Address::parse(text);
}
Bytes octets(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}
const Frame view(const Bytes& frame) {
  return view_frame(frame).value();
}

// RFC 826, as any implementation writes it.
Bytes arp(int operation, std::initializer_list<int> sender, std::initializer_list<int> target) {
  auto frame = octets({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0xbb,      0,    0,    0, 2, 0x08, 0x06,
                       0,    1,    0x08, 0,    6,    4,    0,    operation, 0x02, 0xbb, 0, 0, 0,    2});
  for (const auto& part : {octets(sender), octets({0, 0, 0, 0, 0, 0}), octets(target)})
    frame.insert(frame.end(), part.begin(), part.end());
  return frame;
}

TEST(Ethernet, AnArpRequestIsAQuestionAndTellsOfTheAsker) {
  const auto frame = arp(1, {10, 9, 0, 2}, {10, 9, 0, 130});
  const auto question = read_question(view(frame));
  ASSERT_TRUE(question);
  EXPECT_EQ(to_string(question->wanted), "10.9.0.130");
  ASSERT_TRUE(question->asker);
  EXPECT_EQ(to_string(question->asker->address), "10.9.0.2");
  EXPECT_EQ(question->asker->mac, theirs);
  EXPECT_EQ(read_announcement(view(frame))->mac, theirs);
}

TEST(Ethernet, AnArpReplyIsNoQuestion) {
  const auto frame = arp(2, {10, 9, 0, 2}, {10, 9, 0, 130});
  EXPECT_FALSE(read_question(view(frame)));
  EXPECT_EQ(to_string(read_announcement(view(frame))->address), "10.9.0.2");
}

// RFC 5227: whoever has no address yet asks in nobody's name.
TEST(Ethernet, AnArpProbeHasNoAsker) {
  const auto frame = arp(1, {0, 0, 0, 0}, {10, 9, 0, 130});
  ASSERT_TRUE(read_question(view(frame)));
  EXPECT_FALSE(read_question(view(frame))->asker);
  EXPECT_FALSE(read_announcement(view(frame)));
}

TEST(Ethernet, TheAnswerToAnArpRequestGoesToTheAsker) {
  const auto asked = arp(1, {10, 9, 0, 2}, {10, 9, 0, 130});
  auto answer = answer_frame(*read_question(view(asked)), ours);
  answer.resize(ethernet_header + 28);  // without padding
  EXPECT_EQ(answer,
            octets({0x02, 0xbb, 0, 0, 0, 2, 0x02, 0xaa, 0, 0,   0,    1,    0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2,  //
                    0x02, 0xaa, 0, 0, 0, 1, 10,   9,    0, 130, 0x02, 0xbb, 0,    0,    0, 2, 10,   9, 0, 2}));
}

TEST(Ethernet, OurArpQuestionGoesToAllOrToOne) {
  const Neighbour asker{.address = address("10.9.0.130"), .mac = ours};
  const auto to_all = question_frame(address("10.9.0.2"), asker, std::nullopt);
  EXPECT_EQ(view(to_all).destination, everybody);
  EXPECT_EQ(to_string(read_question(view(to_all))->wanted), "10.9.0.2");
  EXPECT_EQ(read_question(view(to_all))->asker->mac, ours);
  EXPECT_EQ(view(question_frame(address("10.9.0.2"), asker, theirs)).destination, theirs);
}

TEST(Ethernet, ASolicitationGoesToTheGroupOfTheWantedAddress) {
  const Neighbour asker{.address = address("fd09::1:1"), .mac = ours};
  const auto frame = question_frame(address("fd09::2:3456:789a"), asker, std::nullopt);
  EXPECT_EQ(view(frame).destination, (MacAddress{0x33, 0x33, 0xff, 0x56, 0x78, 0x9a}));
  const packet::SegmentView datagram(view(frame).payload);
  EXPECT_EQ(to_string(datagram.destination_address()), "ff02::1:ff56:789a");
  EXPECT_EQ(datagram.ttl(), 255);
  const auto question = read_question(view(frame));
  ASSERT_TRUE(question && question->asker);
  EXPECT_EQ(to_string(question->wanted), "fd09::2:3456:789a");
  EXPECT_EQ(to_string(question->asker->address), "fd09::1:1");
  EXPECT_EQ(question->asker->mac, ours);
}

TEST(Ethernet, AnAdvertisementAnswersASolicitation) {
  const Neighbour asker{.address = address("fd09::2"), .mac = theirs};
  const auto asked = question_frame(address("fd09::1:1"), asker, ours);
  const auto frame = answer_frame(*read_question(view(asked)), ours);
  EXPECT_EQ(view(frame).destination, theirs);
  const packet::SegmentView datagram(view(frame).payload);
  EXPECT_EQ(to_string(datagram.source_address()), "fd09::1:1");
  EXPECT_EQ(to_string(datagram.destination_address()), "fd09::2");
  // RFC 4861 section 4.4: an advertisement, solicited, overriding.
  EXPECT_EQ(std::to_integer<int>(datagram.ip_payload()[0]), 136);
  EXPECT_EQ(std::to_integer<int>(datagram.ip_payload()[4]), 0x60);
  EXPECT_FALSE(read_question(view(frame)));
  const auto said = read_announcement(view(frame));
  ASSERT_TRUE(said);
  EXPECT_EQ(to_string(said->address), "fd09::1:1");
  EXPECT_EQ(said->mac, ours);
}

// RFC 4861 section 7.2.4.
TEST(Ethernet, WhoLooksWhetherAnAddressIsFreeHearsItWithAllOthers) {
  const Neighbour nobody{.address = address("::"), .mac = theirs};
  const auto asked = question_frame(address("fd09::1:1"), nobody, std::nullopt);
  ASSERT_FALSE(read_question(view(asked))->asker);
  const auto frame = answer_frame(*read_question(view(asked)), ours);
  EXPECT_EQ(view(frame).destination, (MacAddress{0x33, 0x33, 0, 0, 0, 1}));
  const packet::SegmentView datagram(view(frame).payload);
  EXPECT_EQ(to_string(datagram.destination_address()), "ff02::1");
  EXPECT_EQ(std::to_integer<int>(datagram.ip_payload()[4]), 0x20);
}

TEST(Ethernet, DiscoveryFromBeyondTheLinkIsNotBelieved) {
  auto frame = question_frame(address("fd09::1:1"), {.address = address("fd09::2"), .mac = theirs}, ours);
  constexpr std::size_t hop_limit = ethernet_header + 7;
  frame[hop_limit] = std::byte{254};
  EXPECT_FALSE(read_question(view(frame)));
  EXPECT_FALSE(read_announcement(view(frame)));
  EXPECT_TRUE(is_neighbour_talk(view(frame)));
}

TEST(Ethernet, WhatIsCutShortIsNothing) {
  for (const auto& whole :
       {arp(1, {10, 9, 0, 2}, {10, 9, 0, 130}),
        question_frame(address("fd09::1:1"), {.address = address("fd09::2"), .mac = theirs}, ours)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto frame = view_frame(BytesView(whole).first(size));
      if (size < ethernet_header) {
        EXPECT_FALSE(frame);
        continue;
      }
      if (const auto question = read_question(*frame)) {
        // Without its option a solicitation is still one.
        EXPECT_EQ(to_string(question->wanted), "fd09::1:1");
        EXPECT_EQ(question->asker->mac, theirs);
      }
    }
  }
}

packet::Segment segment() {
  packet::Segment out;
  out.source = {address("10.9.0.2"), 80};
  out.destination = {address("10.9.0.130"), 4000};
  out.flags = packet::Flags::rst;
  return out;
}

TEST(Ethernet, ADatagramIsWhatItSaysOfItselfWithoutPadding) {
  const auto datagram = packet::serialize(segment());
  auto frame = frame_of(theirs, ours, packet::Family::ipv4, datagram);
  frame.resize(60);  // as a driver pads it
  EXPECT_EQ(view(frame).source, ours);
  const auto found = datagram_in(view(frame));
  EXPECT_EQ(Bytes(found.begin(), found.end()), datagram);
  EXPECT_FALSE(is_neighbour_talk(view(frame)));
}

TEST(Ethernet, ALengthThatLiesBeyondPaddingIsLeftToTheTests) {
  auto long_one = segment();
  long_one.payload = Bytes(100, std::byte{1});
  const auto datagram = packet::serialize(long_one, {.ip_total_length = std::uint16_t{50}});
  const auto frame = frame_of(theirs, ours, packet::Family::ipv4, datagram);
  const auto found = datagram_in(view(frame));
  EXPECT_EQ(Bytes(found.begin(), found.end()), datagram);
}

}  // namespace
}  // namespace tcpspec::target
