// A connection that was adopted goes on as the one goes on that came here by protocol: the
// two get the same, and must send the same, octet for octet.

#include "reference/adoption.hh"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include "packet/segment_view.hh"
#include "reference/test_octets.hh"

namespace tcpspec::reference::test {
namespace {

using packet::Flags;
using namespace std::chrono_literals;

Settings host(std::uint8_t number) {
  Settings settings;
  settings.ipv4 = packet::Address::ipv4(10, 0, 0, number);
  settings.seed = number;
  settings.limits.receive_buffer = 70'000;  // a shift of 1, and windows that close
  // What the round trip was before the adoption nobody can know.
  settings.times.least_rto = settings.times.greatest_rto = 1s;
  return settings;
}

// The identification of the IP header counts from the stack's beginning: it is no part of this.
packet::Segment without_identification(BytesView datagram) {
  auto segment = packet::parse(datagram).value();
  segment.ip.identification = 0;
  return segment;
}

// `veteran` has been there from the start, and `heir` adopts its side of the connection;
// `remote` talks with the veteran.
struct Trio {
  explicit Trio(Offers offers) {
    auto ours = host(1);
    ours.offers = offers;
    veteran = std::make_unique<Stack>(ours);
    heir = std::make_unique<Stack>(ours);
    auto theirs = host(2);
    theirs.offers = offers;
    remote = std::make_unique<Stack>(theirs);
    const auto listener = remote->open(packet::Family::ipv4).value();
    EXPECT_TRUE(remote->listen(listener, 80, 1));
    mine = veteran->open(packet::Family::ipv4).value();
    EXPECT_TRUE(veteran->connect(mine, {host(2).ipv4, 80}, 4000, now));
    talk();
    theirs_socket = remote->accept(listener).value();
  }

  void watch(BytesView datagram, std::uint32_t Trio::*end, packet::Segment Trio::*last) {
    this->*last = packet::parse(datagram).value();
    this->*end = (this->*last).seq.raw() + (this->*last).length();
  }
  // Until nobody has anything to say; some of it is lost.
  void talk(std::uint32_t loss = 0) {
    for (bool quiet = false; !quiet;) {
      quiet = true;
      auto said = veteran->take_output();
      if (adopted) compare(said);
      for (const auto& datagram : said) {
        quiet = false;
        watch(datagram, &Trio::our_end, &Trio::our_last);
        if (our_last.flags.has(Flags::syn)) our_syn = our_last;
        if (loss == 0 || !random.once_in(loss)) remote->input(datagram, now);
      }
      for (const auto& datagram : remote->take_output()) {
        quiet = false;
        if (loss != 0 && random.once_in(loss)) continue;
        watch(datagram, &Trio::their_end, &Trio::their_last);
        if (their_last.flags.has(Flags::syn)) their_syn = their_last;
        veteran->input(datagram, now);
        if (adopted) heir->input(datagram, now);
      }
    }
  }
  void compare(const std::vector<Bytes>& said) {
    const auto same = heir->take_output();
    ASSERT_EQ(same.size(), said.size()) << "at " << now.time_since_epoch() / 1ms << " ms";
    for (std::size_t i = 0; i < said.size(); ++i)
      ASSERT_EQ(without_identification(same[i]), without_identification(said[i])) << "datagram " << i;
  }
  void pass(Duration duration, std::uint32_t loss = 0) {
    const auto until = now + duration;
    for (;;) {
      auto next = until;
      for (const auto* stack : {veteran.get(), remote.get()})
        if (const auto due = stack->deadline()) next = std::min(next, *due);
      now = std::max(now, next);
      veteran->advance(now);
      if (adopted) heir->advance(now);
      remote->advance(now);
      talk(loss);
      if (now >= until || ::testing::Test::HasFatalFailure()) return;
    }
  }

