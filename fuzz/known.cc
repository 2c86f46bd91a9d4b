#include "fuzz/known.hh"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "script/loader.hh"
#include "script/value.hh"

namespace tcpspec::fuzz {
namespace {

bool fits(const std::string& patterns, std::string_view text) {
  if (patterns.empty()) return true;
  const std::string whole(text);
  std::istringstream alternatives(patterns);
  for (std::string pattern; std::getline(alternatives, pattern, '|');)
    if (fnmatch(pattern.c_str(), whole.c_str(), 0) == 0) return true;
  return false;
}

std::string text_of(const script::Value& item, std::string_view key) {
  const auto value = item.find(key);
  return value ? value->text() : std::string();
}

bool has_words(const script::Value& item) {
  const bool id = !text_of(item, "id").empty();
  const bool reason = !text_of(item, "reason").empty();
  if (!id) item.complain("an entry has an `id`");
  if (!reason) item.complain("an entry has a `reason`", "say which RFC leaves both open, or what was found");
  return id && reason;
}

constexpr std::array difference_keys = {"aspect", "state", "event", "segment", "call", "reference", "other", "then"};

void read_difference(const script::Value& item, Known& known) {
  const auto then = item.find("then");
  if (then && then->text() != "continue" && then->text() != "end")
    return then->complain("`then` is `continue` or `end`", "the default is `end`: nothing behind it is compared");
  const auto text = [&item](std::string_view key) { return text_of(item, key); };
  known.equivalences.push_back({text("id"), text("reason"), text("target"), text("aspect"), text("state"),
                                text("event"), text("segment"), text("call"), text("reference"), text("other"),
                                text("then") == "continue"});
}

void read_equivalence(const script::Value& item, Known& known) {
  if (item.check_keys("an equivalence", {"id", "reason", "target", "aspect", "state", "event", "segment", "call",
                                         "reference", "other", "then"}) &&
      has_words(item))
    read_difference(item, known);
}

void read_finding(const script::Value& item, Known& known) {
  if (!item.check_keys("a known finding", {"id", "reason", "target", "oracle", "place", "aspect", "state", "event",
                                           "segment", "call", "reference", "other", "then"}) ||
      !has_words(item))
    return;
  const auto text = [&item](std::string_view key) { return text_of(item, key); };
  const bool placed = !text("oracle").empty() || !text("place").empty();
  const bool differs = std::ranges::any_of(difference_keys, [&](const char* key) { return !text(key).empty(); });
  if (placed && differs)
    return item.complain("an entry of two kinds", "`oracle` and `place` are one, what a difference is like the other");
  if (differs) return read_difference(item, known);
  if (!placed)
    return item.complain("an entry that covers everything",
                         "give its `oracle` and its `place`, as the report has them");
  known.findings.push_back({text("id"), text("reason"), text("target"), text("oracle"), text("place")});
}

}  // namespace

Judgment Known::judge(const std::string& target, const Difference& difference) const {
  const auto rule = std::ranges::find_if(equivalences, [&](const Equivalence& one) {
    return fits(one.target, target) && fits(one.aspect, difference.aspect) && fits(one.state, difference.state) &&
           fits(one.event, difference.event) && fits(one.segment, difference.segment) &&
           fits(one.call, difference.call) && fits(one.reference, difference.reference) &&
           fits(one.other, difference.other);
  });
  if (rule != equivalences.end()) return rule->goes_on ? Judgment::permitted_goes_on : Judgment::permitted;
  return covers(target, suspicion(difference)) ? Judgment::permitted : Judgment::mistake;
}

bool Known::covers(const std::string& target, const Suspicion& suspicion) const {
  return std::ranges::any_of(findings, [&](const KnownFinding& entry) {
    return fits(entry.target, target) && fits(entry.oracle, to_string(suspicion.oracle)) &&
           fits(entry.place, suspicion.place);
  });
}

std::expected<Known, script::Diagnostics> load_known(const std::string& path) {
  const script::Limits limits;
  auto source = script::read_source(path, limits.octets);
  if (!source) return std::unexpected(std::move(source.error()));
  auto document = script::parse_document(*source, limits);
  if (!document) return std::unexpected(std::move(document.error()));
  script::Complaints complaints;
  const script::Value root(*document, *source, nullptr, complaints);
  Known known;
  if (root.check_keys("a file of what is known", {"about", "equivalences", "findings"})) {
    if (const auto list = root.find("equivalences"))
      for (const auto& item : list->items()) read_equivalence(item, known);
    if (const auto list = root.find("findings"))
      for (const auto& item : list->items()) read_finding(item, known);
  }
  if (!complaints.empty()) return std::unexpected(complaints.take());
  return known;
}

}  // namespace tcpspec::fuzz
