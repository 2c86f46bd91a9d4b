#include "fuzz/transitions.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fuzz/fixture.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

using packet::Flags;
using packet::Seq32;
using script::Role;
using script::State;

Played play_on_reference(const Program& program) {
  auto played = play(program, *target::open_reference_target(), {});
  if (!played) throw std::runtime_error(played.error().what);
  return std::move(*played);
}

TEST(ObservedState, IsTheFixturesBehindIt) {
  int seen = 0;
  for (int i = 0; i < static_cast<int>(states); ++i)
    for (const auto role : {Role::passive, Role::active})
      for (const bool by_close : {false, true}) {
        Program program;
        program.fixture.state = static_cast<State>(i);
        program.fixture.role = role;
        program.fixture.by_close = by_close;
        if (program.fixture.state == (role == Role::passive ? State::syn_sent : State::listen)) continue;
        SCOPED_TRACE(given_of(program.fixture) + " " + std::string(script::to_string(role)));
        program.steps = {{0, Pause{}}};
        const auto played = play_on_reference(program);
        ASSERT_FALSE(played.entries.empty());
        EXPECT_EQ(played.entries.back().kind, Entry::Kind::paused);
        EXPECT_EQ(script::to_string(played.entries.back().state), script::to_string(program.fixture.state));
        ++seen;
      }
  EXPECT_EQ(seen, 40);
}

// RFC 9293 sections 3.10.7.3 and 3.10.7.4, fifth: "send a reset" and no more.
TEST(ObservedState, StaysWhereAWrongAcknowledgmentDrawsAReset) {
  for (const auto role : {Role::active, Role::passive}) {
    Program program;
    program.fixture.role = role;
    program.fixture.state = role == Role::active ? State::syn_sent : State::syn_received;
    SendSegment wrong;
    wrong.flags = Flags::ack;
    wrong.ack = Number{Number::Base::snd_nxt, 5};
    program.steps = {{0, wrong}, {0, Pause{}}};
    const auto played = play_on_reference(program);
    const auto& answer = played.entries[played.entries.size() - 2];
    ASSERT_EQ(answer.kind, Entry::Kind::answered);
    EXPECT_TRUE(packet::SegmentView{BytesView(answer.datagram)}.flags().has(Flags::rst));
    EXPECT_EQ(script::to_string(played.entries.back().state), script::to_string(program.fixture.state));
  }
}

// `ignored` says that a target must not take it: one that it takes all the same opens the connection.
TEST(ObservedState, GoesByWhatTheTargetAcknowledges) {
  Program program;
  program.fixture.role = Role::active;
  program.fixture.state = State::syn_sent;
  SendSegment answer, ack;
  answer.flags = Flags::syn | Flags::ack;
  answer.ignored = true;
  ack.flags = Flags::ack;
  program.steps = {{0, answer}, {0, ack}, {0, Pause{}}};
  EXPECT_EQ(script::to_string(play_on_reference(program).entries.back().state), "ESTABLISHED");
}

// ---- places

