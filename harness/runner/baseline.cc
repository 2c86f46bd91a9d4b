#include "runner/baseline.hh"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "runner/selection.hh"
#include "script/loader.hh"
#include "script/value.hh"

namespace tcpspec::runner {

namespace {

std::vector<int> numbers_of(std::string_view version) {
  std::vector<int> out;
  const char* at = version.data();
  const char* const end = at + version.size();
  while (at < end) {
    int number = 0;
    const auto [next, ec] = std::from_chars(at, end, number);
    if (ec != std::errc{}) break;
    out.push_back(number);
    at = next < end && *next == '.' ? next + 1 : end;
  }
  return out;
}

bool is_date(std::string_view text) {
  const auto form = std::string_view("dddd-dd-dd");
  return text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), [](char c, char want) {
           return want == 'd' ? c >= '0' && c <= '9' : c == want;
         });
}

// The second and later plays of a test bear a number: it is the same test.
std::string without_repetition(const std::string& id) {
  return id.substr(0, id.find('#'));
}

bool is_condition(std::string_view text) {
  const auto digits = text.find_first_of("0123456789");
  if (digits == std::string_view::npos) return false;
  auto op = text.substr(0, digits);
  while (!op.empty() && op.back() == ' ') op.remove_suffix(1);
  return op == ">=" || op == "<=" || op == "=" || op == "<" || op == ">";
}

std::string text_of(const script::Value& map, std::string_view key) {
  const auto value = map.find(key);
  return value ? value->text() : std::string();
}

// One for each of the tests that it names.
std::vector<BaselineEntry> read_entry(const script::Value& value, const std::string& target) {
  BaselineEntry out;
  out.where = value.where();
  value.check_keys("a baseline entry", {"test", "target", "version", "expect", "kind", "reason", "link", "expires"});
  std::vector<std::string> tests;
  if (const auto named = value.find("test"))
    for (const auto& each : named->items()) tests.push_back(each.text());
  out.target = value.find("target") ? text_of(value, "target") : target;
  out.versions = text_of(value, "version");
  out.reason = text_of(value, "reason");
  out.link = text_of(value, "link");
  out.expires = text_of(value, "expires");
  if (tests.empty() || std::ranges::count(tests, "") > 0) value.complain("an entry says which `test` it is about");
  if (out.reason.empty())
    value.complain("an entry gives its `reason`: the RFC's words, what the target does, and the frames that show it");
  if (!out.versions.empty() && !is_condition(out.versions))
    value.complain(fmt::format("`{}` is not a condition on versions", out.versions), "version: \">= 6.1\"");
  if (!out.expires.empty() && !is_date(out.expires))
    value.find("expires")->complain(fmt::format("`{}` is not a date", out.expires), "expires: 2027-01-31");
  if (const auto kind = value.find("kind"))
    out.kind = kind->choice<std::string>(
        "kind",
        {{"known-bug", "known-bug"}, {"by-design", "by-design"}, {"unsupported", "unsupported"}, {"flaky", "flaky"}});
  else
    value.complain("an entry says its `kind`", "known-bug, by-design, unsupported or flaky");
  if (const auto expect = value.find("expect")) {
    const auto verdict = reports::parse_verdict(expect->text());
    if (verdict)
      out.expect = *verdict;
    else
      expect->complain(fmt::format("`{}` is not a verdict", expect->text()),
                       "fail, warn, info, unsupported, crash, hang ...");
  } else {
    value.complain("an entry says what to `expect`", "expect: fail");
  }
  std::vector<BaselineEntry> entries;
  for (auto& test : tests) entries.emplace_back(out).test = std::move(test);
  return entries;
}

}  // namespace

std::expected<Baseline, script::Diagnostics> load_baseline(const std::string& path) {
  Baseline out;
  out.path = path;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return out;
  const auto source = script::read_source(path, 4u << 20);
  if (!source) return std::unexpected(source.error());
  const auto document = script::parse_document(*source, {});
  if (!document) return std::unexpected(document.error());
  script::Complaints complaints;
  const script::Value root(*document, *source, nullptr, complaints);
  if (!root.is_null()) {
    root.check_keys("a baseline", {"target", "entries"});
    out.target = text_of(root, "target");
    if (const auto entries = root.find("entries"))
      for (const auto& entry : entries->items())
        for (auto& each : read_entry(entry, out.target)) out.entries.push_back(std::move(each));
  }
  if (!complaints.empty()) return std::unexpected(complaints.take());
  return out;
}

