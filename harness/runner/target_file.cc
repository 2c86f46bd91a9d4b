#include "runner/target_file.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "runner/remote_section.hh"
#include "script/value.hh"

namespace tcpspec::runner {
namespace {

namespace fs = std::filesystem;
using script::Value;

constexpr std::size_t most_octets = 1u << 20;
constexpr const char* defaults_name = "defaults.yaml";

std::string text_of(const Value& map, std::string_view key) {
  const auto value = map.find(key);
  return value ? value->text() : std::string();
}

// Numbers and durations, by the names that defaults.yaml knows.
void read_values(const Value& map, script::TargetValues& values, bool may_be_new) {
  if (!map.is_map()) return map.complain("`values` maps names to numbers and durations", "values: {msl: 60s}");
  for (const auto& [key, value] : map.entries()) {
    const auto name = key.text();
    if (!may_be_new && !values.contains(name)) {
      std::vector<std::string> known;
      for (const auto& [each, unused] : values) known.push_back(each);
      key.complain(fmt::format("no test knows a value `{}`", name),
                   fmt::format("the names of targets/{}: {}", defaults_name, fmt::join(known, ", ")));
      continue;
    }
    const auto text = value.text();
    const bool number =
        !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!number && !script::parse_duration(text))
      value.complain(fmt::format("`{}` is neither a number nor a duration", text), "65535, 500ms, 2h");
    else
      values[name] = text;
  }
}

std::string read_params(const Value& map) {
  std::string out;
  if (!map.is_map()) map.complain("`params` maps names to values", "params: {buffers: 16}");
  for (const auto& [key, value] : map.entries()) {
    const auto text = value.text();
    if (text.find(' ') != std::string::npos) value.complain("a parameter's value has no spaces");
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", key.text(), text);
  }
  return out;
}

void read_attachment(const Value& root, TargetFile& out) {
  const auto adapter = root.find("adapter");
  const auto program = root.find("program");
  const auto remote = root.find("remote");
  if (adapter && program)
    program->complain("a target has an `adapter` or a `program`",
                      "a plug-in (my-stack.so), or a program and its words");
  if (remote && (adapter || program))
    remote->complain("a target is `remote`, or has an `adapter` or a `program`", "one of them");
  if (remote) out.remote = read_remote(*remote);
  if (adapter) out.plug_in = adapter->text();
  if (program)
    for (const auto& word : program->items()) out.program.push_back(word.text());
  if (program && (out.program.empty() || out.program.front().empty()))
    program->complain("`program` is a program and its words", "program: [./my-stack, --quiet]");
  if (const auto params = root.find("params")) out.params = read_params(*params);
  if (const auto patience = root.find("hang_after")) {
    out.hang_after = patience->duration();
    if (out.hang_after->count() <= 0) patience->complain("`hang_after` is longer than nothing", "hang_after: 10s");
  }
}

std::expected<script::TargetValues, script::Diagnostics> read_defaults(const std::string& path) {
  script::TargetValues values;
  std::error_code error;
  if (!fs::exists(path, error)) return values;
  const auto source = script::read_source(path, most_octets);
  if (!source) return std::unexpected(source.error());
  const auto document = script::parse_document(*source, {});
  if (!document) return std::unexpected(document.error());
  script::Complaints complaints;
  const Value root(*document, *source, nullptr, complaints);
  if (root.check_keys("the defaults of targets", {"values"}))
    if (const auto map = root.find("values")) read_values(*map, values, true);
  if (!complaints.empty()) return std::unexpected(complaints.take());
  return values;
}

}  // namespace

std::expected<script::TargetValues, script::Diagnostics> default_values(const std::string& folder) {
  return read_defaults((fs::path(folder) / defaults_name).string());
}

std::expected<TargetFile, script::Diagnostics> load_target_file(const std::string& path, const std::string& folder) {
  TargetFile out;
  out.path = path;
  out.name = fs::path(path).stem().string();
  auto values = default_values(folder);
  if (!values) return std::unexpected(values.error());
  out.values = std::move(*values);
  const auto source = script::read_source(path, most_octets);
  if (!source) return std::unexpected(source.error());
  const auto document = script::parse_document(*source, {});
  if (!document) return std::unexpected(document.error());
  script::Complaints complaints;
  const Value root(*document, *source, nullptr, complaints);
  if (root.check_keys("a target", {"target", "about", "adapter", "program", "remote", "params", "hang_after", "package",
                                   "without", "baseline", "values"})) {
    if (root.find("target")) out.name = text_of(root, "target");
    out.about = text_of(root, "about");
    out.package = text_of(root, "package");
    if (const auto baseline = root.find("baseline"))
      out.baseline = (fs::path(path).parent_path() / baseline->text()).string();
    read_attachment(root, out);
    if (const auto without = root.find("without"))
      for (const auto& word : without->items()) out.without.insert(word.text());
    if (const auto map = root.find("values")) {
      read_values(*map, out.values, false);
      for (const auto& [name, value] : map->entries()) out.declared.insert(name.text());
    }
  }
  if (!complaints.empty()) return std::unexpected(complaints.take());
  return out;
}

}  // namespace tcpspec::runner
