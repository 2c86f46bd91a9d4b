#pragma once
// What a run found, complete in itself: every report is written from this and from
// nothing else. schema/result.schema.json documents the JSON form.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tcpspec::reports {

// See the README for what each means. The order is from good to bad.
enum class Verdict : std::uint8_t { pass, info, unsupported, warn, inconclusive, fail, crash, hang, error };
[[nodiscard]] std::string_view to_string(Verdict verdict);
[[nodiscard]] std::optional<Verdict> parse_verdict(std::string_view text);

// How a result stands to the baseline.
enum class Overlay : std::uint8_t {
  none,        // no baseline entry, and nothing to explain
  expected,    // deviates as the baseline says
  unexpected,  // deviates, and no entry says so (or it says otherwise)
  fixed,       // the baseline expects a deviation that did not happen
  flaky        // the entry says that either may happen
};
[[nodiscard]] std::string_view to_string(Overlay overlay);
[[nodiscard]] std::optional<Overlay> parse_overlay(std::string_view text);

// Where a line of a conversation stands: a sequence diagram has one column each.
enum class Lane : std::uint8_t {
  to_target,    // a segment (or ICMP message) that the tester sent
  from_target,  // one that the target sent, or that was expected of it
  call,         // an application call on the target: started, or completed
  time,         // the passing of time: a wait, a silence
  note          // anything else worth a line
};
[[nodiscard]] std::string_view to_string(Lane lane);
[[nodiscard]] std::optional<Lane> parse_lane(std::string_view text);

enum class Mark : std::uint8_t {
  none,         // sent, called, waited
  matched,      // as expected
  alternative,  // matched a labelled alternative outcome
  tolerated,    // not mentioned by the test, allowed by its tolerance list
  unexpected,   // came, and nothing expected it
  missing,      // was expected, and did not come
  mismatch,     // came instead, and differs: see `differences`
  invariant     // broke an invariant
};
[[nodiscard]] std::string_view to_string(Mark mark);
[[nodiscard]] std::optional<Mark> parse_mark(std::string_view text);

struct FieldDifference {
  std::string field;     // "flags", "seq", "mss"
  std::string expected;  // "1001..2001"
  std::string observed;  // "999"
  bool operator==(const FieldDifference&) const = default;
};

struct ConversationLine {
  int number = 0;            // 1-based
  std::int64_t time_ns = 0;  // since the first step of the test
  bool fixture = false;      // belongs to `given`, not to the test's own steps
  Lane lane = Lane::note;
  std::string expected;  // "SA  seq 0 ack 1  <mss any>", empty where nothing was
  std::string observed;  // same notation; "nothing within 1 s"
  Mark mark = Mark::none;
  bool first_divergence = false;
  std::vector<FieldDifference> differences;
  std::string comment;  // the step's own comment, or what an invariant says
  int yaml_line = 0;    // 0: no line of the test's file
  int frame = 0;        // number of the packet in the capture; 0: not a packet
  std::string packet;   // the datagram in hex, for a packet
  bool operator==(const ConversationLine&) const = default;
};

// A labelled outcome that was taken, or an invariant that fired.
struct Finding {
  Verdict verdict = Verdict::pass;
  std::string name;       // invariant's name; empty for an outcome
  std::string what;       // one sentence
  std::string reference;  // "RFC 9293 section 3.1, MUST-2"; may be empty
  int line = 0;           // number of the conversation line
  bool operator==(const Finding&) const = default;
};

struct BaselineNote {
  std::string expect;  // a verdict's name
  std::string kind;    // known-bug, by-design, unsupported, flaky
  std::string reason;
  std::string link;
  bool operator==(const BaselineNote&) const = default;
};

struct TestResult {
  std::string id;      // "reset/rst-in-window:state=ESTABLISHED"
  std::string suite;   // "reset"
  std::string about;   // what the test claims, one sentence
  std::string target;  // "linux"
  Verdict verdict = Verdict::error;
  std::string level;                      // MUST, SHOULD, MAY, PRACTICE
  std::vector<std::string> requirements;  // ids of the catalogue
  std::vector<std::string> tags;
  std::string reason;                // one sentence: why this verdict; empty for a plain pass
  std::vector<std::string> missing;  // what the target does not offer and the test needs; not in the JSON
  std::vector<Finding> findings;
  std::vector<ConversationLine> conversation;
  std::int64_t duration_ns = 0;
  int attempts = 1;  // more than one: earlier ones were void because the tester was late
  std::uint64_t seed = 0;
  std::string file;  // "suites/reset.yaml", relative to the working directory
  int yaml_line = 0;
  std::string rerun;                        // the command that plays this test alone
  std::string capture;                      // path of the pcapng; empty when none was written
  std::vector<std::uint8_t> capture_bytes;  // for embedding into a page; not in the JSON
  Overlay overlay = Overlay::none;
  std::optional<BaselineNote> baseline;
  bool operator==(const TestResult&) const = default;
};

struct Requirement {    // a row of the catalogue, for the RFC view
  std::string id;       // "MUST-14", "RFC7323-2.2-a"
  std::string rfc;      // "9293"
  std::string section;  // "3.7.1"
  std::string level;    // MUST, SHOULD, MAY, PRACTICE
  std::string text;     // in our words
  std::string observe;  // wire, api, internal
  bool operator==(const Requirement&) const = default;
};

struct TargetDescription {
  std::string name;
  std::string version;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> provenance;
  bool operator==(const TargetDescription&) const = default;
};

struct Run {
  std::string tool_version;
  std::string command;  // the command line that produced it
  std::string started;  // ISO 8601, UTC; from the caller, never read here
  std::string host;     // kernel and machine: "Linux 6.18.44 x86_64"
  std::string clock;    // "real" or "virtual"
  std::uint64_t seed = 0;
  double time_scale = 1.0;
  int jobs = 0;
  std::string suite_hash;  // over the YAML files that were read
  std::int64_t duration_ns = 0;
  bool interrupted = false;  // ended before every selected test had run
  std::vector<TargetDescription> targets;
  std::vector<TestResult> tests;
  std::vector<Requirement> catalogue;
  bool operator==(const Run&) const = default;
};

}  // namespace tcpspec::reports
