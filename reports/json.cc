#include "reports/json.hh"

#include <fmt/format.h>

#include <charconv>
#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

namespace tcpspec::reports {
namespace {

using Json = nlohmann::ordered_json;

// The fields of each struct are listed once, and read and written through the same
// list: `io.always` for what every reader may rely on, `io.sometimes` for what is
// left out while it has its default.
template <class T, class U>
concept Either = std::same_as<std::remove_const_t<T>, U>;

void fields(auto& io, Either<FieldDifference> auto& it) {
  io.always("field", it.field);
  io.always("expected", it.expected);
  io.always("observed", it.observed);
}

void fields(auto& io, Either<ConversationLine> auto& it) {
  io.always("number", it.number);
  io.always("time_ns", it.time_ns);
  io.sometimes("fixture", it.fixture);
  io.always("lane", it.lane);
  io.sometimes("expected", it.expected);
  io.sometimes("observed", it.observed);
  io.sometimes("mark", it.mark);
  io.sometimes("first_divergence", it.first_divergence);
  io.sometimes("differences", it.differences);
  io.sometimes("comment", it.comment);
  io.sometimes("yaml_line", it.yaml_line);
  io.sometimes("frame", it.frame);
  io.sometimes("packet", it.packet);
}

void fields(auto& io, Either<Finding> auto& it) {
  io.always("verdict", it.verdict);
  io.sometimes("name", it.name);
  io.always("what", it.what);
  io.sometimes("reference", it.reference);
  io.sometimes("line", it.line);
}

void fields(auto& io, Either<BaselineNote> auto& it) {
  io.always("expect", it.expect);
  io.always("kind", it.kind);
  io.always("reason", it.reason);
  io.sometimes("link", it.link);
}

void fields(auto& io, Either<TestResult> auto& it) {
  io.always("id", it.id);
  io.always("suite", it.suite);
  io.sometimes("about", it.about);
  io.always("target", it.target);
  io.always("verdict", it.verdict);
  io.sometimes("level", it.level);
  io.always("requirements", it.requirements);
  io.sometimes("tags", it.tags);
  io.sometimes("reason", it.reason);
  io.sometimes("findings", it.findings);
  io.conversation(it);
  io.always("duration_ns", it.duration_ns);
  io.always("attempts", it.attempts);
  io.always("seed", it.seed);
  io.sometimes("file", it.file);
  io.sometimes("yaml_line", it.yaml_line);
  io.sometimes("rerun", it.rerun);
  io.sometimes("capture", it.capture);
  io.sometimes("overlay", it.overlay);
  io.sometimes("baseline", it.baseline);
}

void fields(auto& io, Either<Requirement> auto& it) {
  io.always("id", it.id);
  io.always("rfc", it.rfc);
  io.always("section", it.section);
  io.always("level", it.level);
  io.always("text", it.text);
  io.sometimes("observe", it.observe);
}

void fields(auto& io, Either<TargetDescription> auto& it) {
  io.always("name", it.name);
  io.always("version", it.version);
  io.always("capabilities", it.capabilities);
  io.always("provenance", it.provenance);
}

void fields(auto& io, Either<Run> auto& it) {
  io.always("tool_version", it.tool_version);
  io.always("command", it.command);
  io.always("started", it.started);
  io.always("host", it.host);
  io.always("clock", it.clock);
  io.always("seed", it.seed);
  io.always("time_scale", it.time_scale);
  io.always("jobs", it.jobs);
  io.always("suite_hash", it.suite_hash);
  io.always("duration_ns", it.duration_ns);
  io.always("interrupted", it.interrupted);
  io.always("targets", it.targets);
  io.always("tests", it.tests);
  io.always("catalogue", it.catalogue);
}

template <class T>
concept Name = std::same_as<T, Verdict> || std::same_as<T, Overlay> || std::same_as<T, Lane> || std::same_as<T, Mark>;

class Writer {
 public:
  explicit Writer(Conversations conversations) : conversations_(conversations) {}

  template <class T>
  void always(const char* key, const T& value) {
    object_[key] = written(value);
  }
  template <class T>
  void sometimes(const char* key, const T& value) {
    if (!(value == T{})) always(key, value);
  }
  void conversation(const TestResult& result) {
    if (conversations_ == Conversations::all || is_interesting(result)) sometimes("conversation", result.conversation);
  }

  template <class T>
  [[nodiscard]] Json written_object(const T& value) const {
    Writer inner(conversations_);
    fields(inner, value);
    return std::move(inner.object_);
  }

 private:
  [[nodiscard]] Json written(const std::string& value) const { return value; }
  [[nodiscard]] Json written(std::uint64_t seed) const { return fmt::format("{:#x}", seed); }
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, std::uint64_t>) [[nodiscard]] Json written(T value) const {
    return value;
  }
  template <Name T>
  [[nodiscard]] Json written(T value) const {
    return std::string(to_string(value));
  }
  template <class T>
  [[nodiscard]] Json written(const std::optional<T>& value) const {
    return written(*value);
  }
  template <class T>
  [[nodiscard]] Json written(const std::vector<T>& values) const {
    Json array = Json::array();
    for (const T& value : values) array.push_back(written(value));
    return array;
  }
  [[nodiscard]] Json written(const std::map<std::string, std::string>& values) const {
    Json object = Json::object();
    for (const auto& [key, value] : values) object[key] = value;
    return object;
  }
  template <class T>
  requires(std::is_class_v<T>) [[nodiscard]] Json written(const T& value) const { return written_object(value); }

