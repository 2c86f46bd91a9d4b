// The reference stack beside the running kernel, over a real wire, in a namespace of its
// own. Each test is to be run in a process of its own, as CTest does: without root the
// namespace cannot be left again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "host/child.hh"
#include "host/http_client.hh"
#include "host/http_server.hh"
#include "host/kernel_peer.hh"
#include "host/loop.hh"
#include "host/network.hh"
#include "host/pattern.hh"
#include "host/services.hh"
#include "host/transfer.hh"
#include "oracle/invariants.hh"
#include "target/linux/sysctl.hh"

namespace tcpspec::host {
namespace {

using namespace std::chrono_literals;
using packet::Endpoint;
using packet::Family;
using testing::ElementsAre;

constexpr std::uint64_t mega = 1'000'000;
// Nothing here takes as long; whatever does has stalled for good.
constexpr auto hang = 240s;

std::uint64_t seed() {
  const char* given = std::getenv("TCPSPEC_SEED");
  return given == nullptr ? 0x5f31 : std::stoull(given, nullptr, 0);
}

// 2 * MSL is what a test waits for at its end. With the least RTO that the kernel has too,
// a bad wire takes seconds and not minutes.
reference::Settings settings_for_tests() {
  reference::Settings settings;
  settings.ipv4 = packet::Address::ipv4(10, 0, 0, 2);
  settings.ipv6 = *packet::Address::parse("fd00::2");
  settings.seed = seed();
  settings.times.msl = 200ms;
  settings.times.orphan_fin_wait_2 = 20s;
  settings.times.least_rto = 200ms;
  settings.times.greatest_rto = 1s;
  return settings;
}

// Work of the kernel's side, in threads of their own.
class Peers {
 public:
  Peers() : ended_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Peers() {
    for (auto& thread : threads_) thread.join();
  }
  void start(std::function<void()> work) {
    ++running_;
    threads_.emplace_back([this, work = std::move(work)] {
      std::string failure;
      try {
        work();
      } catch (const std::exception& error) {
        failure = error.what();
      }
      const std::lock_guard lock(mutex_);
      if (!failure.empty()) failures_.push_back(std::move(failure));
      --running_;
      const std::uint64_t one = 1;
      (void)!write(ended_.get(), &one, sizeof one);
    });
  }
  [[nodiscard]] int descriptor() const { return ended_.get(); }
  [[nodiscard]] bool over() const { return running_ == 0; }
  [[nodiscard]] std::vector<std::string> failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  target::Descriptor ended_;
  std::vector<std::thread> threads_;
  std::atomic<int> running_ = 0;
  std::mutex mutex_;
  std::vector<std::string> failures_;
};

// Segments of the stack that break an invariant. What the host's IP layer throws away
// (RFC 1122 section 3.2.1.2) the TCP never sees, and neither does the monitor.
class Watch {
 public:
  void operator()(Host::Way way, BytesView datagram) {
    latest_.emplace_back(way, Bytes(datagram.begin(), datagram.end()));
    if (latest_.size() > 40) latest_.pop_front();
    if (way == Host::Way::in) {
      if (packet::SegmentView(datagram).ip_checksum_ok()) monitor_.sent(datagram);
      return;
    }
    for (const auto& violation : monitor_.received(datagram))
      if (found_.size() < 20) found_.push_back(std::string(violation.invariant->name) + ": " + violation.what);
  }
  [[nodiscard]] const std::vector<std::string>& found() const { return found_; }
  // What was last on the wire, for whoever wants to know why nothing moves.
  void tell_latest() const {
    for (const auto& [way, datagram] : latest_) {
      const packet::SegmentView view(datagram);
      std::cerr << (way == Host::Way::in ? "  in  " : "  out ") << to_string(view.source()) << " > "
                << to_string(view.destination()) << " " << to_string(view.flags()) << " seq " << view.seq().raw()
                << " ack " << view.ack().raw() << " win " << view.window() << " len " << view.payload().size() << "\n";
    }
  }

