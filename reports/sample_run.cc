#include "reports/sample_run.hh"

#include <fmt/format.h>

#include <utility>

namespace tcpspec::reports {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;

Requirement requirement(std::string id, std::string rfc, std::string section, std::string level, std::string text) {
  return {std::move(id), std::move(rfc), std::move(section), std::move(level), std::move(text), "wire"};
}

std::vector<Requirement> catalogue() {
  return {
      requirement("MUST-1", "9293", "3.8.6", "MUST", "The window is an unsigned number."),
      requirement("MUST-2", "9293", "3.1", "MUST", "The sender computes the checksum of every segment."),
      requirement("MUST-12", "9293", "3.6.1", "MUST", "An application can close its sending side alone."),
      requirement("MUST-13", "9293", "3.6.1", "MUST", "TIME-WAIT lasts two maximum segment lifetimes."),
      requirement("MUST-35", "9293", "3.8.6.1", "MUST", "Zero-window probing is supported."),
      requirement("SHLD-29", "9293", "3.8.6.1", "SHOULD",
                  "The first probe of a zero window waits for one retransmission timeout."),
      requirement("MAY-8", "9293", "3.8.6.1", "MAY", "A receiver may keep its window closed for ever."),
      requirement("RFC5961-3.2-b", "5961", "3.2", "MUST", "A RST exactly at RCV.NXT resets the connection."),
      requirement("RFC5961-3.2-c", "5961", "3.2", "MUST",
                  "A RST inside the window, but not at RCV.NXT, draws a challenge ACK and resets nothing."),
      requirement("RFC5961-7-a", "5961", "7", "SHOULD", "Challenge ACKs are limited in number per second."),
      requirement("RFC7323-5.3-a", "7323", "5.3", "MUST",
                  "A segment whose timestamp is older than the last one is acknowledged and dropped."),
      requirement("RFC7323-5.5-a", "7323", "5.5", "MUST",
                  "After 24 days of idleness the stored timestamp is no longer trusted."),
      requirement("RFC6928-2-a", "6928", "2", "MAY", "The initial window may be ten segments."),
  };
}

ConversationLine in_lane(int number, std::int64_t at, Lane lane, std::string expected, std::string observed) {
  ConversationLine line;
  line.number = number;
  line.time_ns = at;
  line.lane = lane;
  line.expected = std::move(expected);
  line.observed = std::move(observed);
  line.mark = lane == Lane::call ? Mark::matched : Mark::none;
  line.yaml_line = 12 + number;
  return line;
}

ConversationLine sent(int number, std::int64_t at, std::string segment) {
  ConversationLine line = in_lane(number, at, Lane::to_target, std::move(segment), "sent");
  line.frame = number;
  line.packet = "4500002800010000400600000a0000010a000002";
  return line;
}

ConversationLine seen(int number, std::int64_t at, std::string expected, std::string observed, Mark mark) {
  ConversationLine line = in_lane(number, at, Lane::from_target, std::move(expected), std::move(observed));
  line.mark = mark;
  line.frame = mark == Mark::missing ? 0 : number;
  return line;
}

std::vector<ConversationLine> handshake() {
  std::vector<ConversationLine> lines = {in_lane(1, -2 * kMs, Lane::call, "listen(8080) = ok", "listen(8080) = ok"),
                                         sent(2, -2 * kMs, "S  seq 0  win 65535  <mss 1460, sackOK, ws 7>"),
                                         seen(3, -1 * kMs, "SA  seq 0 ack 1  <mss any>",
                                              "SA  seq 0 ack 1  win 64240  <mss 1460, sackOK, ws 7>", Mark::matched),
                                         sent(4, -1 * kMs, "A  seq 1 ack 1  win 512"),
                                         in_lane(5, 0, Lane::call, "accept() = c", "accept() = c")};
  for (ConversationLine& line : lines) line.fixture = true;
  return lines;
}

TestResult result(std::string id, std::string target, Verdict verdict) {
  TestResult test;
  test.suite = id.substr(0, id.find('/'));
  test.file = fmt::format("suites/{}.yaml", test.suite);
  test.yaml_line = 14;
  test.rerun = fmt::format("tcpspec run {} --target {} --seed 0x5f31 -v", id, target);
  test.id = std::move(id);
  test.target = std::move(target);
  test.verdict = verdict;
  test.level = "MUST";
  test.duration_ns = 200'000;
  test.seed = 0x5f31;
  return test;
}

TestResult challenge_ack(std::string target, Verdict verdict) {
  TestResult test = result("reset/rst-inside-window-draws-challenge-ack", std::move(target), verdict);
  test.about = "A RST inside the window, but not at RCV.NXT, draws a challenge ACK and resets nothing.";
  test.requirements = {"RFC5961-3.2-c"};
  test.tags = {"security", "blind-attack"};
  test.conversation = handshake();
  test.conversation.push_back(sent(6, 0, "R  seq 1001"));
  return test;
}

TestResult silent_challenge() {
  TestResult test = challenge_ack("linux", Verdict::fail);
  ConversationLine missing = seen(7, 0, ".  seq 1 ack 1000", "nothing within 1.0 s", Mark::missing);
  missing.first_divergence = true;
  missing.comment = "challenge";
  test.conversation.push_back(missing);
  test.reason = "The challenge ACK did not come within 1.0 s.";
  test.capture = "out/reset/rst-inside-window-draws-challenge-ack/trace.pcapng";
  test.capture_bytes = {0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0x00, 0x00, 0x00, 0x4d, 0x3c, 0x2b, 0x1a};
  test.overlay = Overlay::unexpected;
  return test;
}

TestResult mismatch() {
  TestResult test = challenge_ack("lwip", Verdict::fail);
  ConversationLine line = seen(7, 1 * kMs, "A  seq 1 ack 1000", "R  seq 1 win 65535  sum 4660", Mark::mismatch);
  line.first_divergence = true;
  line.differences = {{"flags", "A", "R"}, {"win", "1..64240", "65535"}, {"checksum", "22136", "4660"}};
  test.conversation.push_back(line);
  test.conversation.push_back(seen(8, 3 * kMs, "", "R  seq 1", Mark::unexpected));
  ConversationLine broken = seen(9, 4 * kMs, "", "A  seq 1 ack 5001", Mark::invariant);
  broken.comment = "acknowledges 5001, but nothing beyond 1001 was ever sent";
  test.conversation.push_back(broken);
  test.reason = "flags: expected A, observed R (and 2 more fields).";
  test.findings = {{Verdict::fail, "ack-of-unsent", "acknowledges 5001, but nothing beyond 1001 was ever sent",
                    "RFC 9293 section 3.10.7.4", 9}};
  test.overlay = Overlay::expected;
  test.baseline = BaselineNote{"fail", "known-bug", "RFC 5961 is not implemented: the RST is taken (frame 7)",
                               "https://example.org/bugs/1"};
  return test;
}

TestResult probes(Verdict verdict) {
  TestResult test = result("window/zero-window-probes-back-off", "linux", verdict);
  test.about = "Probes of a zero window go on for ever, with growing gaps, and the first waits for one RTO.";
  test.requirements = {"MUST-35", "SHLD-29"};
  test.tags = {"timers", "slow"};
  test.level = "SHOULD";
  test.conversation = handshake();
  test.conversation.push_back(in_lane(6, 0, Lane::call, "send(c, 100) = 100", "send(c, 100) = 100"));
  for (int i = 0; i < 60; ++i) {
    const std::int64_t at = (200 + 400LL * i) * kMs;
    test.conversation.push_back(seen(7 + 2 * i, at, "A  seq 0..1 ack 1  len 0..1", "A  seq 0 ack 1", Mark::matched));
    test.conversation.push_back(sent(8 + 2 * i, at, "A  seq 1 ack 1  win 0"));
  }
  ConversationLine& early = test.conversation[66];
  early.mark = Mark::alternative;
  early.first_divergence = true;
  early.comment = "before one RTO had passed";
  test.conversation[68].mark = Mark::tolerated;
  test.conversation.push_back(in_lane(127, 25 * kSecond, Lane::time, "wait 5 s", "5.000 s passed"));
  test.conversation.push_back(in_lane(128, 30 * kSecond, Lane::note, "", "the peer closed its window"));
  test.findings = {{verdict, "", "the first probe came before one RTO", "RFC 9293 section 3.8.6.1, SHLD-29", 7}};
  test.reason = "The first probe came 180 ms after the window closed; the RTO was 200 ms.";
  test.duration_ns = 30 * kSecond;
  return test;
}

TestResult with(TestResult test, std::string reason, Overlay overlay, std::vector<std::string> requirements) {
  test.reason = std::move(reason);
  test.overlay = overlay;
  test.requirements = std::move(requirements);
  return test;
}

std::vector<TestResult> rare_verdicts() {
  TestResult paws = with(result("timestamps/paws-after-24-idle-days", "lwip", Verdict::unsupported),
                         "lwip has no capability `timestamps`.", Overlay::none, {"RFC7323-5.5-a"});
  paws.about = "After 24 days without a segment, an old timestamp is accepted again.";
  TestResult crash = with(result("options/length-zero:family=ipv6", "lwip", Verdict::crash),
                          "The target died of SIGSEGV while it read segment 6.", Overlay::none, {"MUST-2"});
  crash.conversation = handshake();
  crash.conversation.push_back(sent(6, 0, "A  seq 1 ack 1  <raw 02 00>"));
  TestResult hang = with(result("options/length-one", "lwip", Verdict::hang), "No progress of time in 10,000 events.",
                         Overlay::none, {});
  TestResult error = with(result("close/time-wait-two-msl", "linux", Verdict::error),
                          "open /dev/net/tun: Permission denied (EACCES).", Overlay::none, {"MUST-13"});
  TestResult lost = with(result("close/time-wait-two-msl", "lwip", Verdict::inconclusive),
                         "Three attempts were void: the tester was late.", Overlay::none, {"MUST-13"});
  lost.attempts = 3;
  TestResult window = with(result("window/initial-window", "linux", Verdict::info),
                           "The initial window is 10 segments of 1448 bytes.", Overlay::none, {"RFC6928-2-a"});
  window.level = "MAY";
  window.findings = {{Verdict::info, "", "initial window: 10 segments", "RFC 6928 section 2", 7}};
  return {std::move(paws), std::move(crash), std::move(hang), std::move(error), std::move(lost), std::move(window)};
}

std::vector<TestResult> explained_passes() {
  TestResult exact =
      with(result("reset/rst-at-rcv-nxt-resets", "linux", Verdict::pass), "", Overlay::none, {"RFC5961-3.2-b"});
  exact.about = "A RST exactly at RCV.NXT ends the connection with ECONNRESET.";
  exact.conversation = handshake();
  exact.conversation.push_back(sent(6, 0, "R  seq 1"));
  exact.conversation.push_back(in_lane(7, 0, Lane::call, "recv(c) = ECONNRESET", "recv(c) = ECONNRESET"));
  TestResult fixed =
      with(result("reset/rst-at-rcv-nxt-resets", "lwip", Verdict::pass), "", Overlay::fixed, {"RFC5961-3.2-b"});
  fixed.baseline = BaselineNote{"fail", "known-bug", "The RST was dropped before release 2.1.3", ""};
  TestResult flaky = with(result("window/shrink-is-survived", "lwip", Verdict::fail),
                          "A segment beyond the shrunk window came.", Overlay::flaky, {"MUST-1"});
  flaky.baseline = BaselineNote{"fail", "flaky", "Depends on when the delayed ACK timer fires", ""};
  return {std::move(exact), std::move(fixed), std::move(flaky)};
}

}  // namespace

