// Every test of the suites that the reference stack can play becomes a program, octets, a program
// again, a suite, and is played once more: all that is sent either way, and every call, is the same,
// at the same instants. TCPSPEC_TEST plays those whose id begins so, and shows their suites.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "engine/play.hh"
#include "fuzz/compile.hh"
#include "fuzz/decompile.hh"
#include "fuzz/fixture.hh"
#include "fuzz/player.hh"
#include "packet/wire.hh"
#include "runner/reference_peer.hh"
#include "runner/schedule.hh"
#include "runner/selection.hh"
#include "runner/target_file.hh"
#include "script/loader.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

// A line for each thing; instants count from the beginning.
struct Conversation {
  std::vector<std::string> sent, answered, called, completed;
  engine::Verdict verdict = engine::Verdict::pass;
  std::string reason;
  std::set<std::string> broken;  // invariants
};

std::string hex(BytesView octets) {
  std::string out;
  for (const auto octet : octets) out += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return out;
}

// A peer counts its identification fields by itself; no program says them.
Bytes without_identification(BytesView datagram) {
  Bytes out(datagram.begin(), datagram.end());
  if (out.size() < packet::wire::ipv4_header_octets || std::to_integer<unsigned>(out[0] >> 4) != 4) return out;
  packet::wire::store16(out, 4, 0);
  packet::wire::store16(out, 10, 0);
  return out;
}

class Recording final : public engine::Commands {
 public:
  Recording(const script::Test& test, std::uint64_t seed)
      : test_(test), seed_(seed), target_(target::open_reference_target()) {}

  Conversation play() {
    const auto place = target_->attach({.family = test_.family, .seed = seed_});
    if (!place) throw std::logic_error(place.error().what);
    place_ = *place;
    engine::Setup setup;
    setup.attachment = place_;
    setup.seed = seed_;
    setup.make_peer = runner::make_reference_peer;
    play_ = std::make_unique<engine::Play>(test_, setup, *this);
    started_ = target_->now();
    play_->start(target_->now());
    while (!play_->finished()) turn();
    take_outcome();
    return std::move(out_);
  }

 private:
  void inject(BytesView datagram) override {
    if (play_->finished()) {  // the engine cleans up
      target_->inject(place_.id, datagram);
      return;
    }
    sent_.emplace_back(target_->now() - started_, Bytes(datagram.begin(), datagram.end()));
    target_->inject(place_.id, datagram);
  }
  void start(const target::CallRequest& request) override {
    out_.called.push_back(fmt::format("{} call {} on {}: kind {} {}", at(), request.id, request.socket,
                                      request.operation.index(), arguments(request.operation)));
    target_->start(place_.id, request);
  }

  static std::string arguments(const target::Operation& operation) {
    if (const auto* listen = std::get_if<target::Listen>(&operation)) return std::to_string(listen->backlog);
    if (const auto* connect = std::get_if<target::Connect>(&operation))
      return fmt::format("{} from {}", connect->remote.port, connect->local_port);
    if (const auto* accept = std::get_if<target::Accept>(&operation)) return std::to_string(accept->accepted);
    if (const auto* send = std::get_if<target::Send>(&operation))
      return fmt::format("{} {}", send->urgent, hex(send->data));
    if (const auto* receive = std::get_if<target::Receive>(&operation))
      return fmt::format("{} {}", receive->urgent, receive->count);
    if (const auto* shutdown = std::get_if<target::Shutdown>(&operation))
      return std::to_string(static_cast<int>(shutdown->direction));
    if (const auto* set = std::get_if<target::SetOption>(&operation))
      return fmt::format("{} {}", set->name, set->value);
    if (const auto* get = std::get_if<target::GetOption>(&operation)) return get->name;
    return {};
  }

  // As the runner does.
  void turn() {
    const auto before = target_->now();
    const auto wake = play_->deadline().value_or(before);
    events_.clear();
    target_->wait(wake, events_);
    const auto now = target_->now();
    if (now >= wake) target_->wait(now, events_);
    for (auto& event : events_) {
      if (auto* arrival = std::get_if<target::PacketArrival>(&event)) {
        out_.answered.push_back(fmt::format("{} {}", at(), hex(arrival->datagram)));
        play_->on_packet(std::move(*arrival));
      } else if (auto* call = std::get_if<target::CallCompletion>(&event)) {
        const auto& result = call->result;
        out_.completed.push_back(fmt::format("{} call {} gives {} {} {} {}", at(), result.id, result.error,
                                             result.value, result.text, hex(result.data)));
        play_->on_call(std::move(call->result), seen_, now);
      } else {
        play_->on_failure(std::get<target::TargetFailure>(event), now);
      }
    }
    play_->advance(now);
    seen_ = now >= wake ? now : before;
  }

  [[nodiscard]] std::int64_t at() const { return (target_->now() - started_).count(); }

  void take_outcome() {
    const auto outcome = play_->take_outcome();
    for (const auto& [when, datagram] : sent_)
      out_.sent.push_back(fmt::format("{} {}", when.count(), hex(without_identification(datagram))));
    out_.verdict = outcome.verdict;
    out_.reason = outcome.reason;
    for (const auto& finding : outcome.findings)
      if (!finding.name.empty()) out_.broken.insert(finding.name);
  }

