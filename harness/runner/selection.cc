#include "runner/selection.hh"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace tcpspec::runner {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> suite_files(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(path, error))
    if (entry.path().extension() == ".yaml" && entry.is_regular_file()) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

// FNV-1a: names a state of the files in reports; no defence against anybody.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

void check_requirements(const script::Suite& suite, const Catalogue& catalogue, script::Diagnostics& out) {
  std::set<std::string> said;
  if (catalogue.empty()) return;
  for (const auto& test : suite.tests)
    for (const auto& id : test.requirements) {
      if (id == "none") continue;  // of a test that a fuzzer wrote: what it shows is still to be found in an RFC
      if (catalogue.find(id) || !said.insert(test.base_id + id).second) continue;
      const auto near = catalogue.nearest(id);
      out.push_back({test.where,
                     fmt::format("the test `{}` names `{}`, which is not in the catalogue", test.base_id, id),
                     near.empty() ? "" : fmt::format("did you mean `{}`?", near)});
    }
}

bool glob(const std::string& pattern, const std::string& text) {
  return pattern == text || fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool id_matches(const std::string& pattern, const script::Test& test) {
  return names_test(pattern, test.id) || pattern == test.suite;
}

bool section_within(const std::string& section, const std::string& wanted) {
  return section == wanted || section.starts_with(wanted + ".") || section.starts_with(wanted + "(");
}

bool rfc_matches(const std::string& wanted, const script::Test& test, const Catalogue& catalogue) {
  const auto slash = wanted.find('/');
  auto rfc = wanted.substr(0, slash);
  if (rfc.starts_with("RFC") || rfc.starts_with("rfc")) rfc = rfc.substr(3);
  rfc.erase(0, rfc.find_first_not_of(' '));
  return std::any_of(test.requirements.begin(), test.requirements.end(), [&](const auto& id) {
    const auto* requirement = catalogue.find(id);
    return requirement && requirement->rfc == rfc &&
           (slash == std::string::npos || section_within(requirement->section, wanted.substr(slash + 1)));
  });
}

bool has_tag(const script::Test& test, const std::string& tag) {
  return std::find(test.tags.begin(), test.tags.end(), tag) != test.tags.end();
}

}  // namespace

bool names_test(const std::string& pattern, const std::string& id) {
  return glob(pattern, id) || glob(pattern, id.substr(0, id.find(':')));
}

std::expected<Loaded, script::Diagnostics> load_suites(const std::vector<std::string>& paths,
                                                       const std::string& catalogue_folder,
                                                       const script::TargetValues& values) {
  Loaded out;
  script::Diagnostics diagnostics;
  auto catalogue = Catalogue::load(catalogue_folder);
  if (catalogue)
    out.catalogue = std::move(*catalogue);
  else
    diagnostics = std::move(catalogue.error());
  std::uint64_t hash = 0xcbf29ce484222325ull;
  std::set<std::string> names;
  for (const auto& path : paths)
    for (const auto& file : suite_files(path)) {
      auto suite = script::load_suite_file(file, {}, values);
      if (!suite) {
        diagnostics.insert(diagnostics.end(), suite.error().begin(), suite.error().end());
        continue;
      }
      if (!names.insert(suite->name).second)
        diagnostics.push_back({{suite->file, 1, 1},
                               fmt::format("the suite `{}` stands in another file already", suite->name),
                               "names of suites are unique: ids begin with them"});
      hash = hash_of(suite->file->text, hash);
      check_requirements(*suite, out.catalogue, diagnostics);
      out.suites.push_back(std::move(*suite));
    }
  if (!diagnostics.empty()) return std::unexpected(std::move(diagnostics));
  out.hash = fmt::format("{:016x}", hash);
  return out;
}

std::vector<const script::Test*> select(const Loaded& loaded, const Selection& selection) {
  std::vector<const script::Test*> out;
  const auto any = [](const auto& list, const auto& predicate) {
    return list.empty() || std::any_of(list.begin(), list.end(), predicate);
  };
  const auto none = [](const auto& list, const auto& predicate) {
    return std::none_of(list.begin(), list.end(), predicate);
  };
  for (const auto& suite : loaded.suites)
    for (const auto& test : suite.tests) {
      const auto by_id = [&](const auto& pattern) { return id_matches(pattern, test); };
      const auto by_tag = [&](const auto& tag) { return has_tag(test, tag); };
      if (!any(selection.ids, by_id) || !none(selection.exclude, by_id)) continue;
      if (!any(selection.rfcs, [&](const auto& rfc) { return rfc_matches(rfc, test, loaded.catalogue); })) continue;
      if (!std::all_of(selection.tags.begin(), selection.tags.end(), by_tag) || !none(selection.without_tags, by_tag))
        continue;
      out.push_back(&test);
    }
  return out;
}

}  // namespace tcpspec::runner
