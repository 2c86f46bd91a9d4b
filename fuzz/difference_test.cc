#include "fuzz/difference.hh"

#include <gtest/gtest.h>

#include <functional>

#include "fuzz/faulty_stack.hh"
#include "fuzz/mutator.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using packet::Seq32;
using script::State;

// A record of three stimuli, each with a rest behind it: a SYN that is answered, text that is
// acknowledged, and a call that ends.
class Record {
 public:
  Record() {
    Call call;
    call.kind = Call::Kind::receive;
    played_.steps = {{0, SendSegment{}}, {0, Pause{600ms}}, {0, SendSegment{}},
                     {0, Pause{600ms}},  {0, call},         {0, Pause{600ms}}};
    sent(0, State::listen, segment(Flags::syn, 100, 0, 0));
    auto syn = segment(Flags::syn | Flags::ack, 5000, 101, 0);
    syn.options = {packet::Mss{1460}, packet::SackPermitted{}};
    answered(0, syn);
    paused(1);
    sent(2, State::established, segment(Flags::ack, 101, 5001, 10));
    answered(2, segment(Flags::ack, 5001, 111, 0));
    paused(3);
    auto& called = entry(Entry::Kind::called, 4);
    called.state = State::established;
    called.call = 4;
    auto& completed = entry(Entry::Kind::completed, 4);
    completed.call = 4;
    completed.result.value = 10;
    paused(5);
  }

  static packet::Segment segment(Flags flags, std::uint32_t seq, std::uint32_t ack, std::size_t octets) {
    packet::Segment out;
    out.source = {packet::Address::ipv4(10, 0, 0, 1), 5000};
    out.destination = {packet::Address::ipv4(10, 1, 0, 1), 6000};
    out.flags = flags;
    out.seq = Seq32(seq);
    out.ack = Seq32(ack);
    out.window = 4000;
    out.payload.resize(octets);
    return out;
  }

  // Entry `index` with another segment.
  Played with(std::size_t index, const std::function<void(packet::Segment&)>& change) const {
    auto out = played_;
    auto segment = packet::parse(out.entries[index].datagram).value();
    change(segment);
    out.entries[index].datagram = packet::serialize(segment);
    return out;
  }
  Played without(std::size_t index) const {
    auto out = played_;
    out.entries.erase(out.entries.begin() + static_cast<std::ptrdiff_t>(index));
    return out;
  }
  Played with_result(int error, std::int64_t value) const {
    auto out = played_;
    out.entries[7].result.error = error;
    out.entries[7].result.value = value;
    return out;
  }
  const Played& whole() const { return played_; }

 private:
  Entry& entry(Entry::Kind kind, std::uint32_t step) {
    auto& out = played_.entries.emplace_back();
    out.kind = kind;
    out.step = step;
    return out;
  }
  void sent(std::uint32_t step, State state, const packet::Segment& segment) {
    auto& out = entry(Entry::Kind::sent, step);
    out.state = state;
    out.datagram = packet::serialize(segment);
  }
  void answered(std::uint32_t step, const packet::Segment& segment) {
    auto answer = segment;
    std::swap(answer.source, answer.destination);
    entry(Entry::Kind::answered, step).datagram = packet::serialize(answer);
  }
  void paused(std::uint32_t step) { entry(Entry::Kind::paused, step); }

  Played played_;
};

constexpr std::size_t syn_ack = 1, ack = 4;  // entries

std::optional<Difference> quiescent(const Played& reference, const Played& other) {
  return difference(reference, other, Comparison::quiescent);
}
std::optional<Difference> exact(const Played& reference, const Played& other) {
  return difference(reference, other, Comparison::exact);
}

void expect_difference(const std::optional<Difference>& found, const Difference& expected) {
  ASSERT_TRUE(found);
  EXPECT_EQ(found->aspect, expected.aspect);
  EXPECT_EQ(found->state, expected.state);
  EXPECT_EQ(found->event, expected.event);
  EXPECT_EQ(found->reference, expected.reference);
  EXPECT_EQ(found->other, expected.other);
  EXPECT_EQ(found->step, expected.step);
}

TEST(Difference, NoneBetweenOneAndTheSame) {
  const Record record;
  EXPECT_FALSE(exact(record.whole(), record.whole()));
  EXPECT_FALSE(quiescent(record.whole(), record.whole()));
  auto later = record.whole();
  later.started += 1h;
  for (auto& entry : later.entries) entry.at += 1h;
  EXPECT_FALSE(exact(record.whole(), later));
  later.entries[ack].at += Duration(1);
  EXPECT_TRUE(exact(record.whole(), later));
  EXPECT_FALSE(quiescent(record.whole(), later)) << "timers are not compared";
}

