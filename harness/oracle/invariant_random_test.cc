// Random conversations: no bytes crash the monitor, and nothing that the tester sends
// makes it accuse a target that behaves. TCPSPEC_SEED repeats a run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "oracle/invariant_test_wire.hh"

namespace tcpspec::oracle::test {
namespace {

std::uint64_t seed() {
  const char* given = std::getenv("TCPSPEC_SEED");
  return given == nullptr ? 0x5f31 : std::stoull(given, nullptr, 0);
}

class Dice {
 public:
  explicit Dice(std::uint64_t from) : engine_(from) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
  bool once_in(std::uint32_t n) { return below(n) == 0; }
  std::uint32_t any() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937_64 engine_;
};

// A target that listens, takes data in order, sends some, and answers everything else
// with an acknowledgment or a RST. It is what RFC 9293 asks for and no more.
class HonestTarget {
 public:
  explicit HonestTarget(Dice& dice) : dice_(dice) {}

  std::optional<Said> on(const Said& in) {
    if (state_ == State::listen) return in_listen(in);
    if (in.flags.has(Flags::rst)) {
      if (in.seq == received_) close();
      return std::nullopt;
    }
    if (in.flags.has(Flags::syn) || !in.flags.has(Flags::ack)) return acknowledgment();  // RFC 5961 section 4
    if (state_ == State::syn_received) {
      if (in.ack != iss_ + 1) return Said{.flags = R, .seq = in.ack};
      if (in.seq == received_) state_ = State::established;
    }
    if (state_ != State::established) return acknowledgment();
    const std::uint32_t acked = in.ack - unacked_;
    if (acked > next_ - unacked_) return acknowledgment();
    unacked_ = in.ack;
    if (in.seq - received_ < 0x80000000U) edge_ = std::max(edge_, in.ack - iss_ + in.window);
    if (in.seq == received_) {
      received_ += static_cast<std::uint32_t>(in.data) + (in.flags.has(Flags::fin) ? 1 : 0);
      timestamp_to_echo(in);
    }
    return acknowledgment();
  }

  // Something of its own accord: data, a retransmission, a FIN, a keep-alive, a repeated SYN-ACK.
  std::optional<Said> act() {
    if (state_ == State::syn_received) return syn_ack();
    if (state_ != State::established) return std::nullopt;
    if (dice_.once_in(30)) {
      const Said reset{.flags = RA, .seq = next_, .ack = received_};
      close();
      return reset;
    }
    if (dice_.once_in(4)) return said(A, next_ - 1, {});  // keep-alive
    if (next_ != unacked_ && dice_.once_in(2)) {
      const std::uint32_t data = next_ - unacked_ - (fin_ ? 1 : 0);
      const std::uint32_t some = std::min(data, 1 + dice_.below(400));
      return said(fin_ && some == data ? FA : A, unacked_, some);
    }
    if (fin_ || next_ - iss_ >= edge_) return std::nullopt;
    const std::uint32_t data = std::min(dice_.below(400), edge_ - (next_ - iss_));
    fin_ = dice_.once_in(20);
    const Said sent = said(fin_ ? FA : A, next_, data);
    next_ += data + (fin_ ? 1 : 0);
    return sent;
  }

 private:
  enum class State { listen, syn_received, established };

  std::optional<Said> in_listen(const Said& in) {
    if (in.flags.has(Flags::rst)) return std::nullopt;
    if (in.flags.has(Flags::ack)) return Said{.flags = R, .seq = in.ack};
    const std::uint32_t length =
        static_cast<std::uint32_t>(in.data) + (in.flags.has(Flags::syn) ? 1 : 0) + (in.flags.has(Flags::fin) ? 1 : 0);
    if (!in.flags.has(Flags::syn)) return Said{.flags = RA, .seq = 0 - target_iss, .ack = in.seq + length};
    state_ = State::syn_received;
    fin_ = false;
    iss_ = dice_.any();
    unacked_ = next_ = iss_ + 1;
    received_ = in.seq + 1;
    edge_ = 1U + in.window;
    stamped_ = std::ranges::any_of(in.options, [](const Option& o) { return std::holds_alternative<Timestamps>(o); });
    timestamp_to_echo(in);
    return syn_ack();
  }

  [[nodiscard]] Said syn_ack() {
    Said answer = said(SA, iss_, 0);
    answer.options.emplace_back(Mss{1460});
    return answer;
  }
  [[nodiscard]] Said acknowledgment() {
    return state_ == State::syn_received ? said(A, iss_ + 1, 0) : said(A, next_, 0);
  }
  [[nodiscard]] Said said(Flags flags, std::uint32_t seq, std::size_t data) {
    Said result{.flags = flags, .seq = seq, .ack = received_, .options = {}, .data = data};
    if (stamped_) result.options = {Timestamps{clock_ += dice_.below(3), echo_}};
    return result;
  }
  void timestamp_to_echo(const Said& in) {
    for (const Option& option : in.options)
      if (const auto* ts = std::get_if<Timestamps>(&option)) echo_ = ts->value;
  }
  void close() { state_ = State::listen; }

  Dice& dice_;
  State state_ = State::listen;
  std::uint32_t iss_ = 0, unacked_ = 0, next_ = 0, received_ = 0, edge_ = 0, echo_ = 0, clock_ = 77;
  bool stamped_ = false, fin_ = false;
};

// A tester that mostly goes on with the conversation and often does not. What it sends
// is broken now and then in ways that make a target drop it unseen.
class HostileTester {
 public:
  explicit HostileTester(Dice& dice) : dice_(dice) {}