  const script::Test& test_;
  std::uint64_t seed_;
  std::unique_ptr<target::Target> target_;
  target::Attachment place_;
  std::unique_ptr<engine::Play> play_;
  Instant started_, seen_;
  std::vector<std::pair<Duration, Bytes>> sent_;
  std::vector<target::Event> events_;
  Conversation out_;
};

// Where the one ends before the other, that is one too.
std::string first_difference(std::vector<std::string> a, std::vector<std::string> b, const char* what) {
  a.resize(std::max(a.size(), b.size()), "nothing");
  b.resize(a.size(), "nothing");
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end()) return {};
  return fmt::format("{} {} of {}:\n    {}\n    {}\n", what, left - a.begin(), a.size(), left->substr(0, 300),
                     right->substr(0, 300));
}

// A play that met what the stack cannot do ends there, and the program goes on to the end of its drain.
void cut(std::vector<std::string>& longer, const std::vector<std::string>& shorter) {
  longer.resize(std::min(longer.size(), shorter.size()));
}

std::string difference(const Conversation& first, Conversation again) {
  if (first.verdict == engine::Verdict::unsupported) {
    cut(again.sent, first.sent);
    cut(again.answered, first.answered);
    cut(again.called, first.called);
    cut(again.completed, first.completed);
  }
  return first_difference(first.sent, again.sent, "sent") +
         first_difference(first.answered, again.answered, "answered") +
         first_difference(first.called, again.called, "called") +
         first_difference(first.completed, again.completed, "completed");
}

script::Suite load(std::string yaml) {
  auto source = std::make_shared<script::SourceFile>(script::SourceFile{"told.yaml", std::move(yaml)});
  script::Limits limits;
  limits.octets = 64 << 20;
  limits.nodes = 10'000'000;
  limits.steps_per_test = 1'000'000;
  auto suite = script::load_suite(source, limits);
  if (!suite) throw std::runtime_error(script::to_string(suite.error().front()));
  return std::move(*suite);
}

// Empty, or what went wrong on the way.
std::string round_trip(const script::Test& test, const Program& program, std::uint64_t seed, bool show) {
  const auto octets = encode(program);
  const auto read = decode(octets);
  if (!read) return "the octets are no program: " + read.error().message;
  if (!(*read == program)) return "the octets are another program";
  const auto target = target::open_reference_target();
  const auto played = play(*read, *target, {.seed = seed, .drain = test.drain});
  if (!played) return played.error().what;
  Telling telling;
  telling.seed = seed;
  const auto yaml = to_yaml(*read, *played, telling);
  if (show) fmt::print("{}", yaml);
  const auto suite = load(yaml);
  const auto first = Recording(test, seed).play();
  const auto again = Recording(suite.tests.front(), seed).play();
  if (auto text = difference(first, again); !text.empty())
    return fmt::format("not the same ({}; {}):\n  {}", first.reason, again.reason, text);
  if (again.verdict != engine::Verdict::pass && again.broken != first.broken)
    return "it ends otherwise: " + again.reason;
  return {};
}

class RoundTrip : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto folder = std::string(TCPSPEC_SOURCE_DIR) + "/suites";
    const auto numbers = runner::load_target_file(folder + "/targets/reference.yaml", folder + "/targets");
    ASSERT_TRUE(numbers.has_value());
    auto loaded = runner::load_suites({folder}, folder + "/requirements", numbers->values);
    ASSERT_TRUE(loaded.has_value());
    suites_ = std::make_unique<runner::Loaded>(std::move(*loaded));
  }
  static void TearDownTestSuite() { suites_.reset(); }

  static inline std::unique_ptr<runner::Loaded> suites_;
};

TEST_F(RoundTrip, OfEveryTest) {
  const char* only = std::getenv("TCPSPEC_TEST");
  std::size_t tests = 0, fixtures = 0, failed = 0;
  std::map<std::string, int> excused;
  for (const auto* test : runner::select(*suites_, {})) {
    if (only != nullptr && !test->id.starts_with(only)) continue;
    const auto seed = runner::seed_of(1, test->id, 0);
    const auto program = compile(*test, {.seed = seed, .make_peer = runner::make_reference_peer});
    if (!program) {
      ++excused[program.error()];
      continue;
    }
    ++tests;
    fixtures += program->fixture.state != script::State::closed;
    try {
      const auto wrong = round_trip(*test, *program, seed, only != nullptr);
      if (wrong.empty()) continue;
      if (++failed <= 40) ADD_FAILURE() << test->id << ": " << wrong;
    } catch (const std::exception& thrown) {
      if (++failed <= 40) ADD_FAILURE() << test->id << ": " << thrown.what();
    }
  }
  fmt::print("{} tests there and back, {} of them from a fixture; {} failed\n", tests, fixtures, failed);
  for (const auto& [reason, count] : excused) fmt::print("{} not: {}\n", count, reason);
  EXPECT_EQ(failed, 0U);
  if (only == nullptr) {
    EXPECT_GT(tests, 4'000U);
  }
}

}  // namespace
}  // namespace tcpspec::fuzz