TEST(Difference, OfTheAnswer) {
  const Record record;
  const auto refused = record.with(ack, [](auto& segment) { segment.flags = Flags::rst; });
  const Difference expected{
      .aspect = "answer", .state = "ESTABLISHED", .event = "text", .reference = "nothing", .other = "RST", .step = 2};
  expect_difference(quiescent(record.whole(), refused), expected);
  expect_difference(
      exact(record.whole(), refused),
      {.aspect = "answer", .state = "ESTABLISHED", .event = "text", .reference = "A", .other = "R", .step = 2});
  // New text and a FIN count, a segment that comes again does not.
  EXPECT_EQ(quiescent(record.whole(), record.with(ack, [](auto& one) { one.payload.resize(3); }))->other, "text");
  EXPECT_EQ(quiescent(record.whole(), record.with(ack, [](auto& one) { one.flags = one.flags | Flags::fin; }))->other,
            "FIN");
  auto again = record.whole();
  again.entries.insert(again.entries.begin() + 2, again.entries[syn_ack]);
  EXPECT_FALSE(quiescent(record.whole(), again));
  EXPECT_TRUE(exact(record.whole(), again));
}

TEST(Difference, OfWhatIsAcknowledged) {
  const Record record;
  const auto less = record.with(ack, [](auto& segment) { segment.ack = Seq32(105); });
  expect_difference(
      quiescent(record.whole(), less),
      {.aspect = "acknowledged", .state = "ESTABLISHED", .event = "text", .reference = "11", .other = "5", .step = 2});
  expect_difference(
      quiescent(record.whole(), record.without(ack)),
      {.aspect = "acknowledged", .state = "ESTABLISHED", .event = "text", .reference = "11", .other = "1", .step = 2});
  EXPECT_EQ(suspicion(*quiescent(record.whole(), less)).place, "acknowledged after text in ESTABLISHED")
      << "numbers are no place";
}

TEST(Difference, OfWhatIsNegotiated) {
  const Record record;
  const auto more = record.with(syn_ack, [](auto& one) { one.options.emplace_back(packet::WindowScale{7}); });
  expect_difference(quiescent(record.whole(), more), {.aspect = "negotiated",
                                                      .state = "LISTEN",
                                                      .event = "SYN",
                                                      .reference = "nothing",
                                                      .other = "wscale",
                                                      .step = 0});
  const auto order = record.with(syn_ack, [](auto& one) {
    one.options = {packet::SackPermitted{}, packet::Nop{}, packet::Nop{}, packet::Mss{1400}};
  });
  EXPECT_FALSE(quiescent(record.whole(), order)) << "their order and an MSS are a stack's own";
  const auto alone = record.with(syn_ack, [](auto& one) { one.options = {packet::SackPermitted{}}; });
  EXPECT_FALSE(quiescent(record.whole(), alone)) << "an MSS and padding negotiate nothing";
}

TEST(Difference, OfResults) {
  const Record record;
  expect_difference(quiescent(record.whole(), record.with_result(ECONNRESET, 0)), {.aspect = "result",
                                                                                   .state = "ESTABLISHED",
                                                                                   .event = "recv",
                                                                                   .reference = "octets",
                                                                                   .other = "ECONNRESET",
                                                                                   .step = 4});
  EXPECT_EQ(quiescent(record.whole(), record.with_result(0, 0))->other, "end of file");
  EXPECT_EQ(quiescent(record.whole(), record.without(7))->other, "pending");
  EXPECT_FALSE(quiescent(record.whole(), record.with_result(0, 3))) << "how many come at once is a stack's own";
  EXPECT_EQ(exact(record.whole(), record.with_result(0, 3))->other, "result 3");
  const auto found = suspicion(*quiescent(record.whole(), record.with_result(ECONNRESET, 0)));
  EXPECT_EQ(found.oracle, Oracle::difference);
  EXPECT_EQ(found.place, "result after recv in ESTABLISHED: ECONNRESET, and not octets");
  EXPECT_EQ(found.what, "after recv in ESTABLISHED: result of recv ECONNRESET, where the reference stack has octets");
}

// What the judge is asked about, and what comes of it.
struct Judged {
  std::vector<std::string> asked;
  std::optional<Difference> found;
};
Judged judged(const Played& reference, const Played& other, Judgment first) {
  Judged out;
  out.found = difference(reference, other, Comparison::quiescent, [&](const Difference& one) {
    out.asked.push_back(one.aspect);
    return out.asked.size() == 1 ? first : Judgment::mistake;
  });
  return out;
}