Run sample_run() {
  Run run;
  run.tool_version = "0.1.0";
  run.command = "tcpspec run --target linux,lwip --seed 0x5f31";
  run.started = "2025-01-31T12:00:00Z";
  run.host = "Linux 6.18.44 x86_64";
  run.clock = "real";
  run.seed = 0x5f31;
  run.jobs = 8;
  run.suite_hash = "9f2c51d0";
  run.duration_ns = 31 * kSecond;
  run.targets = {{"linux",
                  "6.18",
                  {"sack", "timestamps"},
                  {{"net.ipv4.tcp_sack", "1"}, {"net.ipv4.tcp_congestion_control", "cubic"}}},
                 {"lwip", "2.1.3", {"half-close"}, {{"liblwip", "2.1.3+dfsg1-2"}}}};
  run.catalogue = catalogue();
  run.tests = {silent_challenge(), mismatch(), probes(Verdict::warn)};
  for (TestResult& test : explained_passes()) run.tests.push_back(std::move(test));
  for (TestResult& test : rare_verdicts()) run.tests.push_back(std::move(test));
  return run;
}

Run large_run(std::size_t tests, std::size_t targets) {
  Run run = sample_run();
  const TestResult failing = mismatch();
  run.targets.clear();
  run.tests.clear();
  for (std::size_t t = 0; t < targets; ++t) run.targets.push_back({fmt::format("stack-{}", t), "1.0", {}, {}});
  for (std::size_t i = 0; i < tests; ++i) {
    for (std::size_t t = 0; t < targets; ++t) {
      TestResult test = failing;
      test.suite = fmt::format("suite-{}", i / 100);
      test.id = fmt::format("{}/unacceptable-segment-is-acked:state=ESTABLISHED,seq=rcv_nxt+{}", test.suite, i);
      test.target = run.targets[t].name;
      test.requirements = {run.catalogue[i % run.catalogue.size()].id};
      test.capture_bytes.assign(600, static_cast<std::uint8_t>(i));
      test.duration_ns = static_cast<std::int64_t>(100'000 + i * 37 + t);
      for (ConversationLine& line : test.conversation) line.time_ns += static_cast<std::int64_t>(i * 1009 + t * 31);
      if ((i * targets + t) % 20 != 0) {
        test.verdict = Verdict::pass;
        test.overlay = Overlay::none;
        test.baseline.reset();
        test.findings.clear();
        test.reason.clear();
        test.capture_bytes.clear();
        test.conversation.resize(7);
        test.conversation.back() = seen(7, 0, "A  seq 1 ack 1", "A  seq 1 ack 1", Mark::matched);
      }
      run.tests.push_back(std::move(test));
    }
  }
  return run;
}

Run hostile_run() {
  const std::string evil = "</script><img src=x onerror=alert(1)>\"'&\x1b[31m{{x}}\xe2\x80\xa8\xff";
  Run run = sample_run();
  for (std::string* text : {&run.tool_version, &run.command, &run.started, &run.host, &run.clock, &run.suite_hash}) {
    *text += evil;
  }
  run.targets[0].version = evil;
  run.targets[0].provenance[evil] = evil;
  run.targets[0].capabilities = {evil};
  for (Requirement& row : run.catalogue) row.text += evil;
  TestResult& test = run.tests[0];
  for (std::string* text : {&test.id, &test.suite, &test.about, &test.reason, &test.file, &test.rerun, &test.capture}) {
    *text += evil;
  }
  test.level = evil;
  test.tags = {evil};
  test.requirements.push_back(evil);
  test.findings = {{Verdict::fail, evil, evil, evil, 6}};
  test.baseline = BaselineNote{evil, evil, evil, "javascript:alert(1)"};
  for (ConversationLine& line : test.conversation) {
    line.expected += evil;
    line.observed += evil;
    line.comment = evil;
    line.packet = evil;
    line.differences = {{evil, evil, evil}};
  }
  return run;
}

}  // namespace tcpspec::reports
