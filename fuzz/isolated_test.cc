#include "fuzz/isolated.hh"

#include <gtest/gtest.h>

#include <cstdlib>

#include "fuzz/faulty_stack.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;

constexpr auto patience = 1s;

Program established(Flags last) {
  Program program;
  program.fixture.state = script::State::established;
  SendSegment send;
  send.flags = Flags::ack;
  program.steps.push_back({0, send});
  send.flags = last;
  program.steps.push_back({0, send});
  return program;
}

// A stack that does something at a FIN.
class Isolated : public testing::Test {
 protected:
  IsolatedResult examine(const std::function<void()>& at_fin, Flags last = Flags::fin | Flags::ack) {
    faults_.input = [at_fin](target::BytesView datagram) -> std::optional<target::TargetFailure> {
      if (test::has_flags(datagram, Flags::fin | Flags::ack)) at_fin();
      return std::nullopt;
    };
    Session session(test::open_faulty_target(faults_), nullptr, {});
    return examine_isolated(session, established(last), Record::entries, patience);
  }

  test::Faults faults_;
};

TEST_F(Isolated, WhatIsSoundLivesOn) {
  const auto result = examine([] { std::abort(); }, Flags::ack);
  EXPECT_FALSE(result.died);
  EXPECT_FALSE(result.suspicion);
  EXPECT_GT(result.entries.size(), 5U);
  EXPECT_EQ(result.words, "");
}

TEST_F(Isolated, ACrashIsToldWithWhatKilled) {
  const auto result = examine([] {
    std::fputs("it was me\n", stderr);
    std::abort();
  });
  EXPECT_TRUE(result.died);
  ASSERT_TRUE(result.suspicion);
  EXPECT_EQ(result.suspicion->oracle, Oracle::crash);
  EXPECT_EQ(result.suspicion->place, "ABRT");
  EXPECT_EQ(result.words, "it was me\n");
  ASSERT_FALSE(result.entries.empty());
  EXPECT_EQ(result.suspicion->entry, result.entries.size() - 1);
  EXPECT_EQ(result.entries.back().kind, Entry::Kind::sent);
  EXPECT_TRUE(test::has_flags(result.entries.back().datagram, Flags::fin | Flags::ack));
}

TEST_F(Isolated, AnAssertionIsItsOwnPlace) {
  const auto place = [this](const char* words) {
    const auto result = examine([words] {
      std::fputs(words, stderr);
      std::abort();
    });
    return result.suspicion ? std::string(to_string(result.suspicion->oracle)) + ": " + result.suspicion->place : "";
  };
  EXPECT_EQ(place("tcp: ../src/tcp.c:47: write: Assertion `left > 0' failed.\n"),
            "crash: assertion in tcp.c: left > 0");
  EXPECT_EQ(place("/a/b/tcp_out.c:504: assertion \"inconsistent oversize\" failed\n"),
            "crash: assertion in tcp_out.c: inconsistent oversize");
  EXPECT_EQ(place("/a/b/tcp_in.c:1581: assertion \"more than the window\n\" failed\n"),
            "crash: assertion in tcp_in.c: more than the window");
  EXPECT_EQ(place("an assertion failed\n"), "crash: ABRT");
}

TEST_F(Isolated, AnExitIsACrash) {
  const auto result = examine([] { std::_Exit(3); });
  ASSERT_TRUE(result.suspicion);
  EXPECT_EQ(result.suspicion->oracle, Oracle::crash);
  EXPECT_EQ(result.suspicion->place, "exit 3");
}

TEST_F(Isolated, AnEndlessLoopIsAHang) {
  const auto result = examine([] {
    for (const volatile bool loops = true; loops;) continue;
  });
  EXPECT_TRUE(result.died);
  ASSERT_TRUE(result.suspicion);
  EXPECT_EQ(result.suspicion->oracle, Oracle::hang);
}

