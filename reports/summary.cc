#include <fmt/format.h>

#include <algorithm>

#include "reports/layout.hh"
#include "reports/paint.hh"
#include "reports/tally.hh"
#include "reports/text.hh"

namespace tcpspec::reports {
namespace {

void add_counts(std::string& out, const Run& run, const Style& style) {
  const VerdictCounts counts = count_verdicts(run.tests);
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto verdict = static_cast<Verdict>(i);
    if (!text.empty()) text += "   ";
    text += paint(fmt::format("{} {}", counts[i], to_string(verdict)), tone_of(verdict), style);
  }
  out += text.empty() ? "no results\n" : text + "\n";
}

// A list of results under a heading; nothing where no result qualifies.
template <class Predicate>
void add_list(std::string& out, std::string_view heading, const Run& run, const Style& style, Predicate qualifies) {
  std::size_t widest = 0;
  std::size_t count = 0;
  for (const TestResult& test : run.tests) {
    if (!qualifies(test)) continue;
    widest = std::max(widest, display_width(visible(test.id)));
    ++count;
  }
  if (count == 0) return;
  out += fmt::format("\n{} ({})\n", heading, count);
  for (const TestResult& test : run.tests) {
    if (!qualifies(test)) continue;
    const std::string verdict = paint(pad_right(to_string(test.verdict), 12), tone_of(test.verdict), style);
    out += fmt::format("  {}  {}  {}\n", verdict, pad_right(visible(test.id), widest),
                       visible(target_label(run, test.target)));
    std::string why = visible(test.reason);
    if (test.baseline && (test.overlay == Overlay::fixed || test.overlay == Overlay::flaky)) {
      why = visible(fmt::format("the entry expects {} ({}): {}", test.baseline->expect, test.baseline->kind,
                                test.baseline->reason));
    }
    if (why.empty()) continue;
    const auto width = static_cast<std::size_t>(std::max(style.width, 60)) - 16;
    for (const std::string& line : wrap(why, width))
      out += fmt::format("{:16}{}\n", "", paint(line, Tone::faint, style));
  }
}

std::vector<std::string> rfcs_of(const std::vector<Requirement>& catalogue) {
  std::vector<std::string> rfcs;
  for (const Requirement& requirement : catalogue) {
    if (std::ranges::find(rfcs, requirement.rfc) == rfcs.end()) rfcs.push_back(requirement.rfc);
  }
  return rfcs;
}

void add_requirements(std::string& out, const Run& run) {
  if (run.catalogue.empty()) return;
  const Standings standings = requirement_standings(run.tests);
  const std::vector<std::string> targets = target_names(run);
  std::size_t widest = 8;
  for (const std::string& target : targets) widest = std::max(widest, display_width(visible(target)));
  std::string heading = pad_right("requirements met", 18);
  for (const std::string& target : targets) heading += "  " + pad_left(visible(target), widest);
  out += "\n" + heading + "\n";
  for (const std::string& rfc : rfcs_of(run.catalogue)) {
    std::string row = pad_right(fmt::format("  RFC {}", visible(rfc)), 18);
    std::size_t total = 0;
    std::size_t tested = 0;
    for (const Requirement& requirement : run.catalogue) {
      if (requirement.rfc != rfc) continue;
      ++total;
      if (standings.contains(requirement.id)) ++tested;
    }
    // A run of a few suites says nothing of the other RFCs.
    if (tested == 0) continue;
    for (const std::string& target : targets) {
      const auto met =
          static_cast<std::size_t>(std::ranges::count_if(run.catalogue, [&](const Requirement& requirement) {
            return requirement.rfc == rfc && is_met(standing_of(standings, requirement.id, target));
          }));
      row += "  " + pad_left(fmt::format("{}/{}", met, tested), widest);
    }
    row += fmt::format("  of {} in the catalogue", total);
    out += row + "\n";
  }
}

std::string closing_line(const Run& run, const Style& style) {
  const auto unexpected = static_cast<std::size_t>(std::ranges::count_if(run.tests, is_unexpected));
  std::string line = run.tests.empty() ? paint("Nothing was run", Tone::notice, style)
                     : unexpected == 0 ? paint("All as expected", Tone::good, style)
                                       : paint(counted(unexpected, "unexpected result"), Tone::bad, style);
  line += fmt::format(": {} on {} in {}, seed {:#x}", counted(run.tests.size(), "result"),
                      counted(target_names(run).size(), "target"), human_duration(run.duration_ns), run.seed);
  if (run.interrupted) line += "; interrupted before every selected test had run";
  return line + ".";
}

}  // namespace

std::string summary_text(const Run& run, const Style& style) {
  std::string out;
  add_counts(out, run, style);
  add_list(out, "unexpected", run, style, is_unexpected);
  add_list(out, "fixed: the baseline expects a deviation that did not happen", run, style,
           [](const TestResult& test) { return test.overlay == Overlay::fixed; });
  add_list(out, "flaky: the baseline allows either", run, style,
           [](const TestResult& test) { return test.overlay == Overlay::flaky && test.verdict > Verdict::warn; });
  add_requirements(out, run);
  out += "\n" + closing_line(run, style) + "\n";
  return out;
}

}  // namespace tcpspec::reports
