#include "reports/page_data.hh"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "reports/json.hh"
#include "reports/tally.hh"

namespace tcpspec::reports {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDetailsPerChunk = 250;
constexpr std::size_t kPlainBytes = 400'000;  // what stays readable without decompression

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}
void put(Json& object, const char* key, int value) {
  if (value != 0) object[key] = value;
}

template <class Enum>
int index(Enum value) {
  return static_cast<int>(value);
}

Json line_json(const ConversationLine& line, bool with_packet) {
  Json json = {{"n", line.number}, {"at", line.time_ns}, {"lane", index(line.lane)}};
  put(json, "e", line.expected);
  put(json, "s", line.observed);
  put(json, "m", index(line.mark));
  put(json, "fix", line.fixture ? 1 : 0);
  put(json, "first", line.first_divergence ? 1 : 0);
  put(json, "say", line.comment);
  put(json, "y", line.yaml_line);
  put(json, "frame", line.frame);
  if (with_packet) put(json, "hex", line.packet);
  for (const FieldDifference& difference : line.differences) {
    json["diff"].push_back({difference.field, difference.expected, difference.observed});
  }
  return json;
}

bool keeps_conversation(const TestResult& test, Depth depth) {
  switch (depth) {
    case Depth::everything:
      return true;
    case Depth::no_plain_passes:
    case Depth::no_captures:
    case Depth::no_packets:
      return is_interesting(test);
    case Depth::unexpected_only:
      return is_unexpected(test);
    case Depth::no_conversations:
      return false;
  }
  return false;
}

Json detail_json(const TestResult& test, Depth depth) {
  Json json = Json::object();
  put(json, "rerun", test.rerun);
  put(json, "seed", fmt::format("{:#x}", test.seed));
  if (test.attempts != 1) json["attempts"] = test.attempts;
  put(json, "capture", test.capture);
  if (depth < Depth::no_captures && !test.capture_bytes.empty()) json["pcapng"] = base64(test.capture_bytes);
  for (const Finding& finding : test.findings) {
    Json found = {{"v", index(finding.verdict)}, {"what", finding.what}};
    put(found, "name", finding.name);
    put(found, "ref", finding.reference);
    put(found, "line", finding.line);
    json["findings"].push_back(std::move(found));
  }
  if (test.baseline) {
    json["baseline"] = {
        {"expect", test.baseline->expect}, {"kind", test.baseline->kind}, {"reason", test.baseline->reason}};
    put(json["baseline"], "link", test.baseline->link);
  }
  if (test.conversation.empty()) return json;
  if (!keeps_conversation(test, depth)) {
    json["cut"] = test.conversation.size();
    return json;
  }
  const bool with_packets = depth < Depth::no_packets && is_interesting(test);
  for (const ConversationLine& line : test.conversation) json["talk"].push_back(line_json(line, with_packets));
  return json;
}

// Collects details into chunks. Interesting ones come first in plain JSON, as far as
// kPlainBytes go; the rest, which are many and alike, are compressed.
class Chunks {
 public:
  explicit Chunks(Depth depth) : depth_(depth) {}

  // Chunk and index of the new detail.
  Json add(const TestResult& test) {
    std::string text = dumped(detail_json(test, depth_));
    Open& open = is_interesting(test) && plain_bytes_ + text.size() <= kPlainBytes ? plain_ : packed_;
    if (&open == &plain_) plain_bytes_ += text.size();
    if (open.details == kDetailsPerChunk) close(open);
    if (open.details == 0) {
      open.chunk = chunks_.size();
      chunks_.emplace_back();
    }
    open.text += (open.details == 0 ? "" : ",") + text;
    return Json::array({open.chunk, open.details++});
  }

  // The array of chunks as JSON text.
  [[nodiscard]] std::string finish() {
    close(plain_);
    close(packed_);
    std::string text = "[";
    for (const std::string& chunk : chunks_) text += (text.size() == 1 ? "" : ",") + chunk;
    return text + "]";
  }

 private:
  struct Open {
    std::size_t chunk = 0;
    std::size_t details = 0;
    std::string text;
  };

  void close(Open& open) {
    if (open.details == 0) return;
    const std::string array = "[" + open.text + "]";
    chunks_[open.chunk] = &open == &plain_ ? array : "\"" + base64(gzip(array)) + "\"";
    open = Open{};
  }

  Depth depth_;
  std::size_t plain_bytes_ = 0;
  Open plain_;
  Open packed_;
  std::vector<std::string> chunks_;
};