constexpr std::uint32_t window = 1000;
constexpr Seq32 tester_iss(0xffff'fff0U), target_iss(5000);

packet::Segment segment_of(Flags flags, Seq32 seq, Seq32 ack, std::uint16_t size) {
  packet::Segment segment;
  segment.source = {packet::Address::ipv4(10, 0, 0, 1), 5000};
  segment.destination = {packet::Address::ipv4(10, 1, 0, 1), 6000};
  segment.flags = flags;
  segment.seq = seq;
  segment.ack = ack;
  segment.window = size;
  return segment;
}

// RCV.NXT is 1, RCV.WND 1000; the target has sent ten octets that are not acknowledged: SND.UNA is 1, SND.NXT 11.
oracle::ConnectionView established() {
  oracle::ConnectionView view(packet::Family::ipv4, tester_iss, 1500);
  const auto consume = [&](packet::Segment segment) {
    const auto datagram = packet::serialize(segment);
    view.consumed(packet::SegmentView(datagram));
  };
  view.sent(segment_of(Flags::syn, tester_iss, {}, 4000), oracle::Acceptance::expected);
  consume(segment_of(Flags::syn | Flags::ack, target_iss, tester_iss + 1, window));
  view.sent(segment_of(Flags::ack, tester_iss + 1, target_iss + 1, 4000), oracle::Acceptance::expected);
  auto text = segment_of(Flags::ack, target_iss + 1, tester_iss + 1, window);
  text.payload.resize(10);
  consume(text);
  return view;
}

std::uint32_t place(Flags flags, std::int64_t seq, std::int64_t ack, std::size_t octets = 0) {
  const auto view = established();
  auto segment = segment_of(flags, view.from_tester_space(seq), view.from_target_space(ack), 100);
  segment.payload.resize(octets);
  return place_of(segment, false, view);
}

// Of the numbers in order: those at which another class begins.
template <class Place>
std::vector<std::int64_t> borders(std::int64_t from, std::int64_t to, Place place) {
  std::vector<std::int64_t> out;
  for (auto number = from + 1; number <= to; ++number)
    if (place(number) != place(number - 1)) out.push_back(number);
  return out;
}

TEST(PlaceOf, SequenceNumbersPartAtTheEdgesOfTheWindow) {
  const auto of = [](std::int64_t seq) { return place(Flags::rst, seq, 0); };
  EXPECT_THAT(borders(-5, window + 5, of), testing::ElementsAre(1, 2, 1 + window, 2 + window));
  EXPECT_THAT(borders(1 - 65'540, 1 - 65'530, of), testing::ElementsAre(1 - 65'536)) << "further than a window behind";
  const std::set<std::uint32_t> classes = {of(-70'000), of(0), of(1), of(2), of(1 + window), of(2 + window)};
  EXPECT_EQ(classes.size(), 6U);
}

TEST(PlaceOf, AcknowledgmentsPartAtWhatIsInFlight) {
  const auto of = [](std::int64_t ack) { return place(Flags::ack, 1, ack); };
  // Old; in flight from SND.UNA on; SND.NXT; one that was never sent; far.
  EXPECT_THAT(borders(-5, 20, of), testing::ElementsAre(1, 11, 12, 13));
  const auto without = [](std::int64_t ack) { return place(Flags::rst, 1, ack); };
  EXPECT_THAT(borders(-5, 20, without), testing::IsEmpty()) << "the field counts with ACK alone";
}

TEST(PlaceOf, LengthsPartAtOneAndAtTheEdge) {
  const auto of = [](std::int64_t octets) { return place(Flags::ack, 1, 1, static_cast<std::size_t>(octets)); };
  EXPECT_THAT(borders(0, window + 5, of), testing::ElementsAre(1, 2, window + 1));
}

TEST(PlaceOf, IsToldInWords) {
  Program program;
  program.fixture.state = State::established;
  SendSegment send;
  send.flags = Flags::fin | Flags::ack;
  send.ack = Number{Number::Base::snd_nxt, 5};
  program.steps.push_back({0, send});
  send.flags = Flags::psh;
  send.seq = Number{Number::Base::rcv_edge, 0};
  send.ack = std::nullopt;
  program.steps.push_back({0, send});
  program.steps.push_back({0, Pause{}});
  const auto played = play_on_reference(program);
  std::vector<std::string> words;
  for (const auto& entry : played.entries)
    if (entry.step >= played.fixture_steps && entry.kind != Entry::Kind::answered) words.push_back(where(entry));
  EXPECT_THAT(words, testing::ElementsAre("FA, seq next, ack beyond", "P, seq edge, ack none", ""));
}

TEST(PlaceOf, KnowsOptionsFlagsAndWhatIsBroken) {
  const auto view = established();
  auto segment = segment_of(Flags::ack, view.from_tester_space(1), view.from_target_space(1), 100);
  std::set<std::uint32_t> places = {place_of(segment, false, view), place_of(segment, true, view)};
  const std::vector<packet::Option> options = {packet::EndOfList{},   packet::Nop{},           packet::Mss{1},
                                               packet::WindowScale{}, packet::SackPermitted{}, packet::Sack{},
                                               packet::Timestamps{}};
  for (const auto& option : options) {
    segment.options = {option};
    places.insert(place_of(segment, false, view));
  }
  EXPECT_EQ(places.size(), 2 + options.size());
  segment.options.clear();
  for (std::uint16_t bits = 0; bits < 512; ++bits) {
    segment.flags = Flags(bits);
    places.insert(place_of(segment, false, view));
  }
  EXPECT_EQ(places.size(), 1 + options.size() + 512) << "one of the 512 was there already";
}

// ---- transitions

Program established_then(std::vector<Step> steps) {
  Program program;
  program.fixture.state = State::established;
  program.steps = std::move(steps);
  return program;
}

Step sends(Flags flags, std::int64_t octets = 0) {
  SendSegment send;
  send.flags = flags;
  send.length.offset = octets;
  return {0, send};
}

TEST(Transitions, AreTheProgramsAndNotTheFixtures) {
  Call close;
  close.kind = Call::Kind::close;
  close.socket = 1;
  auto read = close;  // who closes with octets unread sends a RST
  read.kind = Call::Kind::receive;
  read.number = 10;
  auto broken = sends(Flags::ack, 1);
  std::get<SendSegment>(broken.action).malformation.tcp_checksum_xor = 1;
  const auto met = transitions(play_on_reference(established_then({sends(Flags::ack, 10),
                                                                   broken,
                                                                   {0, Pause{std::chrono::seconds(1)}},
                                                                   {0, read},
                                                                   sends(Flags::fin | Flags::ack),
                                                                   {0, close},
                                                                   sends(Flags::rst)})));
  std::vector<std::pair<State, EventKind>> seen;
  for (const auto& transition : met) seen.emplace_back(transition.before, transition.event);
  EXPECT_THAT(
      seen, testing::ElementsAre(
                std::pair(State::established, EventKind::text), std::pair(State::established, EventKind::broken),
                std::pair(State::established, EventKind::time), std::pair(State::established, EventKind::receive_call),
                std::pair(State::established, EventKind::fin), std::pair(State::close_wait, EventKind::close_call),
                std::pair(State::last_ack, EventKind::rst)));
  EXPECT_EQ(met[1].answer, 0U) << "what is broken draws nothing";
  EXPECT_NE(met[2].answer, 0U) << "a delayed ACK came";
  EXPECT_NE(met[5].answer, met[4].answer) << "a FIN and a completion, and an ACK";
}

TEST(HeatMap, TellsWhatItCountedAsJson) {
  HeatMap map;
  map.add({{State::closed, EventKind::syn, 0, 0}, {State::closed, EventKind::syn, 1, 0}});
  map.add({{State::time_wait, EventKind::time, 0, 0}, {State::established, EventKind::text, 0, 0}});
  EXPECT_EQ(map.at(State::closed, EventKind::syn), 2U);
  EXPECT_EQ(map.at(State::listen, EventKind::syn), 0U);
  const std::string none = "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],";
  EXPECT_EQ(map.to_json(),
            R"({"states":["CLOSED","LISTEN","SYN-SENT","SYN-RECEIVED","ESTABLISHED","FIN-WAIT-1","FIN-WAIT-2",)"
            R"("CLOSE-WAIT","CLOSING","LAST-ACK","TIME-WAIT"],)"
            R"("events":["SYN","SYN-ACK","ACK","text","FIN","RST","URG","other flags","broken","ICMP","open","send",)"
            R"("recv","close","abort","option","time"],)"
            R"("counts":[[2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],)" +
                none + none + none + "[0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0]," + none + none + none + none + none +
                "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]]}");
}

std::vector<std::uint32_t> features_of(const Transition& transition, std::uint32_t bound = 1U << 20) {
  std::vector<std::uint32_t> out;
  features(transition, bound, out);
  return out;
}

TEST(Features, LieBelowTheirBound) {
  for (const std::uint32_t bound : {1U, 7U, 4096U})
    for (std::uint32_t detail = 0; detail < 500; ++detail)
      EXPECT_THAT(features_of({State::established, EventKind::ack, detail, detail * 77}, bound),
                  testing::Each(testing::Lt(bound)));
}

TEST(Features, DifferWhereTheTransitionDoes) {
  const auto detail = place(Flags::ack, 1, 1, 10);
  const Transition one{State::established, EventKind::text, 1, detail};
  EXPECT_EQ(features_of(one), features_of(one));
  auto other = one;
  other.answer = 2;
  EXPECT_NE(features_of(one)[0], features_of(other)[0]);
  other = one;
  other.before = State::close_wait;
  EXPECT_NE(features_of(one)[0], features_of(other)[0]);
  other = one;
  other.event = EventKind::ack;
  EXPECT_NE(features_of(one)[0], features_of(other)[0]);
  for (const auto moved : {place(Flags::ack, 2, 1, 10), place(Flags::ack, 1, 11, 10), place(Flags::ack, 1, 1, 1),
                           place(Flags::ack | Flags::urg, 1, 1, 10)}) {
    other = one;
    other.detail = moved;
    EXPECT_EQ(features_of(one)[0], features_of(other)[0]);
    EXPECT_NE(features_of(one), features_of(other));
  }
  EXPECT_EQ(features_of({State::closed, EventKind::time, 0, 0}).size(), 2U) << "no segment, no place";
}

// What no state transition looks at is no news, or a corpus would be full of it.
TEST(Features, DoNotDifferByPushAndCongestion) {
  const Transition one{State::established, EventKind::text, 1, place(Flags::ack, 1, 1, 10)};
  for (const auto flags : {Flags::ack | Flags::psh, Flags::ack | Flags::ece, Flags::ack | Flags::cwr}) {
    auto other = one;
    other.detail = place(flags, 1, 1, 10);
    EXPECT_EQ(features_of(one), features_of(other));
  }
}

}  // namespace
}  // namespace tcpspec::fuzz
