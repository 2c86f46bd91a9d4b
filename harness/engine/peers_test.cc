// A peer beside the script: when it hears what, what is kept from it, and what its segments do.

#include "engine/peer.hh"

#include <gmock/gmock.h>

#include <algorithm>

#include "engine/test_rig.hh"

namespace tcpspec::engine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A peer with the test in its place: it writes down what happens to it, and says what the test
// tells it to.
struct Notes {
  PeerPlace place;
  std::vector<PeerAdoption> adopted;
  std::vector<std::string> log;
  std::vector<Bytes> heard;
  Bytes written;
  std::vector<Bytes> to_say;  // at once
  std::vector<Bytes> answer;  // to the next datagram that arrives
  std::optional<Instant> deadline;
};

class FakePeer final : public Peer {
 public:
  explicit FakePeer(Notes& notes) : notes_(notes) {}
  void adopt(const PeerAdoption& adoption, Instant) override {
    notes_.adopted.push_back(adoption);
    log("adopt");
  }
  void listen() override { log("listen"); }
  void open(const packet::Endpoint& target, Instant) override { log("open " + std::to_string(target.port)); }
  void send(Bytes octets, Instant) override {
    notes_.written.insert(notes_.written.end(), octets.begin(), octets.end());
    log("send");
  }
  void shutdown(Instant) override { log("shutdown"); }
  void abort(Instant) override { log("abort"); }
  void read(Reading reading, Instant) override { log(reading == Reading::at_once ? "read on" : "read off"); }
  void arrives(packet::BytesView datagram, Instant) override {
    notes_.heard.emplace_back(datagram.begin(), datagram.end());
    log("arrives");
    for (auto& said : std::exchange(notes_.answer, {})) notes_.to_say.push_back(std::move(said));
  }
  void advance(Instant now) override {
    if (notes_.deadline && *notes_.deadline <= now) {
      notes_.deadline.reset();
      log("timer");
    }
  }
  std::optional<Instant> deadline() const override { return notes_.deadline; }
  std::vector<Bytes> take_output() override { return std::exchange(notes_.to_say, {}); }

 private:
  void log(std::string what) { notes_.log.push_back(std::move(what)); }
  Notes& notes_;
};

struct PeerRig {
  explicit PeerRig(std::string_view keys) : rig(keys, setup(*notes)) {}
  static Setup setup(Notes& notes) {
    Setup setup;
    setup.make_peer = [&notes](const PeerPlace& place) {
      notes.place = place;
      return std::make_unique<FakePeer>(notes);
    };
    return setup;
  }
  // A segment of the peer; numbers relative to the two ISS.
  Bytes segment(std::string_view flags, std::uint32_t seq, std::uint32_t ack, std::size_t len = 0) const {
    packet::Segment out;
    out.source = {packet::Address::ipv4(10, 1, 0, 1), rig.tester_port};
    out.destination = {packet::Address::ipv4(10, 0, 0, 1), rig.target_port};
    out.flags = packet::Flags::parse(flags).value();
    out.seq = packet::Seq32(rig.iss.at(rig.tester_port) + seq);
    out.ack = packet::Seq32(Rig::target_iss + ack);
    out.window = 60000;
    for (std::size_t i = 0; i < len; ++i) out.payload.push_back(pattern_octet(Stream::from_tester, seq - 1 + i));
    return packet::serialize(out);
  }
  [[nodiscard]] std::uint32_t ours(packet::Seq32 seq) const { return seq.raw() - rig.iss.at(rig.tester_port); }
  static std::uint32_t targets(packet::Seq32 seq) { return seq.raw() - Rig::target_iss; }

  std::unique_ptr<Notes> notes = std::make_unique<Notes>();
  Rig rig;
};

using Fin = PeerAdoption::Fin;

// ---- adoption

TEST(PeerAdoption, TakesTheNumbersThatTheScriptHasComeTo) {
  PeerRig t("given: ESTABLISHED\npeer: auto\nsteps: [wait: 1s]");
  t.rig.establish();
  ASSERT_EQ(t.notes->adopted.size(), 1u);
  const auto& adopted = t.notes->adopted[0];
  EXPECT_EQ(t.ours(adopted.snd_una), 1u);
  EXPECT_EQ(t.ours(adopted.snd_nxt), 1u);
  EXPECT_EQ(t.targets(adopted.rcv_nxt), 1u);
  EXPECT_EQ(t.targets(adopted.acknowledged), 1u);
  EXPECT_EQ(adopted.snd_wnd, 65000u);
  EXPECT_EQ(adopted.rcv_wnd, 65535u);
  EXPECT_EQ(adopted.target_mss, 1460);
  EXPECT_EQ(adopted.own, Fin::none);
  EXPECT_EQ(adopted.targets, Fin::none);
  EXPECT_FALSE(adopted.ts_recent || adopted.shifts);
  EXPECT_EQ(adopted.sack, PeerAdoption::Sack::no);
  EXPECT_EQ(t.notes->place.tester.port, t.rig.tester_port);
  EXPECT_EQ(t.notes->place.iss, adopted.iss);
}