Json result_json(const TestResult& test, std::size_t target, Chunks& chunks) {
  Json json = {{"t", target}, {"v", index(test.verdict)}};
  put(json, "o", index(test.overlay));
  json["d"] = test.duration_ns;
  put(json, "why", test.reason);
  json["x"] = chunks.add(test);
  return json;
}

Json test_json(const GroupedTest& group, Chunks& chunks) {
  const TestResult* any = nullptr;
  Json results = Json::array();
  for (std::size_t target = 0; target < group.by_target.size(); ++target) {
    const TestResult* const test = group.by_target[target];
    if (test == nullptr) continue;
    if (any == nullptr) any = test;
    results.push_back(result_json(*test, target, chunks));
  }
  assert(any != nullptr && "a group has at least the result that made it");
  Json json = {{"id", any->id}, {"suite", any->suite}};
  put(json, "about", any->about);
  put(json, "level", any->level);
  if (!any->requirements.empty()) json["req"] = any->requirements;
  if (!any->tags.empty()) json["tags"] = any->tags;
  put(json, "file", any->file);
  put(json, "line", any->yaml_line);
  json["results"] = std::move(results);
  return json;
}

// No text can end the script element or start a comment in it; and U+2028 and
// U+2029 are line ends to some readers.
std::string safe_in_script(const std::string& json) {
  std::string safe;
  safe.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i);
    if (json[i] == '<') {
      safe += "\\u003c";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      safe += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      safe += json[i];
    }
  }
  return safe;
}

}  // namespace

std::string_view left_out(Depth depth) {
  switch (depth) {
    case Depth::everything:
      return "";
    case Depth::no_plain_passes:
      return "Left out to keep this file small: conversations of plain passes.";
    case Depth::no_captures:
      return "Left out to keep this file small: conversations of plain passes, and captures.";
    case Depth::no_packets:
      return "Left out to keep this file small: conversations of plain passes, captures, and the bytes of packets.";
    case Depth::unexpected_only:
      return "Left out to keep this file small: captures, bytes of packets, and every conversation whose result is "
             "not unexpected.";
    case Depth::no_conversations:
      return "Left out to keep this file small: captures and all conversations.";
  }
  return "";
}

std::vector<GroupedTest> group_by_test(const Run& run) {
  const std::vector<std::string> targets = target_names(run);
  std::unordered_map<std::string_view, std::size_t> target_index;
  for (std::size_t i = 0; i < targets.size(); ++i) target_index.emplace(targets[i], i);
  std::vector<GroupedTest> groups;
  std::unordered_map<std::string_view, std::size_t> group_index;
  for (const TestResult& test : run.tests) {
    const auto [entry, is_new] = group_index.emplace(test.id, groups.size());
    if (is_new) groups.push_back({test.id, std::vector<const TestResult*>(targets.size(), nullptr)});
    groups[entry->second].by_target[target_index.at(test.target)] = &test;
  }
  return groups;
}

std::string page_data(const Run& run, Depth depth) {
  Json json = Json::object();
  json["targets"] = Json::array();
  for (const std::string& name : target_names(run))
    json["targets"].push_back({{"name", name}, {"label", target_label(run, name)}});
  json["catalogue"] = Json::array();
  for (const Requirement& row : run.catalogue) {
    json["catalogue"].push_back(
        {{"id", row.id}, {"rfc", row.rfc}, {"section", row.section}, {"level", row.level}, {"text", row.text}});
  }
  Chunks chunks(depth);
  json["tests"] = Json::array();
  for (const GroupedTest& group : group_by_test(run)) json["tests"].push_back(test_json(group, chunks));
  std::string text = dumped(json);
  text.pop_back();
  return safe_in_script(text + ",\"chunks\":" + chunks.finish() + "}");
}

std::string base64(const std::vector<std::uint8_t>& bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::vector<std::uint8_t> gzip(std::string_view text) {
  constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 added asks for a gzip header; its time stamp stays 0
  z_stream stream{};
  [[maybe_unused]] const int ready =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  assert(ready == Z_OK && "deflateInit2 fails only for wrong arguments or without memory");
  std::vector<std::uint8_t> bytes(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes.data();
  stream.avail_out = static_cast<uInt>(bytes.size());
  [[maybe_unused]] const int done = deflate(&stream, Z_FINISH);
  assert(done == Z_STREAM_END && "deflateBound is large enough for one call");
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

}  // namespace tcpspec::reports
