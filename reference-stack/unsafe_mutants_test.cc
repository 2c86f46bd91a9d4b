// The unsafe mutants are there: the few segments that trigger each, what a sanitizer says then
// (the kernel, of an endless loop), and that the stack without the mutant takes no harm from them.

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string_view>
#include <utility>

#include "reference/mutants.hh"
#include "reference/test_talk.hh"

#if defined(__SANITIZE_ADDRESS__)
#define TCPSPEC_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TCPSPEC_SANITIZED
#endif
#endif
#ifdef TCPSPEC_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

namespace tcpspec::reference::test {
namespace {

using mutants::Kind;
using mutants::Mutant;
using packet::Malformation;
using packet::RawBytes;
using packet::Sack;

// A segment, in a piece of memory that ends where the datagram does.
void inject(Talk& talk, const packet::Segment& segment, const Malformation& malformation = {}) {
  const Bytes datagram = packet::serialize(segment, malformation);
  const auto exact = std::make_unique<std::byte[]>(datagram.size());
  std::ranges::copy(datagram, exact.get());
  talk.stack.input({exact.get(), datagram.size()}, talk.now);
  talk.collect();
}

// At an offset from what we send next, which does not move.
void inject_at(Talk& talk, std::uint32_t offset, Flags flags, std::string_view text = {}) {
  auto segment = talk.segment(flags, text);
  segment.seq += offset;
  inject(talk, segment);
}

void inject_options(Talk& talk, std::vector<packet::Option> options) {
  auto segment = talk.segment(Flags::ack);
  segment.options = std::move(options);
  inject(talk, segment);
}

void established_with_sack(Talk& talk) {
  talk.listen();
  auto syn = talk.segment(Flags::syn);
  syn.options = {packet::SackPermitted{}};
  talk.snd += 1;
  talk.inject(syn);
  EXPECT_EQ(talk.next(), "SA");
  talk.send(Flags::ack);
}

// ---- what triggers each

void datagram_shorter_than_it_says(Talk& talk) {
  talk.established();
  inject(talk, talk.segment(Flags::ack), {.ip_total_length = 1000});
}

void option_longer_than_the_area(Talk& talk) {
  talk.established();
  inject_options(talk, {RawBytes{octets("\xfd\x20\x01\x01")}});
}

void four_sack_blocks(Talk& talk) {
  talk.established();
  inject_options(talk, {Sack{{{1, 2}, {3, 4}, {5, 6}, {7, 8}}}});
}

void sack_block_that_ends_before_it_begins(Talk& talk) {
  established_with_sack(talk);
  inject_options(talk, {Sack{{{talk.rcv.raw() + 1, talk.rcv.raw()}}}});
}

void urgent_pointer_beyond_the_text(Talk& talk) {
  talk.established();
  auto segment = talk.segment(Flags::urg | Flags::psh | Flags::ack, "text");
  segment.urgent = 5;
  inject(talk, segment);
}

void text_inside_text_that_waits(Talk& talk) {
  talk.established();
  inject_at(talk, 10, Flags::ack, "abcdef");
  inject_at(talk, 10, Flags::ack, "abc");
}

void fin_before_text_that_waits(Talk& talk) {
  talk.established();
  inject_at(talk, 10, Flags::ack, "beyond the end");
  inject_at(talk, 0, Flags::fin | Flags::ack);
}

void fin_beyond_the_window(Talk& talk) {
  talk.established();
  inject_at(talk, 65'534, Flags::fin | Flags::ack, "xy");
}

void reset_of_a_connection_half_open(Talk& talk) {
  talk.listen();
  talk.send(Flags::syn);
  inject_at(talk, 0, Flags::rst);
}

void reset_while_text_waits(Talk& talk) {
  talk.established();
  inject_at(talk, 10, Flags::ack, "text");
  inject_at(talk, 0, Flags::rst);
}

void window_smaller_than_what_is_in_flight(Talk& talk) {
  const auto socket = talk.established();
  talk.write(socket, "text");
  talk.window = 1;
  inject_at(talk, 0, Flags::ack);
}

void window_closed_over_what_is_in_flight(Talk& talk) {
  const auto socket = talk.established();
  talk.write(socket, "text");
  talk.window = 0;
  inject_at(talk, 0, Flags::ack);
  talk.wait(1s);
}

struct Harm {
  Mutant mutant;
  std::string_view name;
  void (*trigger)(Talk&);
  const char* words;  // of the sanitizer; nullptr: it never comes back
};
void PrintTo(const Harm& harm, std::ostream* out) {
  *out << harm.name;
}

#define HARM(name, trigger, words)      \
  Harm {                                \
    Mutant::name, #name, trigger, words \
  }
constexpr std::array kHarms = {
    HARM(datagram_length_believed, datagram_shorter_than_it_says, "heap-buffer-overflow(.|\n)*READ"),
    HARM(option_length_believed, option_longer_than_the_area, "heap-buffer-overflow(.|\n)*READ"),
    HARM(sack_blocks_unbounded, four_sack_blocks, "stack-buffer-overflow(.|\n)*WRITE"),
    HARM(sack_counter_wraps, sack_block_that_ends_before_it_begins, nullptr),
    HARM(urgent_length_underflows, urgent_pointer_beyond_the_text, "negative-size-param"),
    HARM(overlap_underflows, text_inside_text_that_waits, "negative-size-param"),
    HARM(freed_text_used, fin_before_text_that_waits, "heap-use-after-free"),
    HARM(text_beyond_window_written, fin_beyond_the_window, "heap-buffer-overflow(.|\n)*WRITE"),
    HARM(ended_connection_used, reset_of_a_connection_half_open, "heap-use-after-free"),
    HARM(reset_loses_memory, reset_while_text_waits, "detected memory leaks"),
    HARM(shrunk_window_overreads, window_smaller_than_what_is_in_flight, "heap-buffer-overflow(.|\n)*READ"),
    HARM(probe_timer_stands, window_closed_over_what_is_in_flight, nullptr),
};

class Unsafe : public ::testing::TestWithParam<Harm> {};

// Ends the process where the sanitizer has found something.
void play(const Harm& harm) {
  {
    Talk talk;
    harm.trigger(talk);
  }
#ifdef TCPSPEC_SANITIZED
  if (__lsan_do_recoverable_leak_check() != 0) std::_Exit(EXIT_FAILURE);
#endif
}

void play_for_a_second(const Harm& harm) {
  const rlimit second{.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
  ::setrlimit(RLIMIT_CPU, &second);
  play(harm);
}

TEST_P(Unsafe, IsSeen) {
  if (GetParam().words == nullptr) {
    EXPECT_EXIT((mutants::switch_on(GetParam().mutant), play_for_a_second(GetParam())),
                ::testing::KilledBySignal(SIGXCPU), "");
    return;
  }
#ifdef TCPSPEC_SANITIZED
  EXPECT_DEATH((mutants::switch_on(GetParam().mutant), play(GetParam())), ::testing::ContainsRegex(GetParam().words));
#else
  GTEST_SKIP() << "a sanitizer sees it: preset asan";
#endif
}

// The same segments: the stack goes on to talk to others.
TEST_P(Unsafe, IsNoneWithoutTheMutant) {
  ASSERT_EQ(mutants::active(), Mutant::none);
  play(GetParam());
  Talk talk;
  GetParam().trigger(talk);
  talk.collect();
  talk.out.clear();
  talk.us.port = 40001;
  talk.window = 65535;
  talk.handshake();
}

// What everybody does every day: options, text both ways, a loss that SACK tells of, a gap that
// closes, urgent data, and the end.
void talk_as_others_do(Talk& talk) {
  const auto listener = talk.listen();
  auto syn = talk.segment(Flags::syn);
  syn.options = {packet::Mss{1460}, packet::SackPermitted{}, packet::Nop{}, packet::WindowScale{2}};
  talk.snd += 1;
  inject(talk, syn);
  EXPECT_EQ(talk.next(), "SA");
  talk.send(Flags::ack);
  const auto socket = talk.stack.accept(listener).value();
  talk.write(socket, "some text");
  inject_options(talk, {Sack{{{talk.rcv.raw() + 5, talk.rcv.raw() + 9}}}});
  EXPECT_EQ(talk.next(), "PA some text");

  inject_at(talk, 5, Flags::ack, "behind a gap");
  EXPECT_EQ(talk.next(), "A");
  inject_at(talk, 3, Flags::ack, "k ");
  EXPECT_EQ(talk.next(), "A");
  auto urgent = talk.segment(Flags::urg | Flags::ack, "loo");
  urgent.urgent = 3;
  inject(talk, urgent);
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.read(socket), "look behind a gap");

  talk.snd += 17;
  inject_at(talk, 0, Flags::fin | Flags::ack, "the end");
  EXPECT_EQ(talk.next(), "A");
  EXPECT_EQ(talk.read(socket), "the end");
  talk.snd += 8;
  EXPECT_TRUE(talk.stack.close(socket, talk.now));
  EXPECT_EQ(talk.next(), "FA");
  talk.send(Flags::ack);
  EXPECT_EQ(talk.stack.statistics().sockets, 1U) << "the listener alone is left";
}

// Without what triggers it a mutant is a TCP like others.
TEST_P(Unsafe, IsNoneInAnOrdinaryTalk) {
  mutants::switch_on(GetParam().mutant);
  Talk talk;
  talk_as_others_do(talk);
  mutants::switch_on(Mutant::none);
}

INSTANTIATE_TEST_SUITE_P(Mutants, Unsafe, ::testing::ValuesIn(kHarms),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(UnsafeMutants, EachIsShown) {
  for (const auto& mutant : mutants::all())
    EXPECT_EQ(mutant.kind == Kind::unsafe, std::ranges::count(kHarms, mutant.mutant, &Harm::mutant) == 1)
        << mutant.name;
}

}  // namespace
}  // namespace tcpspec::reference::test