TEST(PeerAdoption, TakesWhatTheSynsAgreedOn) {
  PeerRig t(
      "given: {state: ESTABLISHED, options: [mss: 1000, sack_permitted, ts, wscale: 3]}\npeer: auto\nsteps: [wait: "
      "1s]");
  t.rig.complete_last();
  t.rig.go();
  t.rig.reply(
      {"SA",
       0,
       1,
       0,
       65000,
       {packet::Mss{1400}, packet::SackPermitted{}, packet::Timestamps{77, 0xfffff000u}, packet::WindowScale{5}}});
  t.rig.complete_last();
  t.rig.go();
  ASSERT_EQ(t.notes->adopted.size(), 1u);
  const auto& adopted = t.notes->adopted[0];
  EXPECT_EQ(adopted.announced_mss, 1000);
  EXPECT_EQ(adopted.target_mss, 1400);
  EXPECT_EQ(adopted.sack, PeerAdoption::Sack::yes);
  EXPECT_EQ(adopted.ts_recent, 77u);
  ASSERT_TRUE(adopted.shifts);
  EXPECT_EQ(adopted.shifts->of_tester, 3);
  EXPECT_EQ(adopted.shifts->of_target, 5);
  EXPECT_EQ(adopted.snd_wnd, 65000u) << "of a SYN: not scaled";
}

TEST(PeerAdoption, KnowsWhatIsInFlight) {
  PeerRig t(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 5}\n  - send: {flags: PA, text: abc}\n  - peer: auto");
  t.rig.establish();
  ASSERT_EQ(t.notes->adopted.size(), 1u);
  const auto& adopted = t.notes->adopted[0];
  EXPECT_EQ(t.ours(adopted.snd_una), 1u);
  EXPECT_EQ(t.ours(adopted.snd_nxt), 9u);
  ASSERT_EQ(adopted.in_flight.size(), 8u);
  EXPECT_EQ(adopted.in_flight[4], pattern_octet(Stream::from_tester, 4));
  EXPECT_EQ(adopted.in_flight[5], std::byte{'a'});
}

TEST(PeerAdoption, KnowsTheFins) {
  PeerRig t("given: FIN-WAIT-1\nsteps:\n  - peer: auto\n  - wait: 1s");
  t.rig.establish();
  t.rig.reply({"FA", 1, 1});
  t.rig.complete_last();
  t.rig.go();
  t.rig.reply({"FA", 1, 1});
  ASSERT_EQ(t.notes->adopted.size(), 1u);
  const auto& adopted = t.notes->adopted[0];
  EXPECT_EQ(adopted.targets, Fin::sent);
  EXPECT_EQ(adopted.own, Fin::none);
  EXPECT_EQ(t.targets(adopted.acknowledged), 1u);
  EXPECT_EQ(t.targets(adopted.rcv_nxt), 2u);
}

TEST(PeerAdoption, KnowsItsOwnFin) {
  PeerRig t(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: FA}\n  - peer: auto\n  - expect-stream: {acked: 2}\n  - peer: "
      "auto\n"
      "  - wait: 1s");
  t.rig.establish();
  ASSERT_EQ(t.notes->adopted.size(), 1u);
  EXPECT_EQ(t.notes->adopted[0].own, Fin::sent);
  EXPECT_THAT(t.notes->adopted[0].in_flight, IsEmpty());
  t.rig.reply({"A", 1, 2});
  ASSERT_EQ(t.notes->adopted.size(), 2u);
  EXPECT_EQ(t.notes->adopted[1].own, Fin::acknowledged);
}

TEST(PeerAdoption, HearsWhatTheScriptHasNotTakenNoticeOf) {
  PeerRig t("given: ESTABLISHED\nsteps:\n  - wait: 10ms\n  - peer: auto\n  - expect: {flags: A, len: 100}");
  t.rig.establish();
  t.rig.calls.clear();
  t.rig.arrive({"A", 1, 1, 100});
  t.rig.pass(5ms);
  EXPECT_THAT(t.notes->log, IsEmpty());
  t.rig.pass(5ms);
  EXPECT_THAT(t.notes->log, ElementsAre("adopt", "arrives"));
}

TEST(PeerAdoption, ListensWhereNobodyHasOpened) {
  PeerRig t("peer: auto\nsteps:\n  - send: {flags: S}");
  EXPECT_THAT(t.notes->log, ElementsAre("listen", "open 5000"));
}

