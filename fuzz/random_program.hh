#pragma once
// For tests: programs that hold anything that a program can hold.

#include <random>

#include "fuzz/program.hh"

namespace tcpspec::fuzz::test {

class RandomProgram {
 public:
  explicit RandomProgram(std::uint64_t seed) : random_(seed) {}

  Program operator()() {
    Program out;
    out.family = coin() ? packet::Family::ipv4 : packet::Family::ipv6;
    out.fixture = fixture();
    out.connections.clear();
    const auto connections = between(1, 6);
    for (std::int64_t i = 0; i < connections; ++i) {
      auto& connection = out.connections.emplace_back();
      if (i > 0 && coin()) connection.tuple_of = static_cast<std::int8_t>(between(0, i - 1));
      if (coin()) connection.iss = number();
    }
    const auto steps = between(0, 12);
    for (std::int64_t i = 0; i < steps; ++i) {
      auto& step = out.steps.emplace_back();
      step.action = action();
      if (!std::holds_alternative<Pause>(step.action))
        step.connection = static_cast<std::uint8_t>(between(0, connections - 1));
    }
    return out;
  }

 private:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool coin() { return between(0, 1) == 1; }
  // Small ones and large ones equally often.
  std::uint64_t bits(int most) { return random_() >> (64 - between(1, most)); }

  Number number() {
    const auto magnitude = static_cast<std::int64_t>(bits(32));
    return {static_cast<Number::Base>(between(0, Number::bases - 1)), coin() ? magnitude : -magnitude};
  }
  Bytes octets(std::int64_t most) {
    Bytes out(static_cast<std::size_t>(between(0, most)));
    for (auto& octet : out) octet = static_cast<std::byte>(bits(8));
    return out;
  }
  template <class T>
  void perhaps(std::optional<T>& field, int most_bits) {
    if (between(0, 3) == 0) field = static_cast<T>(bits(most_bits));
  }
  void perhaps(std::optional<Number>& field) {
    if (coin()) field = number();
  }

  Fixture fixture() {
    Fixture out;
    do {
      out.state = static_cast<script::State>(between(0, static_cast<int>(script::State::time_wait)));
      out.role = coin() ? script::Role::passive : script::Role::active;
    } while (out.state == (out.role == script::Role::passive ? script::State::syn_sent : script::State::listen));
    out.sack = coin();
    out.timestamps = coin();
    perhaps(out.window_scale, 8);
    out.by_close = coin();
    return out;
  }
  OptionItem option() {
    OptionItem out;
    out.kind = static_cast<OptionItem::Kind>(between(0, static_cast<int>(OptionItem::Kind::raw)));
    using Kind = OptionItem::Kind;
    std::int64_t numbers = 0;
    if (out.kind == Kind::mss || out.kind == Kind::window_scale || out.kind == Kind::unknown) numbers = 1;
    if (out.kind == Kind::timestamps) numbers = 2 * between(0, 1);
    if (out.kind == Kind::sack) numbers = 2 * between(0, 4);
    for (; numbers > 0; --numbers) out.numbers.push_back(number());
    if (out.kind == Kind::unknown || out.kind == Kind::raw) out.bytes = octets(6);
    return out;
  }
  SendSegment segment() {
    SendSegment out;
    out.flags = packet::Flags(static_cast<std::uint16_t>(bits(9)));
    perhaps(out.seq);
    perhaps(out.ack);
    perhaps(out.window, 16);
    perhaps(out.urgent, 16);
    if (coin()) out.length = number();
    if (coin()) out.literal = octets(40);
    if (coin()) {
      out.options.emplace();
      for (auto i = between(0, 4); i > 0; --i) out.options->push_back(option());
    }
    perhaps(out.ttl, 8);
    perhaps(out.traffic_class, 8);
    perhaps(out.malformation.tcp_checksum, 16);
    perhaps(out.malformation.tcp_checksum_xor, 16);
    perhaps(out.malformation.data_offset, 4);
    perhaps(out.malformation.reserved, 3);
    perhaps(out.malformation.ip_total_length, 16);
    perhaps(out.malformation.ip_checksum_xor, 16);
    perhaps(out.malformation.ip_protocol, 8);
    if (coin()) out.malformation.ip_options = octets(8);
    perhaps(out.malformation.truncate_to, 16);
    out.ignored = coin();
    return out;
  }
  SendIcmp icmp() {
    SendIcmp out{static_cast<std::uint8_t>(bits(8)), static_cast<std::uint8_t>(bits(8)), {}, {}, {}};
    perhaps(out.rest_of_header, 32);
    perhaps(out.quoted_seq);
    perhaps(out.quoted_source_port, 16);
    return out;
  }
  Call call() {
    Call out;
    out.kind = static_cast<Call::Kind>(between(0, static_cast<int>(Call::Kind::state)));
    out.socket = static_cast<std::uint8_t>(bits(8));
    out.accepted = static_cast<std::uint8_t>(bits(8));
    switch (out.kind) {
      case Call::Kind::listen:
      case Call::Kind::connect:
        out.number = static_cast<std::int64_t>(bits(16));
        break;
      case Call::Kind::send:
      case Call::Kind::receive:
        out.number = static_cast<std::int64_t>(bits(26));
        break;
      case Call::Kind::set_option:
        out.number = static_cast<std::int64_t>(coin() ? bits(63) : ~bits(63));
        break;
      default:
        break;
    }
    if (coin()) out.literal = octets(40);
    if (coin()) out.option = coin() ? "TCP_NODELAY" : "SO_RCVBUF";
    out.urgent = coin();
    return out;
  }
  decltype(Step::action) action() {
    switch (between(0, 3)) {
      case 0:
        return segment();
      case 1:
        return icmp();
      case 2:
        return call();
      default:
        return Pause{Duration(static_cast<std::int64_t>(bits(52)))};
    }
  }

  std::mt19937_64 random_;
};

}  // namespace tcpspec::fuzz::test
