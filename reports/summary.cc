#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

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

// Why tests were not played, where that is not as few as can be looked up.
void add_missing(std::string& out, const Run& run, const Style& style) {
  constexpr std::size_t kMost = 8;
  std::map<std::string, std::size_t> counts;
  for (const TestResult& test : run.tests)
    for (const std::string& what : test.missing) ++counts[what];
  if (counts.empty()) return;
  std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::greater<>(), &std::pair<std::string, std::size_t>::second);
  std::string text = "not offered: ";
  for (std::size_t i = 0; i < sorted.size() && i < kMost; ++i)
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", visible(sorted[i].first), sorted[i].second);
  if (sorted.size() > kMost) text += fmt::format(", and {} more", sorted.size() - kMost);
  out += paint(text, Tone::faint, style) + "\n";
}

// Of last words the last, which names the failed assertion or the exception.
std::string gist(const std::string& reason) {
  const std::size_t first = reason.find('\n');
  if (first == std::string::npos) return reason;
  return fmt::format("{} {}", reason.substr(0, first), reason.substr(reason.rfind('\n') + 1));
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
    std::string why = visible(gist(test.reason));
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

using Column = std::pair<std::string_view, std::size_t StandingCounts::*>;
constexpr std::array<Column, 5> kColumns = {{{"met", &StandingCounts::met},
                                             {"not met", &StandingCounts::not_met},
                                             {"unsupported", &StandingCounts::unsupported},
                                             {"undecided", &StandingCounts::undecided},
                                             {"untested", &StandingCounts::untested}}};

// One row for each RFC that the run says something about; columns without a number are left out.
void add_standings(std::string& out, const Run& run, const Standings& standings, const std::string& target) {
  std::vector<std::pair<std::string, StandingCounts>> rows;
  for (const std::string& rfc : rfcs_of(run.catalogue)) {
    const auto counts = count_standings(run.catalogue, rfc, standings, target);
    std::size_t all = 0;
    for (const auto& [name, count] : kColumns) all += counts.*count;
    if (counts.untested < all) rows.emplace_back(rfc, counts);
  }
  std::vector<Column> columns;
  std::ranges::copy_if(kColumns, std::back_inserter(columns), [&](const Column& column) {
    return std::ranges::any_of(rows, [&](const auto& row) { return row.second.*column.second > 0; });
  });
  out += "\n" + pad_right("requirements", 18);
  for (const auto& [name, count] : columns) out += "  " + pad_left(name, 8);
  out += "\n";
  for (const auto& [rfc, counts] : rows) {
    out += pad_right(fmt::format("  RFC {}", visible(rfc)), 18);
    for (const auto& [name, count] : columns)
      out += "  " + pad_left(std::to_string(counts.*count), std::max<std::size_t>(8, name.size()));
    out += "\n";
  }
}

// What to look at first: by name, and as many as can be read. A warning is a lesser outcome that its test allows.
void add_broken_musts(std::string& out, const Run& run, const Standings& standings, const std::string& target,
                      const Style& style) {
  constexpr std::size_t kMost = 24;
  std::vector<std::string> broken;
  std::ptrdiff_t of_tcp = 0;  // RFC 9293 itself comes before what was added to it
  for (const Requirement& requirement : run.catalogue)
    if (const auto standing = standing_of(standings, requirement.id, target);
        requirement.level == "MUST" && is_broken(standing) && standing != Verdict::warn)
      broken.insert(requirement.rfc == "9293" ? broken.begin() + of_tcp++ : broken.end(), visible(requirement.id));
  if (broken.empty()) return;
  std::string text =
      fmt::format("{}", fmt::join(broken.begin(), broken.begin() + std::min(kMost, broken.size()), ", "));
  if (broken.size() > kMost) text += fmt::format(", and {} more", broken.size() - kMost);
  out += fmt::format("\nMUST, and broken ({}); `tcpspec explain {}` says what it asks for\n", broken.size(),
                     broken.front());
  for (const std::string& line : wrap(text, static_cast<std::size_t>(std::max(style.width, 60)) - 2))
    out += "  " + line + "\n";
}

// Of several targets what can be compared: of each how much is met of what it can do.
void add_comparison(std::string& out, const Run& run, const Standings& standings,
                    const std::vector<std::string>& targets) {
  std::size_t widest = 8;
  for (const std::string& target : targets) widest = std::max(widest, display_width(visible(target)));
  out += "\nrequirements met, of those that could be judged\n" + std::string(18, ' ');
  for (const std::string& target : targets) out += "  " + pad_left(visible(target), widest);
  out += "\n";
  for (const std::string& rfc : rfcs_of(run.catalogue)) {
    std::string row = pad_right(fmt::format("  RFC {}", visible(rfc)), 18);
    bool tested = false;
    std::size_t all = 0;
    for (const std::string& target : targets) {
      const auto counts = count_standings(run.catalogue, rfc, standings, target);
      all = counts.judged() + counts.unsupported + counts.undecided + counts.untested;
      tested = tested || counts.untested < all;
      row += "  " + pad_left(counts.judged() == 0 ? "-" : fmt::format("{}/{}", counts.met, counts.judged()), widest);
    }
    // A run of a few suites says nothing of the other RFCs.
    if (tested) out += row + fmt::format("  of {} in the catalogue\n", all);
  }
}

void add_requirements(std::string& out, const Run& run, const Style& style) {
  if (run.catalogue.empty()) return;
  const Standings standings = requirement_standings(run.tests);
  const std::vector<std::string> targets = target_names(run);
  if (targets.size() != 1) return add_comparison(out, run, standings, targets);
  add_standings(out, run, standings, targets.front());
  add_broken_musts(out, run, standings, targets.front(), style);
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
  add_missing(out, run, style);
  add_list(out, "unexpected", run, style, is_unexpected);
  add_list(out, "fixed: the baseline expects a deviation that did not happen", run, style,
           [](const TestResult& test) { return test.overlay == Overlay::fixed; });
  add_list(out, "flaky: the baseline allows either", run, style,
           [](const TestResult& test) { return test.overlay == Overlay::flaky && test.verdict > Verdict::warn; });
  add_requirements(out, run, style);
  out += "\n" + closing_line(run, style) + "\n";
  return out;
}

}  // namespace tcpspec::reports