// So that SYNs can cross: the target's has not been seen yet.
TEST(PeerAdoption, OpensToThePortThatTheTargetWasToldToUse) {
  PeerRig t("peer: auto\nsteps:\n  - {call: {connect: {local_port: 4000}}, as: opening}\n  - send: {flags: S}");
  EXPECT_THAT(t.notes->log, ElementsAre("listen", "open 4000"));
}

TEST(PeerAdoption, ASynThatWaitsForItsAnswerIsHeard) {
  PeerRig t("given: SYN-SENT\npeer: auto\nsteps: [wait: 1s]");
  t.rig.reply({"S", 0, 0, 0, 65000, {packet::Mss{1460}}});
  EXPECT_THAT(t.notes->log, ElementsAre("listen", "arrives"));
}

TEST(PeerAdoption, WithoutAPeerTheTestSaysNothing) {
  Rig rig("given: ESTABLISHED\npeer: auto\nsteps: [wait: 1s]");
  rig.establish();
  EXPECT_EQ(rig.verdict(), Verdict::inconclusive);
}

// ---- order

TEST(PeerOrder, AtOneInstantItHearsThenItsTimersRunThenTheScript) {
  PeerRig t(
      "given: ESTABLISHED\npeer: auto\nsteps:\n  - expect: {flags: A, len: 10}\n  - send: {data: 3}\n  - wait: 1s");
  t.rig.establish();
  t.notes->log.clear();
  t.notes->deadline = t.rig.now;
  t.rig.arrive({"A", 1, 1, 10});
  t.rig.go();
  EXPECT_THAT(t.notes->log, ElementsAre("arrives", "timer", "send"));
}

TEST(PeerOrder, TheEarlierDeadlineCounts) {
  PeerRig t("given: ESTABLISHED\npeer: auto\nsteps: [wait: 1s]");
  t.rig.establish();
  EXPECT_EQ(t.rig.play().deadline(), t.rig.now + 1s);
  t.notes->deadline = t.rig.now + 999ms;
  EXPECT_EQ(t.rig.play().deadline(), t.rig.now + 999ms);
  t.notes->deadline = t.rig.now + 1001ms;
  EXPECT_EQ(t.rig.play().deadline(), t.rig.now + 1s);
}

// ---- what it says

TEST(PeerSegments, CountAsTheTestersOwn) {
  PeerRig t("given: ESTABLISHED\npeer: auto\nsteps:\n  - wait: 1ms\n  - expect: {flags: A, ack: rcv_nxt}");
  t.rig.establish();
  t.notes->to_say.push_back(t.segment("PA", 1, 1, 20));
  t.rig.pass(1ms);
  EXPECT_EQ(t.rig.sent().payload().size(), 20u);
  t.rig.reply({"A", 1, 21});
  EXPECT_EQ(t.rig.verdict(), Verdict::pass);
  EXPECT_EQ(std::ranges::count_if(t.rig.outcome().trace, [](const auto& entry) { return entry.by_peer; }), 1);
}

// Its data counts though it acknowledges what no step has looked at.
TEST(PeerSegments, CountThoughTheScriptIsBehind) {
  PeerRig t(
      "given: ESTABLISHED\npeer: auto\nsteps:\n  - wait: 1ms\n  - capture: {x: rcv_nxt}\n"
      "  - expect: {flags: A, len: 100}\n  - expect: {flags: A, ack: x, len: 0}");
  t.rig.establish();
  t.notes->answer.push_back(t.segment("PA", 1, 101, 20));
  t.rig.arrive({"A", 1, 1, 100});
  t.rig.go();
  ASSERT_EQ(t.rig.sent().payload().size(), 20u);
  t.rig.pass(1ms);
  t.rig.reply({"A", 101, 21});
  EXPECT_EQ(t.rig.divergence(), nullptr);
}

TEST(PeerSends, WhatItsApplicationWrites) {
  PeerRig t(
      "given: ESTABLISHED\nsteps:\n  - send: {flags: PA, data: 5}\n  - peer: auto\n  - send: {data: 4}\n"
      "  - send: {flags: FA, text: end}\n  - send: {flags: R}\n  - peer: {reading: off}\n  - peer: {reading: on}");
  t.rig.establish();
  EXPECT_THAT(t.notes->log, ElementsAre("adopt", "send", "send", "shutdown", "abort", "read off", "read on"));
  ASSERT_EQ(t.notes->written.size(), 7u);
  EXPECT_EQ(t.notes->written[0], pattern_octet(Stream::from_tester, 5));
  EXPECT_EQ(t.notes->written[4], std::byte{'e'});
}

