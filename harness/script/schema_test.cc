// The JSON schema that editors use, and the loader, agree: what the schema rejects the
// loader rejects; what the loader rejects for its shape or its words the schema rejects too.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "script/golden.hh"
#include "script/loader.hh"

namespace tcpspec::script {
namespace {

const nlohmann::json& schema_document() {
  static const auto document =
      nlohmann::json::parse(contents(std::filesystem::path(TCPSPEC_SOURCE_DIR) / "suites/schema/suite.schema.json"));
  return document;
}

const valijson::Schema& schema() {
  static const auto parsed = [] {
    auto out = std::make_unique<valijson::Schema>();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_document()), *out);
    return out;
  }();
  return *parsed;
}

// A scalar as editors take it: the core schema of YAML 1.2 (section 10.3.2).
nlohmann::json scalar_as_json(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  static const std::regex integer("[-+]?[0-9]{1,15}"), hex("0x[0-9a-fA-F]{1,15}"),
      real("[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?");
  if (text.size() > 40) return text;
  if (std::regex_match(text, integer)) return std::stoll(text);
  if (std::regex_match(text, hex)) return std::stoll(text, nullptr, 16);
  if (std::regex_match(text, real)) return std::stod(text);
  return text;
}

// valijson's own adapter of yaml-cpp takes every scalar for a text, which editors do not.
nlohmann::json as_json(const YAML::Node& node) {
  if (node.IsScalar()) return scalar_as_json(node);
  if (node.IsSequence()) {
    auto out = nlohmann::json::array();
    for (const auto& item : node) out.push_back(as_json(item));
    return out;
  }
  if (!node.IsMap()) return nullptr;
  auto out = nlohmann::json::object();
  for (const auto& entry : node)
    out[entry.first.IsScalar() ? entry.first.Scalar() : "(not a word)"] = as_json(entry.second);
  return out;
}

// Empty, or what the schema has against the document.
std::string objections(const YAML::Node& node) {
  const auto document = as_json(node);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  if (validator.validate(schema(), valijson::adapters::NlohmannJsonAdapter(document), &results)) return {};
  std::string out = "rejected: ";
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const auto& part : error.context) out += part;
    out += ": " + error.description + "\n";
  }
  return out;
}

std::shared_ptr<const SourceFile> source(const std::filesystem::path& path) {
  return std::make_shared<SourceFile>(SourceFile{path.filename().string(), contents(path)});
}

// What a target without a file of its own has.
const TargetValues& default_values() {
  static const auto values = [] {
    TargetValues out;
    const auto file = source(std::filesystem::path(TCPSPEC_SOURCE_DIR) / "suites/targets/defaults.yaml");
    for (const auto& entry : YAML::Load(file->text)["values"]) out[entry.first.Scalar()] = entry.second.Scalar();
    return out;
  }();
  return values;
}

std::string complaints(const std::shared_ptr<const SourceFile>& file) {
  const auto loaded = load_suite(file, {}, default_values());
  std::string out;
  if (!loaded)
    for (const auto& diagnostic : loaded.error()) out += to_string(diagnostic);
  return out;
}

// Wrong in what they mean, not in their shape or their words: a schema cannot know.
const std::set<std::string> kSemantic = {"alive-needs-pending-connect",
                                         "capture-name-taken",
                                         "connection-unknown",
                                         "connection-unknown-did-you-mean",
                                         "connection-unknown-in-expression",
                                         "connections-bad-iss",
                                         "connections-unknown-tuple",
                                         "except-everything",
                                         "except-unknown-value",
                                         "except-unknown-variable",
                                         "expect-number-bad",
                                         "expect-range-open",
                                         "expect-range-reversed",
                                         "expect-stream-empty-span",
                                         "expression-block-scalar",
                                         "expression-deep",
                                         "expression-incomplete",
                                         "expression-min-comma",
                                         "expression-nothing-of-connection",
                                         "expression-on-several-lines",
                                         "expression-parenthesis",
                                         "expression-trailing",
                                         "expression-undefined",
                                         "expression-undefined-capture",
                                         "expression-undefined-quoted",
                                         "expression-unknown-of-connection",
                                         "for-name-family",
                                         "for-too-many",
                                         "for-value-twice",
                                         "given-syn-sent-passive",
                                         "given-unreachable",
                                         "given-win-bad",
                                         "is-misspelt",
                                         "is-mixed-list",
                                         "peer-begins-in-repeat",
                                         "peer-gone-send",
                                         "peer-off-twice",
                                         "peer-reach",
                                         "peer-reading-without-peer",
                                         "peer-send-acknowledges",
                                         "peer-send-after-fin",
                                         "peer-send-data-while-it-aborts",
                                         "peer-send-fields-of-tcp",
                                         "peer-send-flags-of-no-application",
                                         "peer-stream-reply",
                                         "repeat-too-many-steps",
                                         "result-in-repeat",
                                         "result-misspelt",
                                         "result-never-started",
                                         "result-started-in-a-branch",
                                         "result-twice",
                                         "send-data-without-peer",
                                         "send-flags-twice",
                                         "send-hex-odd",
                                         "step-after-reversed",
                                         "step-since-unknown-mark",
                                         "test-id-twice",
                                         "test-key-twice",
                                         "variable-field-of-a-word",
                                         "variable-undefined",
                                         "variable-undefined-did-you-mean",
                                         "variable-undefined-in-text",
                                         "variable-unknown-field",
                                         "variable-uses-another",
                                         "variable-value-wrong-field",
                                         "variable-value-wrong-part",
                                         "variable-value-wrong-state",
                                         "variable-value-wrong-steps",
                                         "wait-too-long"};