TEST_F(Isolated, EntriesComeThroughAsTheyAre) {
  faults_.input = nullptr;
  Session session(test::open_faulty_target(faults_), nullptr, {});
  auto program = established(Flags::fin | Flags::ack);
  Call read;
  read.kind = Call::Kind::receive;
  read.socket = 1;
  read.number = 10;
  std::get<SendSegment>(program.steps.front().action).length.offset = 10;
  program.steps.push_back({0, read});
  const auto here = session.examine(program, Session::Care::thorough).value().played.entries;
  const auto there = examine_isolated(session, program, Record::entries, patience).entries;
  ASSERT_EQ(here.size(), there.size());
  const auto shift = there.front().at - here.front().at;  // its clock goes on
  std::size_t octets = 0;
  for (std::size_t i = 0; i < here.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(here[i].kind, there[i].kind);
    EXPECT_EQ(here[i].step, there[i].step);
    EXPECT_EQ(here[i].call, there[i].call);
    EXPECT_EQ(here[i].connection, there[i].connection);
    EXPECT_EQ(here[i].at + shift, there[i].at);
    EXPECT_EQ(here[i].state, there[i].state);
    EXPECT_EQ(here[i].datagram, there[i].datagram);
    EXPECT_EQ(here[i].result.value, there[i].result.value);
    EXPECT_EQ(here[i].result.data, there[i].result.data);
    octets += there[i].result.data.size();
  }
  EXPECT_EQ(octets, 10U);
}

TEST(RunIsolated, TellsResultsFromDeaths) {
  const auto dead = [](Death death) { return std::expected<int, Death>(std::unexpected(death)); };
  EXPECT_EQ(run_isolated([] { return 0; }, patience), 0);
  EXPECT_EQ(run_isolated([] { return 97; }, patience), 97);
  EXPECT_EQ(run_isolated([]() -> int { std::abort(); }, patience), dead(Death::crash));
  EXPECT_EQ(run_isolated([] { return 1; }, patience), dead(Death::crash)) << "a sanitizer's end";
  const auto loops = [] {
    for (const volatile bool on = true; on;) continue;
    return 0;
  };
  EXPECT_EQ(run_isolated(loops, patience), dead(Death::hang));
}

// ---- words of sanitizers

TEST(SanitizerSuspicion, NamesTheFirstFrameOfTheProgram) {
  const auto found = sanitizer_suspicion(R"(=================================================================
==123==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000018 at pc 0x55d0 bp 0x7ffc sp 0x7ffc
READ of size 1 at 0x602000000018 thread T0
    #0 0x55d0aa in __asan_memcpy (/build/fuzzers/program+0x1234)
    #1 0x55d0bb in std::copy(char*, char*) /usr/include/c++/12/bits/stl_algobase.h:385:3
    #2 0x55d0cc in tcpspec::reference::Stack::take(std::span<std::byte>) /src/reference-stack/stack.cc:77:12
    #3 0x55d0dd in main /src/fuzz/main.cc:5:1
)");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->oracle, Oracle::sanitizer);
  EXPECT_EQ(found->place, "heap-buffer-overflow in tcpspec::reference::Stack::take");
  EXPECT_EQ(found->what, "AddressSanitizer: heap-buffer-overflow in tcpspec::reference::Stack::take");
}

TEST(SanitizerSuspicion, WithoutSymbolsTwoOffsetsArePlace) {
  const auto found = sanitizer_suspicion(R"(==9==ERROR: AddressSanitizer: heap-use-after-free on address 0x60
    #0 0x55d0aa  (/build/fuzzers/program+0x1aaa) (BuildId: 12ab)
    #1 0x55d0bb  (/build/fuzzers/program+0x1bbb) (BuildId: 12ab)
    #2 0x55d0cc  (/build/fuzzers/program+0x1ccc) (BuildId: 12ab)
)");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place, "heap-use-after-free at 0x1aaa of 0x1bbb");
}

TEST(SanitizerSuspicion, OfUndefinedBehaviourIsFileAndLine) {
  const auto found = sanitizer_suspicion(
      "../../reference-stack/timers.cc:41:17: runtime error: signed integer overflow: 2147483647 + 1\n"
      "    #0 0x55d0aa in f /src/reference-stack/timers.cc:41:17\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->oracle, Oracle::sanitizer);
  EXPECT_EQ(found->place, "undefined behaviour in timers.cc:41");
  EXPECT_EQ(found->what, "signed integer overflow: 2147483647 + 1");
}

TEST(SanitizerSuspicion, OtherWordsAreNone) {
  EXPECT_FALSE(sanitizer_suspicion(""));
  EXPECT_FALSE(sanitizer_suspicion("fuzz: serialize(*parse(b)) == b\nAborted\n"));
  EXPECT_FALSE(sanitizer_suspicion("warning: AddressSanitizer is slow\n"));
}

}  // namespace
}  // namespace tcpspec::fuzz