TEST(PeerSends, OffGivesTheConnectionBack) {
  PeerRig t("given: ESTABLISHED\npeer: auto\nsteps:\n  - peer: off\n  - send: {flags: PA, data: 5}\n  - wait: 1s");
  t.rig.establish();
  EXPECT_EQ(t.rig.sent().payload().size(), 5u);
  t.notes->log.clear();
  t.rig.reply({"A", 1, 6});
  EXPECT_THAT(t.notes->log, IsEmpty());
}

// ---- what is kept from it

constexpr std::string_view kInjected =
    "given: ESTABLISHED\npeer: auto\ntolerate: any\nsteps:\n  - wait: 1ms\n  - inject: {flags: S, seq: 0}\n  - wait: "
    "1s";

struct Injected : PeerRig {
  explicit Injected(std::string_view keys = kInjected) : PeerRig(keys) {
    rig.establish();
    rig.reply({"A", 1, 1, 0, 65000});  // the ACK that others repeat
    rig.pass(1ms);
    notes->heard.clear();
  }
  std::size_t heard_of(const Reply& reply) {
    notes->heard.clear();
    rig.reply(reply);
    return notes->heard.size();
  }
};

TEST(PeerHearing, AnAckThatRepeatsTheLastOneUntilItSendsSomething) {
  Injected t;
  EXPECT_EQ(t.heard_of({"A", 1, 1}), 0u);
  EXPECT_EQ(t.heard_of({"A", 1, 1}), 0u);
  EXPECT_EQ(t.heard_of({"A", 1, 1, 0, 64000}), 1u) << "another window";
  t.notes->to_say.push_back(t.segment("PA", 1, 1, 20));
  t.rig.go();
  EXPECT_EQ(t.heard_of({"A", 1, 1, 0, 64000}), 1u) << "it may answer what the peer sent";
}

TEST(PeerHearing, BeforeAnInjectItHearsEverything) {
  PeerRig t("given: ESTABLISHED\npeer: auto\ntolerate: any\nsteps: [wait: 1s]");
  t.rig.establish();
  t.rig.reply({"A", 1, 1});
  t.rig.reply({"A", 1, 1});
  t.rig.reply({"A", 1, 5});
  t.rig.reply({"R", 9, 0});
  EXPECT_EQ(t.notes->heard.size(), 4u);
}

TEST(PeerHearing, AnAcknowledgementOfWhatItNeverSent) {
  Injected t;
  EXPECT_EQ(t.heard_of({"A", 1, 2}), 0u);
  EXPECT_EQ(t.heard_of({"PA", 1, 2, 10}), 0u);
  t.notes->to_say.push_back(t.segment("PA", 1, 1, 20));
  t.rig.go();
  EXPECT_EQ(t.heard_of({"A", 1, 21}), 1u);
  EXPECT_EQ(t.heard_of({"A", 1, 22}), 0u);
}

TEST(PeerHearing, AResetThatIsNotAtItsRcvNxt) {
  Injected t;
  EXPECT_EQ(t.heard_of({"PA", 1, 1, 10}), 1u);
  EXPECT_EQ(t.heard_of({"R", 10, 0}), 0u);
  EXPECT_EQ(t.heard_of({"R", 12, 0}), 0u);
  EXPECT_EQ(t.heard_of({"R", 11, 0}), 1u);
}

TEST(PeerHearing, AnInjectedResetThatCountsEndsThePeer) {
  Injected t(
      "given: ESTABLISHED\npeer: auto\ntolerate: any\nsteps:\n  - wait: 1ms\n  - inject: {flags: R}\n  - wait: 1s");
  EXPECT_EQ(t.heard_of({"A", 1, 1, 10}), 0u);
  EXPECT_EQ(t.rig.divergence(), nullptr);
}

TEST(PeerHearing, AnInjectedResetThatDoesNotCountLeavesIt) {
  for (const auto* segment :
       {"{flags: R, seq: rcv_nxt + 1}", "{flags: R, checksum: bad}", "{flags: R, ignored: true}"}) {
    Injected t(std::string("given: ESTABLISHED\npeer: auto\ntolerate: any\nsteps:\n  - wait: 1ms\n  - inject: ") +
               segment + "\n  - wait: 1s");
    EXPECT_EQ(t.heard_of({"A", 1, 1, 10}), 1u) << segment;
  }
}

TEST(PeerHearing, ASendToAPeerThatIsGoneSaysNothing) {
  PeerRig t("given: ESTABLISHED\npeer: auto\nsteps:\n  - inject: {flags: R}\n  - send: {data: 1}");
  t.rig.establish();
  EXPECT_EQ(t.rig.verdict(), Verdict::inconclusive);
}

}  // namespace
}  // namespace tcpspec::engine::test