 private:
  std::deque<std::pair<Host::Way, Bytes>> latest_;
  oracle::InvariantMonitor monitor_;
  std::vector<std::string> found_;
};

class Interop : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto privilege = target::acquire_privilege(); !privilege)
      GTEST_SKIP() << privilege.error().what << "\n" << privilege.error().hint;
    const auto settings = settings_for_tests();
    NetworkOptions options;
    options.stack = {{settings.ipv4, 24}, {settings.ipv6, 64}};
    auto network = open_private_network(options);
    if (!network) GTEST_SKIP() << network.error().what << "\n" << network.error().hint;
    network_.emplace(std::move(*network));
    make_kernel_patient();
  }

  // On a wire that loses four of ten, chance alone makes a kernel wait for minutes, or give up.
  // It should repeat often and for long; one that is too old for the first setting waits.
  static void make_kernel_patient() {
    for (const auto& [name, value] :
         {std::pair{"net.ipv4.tcp_rto_max_ms", "1000"}, std::pair{"net.ipv4.tcp_retries2", "200"},
          std::pair{"net.ipv4.tcp_orphan_retries", "200"}, std::pair{"net.ipv4.tcp_syn_retries", "100"},
          std::pair{"net.ipv4.tcp_synack_retries", "100"}}) {
      if (!target::has_sysctl(name)) continue;
      EXPECT_TRUE(target::write_sysctl(name, value).has_value()) << name;
    }
  }

  void boot(const Odds& odds = {}, const reference::Settings& settings = settings_for_tests()) {
    host_.emplace(settings, Host::Wire{odds, seed()});
    host_->observe([this](Host::Way way, BytesView datagram) { watch_(way, datagram); });
  }
  [[nodiscard]] Endpoint stack(Family family, std::uint16_t port) const {
    const auto settings = settings_for_tests();
    return {family == Family::ipv4 ? settings.ipv4 : settings.ipv6, port};
  }
  [[nodiscard]] Endpoint kernel(Family family, std::uint16_t port) const {
    const auto settings = settings_for_tests();
    return {
        kernel_address(family == Family::ipv4 ? NetworkAddress{settings.ipv4, 24} : NetworkAddress{settings.ipv6, 64}),
        port};
  }
  // A session of the stack's that transfers.
  std::unique_ptr<Session> transfer(std::uint64_t send, std::uint64_t expect) {
    reports_.push_back(std::make_shared<TransferReport>());
    return make_transfer({.send = send, .expect = expect}, reports_.back());
  }

  // Until `finished`, which is asked after each batch, the peers are done, and the stack
  // holds nothing any more.
  void run(
      Peers& peers, const std::function<bool()>& finished = [] { return true; }) {
    auto loop = Loop::open(*host_, *network_->link);
    ASSERT_TRUE(loop) << loop.error().what;
    ASSERT_TRUE(loop->watch(peers.descriptor()));
    const auto begin = target::monotonic_now();
    const auto until = begin + hang;
    const auto done = [&] { return finished() && peers.over() && host_->at_rest(); };
    while (loop->run(done, until) != Loop::Ending::done) {
      std::uint64_t ended = 0;
      (void)!read(peers.descriptor(), &ended, sizeof ended);
      if (target::monotonic_now() < until) continue;
      // Threads of the kernel's side block for ever: nothing is left but to say so.
      tell();
      watch_.tell_latest();
      std::cerr << "hang: nothing ends any more\n";
      std::_Exit(1);
    }
    tell();
    RecordProperty("seconds", std::to_string(std::chrono::duration<double>(target::monotonic_now() - begin).count()));
    EXPECT_THAT(peers.failures(), ElementsAre());
    EXPECT_THAT(watch_.found(), ElementsAre());
    for (const auto& report : reports_) {
      EXPECT_TRUE(report->over);
      EXPECT_EQ(report->failure, std::nullopt);
    }
  }

  void tell() {
    const auto all = host_->statistics();
    std::cout << "TCPSPEC_SEED=" << seed() << ": " << all.accepted << " accepted, " << all.called << " called, "
              << all.traffic.received << " octets in, " << all.traffic.sent << " out, " << all.stack.datagrams_in << "/"
              << all.stack.datagrams_out << " datagrams, " << all.stack.retransmissions
              << " retransmissions; wire: " << all.in.dropped + all.out.dropped << " dropped, "
              << all.in.duplicated + all.out.duplicated << " duplicated, " << all.in.reordered + all.out.reordered
              << " reordered, " << all.in.corrupted + all.out.corrupted << " corrupted; " << all.stack.sockets
              << " sockets, " << all.stack.octets_held << " octets held" << std::endl;
    for (const auto& report : reports_)
      if (!report->over) std::cout << "  stack: " << report->sent << " sent, " << report->received << " received\n";
  }

  std::optional<PrivateNetwork> network_;
  std::optional<Host> host_;
  Watch watch_;
  std::vector<std::shared_ptr<TransferReport>> reports_;
};

// ---- much, both ways at once