  // What an observer of the wire can tell.
  void adopt(State state) {
    ASSERT_EQ(veteran->status(mine)->state, state);
    Adoption adoption{.local = our_last.source, .remote = our_last.destination, .state = state};
    adoption.iss = our_syn.seq;
    adoption.irs = their_syn.seq;
    adoption.snd_una = their_last.ack;
    adoption.snd_nxt = Seq32(our_end);
    adoption.rcv_nxt = Seq32(their_end);
    adoption.last_ack_sent = our_last.ack;
    for (const auto& option : their_syn.options) {
      if (const auto* mss = std::get_if<packet::Mss>(&option)) adoption.remote_mss = mss->value;
      if (std::holds_alternative<packet::SackPermitted>(option)) adoption.sack = Adoption::Sack::yes;
      if (const auto* scale = std::get_if<packet::WindowScale>(&option))
        adoption.scaling = Adoption::Scaling{scale->shift, scale->shift};
    }
    const unsigned shift = adoption.scaling ? adoption.scaling->snd_shift : 0U;
    adoption.snd_wnd = static_cast<std::uint32_t>(their_last.window) << shift;
    adoption.rcv_wnd = static_cast<std::uint32_t>(our_last.window) << shift;
    for (const auto& option : our_last.options)
      if (const auto* stamp = std::get_if<packet::Timestamps>(&option))
        adoption.stamps = Adoption::Stamps{stamp->value + static_cast<std::uint32_t>((now - sent_last) / 1ms), 0};
    for (const auto& option : their_last.options)
      if (const auto* stamp = std::get_if<packet::Timestamps>(&option)) adoption.stamps->recent = stamp->value;
    const auto socket = heir->adopt(adoption, now);
    ASSERT_TRUE(socket);
    heirs_socket = *socket;
    adopted = true;
    talk();
    EXPECT_EQ(heir->status(heirs_socket)->state, state);
  }
  void both(const std::function<void(Stack&, SocketId)>& call) {
    call(*veteran, mine);
    call(*heir, heirs_socket);
  }