bool version_matches(const std::string& condition, const std::string& version) {
  if (condition.empty()) return true;
  const auto digits = condition.find_first_of("0123456789");
  if (digits == std::string::npos) return false;
  auto wanted = numbers_of(std::string_view(condition).substr(digits));
  auto have = numbers_of(version);
  have.resize(wanted.size());  // "6.1" speaks of all of 6.1.x
  if (condition.starts_with(">=")) return have >= wanted;
  if (condition.starts_with("<=")) return have <= wanted;
  if (condition.starts_with(">")) return have > wanted;
  if (condition.starts_with("<")) return have < wanted;
  return have == wanted;
}

bool deviates(reports::Verdict verdict) {
  using reports::Verdict;
  return verdict == Verdict::fail || verdict == Verdict::inconclusive || verdict == Verdict::crash ||
         verdict == Verdict::hang || verdict == Verdict::error;
}

void apply_baseline(const Baseline& baseline, const std::string& version, reports::TestResult& result) {
  using reports::Overlay;
  using reports::Verdict;
  const auto id = without_repetition(result.id);
  // Of several that speak of the test, the first that expects what came, or else the first.
  const BaselineEntry* entry = nullptr;
  for (const auto& candidate : baseline.entries) {
    if (!candidate.target.empty() && candidate.target != result.target) continue;
    if (!version_matches(candidate.versions, version) || !names_test(candidate.test, id)) continue;
    const bool expected = candidate.expect == result.verdict;
    if (entry == nullptr || expected) entry = &candidate;
    if (expected) break;
  }
  // What a target cannot do contradicts nothing that is said of what it does.
  if (entry != nullptr && result.verdict == Verdict::unsupported && entry->expect != Verdict::unsupported)
    entry = nullptr;
  if (entry == nullptr) {
    result.overlay = deviates(result.verdict) ? Overlay::unexpected : Overlay::none;
    return;
  }
  result.baseline =
      reports::BaselineNote{std::string(reports::to_string(entry->expect)), entry->kind, entry->reason, entry->link};
  const bool good = result.verdict == Verdict::pass || result.verdict == Verdict::info ||
                    (entry->kind == "flaky" && !deviates(result.verdict));
  if (result.verdict == entry->expect)
    result.overlay = entry->kind == "flaky" ? Overlay::flaky : Overlay::expected;
  else if (good)
    result.overlay = entry->kind == "flaky" ? Overlay::flaky : Overlay::fixed;
  else
    result.overlay = Overlay::unexpected;
}

namespace {

bool is_used(const BaselineEntry& entry, const std::vector<std::string>& ids) {
  return std::ranges::any_of(ids, [&](const auto& id) { return names_test(entry.test, id); });
}

}  // namespace

std::vector<const BaselineEntry*> unused_entries(const Baseline& baseline, const std::string& target,
                                                 const std::vector<std::string>& ids) {
  std::vector<const BaselineEntry*> out;
  for (const auto& entry : baseline.entries)
    if ((entry.target.empty() || entry.target == target) && !is_used(entry, ids)) out.push_back(&entry);
  return out;
}

script::Diagnostics lint_baseline(const Baseline& baseline, const std::vector<std::string>& ids,
                                  const std::string& today) {
  script::Diagnostics out;
  for (const auto& entry : baseline.entries) {
    if (!is_used(entry, ids))
      out.push_back(
          {entry.where, fmt::format("the entry `{}` matches no test", entry.test), "remove it, or correct the id"});
    if (!entry.expires.empty() && entry.expires < today)
      out.push_back({entry.where, fmt::format("the entry `{}` expired on {}", entry.test, entry.expires),
                     "look at the deviation again, then renew or remove the entry"});
  }
  return out;
}

}  // namespace tcpspec::runner