  Conversations conversations_;
  Json object_ = Json::object();
};

// Thrown and caught in this file alone; the sentence is what from_json returns.
struct Misfit {
  std::string sentence;
};

class Reader {
 public:
  Reader(const Json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object_.is_object()) throw Misfit{fmt::format("{}: expected an object, found {}", where(), found(object_))};
  }

  template <class T>
  void always(const char* key, T& value) {
    const auto entry = object_.find(key);
    if (entry == object_.end()) throw Misfit{fmt::format("{}: the key \"{}\" is missing", where(), key)};
    read(*entry, place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key), value);
  }
  template <class T>
  void sometimes(const char* key, T& value) {
    if (object_.contains(key)) always(key, value);
  }
  void conversation(TestResult& result) { sometimes("conversation", result.conversation); }

 private:
  [[nodiscard]] std::string where() const { return place_.empty() ? "top level" : place_; }
  [[nodiscard]] static std::string found(const Json& json) { return json.type_name(); }

  static void expect(bool holds, const Json& json, const std::string& place, std::string_view what) {
    if (!holds) throw Misfit{fmt::format("{}: expected {}, found {}", place, what, found(json))};
  }

  static void read(const Json& json, const std::string& place, std::string& value) {
    expect(json.is_string(), json, place, "a string");
    value = json.get<std::string>();
  }
  static void read(const Json& json, const std::string& place, bool& value) {
    expect(json.is_boolean(), json, place, "true or false");
    value = json.get<bool>();
  }
  static void read(const Json& json, const std::string& place, double& value) {
    expect(json.is_number(), json, place, "a number");
    value = json.get<double>();
  }
  template <std::signed_integral T>
  static void read(const Json& json, const std::string& place, T& value) {
    expect(json.is_number_integer(), json, place, "an integer");
    const auto wide = json.get<std::int64_t>();
    const bool wrapped = json.is_number_unsigned() && wide < 0;
    if (wrapped || !std::in_range<T>(wide)) throw Misfit{fmt::format("{}: {} is out of range", place, json.dump())};
    value = static_cast<T>(wide);
  }
  static void read(const Json& json, const std::string& place, std::uint64_t& seed) {
    expect(json.is_string(), json, place, "a string like \"0x5f31\"");
    const auto& text = json.get_ref<const std::string&>();
    const char* const end = text.data() + text.size();
    const bool prefixed = text.starts_with("0x");
    const auto parsed = std::from_chars(text.data() + (prefixed ? 2 : 0), end, seed, 16);
    if (!prefixed || parsed.ec != std::errc{} || parsed.ptr != end) {
      throw Misfit{fmt::format("{}: expected a seed like \"0x5f31\", found \"{}\"", place, text)};
    }
  }
  static std::optional<Verdict> parse(std::string_view text, Verdict) { return parse_verdict(text); }
  static std::optional<Overlay> parse(std::string_view text, Overlay) { return parse_overlay(text); }
  static std::optional<Lane> parse(std::string_view text, Lane) { return parse_lane(text); }
  static std::optional<Mark> parse(std::string_view text, Mark) { return parse_mark(text); }
  static std::string_view kind(Verdict) { return "a verdict"; }
  static std::string_view kind(Overlay) { return "an overlay"; }
  static std::string_view kind(Lane) { return "a lane"; }
  static std::string_view kind(Mark) { return "a mark"; }
  template <Name T>
  static void read(const Json& json, const std::string& place, T& value) {
    std::string text;
    read(json, place, text);
    const auto parsed = parse(text, T{});
    if (!parsed) throw Misfit{fmt::format("{}: \"{}\" is not {}", place, text, kind(T{}))};
    value = *parsed;
  }
  template <class T>
  static void read(const Json& json, const std::string& place, std::optional<T>& value) {
    read(json, place, value.emplace());
  }
  template <class T>
  static void read(const Json& json, const std::string& place, std::vector<T>& values) {
    expect(json.is_array(), json, place, "an array");
    values.resize(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) read(json[i], fmt::format("{}[{}]", place, i), values[i]);
  }
  static void read(const Json& json, const std::string& place, std::map<std::string, std::string>& values) {
    expect(json.is_object(), json, place, "an object");
    for (const auto& [key, value] : json.items()) read(value, fmt::format("{}.{}", place, key), values[key]);
  }
  template <class T>
  requires(std::is_class_v<T>) static void read(const Json& json, const std::string& place, T& value) {
    Reader inner(json, place);
    fields(inner, value);
  }

  const Json& object_;
  std::string place_;
};

void check_format(const Json& json) {
  int format = 0;
  Reader(json, "").always("format", format);
  if (format != kJsonFormat) {
    throw Misfit{fmt::format("format: this program reads {}, the file has {}", kJsonFormat, format)};
  }
}

}  // namespace

bool is_interesting(const TestResult& result) {
  const bool plain = result.verdict == Verdict::pass || result.verdict == Verdict::info;
  return !plain || !result.findings.empty();
}

std::string to_json(const Run& run, Conversations conversations) {
  Json json = Json::object();
  json["format"] = kJsonFormat;
  json.update(Writer(conversations).written_object(run));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_json(const TestResult& result, Conversations conversations) {
  return Writer(conversations).written_object(result).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::expected<Run, std::string> from_json(std::string_view text) try {
  const Json json = Json::parse(text);
  check_format(json);
  Run run;
  Reader reader(json, "");
  fields(reader, run);
  return run;
} catch (const Misfit& misfit) {
  return std::unexpected(misfit.sentence);
} catch (const Json::exception& error) {
  return std::unexpected(fmt::format("not JSON: {}", error.what()));
}

}  // namespace tcpspec::reports