  Random random;
  Instant now{1h};
  std::unique_ptr<Stack> veteran, heir, remote;
  SocketId mine = 0, heirs_socket = 0, theirs_socket = 0;
  std::uint32_t our_end = 0, their_end = 0;
  packet::Segment our_last, their_last, our_syn, their_syn;
  Instant sent_last{1h};  // no time passes before the adoption
  bool adopted = false;
};

// How the veteran gets into a state, without a moment passing.
void bring(Trio& trio, State state) {
  const auto ours = [&] { EXPECT_TRUE(trio.veteran->shutdown(trio.mine, Direction::send, trio.now)); };
  const auto theirs = [&] { EXPECT_TRUE(trio.remote->shutdown(trio.theirs_socket, Direction::send, trio.now)); };
  // Said, and never heard by the remote.
  const auto into_the_void = [&] {
    for (const auto& datagram : trio.veteran->take_output()) trio.watch(datagram, &Trio::our_end, &Trio::our_last);
  };
  const auto heard = [&] {
    for (const auto& datagram : trio.remote->take_output()) {
      trio.watch(datagram, &Trio::their_end, &Trio::their_last);
      trio.veteran->input(datagram, trio.now);
    }
  };
  switch (state) {
    case State::fin_wait_1:
      ours();
      return into_the_void();
    case State::fin_wait_2:
      ours();
      return trio.talk();
    case State::close_wait:
      theirs();
      return trio.talk();
    case State::closing:
      theirs();
      ours();
      into_the_void();
      heard();
      return into_the_void();
    case State::last_ack:
      theirs();
      trio.talk();
      ours();
      return into_the_void();
    case State::time_wait:
      ours();
      trio.talk();
      theirs();
      return trio.talk();
    default:
      return;
  }
}

void go_on(Trio& trio) {
  constexpr std::uint32_t loss = 12;
  std::uint32_t written = 0;
  for (int round = 0; round < 120 && !::testing::Test::HasFatalFailure(); ++round) {
    switch (trio.random.below(8)) {
      case 0:
      case 1: {
        const auto octets = octets_from(Seq32(written), 1 + trio.random.below(30'000));
        std::size_t taken = 0;
        trio.both([&](Stack& stack, SocketId socket) {
          taken = stack.send(socket, octets, SendKind::pushed, trio.now).value_or(0);
        });
        written += static_cast<std::uint32_t>(taken);
        break;
      }
      case 2:
      case 3:
        (void)trio.remote->send(trio.theirs_socket, octets_from(Seq32(0), 1 + trio.random.below(30'000)),
                                SendKind::pushed, trio.now);
        break;
      case 4:
      case 5: {
        std::array<std::byte, 5000> into;
        (void)trio.remote->receive(trio.theirs_socket, into, trio.now);
        trio.both([&](Stack& stack, SocketId socket) { (void)stack.receive(socket, into, trio.now); });
        break;
      }
      case 6:
        if (round > 90)
          trio.both([&](Stack& stack, SocketId socket) { (void)stack.shutdown(socket, Direction::send, trio.now); });
        break;
      default:
        if (round > 90) (void)trio.remote->shutdown(trio.theirs_socket, Direction::send, trio.now);
        break;
    }
    trio.talk(loss);
    trio.pass(trio.random.once_in(3) ? 1500ms : 10ms, loss);
  }
}

class Adopted : public ::testing::TestWithParam<State> {};

TEST_P(Adopted, GoesOnAsTheOneThatCameByProtocol) {
  using enum Offers::Choice;
  for (const auto& offers : {Offers{yes, yes, yes}, Offers{no, no, no}, Offers{yes, no, yes}, Offers{no, yes, no}}) {
    Trio trio(offers);
    bring(trio, GetParam());
    trio.adopt(GetParam());
    go_on(trio);
    if (HasFatalFailure()) return;
    const auto state = trio.heir->status(trio.heirs_socket), expected = trio.veteran->status(trio.mine);
    ASSERT_EQ(state.has_value(), expected.has_value());
    if (state) {
      EXPECT_EQ(state->state, expected->state);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(States, Adopted,
                         ::testing::Values(State::established, State::fin_wait_1, State::fin_wait_2, State::close_wait,
                                           State::closing, State::last_ack, State::time_wait),
                         [](const auto& instance) {
                           std::string name(to_string(instance.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(Adoption, OctetsInFlightAreSentAgain) {
  Stack stack(host(1));
  Adoption adoption{.local = {host(1).ipv4, 4000}, .remote = {host(2).ipv4, 80}};
  adoption.iss = Seq32(0xfffffff0U);
  adoption.snd_una = adoption.iss + 1U;
  adoption.in_flight = octets_from(adoption.snd_una, 100);
  adoption.snd_nxt = adoption.snd_una + 100U;
  adoption.snd_wnd = adoption.rcv_wnd = 10'000;
  adoption.rcv_nxt = adoption.last_ack_sent = Seq32(77);
  ASSERT_TRUE(stack.adopt(adoption, Instant{1h}));
  EXPECT_TRUE(stack.take_output().empty());
  stack.advance(Instant{1h} + 999ms);
  EXPECT_TRUE(stack.take_output().empty());
  stack.advance(Instant{1h} + 1s);
  const auto sent = stack.take_output();
  ASSERT_EQ(sent.size(), 1U);
  const auto again = packet::parse(sent[0]).value();
  EXPECT_EQ(again.seq, adoption.snd_una);
  EXPECT_EQ(again.payload, adoption.in_flight);
}

TEST(Adoption, AnAcknowledgmentThatIsDueLeavesAtOnce) {
  Stack stack(host(1));
  Adoption adoption{.local = {host(1).ipv4, 4000}, .remote = {host(2).ipv4, 80}, .state = State::close_wait};
  adoption.iss = Seq32(6);
  adoption.snd_una = adoption.snd_nxt = Seq32(7);
  adoption.snd_wnd = adoption.rcv_wnd = 10'000;
  adoption.last_ack_sent = Seq32(77);
  adoption.rcv_nxt = Seq32(78);
  ASSERT_TRUE(stack.adopt(adoption, Instant{1h}));
  const auto sent = stack.take_output();
  ASSERT_EQ(sent.size(), 1U);
  const auto ack = packet::parse(sent[0]).value();
  EXPECT_EQ(ack.flags, Flags(Flags::ack));
  EXPECT_EQ(ack.seq, Seq32(7));
  EXPECT_EQ(ack.ack, Seq32(78));
}

TEST(Adoption, OnePairOfSocketsHasOneConnection) {
  Stack stack(host(1));
  const Adoption adoption{.local = {host(1).ipv4, 4000}, .remote = {host(2).ipv4, 80}};
  ASSERT_TRUE(stack.adopt(adoption, Instant{1h}));
  EXPECT_EQ(stack.adopt(adoption, Instant{1h}).error(), Error::address_in_use);
  auto early = adoption;
  early.remote.port = 81;
  early.state = State::syn_sent;
  EXPECT_EQ(stack.adopt(early, Instant{1h}).error(), Error::invalid);
}

}  // namespace
}  // namespace tcpspec::reference::test