TEST(Difference, ARetransmissionToALaterIncarnationIsNoNews) {
  const Record record;
  const auto fin = record.with(ack, [](auto& segment) { segment.flags = segment.flags | Flags::fin; });
  auto again = fin;
  again.entries.insert(again.entries.begin() + 7, again.entries[ack]);
  again.entries[7].step = 4;
  again.entries[7].connection = 1;
  EXPECT_FALSE(quiescent(fin, again));
  auto segment = packet::parse(again.entries[7].datagram).value();
  segment.seq += 1;
  again.entries[7].datagram = packet::serialize(segment);
  EXPECT_FALSE(quiescent(fin, again)) << "one FIN or two";
  segment.flags = Flags::syn | Flags::ack;
  segment.seq += 5000;
  segment.options = {packet::WindowScale{7}};
  again.entries[7].datagram = packet::serialize(segment);
  EXPECT_EQ(quiescent(fin, again)->other, "SYN again") << "a new incarnation of the target's";
  EXPECT_EQ(judged(fin, again, Judgment::permitted_goes_on).found->other, "wscale") << "which offers more";
  segment.seq = Seq32(5000);
  again.entries[7].datagram = packet::serialize(segment);
  EXPECT_EQ(quiescent(fin, again)->other, "wscale") << "the SYN once more, and nothing new but its offer";
}

TEST(Difference, ARstCountsEachTimeAndOtherAnswersOnce) {
  const Record record;
  auto both = record.whole();
  for (const auto index : {syn_ack, ack}) {
    auto segment = packet::parse(both.entries[index].datagram).value();
    segment.flags = Flags::rst | Flags::ack;
    both.entries[index].datagram = packet::serialize(segment);
  }
  EXPECT_FALSE(quiescent(both, both));
  auto one = both;
  one.entries.erase(one.entries.begin() + ack);
  expect_difference(
      quiescent(both, one),
      {.aspect = "answer", .state = "ESTABLISHED", .event = "text", .reference = "RST", .other = "nothing", .step = 2});
  const auto text = record.with(ack, [](auto& segment) { segment.payload.resize(3); });
  auto more = text;
  more.entries.insert(more.entries.begin() + 7, more.entries[ack]);
  auto segment = packet::parse(more.entries[7].datagram).value();
  segment.seq += 3;
  more.entries[7].datagram = packet::serialize(segment);
  more.entries[7].step = 4;
  EXPECT_FALSE(quiescent(text, more)) << "how text is cut is a stack's own";
}

TEST(Difference, BehindOneThatIsPermittedItEndsOrGoesOn) {
  const Record record;
  const std::vector<std::pair<std::string, Played>> others = {
      {"answer", record.with(ack, [](auto& segment) { segment.flags = segment.flags | Flags::fin; })},
      {"negotiated", record.with(syn_ack, [](auto& one) { one.options.emplace_back(packet::WindowScale{7}); })},
      {"acknowledged", record.with(ack, [](auto& segment) { segment.ack = Seq32(105); })}};
  for (const auto& [aspect, as_it_is] : others) {
    SCOPED_TRACE(aspect);
    auto other = as_it_is;
    EXPECT_EQ(judged(record.whole(), other, Judgment::mistake).found->aspect, aspect);
    EXPECT_FALSE(judged(record.whole(), other, Judgment::permitted_goes_on).found) << "it is told once";
    other.entries[7].result.error = ECONNRESET;
    const auto ended = judged(record.whole(), other, Judgment::permitted);
    EXPECT_FALSE(ended.found);
    EXPECT_EQ(ended.asked, std::vector{aspect});
    const auto went_on = judged(record.whole(), other, Judgment::permitted_goes_on);
    ASSERT_TRUE(went_on.found);
    EXPECT_EQ(went_on.asked, (std::vector<std::string>{aspect, "result"}));
  }
  const auto result = judged(record.whole(), record.with_result(ECONNRESET, 0), Judgment::permitted_goes_on);
  EXPECT_FALSE(result.found);
  EXPECT_EQ(result.asked.size(), 1U);
}

// A pause behind a pause: what shows only then no stimulus has called forth, and a test has to wait for it.
TEST(Difference, BehindARestItIsTime) {
  const Record record;
  auto here = record.whole();
  here.steps.push_back({0, Pause{300s}});
  auto& paused = here.entries.emplace_back();
  paused.kind = Entry::Kind::paused;
  paused.step = 6;
  paused.state = State::established;
  auto there = here;
  auto& reset = there.entries.emplace_back(there.entries[ack]);
  reset.step = 6;
  auto segment = packet::parse(reset.datagram).value();
  segment.flags = Flags::rst;
  reset.datagram = packet::serialize(segment);
  expect_difference(
      quiescent(here, there),
      {.aspect = "answer", .state = "ESTABLISHED", .event = "time", .reference = "nothing", .other = "RST", .step = 6});
}