TEST(Schema, GoodFilesAreGoodForBoth) {
  auto files = yaml_files(std::filesystem::path(TCPSPEC_SOURCE_DIR) / "suites");
  for (const auto& file : yaml_files(testdata() / "good")) files.push_back(file);
  ASSERT_GT(files.size(), 2u);
  for (const auto& file : files) {
    const auto text = source(file);
    EXPECT_EQ(complaints(text), "") << file;
    const auto document = parse_document(text, {});
    ASSERT_TRUE(document) << file;
    EXPECT_EQ(objections(*document), "") << file;
  }
}

TEST(Schema, BadFilesAreBadForBothUnlessOnlyTheirMeaningIsWrong) {
  std::set<std::string> seen;
  for (const auto& file : yaml_files(testdata() / "diagnostics")) {
    const auto name = file.stem().string();
    const auto text = source(file);
    EXPECT_NE(complaints(text), "") << name;
    const auto document = parse_document(text, {});
    if (!document) {
      // No YAML: there is nothing that a schema could look at.
      EXPECT_FALSE(kSemantic.contains(name)) << name;
      continue;
    }
    const auto said = objections(*document);
    if (said.empty()) {
      EXPECT_TRUE(kSemantic.contains(name)) << name << ": the schema accepts it, the loader says\n" << complaints(text);
      seen.insert(name);
    } else {
      EXPECT_FALSE(kSemantic.contains(name)) << name << " is in the list, but the schema rejects it";
    }
  }
  for (const auto& name : kSemantic)
    EXPECT_TRUE(seen.contains(name)) << name << " is in the list, and no such file is accepted";
}

void check_descriptions(const nlohmann::json& node, const std::string& path) {
  if (node.is_object() && node.contains("properties")) {
    for (const auto& [key, value] : node["properties"].items())
      EXPECT_TRUE(value.contains("description")) << path << "/" << key;
  }
  if (node.is_structured())
    for (const auto& [key, value] : node.items()) check_descriptions(value, fmt::format("{}/{}", path, key));
}

TEST(Schema, EveryKeyIsDescribed) {
  check_descriptions(schema_document(), "#");
}

// The keys that the loader offers when it meets one that nobody has.
std::set<std::string> keys_of_loader(const std::string& text) {
  const auto loaded = load_suite(std::make_shared<SourceFile>(SourceFile{"keys.yaml", text}));
  if (loaded) return {};
  for (const auto& diagnostic : loaded.error()) {
    std::string_view hint = diagnostic.hint;
    constexpr std::string_view kBegin = "known here: ";
    if (!diagnostic.message.starts_with("unknown key") || !hint.starts_with(kBegin)) continue;
    std::set<std::string> out;
    for (hint.remove_prefix(kBegin.size()); !hint.empty();) {
      const auto word = hint.substr(0, hint.find(", "));
      out.emplace(word);
      hint.remove_prefix(std::min(hint.size(), word.size() + 2));
    }
    return out;
  }
  return {};
}

std::set<std::string> keys_of_schema(const nlohmann::json& object) {
  std::set<std::string> out;
  for (const auto& [key, value] : object.at("properties").items()) out.insert(key);
  return out;
}

TEST(Schema, HasTheSameKeysAsTheLoader) {
  const std::string test = "suite: a\ntests:\n  - {id: a, about: b, requirement: c, ";
  const auto step = [&](const std::string& text) { return test + "steps: [" + text + "]}\n"; };
  const auto& definitions = schema_document().at("definitions");
  EXPECT_EQ(keys_of_loader("zzzzzzzzz: 1\n"), keys_of_schema(schema_document()));
  EXPECT_EQ(keys_of_loader(test + "zzzzzzzzz: 1}\n"), keys_of_schema(definitions.at("test")));
  EXPECT_EQ(keys_of_loader(test + "given: {zzzzzzzzz: 1}}\n"), keys_of_schema(definitions.at("fixture")));
  EXPECT_EQ(keys_of_loader(test + "connections: {a: {zzzzzzzzz: 1}}}\n"), keys_of_schema(definitions.at("connection")));
  const std::vector<std::pair<std::string, std::string>> inside = {
      {"send", "sendSegment"}, {"expect", "expectSegment"}, {"expect-stream", "stream"}, {"silence", "silence"},
      {"icmp", "icmp"},        {"repeat", "repeat"},        {"inject", "sendSegment"},   {"peer", "peer"}};
  for (const auto& [verb, definition] : inside)
    EXPECT_EQ(keys_of_loader(step(verb + ": {zzzzzzzzz: 1}")), keys_of_schema(definitions.at(definition))) << verb;
  for (const std::string verb : {"send", "expect", "expect-stream", "silence", "wait", "call", "result", "icmp",
                                 "capture", "repeat", "reach", "alive", "inject", "peer"})
    EXPECT_EQ(keys_of_loader(step("{zzzzzzzzz: 1, " + verb + ": }")), keys_of_schema(definitions.at("step-" + verb)))
        << verb;
}

}  // namespace
}  // namespace tcpspec::script
