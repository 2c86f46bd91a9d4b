#include "fuzz/finding.hh"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/faulty_stack.hh"
#include "script/loader.hh"

namespace tcpspec::fuzz {
namespace {

using namespace std::chrono_literals;
using packet::Flags;
using script::State;

Step sends(Flags flags, std::int64_t octets = 0) {
  SendSegment send;
  send.flags = flags;
  send.length.offset = octets;
  return {0, send};
}

// What kills stands in the middle of what does not matter.
Program noisy(Step killing) {
  Program program;
  program.fixture.state = State::established;
  program.fixture.timestamps = true;
  program.steps = {sends(Flags::ack, 10), {0, Pause{3s}}, sends(Flags::ack | Flags::psh, 100),
                   std::move(killing),    {0, Pause{1s}}, sends(Flags::ack)};
  return program;
}

Step urgent() {
  auto step = sends(Flags::ack | Flags::urg | Flags::psh, 500);
  auto& segment = std::get<SendSegment>(step.action);
  segment.urgent = 17;
  segment.window = 1000;
  return step;
}

bool is_urgent(target::BytesView datagram) {
  const packet::SegmentView segment(datagram);
  return segment.has_tcp_header() && segment.flags().has(Flags::urg);
}

class Findings : public testing::Test {
 protected:
  // A stack that does something where a segment with URG comes.
  std::optional<Finding> find(const std::function<void()>& at_urgent) {
    faults_.input = [at_urgent](target::BytesView datagram) -> std::optional<target::TargetFailure> {
      if (is_urgent(datagram)) at_urgent();
      return std::nullopt;
    };
    return look();
  }
  std::optional<Finding> look(SessionOptions options = {}) { return look(noisy(urgent()), std::move(options)); }
  std::optional<Finding> look(const Program& program, SessionOptions options = {}) {
    auto reference = options.comparison ? target::open_reference_target() : nullptr;
    Session session(test::open_faulty_target(faults_), std::move(reference), std::move(options));
    return investigate(session, program, {.patience = 1s});
  }

  test::Faults faults_;
};

// One segment of nothing but the flag, in a state that needs no fixture.
void expect_least(const Program& program) {
  Program least;
  least.steps = {sends(Flags::urg)};
  EXPECT_EQ(program, least);
}

void expect_sound_suite(const Finding& finding) {
  const auto suite =
      script::load_suite(std::make_shared<script::SourceFile>(script::SourceFile{"test.yaml", finding.yaml}));
  ASSERT_TRUE(suite.has_value()) << script::to_string(suite.error().front()) << finding.yaml;
  ASSERT_EQ(suite->tests.size(), 1U);
  EXPECT_EQ(suite->tests.front().level, script::Level::must);
}

TEST_F(Findings, NothingIsFoundWhereNothingIsWrong) {
  EXPECT_FALSE(look());
}

TEST_F(Findings, ACrash) {
  const auto finding = find([] { std::abort(); });
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.oracle, Oracle::crash);
  EXPECT_EQ(finding->suspicion.place, "ABRT");
  expect_least(finding->program);
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "crash");
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, AHang) {
  const auto finding = find([] {
    for (const volatile bool loops = true; loops;) continue;
  });
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.oracle, Oracle::hang);
  expect_least(finding->program);
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "hang");
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

// The test waits for as long as it took.
TEST_F(Findings, ACrashWhileTimePasses) {
  // It dies of its first ACK without text, which is a delayed one.
  faults_.output = [](std::vector<target::Bytes>& out) {
    for (const auto& datagram : out)
      if (test::has_flags(datagram, Flags::ack)) std::abort();
  };
  Program program;
  program.fixture.state = State::established;
  program.steps = {sends(Flags::ack, 10), {0, Pause{3s}}};
  const auto finding = look(program);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.place, "ABRT");
  EXPECT_EQ(finding->program.steps.size(), 2U);
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "crash") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

