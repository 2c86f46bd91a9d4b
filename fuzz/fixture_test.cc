#include "fuzz/fixture.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/player.hh"
#include "packet/segment_view.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

using script::Role;
using script::State;

// What the target says of itself behind the fixture's steps.
std::string state_behind(const Fixture& fixture, packet::Family family, std::uint64_t seed) {
  Program program;
  program.family = family;
  program.fixture = fixture;
  Call call;
  call.kind = Call::Kind::state;
  call.socket = fixture.state == State::listen ? 0 : 1;
  program.steps = {{0, call}};
  const auto target = target::open_reference_target();
  const auto played = play(program, *target, {.seed = seed});
  if (!played) return played.error().what;
  for (const auto& entry : played->entries)
    if (entry.kind == Entry::Kind::completed && entry.call == played->fixture_steps) return entry.result.text;
  return "nothing";
}

TEST(Fixtures, ReachTheirStates) {
  int reached = 0;
  for (int i = static_cast<int>(State::listen); i <= static_cast<int>(State::time_wait); ++i)
    for (const auto role : {Role::passive, Role::active})
      for (const auto family : {packet::Family::ipv4, packet::Family::ipv6})
        for (const bool offers : {false, true}) {
          Fixture fixture;
          fixture.state = static_cast<State>(i);
          fixture.role = role;
          fixture.sack = fixture.timestamps = offers;
          if (offers) fixture.window_scale = 7;
          if (fixture.state == (role == Role::passive ? State::syn_sent : State::listen)) continue;
          // Nobody has a socket of a connection that was not accepted.
          if (fixture.state == State::syn_received && role == Role::passive) continue;
          SCOPED_TRACE(given_of(fixture));
          EXPECT_EQ(state_behind(fixture, family, 3), script::to_string(fixture.state));
          ++reached;
        }
  EXPECT_EQ(reached, 68);
}

TEST(Fixtures, AreTheSameStepsEachTime) {
  Fixture fixture;
  fixture.state = State::established;
  const auto& steps = steps_of(fixture, packet::Family::ipv4);
  EXPECT_EQ(&steps, &steps_of(fixture, packet::Family::ipv4));
  ASSERT_EQ(steps.size(), 4U);  // listen, SYN, ACK, accept
  const auto& ack = std::get<SendSegment>(steps[2].action);
  EXPECT_FALSE(ack.seq || ack.ack) << "numbers of one stack are not those of another";
}

TEST(Fixtures, CloseAsTheyAreTold) {
  Fixture fixture;
  fixture.state = State::last_ack;
  EXPECT_EQ(std::get<Call>(steps_of(fixture, packet::Family::ipv4).back().action).kind, Call::Kind::shutdown_write);
  fixture.by_close = true;
  EXPECT_EQ(std::get<Call>(steps_of(fixture, packet::Family::ipv4).back().action).kind, Call::Kind::close);
  EXPECT_EQ(given_of(fixture), "{state: LAST-ACK, by: close}");
}

// Shifts are put into what was compiled with another one.
TEST(Fixtures, OfferAnyShift) {
  for (const auto role : {Role::passive, Role::active}) {
    Fixture fixture;
    fixture.state = State::established;
    fixture.role = role;
    fixture.window_scale = 0;
    const auto none = steps_of(fixture, packet::Family::ipv4);
    for (const int shift : {1, 14, 15, 255}) {
      fixture.window_scale = static_cast<std::uint8_t>(shift);
      auto steps = steps_of(fixture, packet::Family::ipv4);
      ASSERT_EQ(steps.size(), none.size());
      int offers = 0;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i] == none[i]) continue;
        auto& options = *std::get<SendSegment>(steps[i].action).options;
        const auto offer = std::ranges::find(options, OptionItem::Kind::window_scale, &OptionItem::kind);
        ASSERT_NE(offer, options.end());
        EXPECT_EQ(offer->numbers, (std::vector<Number>{{Number::Base::zero, shift}}));
        offer->numbers = {{Number::Base::zero, 0}};
        EXPECT_EQ(steps[i], none[i]) << "and nothing else";
        ++offers;
      }
      EXPECT_EQ(offers, 1);
    }
  }
}

TEST(Fixtures, OfferWhatTheySay) {
  Fixture fixture;
  fixture.state = State::established;
  fixture.role = Role::active;
  fixture.sack = fixture.timestamps = true;
  fixture.window_scale = 3;
  EXPECT_EQ(given_of(fixture),
            "{state: ESTABLISHED, role: active, options: [mss: 1460, sack_permitted, ts, wscale: 3]}");
  bool offered = false;
  for (const auto& step : steps_of(fixture, packet::Family::ipv4))
    if (const auto* send = std::get_if<SendSegment>(&step.action); send != nullptr && send->options) {
      ASSERT_EQ(send->options->size(), 4U);
      EXPECT_TRUE(send->options->at(2).numbers.empty()) << "the tester's own clock";
      offered = true;
    }
  EXPECT_TRUE(offered);
}

}  // namespace
}  // namespace tcpspec::fuzz
