#include "runner/result.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "packet/icmp.hh"
#include "packet/pcapng.hh"

namespace tcpspec::runner {

namespace {

using engine::EntryKind;
using engine::TraceEntry;

reports::Mark to_report(engine::Mark mark) {
  switch (mark) {
    case engine::Mark::none:
      return reports::Mark::none;
    case engine::Mark::matched:
      return reports::Mark::matched;
    case engine::Mark::alternative:
      return reports::Mark::alternative;
    case engine::Mark::tolerated:
      return reports::Mark::tolerated;
    case engine::Mark::unexpected:
      return reports::Mark::unexpected;
    case engine::Mark::missing:
      return reports::Mark::missing;
    case engine::Mark::mismatch:
      return reports::Mark::mismatch;
    case engine::Mark::invariant:
      return reports::Mark::invariant;
  }
  return reports::Mark::none;
}

reports::Lane lane_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::sent:
      return reports::Lane::to_target;
    case EntryKind::received:
    case EntryKind::missing:
      return reports::Lane::from_target;
    case EntryKind::call:
    case EntryKind::completion:
      return reports::Lane::call;
    case EntryKind::time:
      return reports::Lane::time;
    case EntryKind::note:
      return reports::Lane::note;
  }
  return reports::Lane::note;
}

// Beside what the peer of `peer: auto` sent.
constexpr const char* kByPeer = "by the peer";

std::string hex(const packet::Bytes& bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto b : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(b));
  return out;
}

std::string observed_text(const TraceEntry& entry) {
  if (!entry.text.empty()) return entry.text;
  if (entry.packet.empty()) return {};
  const auto sender = entry.kind == EntryKind::sent ? oracle::Sender::tester : oracle::Sender::target;
  return oracle::segment_text(packet::SegmentView{packet::BytesView(entry.packet)}, sender, entry.bases);
}

std::string expected_text(const TraceEntry& entry) {
  if (!entry.expected_text.empty()) return entry.expected_text;
  if (entry.expected && entry.scope) return oracle::expected_text(*entry.expected, *entry.scope);
  return {};
}

reports::ConversationLine to_line(const TraceEntry& entry, packet::Instant started) {
  reports::ConversationLine line;
  line.time_ns = (entry.at - started).count();
  line.fixture = entry.fixture;
  line.lane = lane_of(entry.kind);
  line.mark = to_report(entry.mark);
  line.first_divergence = entry.divergence;
  line.comment = entry.comment.empty() && entry.step ? entry.step->comment : entry.comment;
  if (entry.by_peer) line.comment = kByPeer;
  line.yaml_line = entry.step ? entry.step->where.line : 0;
  line.packet = hex(entry.packet);
  line.observed = observed_text(entry);
  line.expected = expected_text(entry);
  for (const auto& difference : entry.differences)
    line.differences.push_back({difference.field, difference.expected, difference.observed});
  return line;
}

// When the first step of the test itself was reached: times count from there.
packet::Instant first_instant(const engine::Outcome& outcome) {
  for (const auto& entry : outcome.trace)
    if (!entry.fixture) return entry.at;
  return outcome.started;
}

std::string missing_words(const std::set<std::string>& missing) {
  constexpr std::string_view number = "target.";
  std::vector<std::string_view> capabilities, numbers;
  for (const std::string_view need : missing)
    need.starts_with(number) ? numbers.push_back(need.substr(number.size())) : capabilities.push_back(need);
  std::string out;
  if (!capabilities.empty()) out = fmt::format("the target does not offer: {}", fmt::join(capabilities, ", "));
  if (!numbers.empty())
    out += fmt::format("{}the target's file does not give: {}", out.empty() ? "" : "; ", fmt::join(numbers, ", "));
  return out;
}

}  // namespace

reports::Verdict to_report(engine::Verdict verdict) {
  switch (verdict) {
    case engine::Verdict::pass:
      return reports::Verdict::pass;
    case engine::Verdict::info:
      return reports::Verdict::info;
    case engine::Verdict::unsupported:
      return reports::Verdict::unsupported;
    case engine::Verdict::warn:
      return reports::Verdict::warn;
    case engine::Verdict::inconclusive:
      return reports::Verdict::inconclusive;
    case engine::Verdict::fail:
      return reports::Verdict::fail;
    case engine::Verdict::crash:
      return reports::Verdict::crash;
    case engine::Verdict::hang:
      return reports::Verdict::hang;
    case engine::Verdict::error:
      return reports::Verdict::error;
  }
  return reports::Verdict::error;
}

std::vector<reports::ConversationLine> to_conversation(const engine::Outcome& outcome) {
  std::vector<reports::ConversationLine> lines;
  const auto origin = first_instant(outcome);
  int number = 0, frame = 0;
  for (const auto& entry : outcome.trace) {
    auto line = to_line(entry, origin);
    line.number = ++number;
    if (!entry.packet.empty()) line.frame = ++frame;
    lines.push_back(std::move(line));
  }
  return lines;
}

reports::TestResult to_result(const Played& played, const ResultContext& context) {
  const auto& test = *played.test;
  reports::TestResult out;
  out.id = played.repetition == 0 ? test.id : fmt::format("{}#{}", test.id, played.repetition + 1);
  out.suite = test.suite;
  out.about = test.about;
  out.target = context.target;
  out.level = std::string(script::to_string(level_of(test, context.catalogue)));
  out.requirements = test.requirements;
  out.tags = test.tags;
  out.attempts = played.attempts;
  out.seed = played.seed;
  out.file = test.where.file ? test.where.file->path : "";
  out.yaml_line = test.where.line;
  out.rerun = fmt::format("tcpspec run {}'{}'{}", context.rerun_files, test.id, context.rerun_options);
  if (!played.missing.empty()) {
    out.verdict = reports::Verdict::unsupported;
    out.reason = missing_words(played.missing);
    out.missing.assign(played.missing.begin(), played.missing.end());
    return out;
  }
  if (played.refused) {
    out.verdict = reports::Verdict::error;
    out.reason = fmt::format("{}. {}", played.refused->what, played.refused->hint);
    return out;
  }
  out.verdict = to_report(played.outcome.verdict);
  out.reason = played.outcome.reason;
  out.duration_ns = (played.outcome.finished - played.outcome.started).count();
  out.conversation = to_conversation(played.outcome);
  for (const auto& finding : played.outcome.findings)
    out.findings.push_back({to_report(finding.verdict), finding.name, finding.what, finding.reference,
                            static_cast<int>(finding.entry) + 1});
  return out;
}

packet::Bytes to_pcapng(const Played& played, const reports::TestResult& result) {
  packet::PcapngWriter writer("tcpspec",
                              fmt::format("{}: {} ({})", result.id, reports::to_string(result.verdict), result.about));
  const auto& trace = played.outcome.trace;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto& entry = trace[i];
    if (entry.packet.empty()) continue;
    std::string comment;
    if (entry.divergence)
      comment = fmt::format("first divergence: {}", result.reason);
    else if (entry.mark == engine::Mark::invariant)
      comment = entry.comment;
    else if (entry.by_peer)
      comment = kByPeer;
    const auto direction =
        entry.kind == EntryKind::sent ? packet::Direction::to_target : packet::Direction::from_target;
    writer.add(entry.at - played.outcome.started, direction, entry.packet, comment);
  }
  return writer.bytes();
}

}  // namespace tcpspec::runner
