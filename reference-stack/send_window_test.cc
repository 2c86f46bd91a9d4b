// The window that the peer offers, as a conversation with the whole stack: RFC 9293
// section 3.10.7.4, fifth check, SND.WND, SND.WL1 and SND.WL2.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "packet/segment_view.hh"
#include "reference/stack.hh"
#include "reference/test_octets.hh"

namespace tcpspec::reference {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using packet::Seq32;

constexpr Seq32 peer_iss{0xffffffff - 50};  // its numbers wrap soon

// A peer that connects to the stack, announces an MSS of 1000 octets and nothing else, and
// says what it is told to say. Numbers are relative: octet 0 is the first one of text.
class SendWindow : public testing::Test {
 protected:
  void connect(std::uint16_t window) {
    const auto listener = *stack.open(packet::Family::ipv4);
    ASSERT_TRUE(stack.listen(listener, server.port, 1));
    packet::Segment syn = segment(Flags::syn, window);
    syn.seq = peer_iss;
    syn.options = {packet::Mss{1000}};
    if (scaling) syn.options.push_back(packet::WindowScale{*scaling});
    arrive(syn);
    const auto answer = stack.take_output();
    ASSERT_EQ(answer.size(), 1u);
    iss = packet::SegmentView(answer[0]).seq();
    arrive(segment(Flags::ack, window));
    socket = *stack.accept(listener);
  }
  packet::Segment segment(packet::Flags flags, std::uint16_t window) {
    packet::Segment made;
    made.source = peer;
    made.destination = server;
    made.flags = flags;
    made.seq = peer_iss + 1U;
    made.ack = iss + 1U;
    made.window = window;
    return made;
  }
  struct Say {
    std::uint32_t from = 0, octets = 0;  // of the peer's text
    std::uint32_t acknowledged = 0;      // of the stack's
    std::uint16_t window = 0;
  };
  void say(const Say& what) {
    auto made = segment(Flags::ack, what.window);
    made.seq += what.from;
    made.ack += what.acknowledged;
    made.payload = test::octets_from(made.seq, what.octets);
    arrive(made);
  }
  void arrive(const packet::Segment& what) { stack.input(packet::serialize(what), now); }
  void send(std::size_t octets) { ASSERT_EQ(stack.send(socket, packet::Bytes(octets), SendKind::pushed, now), octets); }
  // The octets of text that were sent since the last time: first and behind the last one.
  std::vector<std::pair<int, int>> sent() {
    std::vector<std::pair<int, int>> ranges;
    for (const auto& datagram : stack.take_output()) {
      const packet::SegmentView view(datagram);
      const int from = packet::distance(iss + 1U, view.seq());
      if (!view.payload().empty()) ranges.emplace_back(from, from + static_cast<int>(view.payload().size()));
    }
    return ranges;
  }

  std::optional<std::uint8_t> scaling;  // that the peer offers
  Instant now{1s};
  Stack stack{Settings{}};
  const Endpoint server{Settings{}.ipv4, 80};
  const Endpoint peer{packet::Address::ipv4(10, 0, 0, 9), 4000};
  Seq32 iss;
  SocketId socket = 0;
};

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// RFC 7323 section 2.2: the window on a segment with SYN is not scaled, where the SYN itself lies before
// the window and only the text behind it is new, either.
TEST_F(SendWindow, ASynThatIsTrimmedOffScalesNoWindow) {
  scaling = 9;
  connect(2);
  send(1499);
  ASSERT_THAT(sent(), ElementsAre(Pair(0, 1000)));
  auto odd = segment(packet::Flags::syn | packet::Flags::ack, 2);
  odd.seq = odd.seq - 400U;
  odd.ack += 1000U;
  odd.payload = test::octets_from(odd.seq, 500);
  arrive(odd);
  EXPECT_THAT(sent(), IsEmpty()) << "two octets are offered, less than a segment";
}

// What the peer sends again, to fill a gap, has an old SEG.SEQ and a new SEG.ACK. Its window may
// not be taken (SND.WL1 > SEG.SEQ), and SND.UNA moves on: the right edge that was offered stays.
TEST_F(SendWindow, AnOldSegmentWithANewAcknowledgmentMovesNoRightEdge) {
  connect(3000);
  send(6000);
  ASSERT_THAT(sent(), ElementsAre(Pair(0, 1000), Pair(1000, 2000), Pair(2000, 3000)));
  say({.from = 100, .octets = 100, .acknowledged = 0, .window = 3000});
  ASSERT_THAT(sent(), IsEmpty());
  say({.from = 0, .octets = 100, .acknowledged = 2000, .window = 1000});
  EXPECT_THAT(sent(), IsEmpty()) << "the peer has offered 3000 octets and no more";
  say({.from = 200, .octets = 0, .acknowledged = 2000, .window = 2000});
  EXPECT_THAT(sent(), ElementsAre(Pair(3000, 4000)));
}

// The whole window is acknowledged by such a segment: nothing may go, and nothing goes again.
TEST_F(SendWindow, AnOldSegmentMayUseUpTheWindow) {
  connect(2000);
  send(4000);
  ASSERT_THAT(sent(), ElementsAre(Pair(0, 1000), Pair(1000, 2000)));
  say({.from = 100, .octets = 100, .acknowledged = 0, .window = 2000});
  say({.from = 0, .octets = 100, .acknowledged = 2000, .window = 2000});
  EXPECT_THAT(sent(), IsEmpty());
  say({.from = 200, .octets = 0, .acknowledged = 2000, .window = 2000});
  EXPECT_THAT(sent(), ElementsAre(Pair(2000, 3000), Pair(3000, 4000)));
}

}  // namespace
}  // namespace tcpspec::reference
