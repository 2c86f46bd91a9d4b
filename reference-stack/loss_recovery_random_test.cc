// LossRecovery against a peer that is honest behind a network that is not, and against a
// peer that is not. The peer is a ReceiveBuffer, so that the two are tried with each other.
#include <gtest/gtest.h>

#include <deque>

#include "reference/test_octets.hh"
#include "reference/test_sender.hh"

namespace tcpspec::reference {
namespace {

using packet::distance;
using test::kFirst;
using test::kSmss;
using test::Sender;
using test::Sent;

constexpr std::uint32_t kOctets = 60'000;
constexpr int kMostSackBlocks = 3;

// What must be true of everything that is ever sent.
void check(const Sender& sender, const std::vector<Sent>& sent) {
  for (const Sent& segment : sent) {
    ASSERT_GT(segment.octets, 0u);
    ASSERT_LE(segment.octets, sender.loss.smss());
    const SackBlock range{test::at(segment.from), test::at(segment.from + segment.octets)};
    ASSERT_GE(distance(sender.flight.una, range.left), 0);
    ASSERT_GE(distance(range.right, sender.flight.nxt), 0);
    for (const SackBlock& reported : sender.loss.sacked())
      ASSERT_FALSE(distance(range.left, reported.right) > 0 && distance(reported.left, range.right) > 0)
          << "octets were sent again that had arrived: " << segment;
  }
}

class Network {
 public:
  explicit Network(LossRecovery::Sack sack, test::Random& random)
      : sack_(sack), sender_(sack), peer_(kFirst, kOctets, 256), random_(random) {
    sender_.unsent = kOctets;
  }

  // How many timeouts the transfer took; ends early after `most_events`.
  int run(std::uint32_t lossiness, int most_events) {
    int timeouts = 0;
    send();
    for (int event = 0; event < most_events && !done(); ++event) {
      if (!segments_.empty()) {
        deliver_segment(lossiness);
      } else if (!acks_.empty()) {
        deliver_ack();
      } else {
        ++timeouts;
        sender_.time_out();
      }
      send();
      if (::testing::Test::HasFatalFailure()) break;
    }
    return timeouts;
  }
  [[nodiscard]] bool done() const { return sender_.unsent == 0 && sender_.flight.una == sender_.flight.nxt; }

 private:
  struct Ack {
    Seq32 number;
    std::vector<SackBlock> blocks;
  };

  void send() {
    const auto sent = sender_.send();
    check(sender_, sent);
    segments_.insert(segments_.end(), sent.begin(), sent.end());
  }
  // Mostly in order; now and then one is overtaken, or arrives twice.
  void deliver_segment(std::uint32_t lossiness) {
    if (segments_.size() > 1 && random_.once_in(10)) std::swap(segments_[0], segments_[1]);
    const Sent segment = segments_.front();
    if (!random_.once_in(20)) segments_.pop_front();
    if (random_.once_in(lossiness)) return;
    receive(test::at(segment.from), segment.octets);
    acks_.push_back({peer_.next(), peer_.take_sack_blocks(sack_ == LossRecovery::Sack::yes ? kMostSackBlocks : 0)});
    if (random_.once_in(2)) deliver_ack();
  }
  void receive(Seq32 left, std::uint32_t octets) {
    const Seq32 right = left + octets;
    if (distance(left, peer_.next()) > 0) {
      peer_.note_duplicate(left, right);
      left = peer_.next();
    }
    if (distance(left, right) > 0)
      peer_.insert(left, test::octets_from(left, static_cast<std::size_t>(distance(left, right))));
  }
  void deliver_ack() {
    const Ack ack = acks_.front();
    acks_.pop_front();
    const std::int32_t moves = distance(sender_.flight.una, ack.number);
    if (moves > 0) sender_.acknowledge(ack.number, ack.blocks);
    if (moves == 0 && sender_.flight.una != sender_.flight.nxt) sender_.duplicate(ack.blocks);
  }

  LossRecovery::Sack sack_;
  Sender sender_;
  ReceiveBuffer peer_;
  test::Random& random_;
  std::deque<Sent> segments_;
  std::deque<Ack> acks_;
};

struct LossRecoveryRandom : ::testing::TestWithParam<LossRecovery::Sack> {};
INSTANTIATE_TEST_SUITE_P(All, LossRecoveryRandom, ::testing::Values(LossRecovery::Sack::no, LossRecovery::Sack::yes));

TEST_P(LossRecoveryRandom, EverythingArrivesThroughALossyNetwork) {
  test::Random random;
  for (const std::uint32_t lossiness : {2U, 5U, 20U, 100U})
    for (int run = 0; run < 50; ++run) {
      Network network(GetParam(), random);
      network.run(lossiness, 20'000);
      if (HasFatalFailure()) return;
      ASSERT_TRUE(network.done()) << "one in " << lossiness << " is lost, run " << run;
    }
}

// Reordering by one and duplicates are no losses: no timeout, ever.
TEST_P(LossRecoveryRandom, NoTimeoutIsNeededWhereNothingIsLost) {
  test::Random random;
  for (int run = 0; run < 50; ++run) {
    Network network(GetParam(), random);
    ASSERT_EQ(network.run(0xffffffff, 20'000), 0) << "run " << run;
    ASSERT_TRUE(network.done());
  }
}

// A peer that says anything, and a connection that lets nothing pass but what SND.UNA and SND.NXT allow.
TEST_P(LossRecoveryRandom, AnAbsurdPeerBreaksNothing) {
  test::Random random;
  for (int run = 0; run < 200; ++run) {
    Sender sender(GetParam());
    for (int event = 0; event < 300; ++event) {
      check(sender, sender.send());
      if (HasFatalFailure()) return;
      ASSERT_LE(sender.loss.sacked().size(), 256u);
      ASSERT_GE(sender.loss.cwnd(), sender.loss.smss());
      const auto in_flight = static_cast<std::uint32_t>(distance(sender.flight.una, sender.flight.nxt));
      const auto anywhere = [&] { return sender.flight.una + random.below(in_flight + 200) - 100; };
      std::vector<SackBlock> blocks;
      while (!random.once_in(3)) blocks.push_back({anywhere(), anywhere()});
      switch (random.below(12)) {
        case 0:
          sender.time_out();
          break;
        case 1:
          sender.loss.restart_after_idle();
          break;
        case 2:
          sender.loss.smss_became(1 + random.below(2000));
          break;
        case 3:
          sender.loss.resend_all(sender.flight);
          break;
        case 4:
        case 5:
        case 6:
          sender.acknowledge(sender.flight.una + random.below(in_flight + 1), blocks);
          break;
        default:
          if (in_flight > 0) sender.duplicate(blocks);
      }
    }
  }
}

}  // namespace
}  // namespace tcpspec::reference
