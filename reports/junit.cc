#include "reports/junit.hh"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "reports/json.hh"
#include "reports/layout.hh"
#include "reports/tally.hh"
#include "reports/text.hh"

namespace tcpspec::reports {
namespace {

enum class Outcome : std::uint8_t { passed, skipped, failure, error };

Outcome outcome_of(const TestResult& test) {
  const bool explained = test.overlay == Overlay::expected || test.overlay == Overlay::flaky;
  if (test.verdict == Verdict::unsupported) return Outcome::skipped;
  if (explained && test.verdict >= Verdict::warn) return Outcome::skipped;
  if (!is_unexpected(test)) return Outcome::passed;
  const bool no_verdict_on_the_target = test.verdict == Verdict::inconclusive || test.verdict > Verdict::fail;
  return no_verdict_on_the_target ? Outcome::error : Outcome::failure;
}

// XML 1.0, production 2 (Char): what is outside must not appear, escaped or not.
bool is_xml_char(const CodePoint& point) {
  const char32_t c = point.value;
  if (!point.valid || c == 0xfffe || c == 0xffff) return false;
  return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

std::string xml(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (!is_xml_char(next)) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned>(next.value));
    } else if (next.value == '&') {
      result += "&amp;";
    } else if (next.value == '<') {
      result += "&lt;";
    } else if (next.value == '>') {
      result += "&gt;";
    } else if (next.value == '"') {
      result += "&quot;";
    } else if (next.value == '\r') {
      result += "&#13;";  // a parser turns a bare one into a line feed
    } else {
      result += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return result;
}

// Attribute values lose bare line feeds and tabs to normalisation.
std::string attribute(std::string_view name, std::string_view value) {
  std::string escaped;
  for (const char c : xml(value)) {
    if (c == '\n') {
      escaped += "&#10;";
    } else if (c == '\t') {
      escaped += "&#9;";
    } else {
      escaped += c;
    }
  }
  return fmt::format(" {}=\"{}\"", name, escaped);
}

std::string seconds(std::int64_t ns) {
  return fmt::format("{:.6f}", static_cast<double>(ns) / 1e9);
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::string message_of(const TestResult& test) {
  std::string message(to_string(test.verdict));
  if (!test.reason.empty()) message += ": " + test.reason;
  if (!test.baseline) return message;
  const BaselineNote& note = *test.baseline;
  return fmt::format("{} [baseline: {}, expects {}, {}: {}{}]", message, to_string(test.overlay), note.expect,
                     note.kind, note.reason, note.link.empty() ? "" : " " + note.link);
}

void add_property(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += fmt::format("        <property{}{}/>\n", attribute("name", name), attribute("value", value));
}

void add_outcome(std::string& out, const TestResult& test, Outcome outcome) {
  const std::string message = attribute("message", message_of(test));
  const std::string type = attribute("type", to_string(test.verdict));
  switch (outcome) {
    case Outcome::passed:
      return;
    case Outcome::skipped:
      out += fmt::format("      <skipped{}/>\n", message);
      return;
    case Outcome::failure:
      out += fmt::format("      <failure{}{}>{}</failure>\n", message, type, xml(test.reason));
      return;
    case Outcome::error:
      out += fmt::format("      <error{}{}>{}</error>\n", message, type, xml(test.reason));
      return;
  }
}

void add_case(std::string& out, const TestResult& test, const Run& run) {
  out += fmt::format("    <testcase{}{}{}", attribute("classname", test.target + "." + test.suite),
                     attribute("name", test.id), attribute("time", seconds(test.duration_ns)));
  if (!test.file.empty()) out += attribute("file", test.file);
  if (test.yaml_line > 0) out += attribute("line", std::to_string(test.yaml_line));
  out += ">\n      <properties>\n";
  add_property(out, "verdict", to_string(test.verdict));
  add_property(out, "level", test.level);
  add_property(out, "requirements", joined(test.requirements));
  add_property(out, "tags", joined(test.tags));
  add_property(out, "target", target_label(run, test.target));
  add_property(out, "seed", fmt::format("{:#x}", test.seed));
  if (test.overlay != Overlay::none) add_property(out, "baseline", to_string(test.overlay));
  out += "      </properties>\n";
  add_outcome(out, test, outcome_of(test));
  if (is_interesting(test)) {
    out += fmt::format("      <system-out>{}</system-out>\n", xml(failure_text(test, run, Style{})));
  }
  out += "    </testcase>\n";
}

struct Totals {
  std::size_t tests = 0;
  std::size_t skipped = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::int64_t duration_ns = 0;

  void add(const TestResult& test) {
    const Outcome outcome = outcome_of(test);
    ++tests;
    skipped += outcome == Outcome::skipped ? 1 : 0;
    failures += outcome == Outcome::failure ? 1 : 0;
    errors += outcome == Outcome::error ? 1 : 0;
    duration_ns += test.duration_ns;
  }
  [[nodiscard]] std::string attributes() const {
    return fmt::format(R"( tests="{}" failures="{}" errors="{}" skipped="{}" time="{}")", tests, failures, errors,
                       skipped, seconds(duration_ns));
  }
};

void add_suite(std::string& out, const std::string& suite, const Run& run) {
  Totals totals;
  std::string cases;
  for (const TestResult& test : run.tests) {
    if (test.suite != suite) continue;
    totals.add(test);
    add_case(cases, test, run);
  }
  out += fmt::format("  <testsuite{}{}{}>\n{}  </testsuite>\n", attribute("name", suite), totals.attributes(),
                     run.started.empty() ? "" : attribute("timestamp", run.started), cases);
}

}  // namespace

std::string to_junit(const Run& run) {
  std::vector<std::string> suites;
  Totals totals;
  for (const TestResult& test : run.tests) {
    totals.add(test);
    if (std::ranges::find(suites, test.suite) == suites.end()) suites.push_back(test.suite);
  }
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites{}{}>\n", attribute("name", "tcpspec"), totals.attributes());
  for (const std::string& suite : suites) add_suite(out, suite, run);
  return out + "</testsuites>\n";
}

}  // namespace tcpspec::reports