struct Volume {
  std::uint64_t octets;
  Odds odds;
  int connections = 1;  // at the same time, each with so many octets
};
void PrintTo(const Volume& volume, std::ostream* out) {
  *out << volume.connections << " times " << volume.octets << " octets at " << volume.odds.drop;
}

class Bulk : public Interop, public testing::WithParamInterface<std::tuple<Volume, Family>> {};

TEST_P(Bulk, KernelIsClient) {
  const auto& [volume, family] = GetParam();
  boot(volume.odds);
  ASSERT_TRUE(host_->serve(5001, [&, octets = volume.octets] { return transfer(octets, octets); }));
  Peers peers;
  for (int i = 0; i < volume.connections; ++i)
    peers.start([this, octets = volume.octets, family = family] {
      test::exchange_pattern(test::connect_to(stack(family, 5001)), octets, octets);
    });
  run(peers);
}

TEST_P(Bulk, KernelIsServer) {
  const auto& [volume, family] = GetParam();
  boot(volume.odds);
  const auto listener = test::listen_on(family, 5001);
  Peers peers;
  for (int i = 0; i < volume.connections; ++i)
    peers.start(
        [&listener, octets = volume.octets] { test::exchange_pattern(test::accept_from(listener), octets, octets); });
  for (int i = 0; i < volume.connections; ++i)
    ASSERT_TRUE(host_->call(kernel(family, 5001), transfer(volume.octets, volume.octets), target::monotonic_now()));
  run(peers);
}

constexpr Odds bad(double probability, Duration delay) {
  return {.drop = probability,
          .duplicate = probability,
          .reorder = probability,
          .corrupt = probability,
          .least_delay = {},
          .greatest_delay = delay};
}

