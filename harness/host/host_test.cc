// Two hosts, one wire between them, and a clock that jumps: the applications, and the
// stack with itself on the other side.

#include "host/host.hh"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

#include "host/http_client.hh"
#include "host/http_server.hh"
#include "host/pattern.hh"
#include "host/services.hh"
#include "host/transfer.hh"
#include "oracle/invariants.hh"

namespace tcpspec::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::uint64_t seed() {
  const char* given = std::getenv("TCPSPEC_SEED");
  return given == nullptr ? 0x5f31 : std::stoull(given, nullptr, 0);
}

const auto server_address = packet::Address::ipv4(10, 0, 0, 1);
const auto client_address = packet::Address::ipv4(10, 0, 0, 2);

reference::Settings settings_for(const packet::Address& address) {
  reference::Settings settings;
  settings.ipv4 = address;
  settings.seed = seed();
  // On a wire that loses four of ten, chance alone would make the stack give up (R2) after
  // five minutes of few and late repetitions.
  settings.times.greatest_rto = 2s;
  return settings;
}

std::string told(const reference::Settings& settings) {
  const auto& [scale, stamps, sack] = settings.offers;
  const auto yes = reference::Offers::Choice::yes;
  return fmt::format("mtu {}, buffers {} and {}, blocks {} and {},{}{}{}", settings.mtu, settings.limits.send_buffer,
                     settings.limits.receive_buffer, settings.limits.out_of_order_blocks, settings.limits.sack_ranges,
                     scale == yes ? " scale" : "", stamps == yes ? " timestamps" : "", sack == yes ? " sack" : "");
}

class Pair : public testing::Test {
 protected:
  // The client's wire is the one that is bad, in both directions.
  void boot(const Odds& odds = {}, const reference::Settings& of_server = settings_for(server_address),
            const reference::Settings& of_client = settings_for(client_address)) {
    server.emplace(of_server, Host::Wire{});
    client.emplace(of_client, Host::Wire{odds, of_client.seed});
    monitor = {};
    client->observe([this](Host::Way way, BytesView datagram) { watch(way, datagram); });
  }
  std::shared_ptr<TransferReport> call(std::uint16_t port, TransferOrder order) {
    auto report = std::make_shared<TransferReport>();
    EXPECT_TRUE(client->call({server_address, port}, make_transfer(order, report), now));
    return report;
  }
  std::shared_ptr<TransferReport> get(const std::vector<std::uint64_t>& resources) {
    auto report = std::make_shared<TransferReport>();
    EXPECT_TRUE(client->call({server_address, 80}, make_http_client("server", resources, report), now));
    return report;
  }
  // Until nothing can happen any more, TIME-WAIT included. Each way takes a millisecond.
  void run() {
    std::size_t steps = 0;
    for (;; ++steps) {
      ASSERT_LT(steps, 1'000'000u) << "no end";
      bool moved = exchange(*client, *server);
      moved = exchange(*server, *client) || moved;
      if (moved) {
        now += 1ms;
        continue;
      }
      const auto a = client->deadline(), b = server->deadline();
      if (!a && !b) break;
      now = std::max(now, std::min(a.value_or(Instant::max()), b.value_or(Instant::max())));
    }
    EXPECT_THAT(violations, ElementsAre());
    EXPECT_TRUE(client->at_rest());
    EXPECT_TRUE(server->at_rest() || server_may_wait);
  }
  bool exchange(Host& from, Host& to) {
    const auto datagrams = from.turn(now);
    for (const auto& datagram : datagrams) to.arrives(datagram, now);
    return !datagrams.empty();
  }
  void watch(Host::Way way, BytesView datagram) {
    if (way == Host::Way::in) {
      if (packet::SegmentView(datagram).ip_checksum_ok()) monitor.sent(datagram);
      return;
    }
    for (const auto& violation : monitor.received(datagram))
      violations.push_back(std::string(violation.invariant->name) + ": " + violation.what);
  }

  // For a peer that went away, and whose RST was lost: TCP has nothing against that.
  bool server_may_wait = false;
  testing::ScopedTrace trace{__FILE__, __LINE__, "TCPSPEC_SEED=" + std::to_string(seed())};
  Instant now{1s};
  std::optional<Host> server, client;
  oracle::InvariantMonitor monitor;
  std::vector<std::string> violations;
};

constexpr Odds bad(double probability) {
  return {.drop = probability,
          .duplicate = probability,
          .reorder = probability,
          .corrupt = probability,
          .greatest_delay = 20ms};
}

TEST_F(Pair, EchoGivesBackWhatItGot) {
  boot();
  ASSERT_TRUE(server->serve(7, make_echo));
  const auto report = call(7, {.send = 3'000'000, .expect = 3'000'000});
  run();
  EXPECT_TRUE(report->over);
  EXPECT_EQ(report->failure, std::nullopt);
}

