#include "reports/html.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <kainjow/mustache.hpp>

#include "reports/layout.hh"
#include "reports/page_data.hh"
#include "reports/tally.hh"
#include "reports/templates.hh"

namespace tcpspec::reports {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::list;
using kainjow::mustache::mustache;

// Beside the word, never instead of it: colour is not the only signal.
constexpr std::array<std::string_view, kVerdictCount> kSymbols = {"✓", "i", "–", "!", "?", "✕", "✸", "∞", "⊘"};
constexpr std::size_t kMostUnexpected = 12;

// Valid UTF-8 without control characters; the template engine escapes the markup.
std::string shown(std::string_view text) {
  return visible(text);
}

data verdict_data(Verdict verdict) {
  const auto index = static_cast<std::size_t>(verdict);
  data item;
  item.set("verdict", std::string(to_string(verdict)));
  item.set("symbol", std::string(kSymbols.at(index)));
  item.set("index", std::to_string(index));
  return item;
}

data fact(std::string_view name, std::string_view value) {
  data item;
  item.set("name", shown(name));
  item.set("value", shown(value));
  return item;
}

data facts_of(const Run& run) {
  data facts(data::type::list);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) facts.push_back(fact(name, value));
  };
  add("Command", run.command);
  add("tcpspec", run.tool_version);
  add("Started", run.started);
  add("Took", human_duration(run.duration_ns));
  add("Host", run.host);
  add("Clock", run.clock);
  add("Seed", fmt::format("{:#x}", run.seed));
  add("Time scale", fmt::format("{}", run.time_scale));
  add("Jobs", run.jobs > 0 ? std::to_string(run.jobs) : "");
  add("Suite hash", run.suite_hash);
  return facts;
}

data target_data(const TargetDescription& target) {
  data item;
  item.set("name", shown(target.name));
  item.set("version", shown(target.version));
  item.set("capabilities", shown(fmt::format("{}", fmt::join(target.capabilities, ", "))));
  data rows(data::type::list);
  for (const auto& [name, value] : target.provenance) rows.push_back(fact(name, value));
  item.set("provenance", rows);
  return item;
}

data counts_of(const Run& run) {
  const VerdictCounts counts = count_verdicts(run.tests);
  data items(data::type::list);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    data item = verdict_data(static_cast<Verdict>(i));
    item.set("count", std::to_string(counts[i]));
    item.set("percent",
             fmt::format("{:.1f}", 100.0 * static_cast<double>(counts[i]) / static_cast<double>(run.tests.size())));
    items.push_back(item);
  }
  return items;
}

// Where a result is in the page: "#t<test>.<target>"; the script makes it a lasting address.
std::string anchor(std::size_t test, std::size_t target) {
  return fmt::format("t{}.{}", test, target);
}

data unexpected_of(const Run& run, const std::vector<GroupedTest>& groups) {
  data items(data::type::list);
  std::size_t listed = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t t = 0; t < groups[i].by_target.size(); ++t) {
      const TestResult* const test = groups[i].by_target[t];
      if (test == nullptr || !is_unexpected(*test)) continue;
      if (++listed > kMostUnexpected) return items;
      data item = verdict_data(test->verdict);
      item.set("anchor", anchor(i, t));
      item.set("id", shown(test->id));
      item.set("target", shown(target_label(run, test->target)));
      item.set("reason", shown(test->reason));
      items.push_back(item);
    }
  }
  return items;
}

data cell_data(const TestResult* test, std::string_view target, std::size_t row, std::size_t column) {
  data cell;
  cell.set("target", shown(target));
  cell.set("ran", test != nullptr);
  if (test == nullptr) return cell;
  cell = verdict_data(test->verdict);
  cell.set("ran", true);
  cell.set("target", shown(target));
  cell.set("anchor", anchor(row, column));
  const bool noted = test->overlay != Overlay::none;
  cell.set("noted", noted);
  if (noted) cell.set("overlay", std::string(to_string(test->overlay)));
  return cell;
}

data rows_of(const std::vector<GroupedTest>& groups, const std::vector<std::string>& targets) {
  data rows(data::type::list);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    data row;
    data cells(data::type::list);
    const TestResult* any = nullptr;
    std::int64_t longest = 0;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const TestResult* const test = groups[i].by_target[t];
      cells.push_back(cell_data(test, targets[t], i, t));
      if (test == nullptr) continue;
      if (any == nullptr) any = test;
      longest = std::max(longest, test->duration_ns);
    }
    row.set("id", shown(groups[i].id));
    row.set("level", shown(any->level));
    row.set("requirements", shown(fmt::format("{}", fmt::join(any->requirements, " "))));
    row.set("time", human_duration(longest));
    row.set("cells", cells);
    rows.push_back(row);
  }
  return rows;
}

std::string verdict_sentence(const Run& run, std::size_t unexpected) {
  if (run.tests.empty()) return "Nothing was run";
  if (unexpected == 0) return "All as expected";
  return counted(unexpected, "unexpected result");
}

data page_values(const Run& run) {
  const std::vector<std::string> targets = target_names(run);
  const std::vector<GroupedTest> groups = group_by_test(run);
  const auto unexpected = static_cast<std::size_t>(std::ranges::count_if(run.tests, is_unexpected));
  data values;
  values.set("headline", verdict_sentence(run, unexpected));
  values.set("good", unexpected == 0 && !run.tests.empty());
  values.set("scope", fmt::format("{} on {}, {}", counted(groups.size(), "test"), counted(targets.size(), "target"),
                                  counted(run.tests.size(), "result")));
  values.set("interrupted", run.interrupted);
  values.set("started", shown(run.started));
  values.set("facts", facts_of(run));
  data described(data::type::list);
  for (const TargetDescription& target : run.targets) described.push_back(target_data(target));
  values.set("targets", described);
  values.set("counts", counts_of(run));
  values.set("unexpected", unexpected_of(run, groups));
  values.set("has_unexpected", unexpected > 0);
  values.set("more_unexpected", unexpected > kMostUnexpected);
  values.set("unlisted", std::to_string(unexpected - std::min(unexpected, kMostUnexpected)));
  data columns(data::type::list);
  for (const std::string& target : targets) columns.push_back(fact(target, target_label(run, target)));
  values.set("columns", columns);
  values.set("rows", rows_of(groups, targets));
  values.set("style", std::string(templates::style));
  values.set("script", std::string(templates::script));
  return values;
}

}  // namespace

std::string to_html(const Run& run, const PageOptions& options) {
  mustache page{std::string(templates::page)};
  data values = page_values(run);
  std::string html;
  for (const Depth depth : {Depth::everything, Depth::no_plain_passes, Depth::no_captures, Depth::no_packets,
                            Depth::unexpected_only, Depth::no_conversations}) {
    values.set("left_out", std::string(left_out(depth)));
    values.set("data", page_data(run, depth));
    html = page.render(values);
    if (html.size() <= options.size_limit) break;
  }
  return html;
}

}  // namespace tcpspec::reports