  Said next() {
    Said said;
    const Flags usual[] = {S, A, A, A, A, FA, R, RA, F, SA, A | Flags::psh, Flags{}};
    said.flags = dice_.once_in(10) ? Flags(static_cast<std::uint16_t>(dice_.any())) : usual[dice_.below(12)];
    said.seq = near(expected_seq);
    said.ack = near(expected_ack);
    said.data = dice_.once_in(2) ? dice_.below(300) : 0;
    said.window = static_cast<std::uint16_t>(dice_.below(3000));
    if (dice_.once_in(2)) said.options = {Timestamps{++clock_, dice_.any()}};
    if (dice_.once_in(4)) said.options.emplace_back(Mss{1460});
    return said;
  }
  // What it learns of the target.
  void heard(const Said& answer) {
    if (answer.flags.has(Flags::rst)) return;
    expected_seq = answer.ack;
    expected_ack = answer.seq + static_cast<std::uint32_t>(answer.data) + (answer.flags.has(Flags::syn) ? 1 : 0) +
                   (answer.flags.has(Flags::fin) ? 1 : 0);
  }
  Malformation defect() {
    switch (dice_.below(12)) {
      case 0:
        return {.tcp_checksum_xor = static_cast<std::uint16_t>(1 + dice_.below(65535))};
      case 1:
        return {.data_offset = static_cast<std::uint8_t>(dice_.below(5))};
      case 2:
        return {.truncate_to = dice_.below(45)};
      default:
        return {};
    }
  }

  std::uint32_t expected_seq = 0, expected_ack = 0;

 private:
  std::uint32_t near(std::uint32_t number) {
    switch (dice_.below(12)) {
      case 0:
        return dice_.any();
      case 1:
        return number + dice_.below(1000);
      case 2:
        return number - dice_.below(1000);
      default:
        return number;
    }
  }
  Dice& dice_;
  std::uint32_t clock_ = 1000;
};

TEST(InvariantMonitorAtRandom, NeverAccusesAnHonestTarget) {
  Dice dice(seed());
  std::size_t with_data = 0, resets = 0, handshakes = 0;
  for (int conversation = 0; conversation < 3000; ++conversation) {
    Wire wire(dice.once_in(2) ? Family::ipv4 : Family::ipv6);
    HonestTarget target(dice);
    HostileTester tester(dice);
    const auto judge = [&](const std::optional<Said>& answer) {
      if (!answer) return;
      with_data += answer->data != 0 ? 1 : 0;
      resets += answer->flags.has(Flags::rst) ? 1 : 0;
      handshakes += answer->flags == SA ? 1 : 0;
      const auto violations = wire.monitor.received(serialize(wire.from_target(*answer)));
      for (const Violation& violation : violations)
        ADD_FAILURE() << violation.invariant->name << ": " << violation.what << " in conversation " << conversation;
      tester.heard(*answer);
    };
    for (int step = 0; step < 60; ++step) {
      if (dice.once_in(3)) {
        judge(target.act());
        continue;
      }
      const Said said = tester.next();
      const Malformation defect = tester.defect();
      wire.tester(said, defect);
      if (defect.empty()) judge(target.on(said));
    }
    if (HasFailure()) break;
  }
  // Conversations that reach nothing would prove nothing.
  EXPECT_GT(with_data, 3000U);
  EXPECT_GT(resets, 3000U);
  EXPECT_GT(handshakes, 3000U);
}

packet::Bytes random_bytes(Dice& dice, const Wire& wire) {
  packet::Bytes bytes(dice.below(120));
  for (std::byte& octet : bytes) octet = static_cast<std::byte>(dice.any());
  if (dice.once_in(4)) return bytes;
  Said said{.flags = Flags(static_cast<std::uint16_t>(dice.any())), .seq = dice.below(50), .ack = dice.below(50)};
  if (!bytes.empty()) bytes.resize(std::min<std::size_t>(bytes.size(), 40));
  said.options = {RawBytes{bytes}};
  said.data = dice.below(60);
  auto datagram = serialize(dice.once_in(2) ? wire.from_target(said) : wire.from_tester(said));
  if (dice.once_in(2))
    datagram[dice.below(static_cast<std::uint32_t>(datagram.size()))] ^= static_cast<std::byte>(dice.any());
  if (dice.once_in(4)) datagram.resize(dice.below(static_cast<std::uint32_t>(datagram.size())));
  return datagram;
}

TEST(InvariantMonitorAtRandom, ReadsAnyBytes) {
  Dice dice(seed());
  std::size_t violations = 0;
  for (int round = 0; round < 300; ++round) {
    Wire wire(dice.once_in(2) ? Family::ipv4 : Family::ipv6);
    for (int i = 0; i < 200; ++i) {
      const auto bytes = random_bytes(dice, wire);
      if (dice.once_in(2)) {
        wire.monitor.sent(bytes);
      } else {
        violations += wire.monitor.received(bytes).size();
      }
    }
  }
  EXPECT_GT(violations, 10000U);
}

TEST(InvariantMonitorAtRandom, ManyConnectionsAreStillJudgedByTheirForm) {
  Wire wire;
  for (std::uint16_t port = 1; port < 3000; ++port) {
    wire.tester_port = port;
    EXPECT_THAT(wire.open(), testing::IsEmpty());
  }
  EXPECT_THAT(wire.target({.flags = F, .seq = 1}), testing::ElementsAre("ack-set-when-synchronized"));
  wire.tester_port = 5;
  EXPECT_THAT(wire.target({.flags = A, .seq = 1, .ack = 2}), testing::ElementsAre("acks-only-what-was-sent"));
}

}  // namespace
}  // namespace tcpspec::oracle::test
