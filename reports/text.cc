#include "reports/text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "reports/conversation_text.hh"
#include "reports/layout.hh"
#include "reports/paint.hh"
#include "reports/tally.hh"

namespace tcpspec::reports {
namespace {

constexpr std::string_view kIndent = "      ";

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  return result;
}

// "RFC5961-3.2-b, RFC 5961 §3.2 MUST"; the level alone where the catalogue does not know the id.
std::string source_of(const TestResult& result, const std::vector<Requirement>& catalogue) {
  for (const std::string& id : result.requirements) {
    if (const Requirement* found = find_requirement(catalogue, id)) {
      return fmt::format("{}, RFC {} §{} {}", id, found->rfc, found->section,
                         result.level.empty() ? found->level : result.level);
    }
  }
  return result.level;
}

std::string header(const TestResult& result, const std::vector<Requirement>& catalogue, const Style& style,
                   std::string_view target_version) {
  const std::string verdict = upper(to_string(result.verdict));
  const std::string target =
      visible(target_version.empty() ? result.target : fmt::format("{} {}", result.target, target_version));
  const std::string source = visible(source_of(result, catalogue));
  const std::string duration = human_duration(result.duration_ns);
  const std::string id = visible(result.id);
  const std::size_t first_width = std::max<std::size_t>(verdict.size(), 4) + 2 + display_width(id);
  const std::string lead =
      paint(pad_right(verdict, 4), tone_of(result.verdict), style) + "  " + paint(id, Tone::strong, style);
  std::string rest = target + (source.empty() ? "" : "   " + source);
  const auto width = static_cast<std::size_t>(std::max(style.width, 60));
  const std::size_t rest_width = display_width(rest) + 3 + display_width(duration);
  if (first_width + 3 + rest_width <= width) {
    return lead + "   " + rest + pad_left(duration, width - first_width - 3 - display_width(rest)) + "\n";
  }
  return lead + "\n" + std::string(kIndent) + rest + "   " + duration + "\n";
}

void add_paragraph(std::string& out, std::string_view text, const Style& style, Tone tone = Tone::plain) {
  if (text.empty()) return;
  const auto width = static_cast<std::size_t>(std::max(style.width, 60)) - kIndent.size();
  while (!text.empty()) {  // last words of a program are lines
    const std::size_t end = text.find('\n');
    for (const std::string& line : wrap(visible(text.substr(0, end)), width)) {
      out += fmt::format("{}{}\n", kIndent, paint(line, tone, style));
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

void add_findings(std::string& out, const TestResult& result, const Style& style) {
  for (const Finding& finding : result.findings) {
    std::string text = fmt::format("{}: ", to_string(finding.verdict));
    text += finding.name.empty() ? finding.what : fmt::format("{}: {}", finding.name, finding.what);
    std::string where = finding.line > 0 ? fmt::format("line {}", finding.line) : "";
    if (!finding.reference.empty()) where += (where.empty() ? "" : "; ") + finding.reference;
    if (!where.empty()) text += fmt::format(" ({})", where);
    add_paragraph(out, text, style, tone_of(finding.verdict));
  }
}

void add_baseline(std::string& out, const TestResult& result, const Style& style) {
  if (!result.baseline) return;
  const BaselineNote& note = *result.baseline;
  add_paragraph(out,
                fmt::format("baseline: {}; the entry expects {} ({}): {}{}", to_string(result.overlay), note.expect,
                            note.kind, note.reason, note.link.empty() ? "" : "  " + note.link),
                style);
}

void add_footer(std::string& out, const TestResult& result, const Style& style) {
  std::string places;
  if (!result.file.empty()) {
    places = result.yaml_line > 0 ? fmt::format("{}:{}", result.file, result.yaml_line) : result.file;
  }
  if (!result.capture.empty()) places += (places.empty() ? "" : "   ") + ("capture: " + result.capture);
  if (result.attempts > 1) {
    places += fmt::format("{}attempt {} (earlier ones were void: the tester was late)", places.empty() ? "" : "   ",
                          result.attempts);
  }
  add_paragraph(out, places, style, Tone::faint);
  // Never wrapped: it is there to be copied.
  if (!result.rerun.empty()) out += fmt::format("{}rerun: {}\n", kIndent, visible(result.rerun));
}

std::optional<std::uint64_t> plain_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

// Positions and lengths read better in decimal alone; hex shows the bits of a
// checksum, and why a number is special (0xffff, 0x7fffffff).
std::string difference_text(const FieldDifference& difference) {
  constexpr std::uint64_t kHexFrom = 0x8000;
  const auto expected = plain_number(difference.expected);
  const auto observed = plain_number(difference.observed);
  const bool large = expected.value_or(0) >= kHexFrom || observed.value_or(0) >= kHexFrom;
  const bool hex = large || difference.field == "checksum";
  const auto shown = [&](const std::string& text, std::optional<std::uint64_t> number) {
    return number && hex ? fmt::format("{} ({:#x})", text, *number) : text.empty() ? "nothing" : text;
  };
  return fmt::format("{}: expected {}, observed {}", difference.field, shown(difference.expected, expected),
                     shown(difference.observed, observed));
}

std::string failure_text(const TestResult& result, const std::vector<Requirement>& catalogue, const Style& style,
                         std::string_view target_version) {
  std::string out = header(result, catalogue, style, target_version);
  add_paragraph(out, result.about, style);
  out += conversation_text(result.conversation, style);
  add_paragraph(out, result.reason, style);
  add_findings(out, result, style);
  add_baseline(out, result, style);
  add_footer(out, result, style);
  return out;
}

std::string failure_text(const TestResult& result, const Run& run, const Style& style) {
  const auto target = std::ranges::find(run.targets, result.target, &TargetDescription::name);
  return failure_text(result, run.catalogue, style, target == run.targets.end() ? "" : target->version);
}

}  // namespace tcpspec::reports