TEST_F(Pair, EchoOnWiresThatGetWorse) {
  for (const double probability : {0.01, 0.05, 0.2}) {
    boot(bad(probability));
    ASSERT_TRUE(server->serve(7, make_echo));
    const auto report = call(7, {.send = 200'000, .expect = 200'000});
    run();
    EXPECT_TRUE(report->over);
    EXPECT_EQ(report->failure, std::nullopt) << probability;
    const auto [taken, dropped, duplicated, reordered, corrupted] = client->statistics().in;
    EXPECT_GT(dropped + duplicated + reordered + corrupted, 0u) << "of " << taken;
  }
}

// Whatever each side offers, and however little it has room for.
reference::Settings any_settings(const packet::Address& address, std::mt19937_64& random) {
  const auto between = [&](std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random);
  };
  using Choice = reference::Offers::Choice;
  const auto choice = [&] { return between(0, 1) == 0 ? Choice::no : Choice::yes; };
  auto settings = settings_for(address);
  settings.seed = random();
  settings.mtu = static_cast<std::uint16_t>(between(0, 1) == 0 ? between(100, 1500) : between(1280, 9000));
  settings.limits.send_buffer = between(0, 1) == 0 ? between(1, 5000) : between(5000, 300'000);
  settings.limits.receive_buffer = between(0, 1) == 0 ? between(100, 5000) : between(5000, 300'000);
  settings.limits.out_of_order_blocks = between(1, 256);
  settings.limits.sack_ranges = between(1, 256);
  settings.offers = {.window_scale = choice(), .timestamps = choice(), .sack = choice()};
  return settings;
}

TEST_F(Pair, EchoWithAnySettings) {
  std::mt19937_64 random(seed());
  for (int round = 0; round < 20; ++round) {
    const auto of_server = any_settings(server_address, random);
    const auto of_client = any_settings(client_address, random);
    boot(bad(std::uniform_real_distribution(0.0, 0.1)(random)), of_server, of_client);
    ASSERT_TRUE(server->serve(7, make_echo));
    const auto report = call(7, {.send = 30'000, .expect = 30'000});
    run();
    EXPECT_TRUE(report->over);
    EXPECT_EQ(report->failure, std::nullopt);
    if (HasFailure()) {
      ADD_FAILURE() << "round " << round << ", server: " << told(of_server) << ", client: " << told(of_client);
      return;
    }
  }
}

// Sends, and reads so much of what comes back, and goes away without or with a RST.
class Hasty final : public Session {
 public:
  Hasty(std::uint64_t enough, Next ending) : enough_(enough), ending_(ending) {}
  Next proceed(Channel& channel) override {
    if (const auto connected = channel.connected(); !connected)
      return connected.error() == reference::Error::would_block ? Next::wait : Next::close;
    Bytes piece(700);
    for (;;) {
      const auto sent = channel.send(piece);
      const auto got = channel.receive(piece);
      if (got && *got == 0) return Next::close;
      read_ += got.value_or(0);
      if (read_ >= enough_) return ending_;
      if (!got && got.error() != reference::Error::would_block) return Next::close;
      if (!got && !sent) return Next::wait;
    }
  }

 private:
  std::uint64_t enough_, read_ = 0;
  Next ending_;
};

TEST_F(Pair, WhoGoesAwayAtAnyTimeLeavesNothingBehind) {
  std::mt19937_64 random(seed());
  server_may_wait = true;
  for (int round = 0; round < 20; ++round) {
    const auto of_server = any_settings(server_address, random);
    const auto of_client = any_settings(client_address, random);
    boot(bad(std::uniform_real_distribution(0.0, 0.1)(random)), of_server, of_client);
    ASSERT_TRUE(server->serve(7, make_echo));
    const auto ending = random() % 2 == 0 ? Session::Next::close : Session::Next::abort;
    const auto enough = std::uniform_int_distribution<std::uint64_t>(0, 20'000)(random);
    ASSERT_TRUE(client->call({server_address, 7}, std::make_unique<Hasty>(enough, ending), now));
    run();
    if (HasFailure()) {
      ADD_FAILURE() << "round " << round << ", server: " << told(of_server) << ", client: " << told(of_client);
      return;
    }
  }
}

TEST_F(Pair, DiscardTakesAll) {
  boot();
  ASSERT_TRUE(server->serve(9, make_discard));
  const auto report = call(9, {.send = 1'000'000, .expect = 0});
  run();
  EXPECT_EQ(report->failure, std::nullopt);
  EXPECT_EQ(server->statistics().traffic.received, 1'000'000u);
}

// Reads so much of the pattern, and goes away.
class Sip final : public Session {
 public:
  Sip(std::uint64_t enough, std::uint64_t& read) : enough_(enough), read_(read) {}
  Next proceed(Channel& channel) override {
    Bytes piece(1000);
    for (;;) {
      const auto got = channel.receive(piece);
      if (!got) return Next::wait;
      EXPECT_EQ(find_difference(read_, std::span(piece).first(*got)), std::nullopt);
      read_ += *got;
      if (read_ >= enough_ || *got == 0) return Next::close;
    }
  }

 private:
  std::uint64_t enough_;
  std::uint64_t& read_;
};

TEST_F(Pair, ChargenEndsWithItsReader) {
  boot();
  ASSERT_TRUE(server->serve(19, make_chargen));
  std::uint64_t read = 0;
  ASSERT_TRUE(client->call({server_address, 19}, std::make_unique<Sip>(500'000, read), now));
  run();
  EXPECT_GE(read, 500'000u);
  EXPECT_GE(server->statistics().traffic.sent, read);
}

TEST_F(Pair, NobodyListens) {
  boot();
  const auto report = call(7, {.send = 1, .expect = 1});
  run();
  EXPECT_EQ(report->failure, "no connection: connection refused, after 0 octets out and 0 in");
}

TEST_F(Pair, TheSinkSeesWhatIsWrong) {
  boot();
  ASSERT_TRUE(server->serve(9, make_discard));
  const auto report = call(9, {.send = 10, .expect = 10});
  run();
  EXPECT_EQ(report->failure, "the end came after 0 octets, and not after 10");
}

TEST_F(Pair, HttpOneRequestAfterTheOther) {
  boot(bad(0.02));
  ASSERT_TRUE(server->serve(80, make_http_server));
  const auto report = get({500'000, 0, 1, 70'000});
  run();
  EXPECT_TRUE(report->over);
  EXPECT_EQ(report->failure, std::nullopt);
  EXPECT_EQ(report->received, 570'001u);
  EXPECT_EQ(server->statistics().accepted, 1u);
}

TEST_F(Pair, HttpSaysThatThereIsNoSuchThing) {
  boot();
  ASSERT_TRUE(server->serve(80, make_http_server));
  const auto report = get({UINT64_MAX});
  run();
  EXPECT_EQ(report->failure, "the answer is 404 of 0 octets");
}

// ---- what is heard of an HTTP server, octet for octet

class Talk final : public Session {
 public:
  Talk(std::string say, std::string& heard) : say_(std::move(say)), heard_(heard) {}
  Next proceed(Channel& channel) override {
    if (!channel.connected()) return Next::wait;
    if (!say_.empty()) {
      (void)channel.send(std::as_bytes(std::span(say_)));
      say_.clear();
    }
    std::array<char, 1024> piece;
    for (;;) {
      const auto got = channel.receive(std::as_writable_bytes(std::span(piece)));
      if (!got) return got.error() == reference::Error::would_block ? Next::wait : Next::close;
      if (*got == 0) return Next::close;
      heard_.append(piece.data(), *got);
    }
  }

 private:
  std::string say_;
  std::string& heard_;
};

class HttpServer : public Pair {
 protected:
  std::string ask(const std::string& request) {
    boot();
    EXPECT_TRUE(server->serve(80, make_http_server));
    std::string heard;
    EXPECT_TRUE(client->call({server_address, 80}, std::make_unique<Talk>(request, heard), now));
    run();
    return heard.substr(0, heard.find("\r\n"));
  }
};

TEST_F(HttpServer, StatusOfEachKindOfRequest) {
  EXPECT_EQ(ask("GET /octets/3 HTTP/1.1\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200 OK");
  EXPECT_EQ(ask("GET /octets/3 HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 OK");
  EXPECT_EQ(ask("GET /octets/-3 HTTP/1.0\r\n\r\n"), "HTTP/1.0 404 Not Found");
  EXPECT_EQ(ask("GET /octets/99999999999999 HTTP/1.0\r\n\r\n"), "HTTP/1.0 404 Not Found");
  EXPECT_EQ(ask("BREW /octets/3 HTTP/1.1\r\n\r\n"), "HTTP/1.1 501 Not Implemented");
  EXPECT_EQ(ask("hello\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(ask(std::string(100'000, 'x')), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(ask("POST /octets/3 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), "HTTP/1.1 400 Bad Request");
}

TEST(Pattern, ToldFromAnyPosition) {
  Bytes whole(1000);
  fill_pattern(0, whole);
  for (const std::size_t from : {0U, 1U, 7U, 8U, 9U, 500U}) {
    Bytes part(1000 - from);
    fill_pattern(from, part);
    EXPECT_TRUE(std::ranges::equal(part, std::span(whole).subspan(from))) << from;
    EXPECT_EQ(find_difference(from, part), std::nullopt);
    EXPECT_NE(find_difference(from + 8, part), std::nullopt);
  }
  whole[617] ^= std::byte{1};
  EXPECT_EQ(find_difference(0, whole), 617u);
}

TEST(Services, Words) {
  EXPECT_TRUE(parse_services("")->empty());
  const auto two = parse_services("echo:7,http:8080");
  ASSERT_TRUE(two) << two.error();
  ASSERT_EQ(two->size(), 2u);
  EXPECT_EQ(two->at(1).name, "http");
  EXPECT_EQ(two->at(1).port, 8080);
  for (const auto* wrong : {"echo", "echo:", "echo:0", "echo:x", "echo:7,,", "smtp:25", "echo:7,http:7", "echo:-1"})
    EXPECT_FALSE(parse_services(wrong)) << wrong;
}

}  // namespace
}  // namespace tcpspec::host