// 100 MB each way, on the bad wires by many connections: their time goes by in round trips.
INSTANTIATE_TEST_SUITE_P(All, Bulk,
                         testing::Combine(testing::Values(Volume{100 * mega, {}}, Volume{10 * mega, bad(0.01, 2ms), 10},
                                                          Volume{mega, bad(0.05, 2ms), 100},
                                                          Volume{20'000, bad(0.2, 2ms), 8}),
                                          testing::Values(Family::ipv4, Family::ipv6)),
                         [](const auto& made) {
                           const auto& volume = std::get<0>(made.param);
                           const auto percent = static_cast<int>(volume.odds.drop * 100 + 0.5);
                           return (std::get<1>(made.param) == Family::ipv4 ? "ipv4_" : "ipv6_") +
                                  (percent == 0 ? std::string("clean") : std::to_string(percent) + "_percent_bad");
                         });

// ---- many

class Many : public Interop, public testing::WithParamInterface<Family> {};

constexpr int many = 10'000;
constexpr int at_once = 8;

TEST_P(Many, ConnectionsOfTheKernel) {
  boot();
  ASSERT_TRUE(host_->serve(7, make_echo));
  Peers peers;
  for (int peer = 0; peer < at_once; ++peer)
    peers.start([this] {
      for (int i = 0; i < many / at_once; ++i) {
        const auto socket = test::connect_to(stack(GetParam(), 7));
        test::send_pattern(socket, 100);
        test::check_pattern(socket, 100);
      }
    });
  run(peers);
  EXPECT_EQ(host_->statistics().accepted, many);
}

TEST_P(Many, ConnectionsOfTheStack) {
  boot();
  const auto listener = test::listen_on(GetParam(), 7);
  Peers peers;
  for (int peer = 0; peer < at_once; ++peer)
    peers.start([&listener] {
      for (int i = 0; i < many / at_once; ++i) {
        const auto socket = test::accept_from(listener);
        test::check_pattern(socket, 100);
        test::send_pattern(socket, 100);
      }
    });
  // Twice as many under way as the kernel serves at once.
  std::deque<std::shared_ptr<TransferReport>> under_way;
  int begun = 0;
  run(peers, [&] {
    for (; !under_way.empty() && under_way.front()->over; under_way.pop_front())
      EXPECT_EQ(under_way.front()->failure, std::nullopt);
    for (; begun < many && under_way.size() < 2 * at_once; ++begun) {
      under_way.push_back(std::make_shared<TransferReport>());
      EXPECT_TRUE(host_->call(kernel(GetParam(), 7), make_transfer({.send = 100, .expect = 100}, under_way.back()),
                              target::monotonic_now()));
    }
    return begun == many && under_way.empty();
  });
  EXPECT_EQ(host_->statistics().called, many);
}

INSTANTIATE_TEST_SUITE_P(All, Many, testing::Values(Family::ipv4, Family::ipv6),
                         [](const auto& made) { return made.param == Family::ipv4 ? "ipv4" : "ipv6"; });

// ---- programs of others

class Http : public Interop, public testing::WithParamInterface<Family> {
 protected:
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://" + to_string(stack(GetParam(), 80)) + path;
  }
  // What curl printed, and its exit code.
  std::string curl(std::vector<std::string> words) {
    const auto folder = testing::TempDir() + "tcpspec-http-" + std::to_string(getpid());
    const auto output = folder + ".out";
    words.insert(words.begin(), {"sh", "-c", "exec curl --silent --globoff \"$@\" > " + output, "curl"});
    auto child = Child::start(words);
    EXPECT_TRUE(child) << child.error().what;
    auto loop = Loop::open(*host_, *network_->link);
    EXPECT_TRUE(loop && loop->watch(child->descriptor()));
    const auto until = target::monotonic_now() + hang;
    EXPECT_EQ(loop->run([] { return false; }, until), Loop::Ending::readable) << "hang";
    const int code = child->wait();
    std::ifstream in(output, std::ios::binary);
    std::string printed(std::istreambuf_iterator<char>(in), {});
    std::remove(output.c_str());
    return code == 0 ? printed : "exit code " + std::to_string(code);
  }
  void rest() {
    Peers nobody;
    run(nobody);
  }
  static std::string pattern(std::uint64_t octets) {
    std::string text(octets, '\0');
    fill_pattern(0, std::as_writable_bytes(std::span(text)));
    return text;
  }
};

TEST_P(Http, CurlGets) {
  boot();
  ASSERT_TRUE(host_->serve(80, make_http_server));
  EXPECT_TRUE(curl({url("/octets/5000000")}) == pattern(5'000'000));
  EXPECT_EQ(curl({url("/octets/0")}), "");
  rest();
}

TEST_P(Http, CurlKeepsTheConnection) {
  boot();
  ASSERT_TRUE(host_->serve(80, make_http_server));
  const auto answers =
      curl({"--write-out", "%{num_connects} ", url("/octets/10"), url("/octets/20"), url("/octets/5")});
  EXPECT_TRUE(answers == pattern(10) + "1 " + pattern(20) + "0 " + pattern(5) + "0 ");
  EXPECT_EQ(host_->statistics().accepted, 1);
  rest();
}

TEST_P(Http, CurlOnABadWire) {
  boot(bad(0.03, 1ms));
  ASSERT_TRUE(host_->serve(80, make_http_server));
  EXPECT_TRUE(curl({url("/octets/300000")}) == pattern(300'000));
  rest();
}

TEST_P(Http, HeadAndWhatIsNotThere) {
  boot();
  ASSERT_TRUE(host_->serve(80, make_http_server));
  EXPECT_EQ(curl({"--head", url("/octets/12")}),
            "HTTP/1.1 200 OK\r\nServer: tcpspec\r\nContent-Type: application/octet-stream\r\n"
            "Content-Length: 12\r\n\r\n");
  EXPECT_EQ(curl({"--write-out", "%{http_code}", url("/nothing")}), "404");
  EXPECT_EQ(curl({"--write-out", "%{http_code}", "--request", "DELETE", url("/octets/1")}), "501");
  EXPECT_EQ(curl({"--write-out", "%{http_code}", "--header", "Connection: close", "--http1.0", url("/octets/0")}),
            "200");
  rest();
}

TEST_P(Http, TheStackIsClient) {
  boot();
  const auto listener = test::listen_on(GetParam(), 80);
  Peers peers;
  peers.start([&listener] {
    const auto socket = test::accept_from(listener);
    for (const std::uint64_t octets : {1'000'000, 10}) {
      const auto request = test::receive_text(socket, "\r\n\r\n");
      if (!request.starts_with("GET /octets/" + std::to_string(octets) + " HTTP/1.1\r\n"))
        throw std::runtime_error(request);
      test::send_text(socket, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(octets) + "\r\n\r\n");
      test::send_text(socket, pattern(octets));
    }
  });
  reports_.push_back(std::make_shared<TransferReport>());
  ASSERT_TRUE(host_->call(kernel(GetParam(), 80), make_http_client("kernel", {1'000'000, 10}, reports_.back()),
                          target::monotonic_now()));
  run(peers);
  EXPECT_EQ(reports_.back()->received, 1'000'010);
}

INSTANTIATE_TEST_SUITE_P(All, Http, testing::Values(Family::ipv4, Family::ipv6),
                         [](const auto& made) { return made.param == Family::ipv4 ? "ipv4" : "ipv6"; });

}  // namespace
}  // namespace tcpspec::host
