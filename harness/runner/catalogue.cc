#include "runner/catalogue.hh"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "script/loader.hh"
#include "script/value.hh"

namespace tcpspec::runner {

namespace {

namespace fs = std::filesystem;

std::string text_of(const script::Value& map, std::string_view key) {
  const auto value = map.find(key);
  return value ? value->text() : std::string();
}

reports::Requirement read_requirement(const script::Value& entry, const std::string& rfc) {
  reports::Requirement out;
  out.id = text_of(entry, "id");
  if (out.id.empty()) entry.complain("a requirement has an `id`");
  out.rfc = entry.find("rfc") ? text_of(entry, "rfc") : rfc;
  out.section = text_of(entry, "section");
  out.text = text_of(entry, "text");
  out.observe = entry.find("observe") ? text_of(entry, "observe") : "wire";
  if (const auto level = entry.find("level"))
    out.level = level->choice<std::string>(
        "level", {{"MUST", "MUST"}, {"SHOULD", "SHOULD"}, {"MAY", "MAY"}, {"PRACTICE", "PRACTICE"}});
  else
    entry.complain("a requirement has a `level`", "MUST, SHOULD, MAY or PRACTICE");
  return out;
}

}  // namespace

std::expected<Catalogue, script::Diagnostics> Catalogue::load(const std::string& folder) {
  Catalogue out;
  std::error_code missing;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder, missing))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const auto source = script::read_source(path, 4u << 20);
    if (!source) return std::unexpected(source.error());
    const auto document = script::parse_document(*source, {});
    if (!document) return std::unexpected(document.error());
    script::Complaints complaints;
    const script::Value root(*document, *source, nullptr, complaints);
    const auto rfc = text_of(root, "rfc");
    root.check_keys("a catalogue", {"rfc", "title", "requirements"});
    if (const auto list = root.find("requirements")) {
      for (const auto& entry : list->items()) {
        entry.check_keys("a requirement", {"id", "rfc", "section", "level", "if", "role", "observe", "text", "note"});
        auto requirement = read_requirement(entry, rfc);
        if (out.index_.contains(requirement.id))
          entry.complain(fmt::format("the requirement `{}` is in the catalogue twice", requirement.id));
        out.index_.emplace(requirement.id, out.all_.size());
        out.all_.push_back(std::move(requirement));
      }
    }
    if (!complaints.empty()) return std::unexpected(complaints.take());
  }
  return out;
}

const reports::Requirement* Catalogue::find(std::string_view id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &all_[found->second];
}

std::string Catalogue::nearest(std::string_view id) const {
  std::vector<std::string_view> ids;
  for (const auto& requirement : all_) ids.push_back(requirement.id);
  return std::string(script::nearest(id, ids));
}

script::Level level_of(const script::Test& test, const Catalogue& catalogue) {
  if (test.level) return *test.level;
  const auto* requirement = test.requirements.empty() ? nullptr : catalogue.find(test.requirements.front());
  if (!requirement) return script::Level::must;
  if (requirement->level == "SHOULD") return script::Level::should;
  if (requirement->level == "MAY") return script::Level::may;
  if (requirement->level == "PRACTICE") return script::Level::practice;
  return script::Level::must;
}

}  // namespace tcpspec::runner