TEST(Difference, TheNumbersOfTheTargetAreItsOwn) {
  const Record record;
  auto other = record.whole();
  for (const auto index : {syn_ack, ack}) {
    auto segment = packet::parse(other.entries[index].datagram).value();
    segment.seq += 77'777;
    segment.window = 9000;
    other.entries[index].datagram = packet::serialize(segment);
  }
  EXPECT_FALSE(quiescent(record.whole(), other));
  EXPECT_TRUE(exact(record.whole(), other));
}

TEST(Difference, NoneWhereOneDied) {
  const Record record;
  auto dead = record.without(ack);
  dead.failure = target::TargetFailure{};
  EXPECT_FALSE(exact(record.whole(), dead)) << "that is another oracle's";
  EXPECT_FALSE(quiescent(record.whole(), dead));
}

TEST(AtRest, EachStimulusHasItsRest) {
  Program program;
  program.connections.resize(2);
  program.steps = {{1, SendSegment{}}, {0, Pause{3s}}, {1, Call{}}};
  const auto resting = at_rest(program);
  ASSERT_EQ(resting.steps.size(), 6U);
  EXPECT_EQ(resting.steps[1], program.steps[0]);
  EXPECT_EQ(resting.steps[3], program.steps[1]);
  EXPECT_EQ(resting.steps[4], program.steps[2]);
  EXPECT_EQ(decode(encode(resting)), resting);
  for (const std::size_t rest : {0U, 2U, 5U}) {
    const auto length = std::get<Pause>(resting.steps[rest].action).length;
    EXPECT_GT(length, 500ms) << "a delayed ACK comes in it";
    EXPECT_LT(length, 1s) << "and no retransmission";
  }
}

// ---- the reference stack

template <class Judge>
void for_changed_programs(int count, Judge judge) {
  Mutator mutator(11);
  auto program = mutator.create();
  for (int i = 0; i < count; ++i) {
    if (i % 10 == 0)
      program = mutator.create();
    else
      mutator.mutate(program);
    judge(program, i);
  }
}

TEST(Difference, TheReferenceStackDiffersNowhereFromItself) {
  const auto first = target::open_reference_target(), second = target::open_reference_target();
  for_changed_programs(2'000, [&](const Program& program, int number) {
    const auto resting = at_rest(program);
    const auto here = play(resting, *first, {.seed = 4}), there = play(resting, *second, {.seed = 4});
    for (const auto comparison : {Comparison::exact, Comparison::quiescent}) {
      const auto found = difference(*here, *there, comparison);
      EXPECT_FALSE(found) << number << ": " << suspicion(*found).what;
    }
  });
}

// Another ISS, and other timestamps: what two stacks always have, and what must not count.
TEST(Difference, NorWhereItChoosesOtherNumbers) {
  const test::Faults faults{.other_seed = 1};
  const auto first = target::open_reference_target(), second = test::open_faulty_target(faults);
  int exactly = 0;
  for_changed_programs(2'000, [&](const Program& program, int number) {
    const auto resting = at_rest(program);
    const auto here = play(resting, *first, {.seed = 4}), there = play(resting, *second, {.seed = 4});
    const auto found = difference(*here, *there, Comparison::quiescent);
    EXPECT_FALSE(found) << number << ": " << suspicion(*found).what;
    exactly += difference(*here, *there, Comparison::exact).has_value();
  });
  EXPECT_GT(exactly, 1'000) << "they chose the same numbers";
}

TEST(Difference, AStackThatKeepsOneAnswerBackIsFound) {
  test::Faults faults;
  faults.output = [](std::vector<target::Bytes>& out) {
    std::erase_if(out, [](const auto& one) { return test::has_flags(one, Flags::rst | Flags::ack); });
  };
  const auto first = target::open_reference_target(), second = test::open_faulty_target(faults);
  Program program;  // CLOSED
  SendSegment syn;
  syn.flags = Flags::syn;
  program.steps = {{0, syn}};
  const auto resting = at_rest(program);
  const auto here = play(resting, *first, {}), there = play(resting, *second, {});
  expect_difference(
      quiescent(*here, *there),
      {.aspect = "answer", .state = "CLOSED", .event = "SYN", .reference = "RST", .other = "nothing", .step = 1});
}

}  // namespace
}  // namespace tcpspec::fuzz