// The probe behind a program belongs to what shows it.
TEST_F(Findings, ACrashOfTheProbe) {
  faults_.input = [](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    if (test::has_flags(datagram, Flags::syn)) std::abort();
    return std::nullopt;
  };
  Program program;
  program.steps = {sends(Flags::ack)};
  const auto finding = look(program);
  ASSERT_TRUE(finding);
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "crash") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, ABrokenInvariant) {
  // Behind a segment with URG it acknowledges what nobody has sent.
  bool armed = false;
  faults_.input = [&](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    armed = is_urgent(datagram);
    return std::nullopt;
  };
  faults_.output = [&](std::vector<target::Bytes>& out) {
    for (auto& datagram : out) {
      auto segment = packet::parse(datagram);
      if (!armed || !segment || segment->flags != Flags(Flags::ack)) continue;
      segment->ack += 5000;
      datagram = packet::serialize(*segment);
    }
  };
  const auto finding = look();
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.oracle, Oracle::invariant);
  EXPECT_EQ(finding->suspicion.place.substr(0, finding->suspicion.place.find(' ')), "acks-only-what-was-sent");
  ASSERT_EQ(finding->program.steps.size(), 2U) << "and a pause, for its acknowledgment is delayed";
  EXPECT_TRUE(std::get<SendSegment>(finding->program.steps.front().action).flags.has(Flags::urg));
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "fail") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, ABrokenInvariantThatOnlyTheProbeBringsForth) {
  // Behind a segment with URG its next RST has a sequence number that nobody has named.
  bool armed = false;
  faults_.input = [&](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    armed = armed || is_urgent(datagram);
    return std::nullopt;
  };
  faults_.output = [&](std::vector<target::Bytes>& out) {
    for (auto& datagram : out) {
      auto segment = packet::parse(datagram);
      if (!armed || !segment || segment->flags != (Flags::rst | Flags::ack)) continue;
      segment->seq += 5000;
      datagram = packet::serialize(*segment);
    }
  };
  Session session(test::open_faulty_target(faults_), nullptr, {});
  auto listening = noisy(urgent());
  listening.fixture.state = State::listen;
  const auto finding = investigate(session, listening, {.patience = 1s});
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->suspicion.place.starts_with("rst-sequence-legal")) << finding->suspicion.place;
  EXPECT_LT(finding->suspicion.entry, finding->played.entries.size());
  armed = false;
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "fail") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, ADifference) {
  // Behind a segment with URG it says nothing any more.
  bool silent = false;
  faults_.input = [&](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    silent = is_urgent(datagram);
    return std::nullopt;
  };
  faults_.output = [&](std::vector<target::Bytes>& out) {
    if (silent) out.clear();
  };
  SessionOptions options;
  options.comparison = Comparison::quiescent;
  const auto finding = look(options);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.oracle, Oracle::difference);
  EXPECT_EQ(finding->program.steps.size(), 1U);
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "fail") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, ADifferenceThatOnlyTheProbeBringsForth) {
  // Behind a segment with URG its next RST comes twice.
  bool armed = false;
  faults_.input = [&](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    armed = armed || is_urgent(datagram);
    return std::nullopt;
  };
  faults_.output = [&](std::vector<target::Bytes>& out) {
    if (armed && out.size() == 1 && test::has_flags(out.front(), Flags::rst | Flags::ack)) out.push_back(out.front());
  };
  auto listening = noisy(urgent());
  listening.fixture.state = State::listen;
  SessionOptions options;
  options.comparison = Comparison::exact;
  const auto finding = look(listening, options);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.oracle, Oracle::difference);
  EXPECT_TRUE(finding->probed);
  armed = false;
  expect_sound_suite(*finding);
  EXPECT_EQ(finding->verdict, "fail") << finding->yaml;
  EXPECT_EQ(finding->verdict_on_reference, "pass") << finding->yaml;
}

TEST_F(Findings, WhatIsKnownIsNone) {
  faults_.input = [](target::BytesView datagram) -> std::optional<target::TargetFailure> {
    if (!is_urgent(datagram)) return std::nullopt;
    return target::TargetFailure{0, target::TargetFailure::Kind::crash, "it died of URG. It said: x"};
  };
  const auto finding = look();
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->suspicion.place, "it died of URG");
  SessionOptions options;
  options.known.findings = {{"urg", "seen", "faulty", "crash", "it died of *"}};
  EXPECT_FALSE(look(options));
  options.known.findings.front().target = "another";
  EXPECT_TRUE(look(options));
}

TEST_F(Findings, PausesAreCutToWhatTheSessionAllows) {
  SessionOptions options;
  options.most_pauses = 10s;
  const Session session(test::open_faulty_target(faults_), nullptr, options);
  Program program;
  program.steps = {{0, Pause{3s}}, sends(Flags::ack), {0, Pause{8s}}, {0, Pause{1s}}};
  auto cut = program;
  std::get<Pause>(cut.steps[2].action).length = 7s;
  std::get<Pause>(cut.steps[3].action).length = 0s;
  EXPECT_EQ(session.playable(program), cut);
  const Session patient(test::open_faulty_target(faults_), nullptr, {});
  EXPECT_EQ(patient.playable(program), program);
}

TEST_F(Findings, AreFoldersThatOthersCanUse) {
  const auto finding = find([] {
    std::fputs("it was me\n", stderr);
    std::abort();
  });
  ASSERT_TRUE(finding);
  namespace fs = std::filesystem;
  const auto folder = fs::path(testing::TempDir()) / "tcpspec-finding-test";
  fs::remove_all(folder);
  const auto written = write_finding(*finding, folder.string());
  ASSERT_TRUE(written.has_value()) << written.error();
  EXPECT_EQ(*written, (folder / finding->id()).string());
  EXPECT_EQ(std::distance(fs::directory_iterator(*written), fs::directory_iterator()), 4);
  const auto octets = [&](const char* name) {
    std::ifstream file(fs::path(*written) / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(octets("test.yaml"), finding->yaml);
  const auto program = octets("program.bin");
  EXPECT_EQ(decode(std::as_bytes(std::span(program))).value(), finding->program);
  EXPECT_EQ(octets("capture.pcapng").substr(0, 4), "\x0a\x0d\x0d\x0a");
  const auto report = octets("report.txt");
  EXPECT_EQ(report, report_of(*finding));
  for (const auto* words :
       {"crash: ABRT", "faulty", "on this target: crash; on the reference stack: pass", "It said:\nit was me"})
    EXPECT_NE(report.find(words), std::string::npos) << words << "\n" << report;
  std::ofstream(folder / "file") << "x";
  EXPECT_FALSE(write_finding(*finding, (folder / "file").string()).has_value()) << "a file is no folder";
  fs::remove_all(folder);
}

TEST_F(Findings, OnePlaceOneId) {
  Finding one, other;
  one.suspicion = {Oracle::crash, "ABRT", "so", "", 1};
  other.suspicion = {Oracle::crash, "ABRT", "or so", "", 7};
  EXPECT_EQ(one.id(), other.id());
  EXPECT_TRUE(one.id().starts_with("crash-")) << one.id();
  other.suspicion.place = "SEGV";
  EXPECT_NE(one.id(), other.id());
  other.suspicion = {Oracle::hang, "ABRT", "so", "", 1};
  EXPECT_NE(one.id(), other.id());
}

}  // namespace
}  // namespace tcpspec::fuzz
