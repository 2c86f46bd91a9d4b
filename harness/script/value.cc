#include "script/value.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <charconv>
#include <set>

namespace tcpspec::script {

void Complaints::add(Location where, std::string message, std::string hint) {
  for (const auto& old : all_)
    if (old.where.line == where.line && old.where.column == where.column && old.message == message) return;
  all_.push_back({std::move(where), std::move(message), std::move(hint)});
}

Value::Value(YAML::Node node, std::shared_ptr<const SourceFile> file, const Bindings* bindings, Complaints& complaints)
    : node_(std::move(node)), file_(std::move(file)), bindings_(bindings), complaints_(&complaints) {
  resolve();
}

Value Value::with(const Bindings* bindings) const { return Value(node_, file_, bindings, *complaints_); }

namespace {

bool is_name_start(char c) { return std::islower(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The name at text[at], with at most one `.field`.
std::string_view name_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  const auto word = [&] { while (end < text.size() && is_name(text[end])) ++end; };
  if (end >= text.size() || !is_name_start(text[end])) return {};
  word();
  if (end + 1 < text.size() && text[end] == '.' && is_name_start(text[end + 1])) {
    ++end;
    word();
  }
  return text.substr(at, end - at);
}

}  // namespace

// A scalar that is `$name` and nothing else becomes the node that it names.
void Value::resolve() {
  if (!bindings_ || !node_.IsDefined() || !node_.IsScalar()) return;
  const std::string& text = node_.Scalar();
  if (text.size() < 2 || text[0] != '$') return;
  const auto name = name_at(text, 1);
  if (name.size() + 1 != text.size()) return;
  const auto dot = name.find('.');
  const auto found = bindings_->find(name.substr(0, dot));
  if (found == bindings_->end()) return;  // text() complains
  Value target = found->second;
  if (dot != std::string_view::npos) {
    const auto field = target.find(name.substr(dot + 1));
    if (!field) return;
    target = *field;
  }
  node_.reset(target.node_);
  file_ = target.file_;
  bindings_ = target.bindings_;
}

Location Value::where() const {
  const auto mark = node_.IsDefined() ? node_.Mark() : YAML::Mark::null_mark();
  return mark.is_null() ? Location{file_, 0, 0} : Location{file_, mark.line + 1, mark.column + 1};
}

void Value::complain(std::string message, std::string hint) const {
  if (complaints_) complaints_->add(where(), std::move(message), std::move(hint));
}

std::string_view Value::kind() const {
  if (is_map()) return "a mapping";
  if (is_list()) return "a list";
  if (is_scalar()) return "a scalar";
  return "nothing";
}

std::string Value::text() const {
  if (!is_scalar()) {
    complain(fmt::format("a plain value is expected here, not {}", kind()));
    return {};
  }
  const std::string& raw = node_.Scalar();
  if (raw.find('$') == std::string::npos) return raw;
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto name = raw[i] == '$' ? name_at(raw, i + 1) : std::string_view{};
    if (name.empty()) {
      out += raw[i];
      continue;
    }
    i += name.size();
    const auto dot = name.find('.');
    const auto found = bindings_ ? bindings_->find(name.substr(0, dot)) : Bindings::const_iterator{};
    std::optional<Value> value;
    if (bindings_ && found != bindings_->end()) value = dot == std::string_view::npos ? found->second : found->second.find(name.substr(dot + 1));
    if (!value) {
      std::vector<std::string_view> known;
      if (bindings_)
        for (const auto& [key, unused] : *bindings_) known.push_back(key);
      const auto near = nearest(name.substr(0, dot), known);
      complain(fmt::format("undefined variable `${}`", name),
               !near.empty() && near != name.substr(0, dot) ? fmt::format("did you mean `${}`?", near)
               : known.empty() ? "matrix variables are declared under `for:`"
                               : fmt::format("declared under `for:` here: {}", fmt::join(known, ", ")));
      return {};
    }
    out += value->text();
  }
  return out;
}

Value Value::child(const YAML::Node& node) const { return Value(node, file_, bindings_, *complaints_); }

std::vector<std::pair<Value, Value>> Value::entries() const {
  std::vector<std::pair<Value, Value>> out;
  if (!is_map()) return out;
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    Value key = child(entry.first);
    if (!entry.first.IsScalar()) {
      key.complain("a key must be a plain word");
      continue;
    }
    if (!seen.insert(entry.first.Scalar()).second) key.complain(fmt::format("the key `{}` stands here twice", entry.first.Scalar()));
    out.emplace_back(key, child(entry.second));
  }
  return out;
}

std::vector<Value> Value::items() const {
  if (is_null()) return {};
  if (!is_list()) return {*this};
  std::vector<Value> out;
  for (const auto& item : node_) out.push_back(child(item));
  return out;
}

std::optional<Value> Value::find(std::string_view key) const {
  if (!is_map()) return std::nullopt;
  for (const auto& entry : node_)
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return child(entry.second);
  return std::nullopt;
}

bool Value::check_keys(std::string_view what, const std::vector<std::string_view>& known) const {
  if (!is_map()) {
    complain(fmt::format("{} is a mapping, but here stands {}", what, kind()), fmt::format("its keys: {}", fmt::join(known, ", ")));
    return false;
  }
  for (const auto& [key, value] : entries()) {
    const auto& name = key.node().Scalar();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    key.complain(fmt::format("unknown key `{}` in {}", name, what),
                 near.empty() ? fmt::format("known here: {}", fmt::join(known, ", ")) : fmt::format("did you mean `{}`?", near));
  }
  return true;
}

bool Value::yes_or_no() const {
  const auto word = text();
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word != "false" && word != "no" && word != "off") complain(fmt::format("`{}` is neither true nor false", word));
  return false;
}

std::int64_t Value::integer(std::int64_t low, std::int64_t high) const {
  const auto word = text();
  std::int64_t value = 0;
  const bool hex = word.starts_with("0x");
  const char* begin = word.data() + (hex ? 2 : 0);
  const auto [end, ec] = std::from_chars(begin, word.data() + word.size(), value, hex ? 16 : 10);
  if (ec != std::errc{} || end != word.data() + word.size() || value < low || value > high) {
    complain(fmt::format("`{}` is not a whole number from {} to {}", word, low, high));
    return low;
  }
  return value;
}

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"min", 60e9}, {"s", 1e9}, {"h", 3600e9}, {"d", 86400e9}}};
  double number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || number < 0 || !std::isfinite(number)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() && number == 0) return Duration{};
  for (const auto& [name, scale] : kUnits)
    if (unit == name) return number * scale > 3.2e16 ? std::nullopt : std::optional(Duration(std::llround(number * scale)));
  return std::nullopt;
}

std::string to_string(Duration duration) {
  const auto ns = duration.count();
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {{{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
  for (const auto& [name, scale] : kUnits)
    if (ns >= scale || scale == 1) return fmt::format("{}{}", fmt::format("{:.6g}", static_cast<double>(ns) / static_cast<double>(scale)), name);
  return "0s";
}

Duration Value::duration() const {
  const auto word = text();
  if (const auto parsed = parse_duration(word)) return *parsed;
  complain(fmt::format("`{}` is not a duration", word), "write a number and a unit: 500ms, 1.5s, 2h (units: ns us ms s min h d)");
  return {};
}

DurationRange Value::duration_range() const {
  const auto word = text();
  const auto dots = word.find("..");
  const auto low = parse_duration(std::string_view(word).substr(0, dots));
  const auto high = dots == std::string::npos ? low : parse_duration(std::string_view(word).substr(dots + 2));
  if (dots == std::string::npos || !low || !high || *low > *high) {
    complain(fmt::format("`{}` is not a range of durations", word), "write the earliest and the latest: 900ms..1.5s");
    return {};
  }
  return {*low, *high};
}

Expression Value::expression(const Names& names) const {
  const auto word = text();
  if (!is_scalar()) return Expression(0);
  auto parsed = Expression::parse(word, names);
  if (parsed) return std::move(*parsed);
  complain(fmt::format("in `{}`: {}", word, parsed.error().message), parsed.error().hint);
  return Expression(0);
}

NumberMatch Value::number_match(const Names& names) const {
  if (is_list()) {
    NumberMatch out;
    out.kind = NumberMatch::Kind::one_of;
    out.text.clear();
    for (const auto& item : items()) {
      out.operands.push_back(item.expression(names));
      out.text += (out.text.empty() ? "" : " or ") + out.operands.back().text();
    }
    if (out.operands.empty()) complain("this list of possible values is empty");
    return out;
  }
  const auto word = text();
  if (!is_scalar()) return {};
  auto parsed = NumberMatch::parse(word, names);
  if (parsed) return std::move(*parsed);
  complain(fmt::format("in `{}`: {}", word, parsed.error().message),
           !parsed.error().hint.empty() ? parsed.error().hint : "a number, a range `a..b`, `>= a`, `<= a`, `not a`, a list, or `any`");
  return {};
}

packet::Bytes Value::hex() const {
  const auto word = text();
  packet::Bytes out;
  int digits = 0;
  unsigned value = 0;
  for (const char c : word) {
    if (std::isspace(static_cast<unsigned char>(c)) || c == ':') continue;
    const auto found = std::string_view("0123456789abcdef").find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (found == std::string_view::npos) {
      complain(fmt::format("`{}` is not a string of hexadecimal octets", word), "write pairs of digits: \"02 04 05 b4\"");
      return {};
    }
    value = value << 4 | static_cast<unsigned>(found);
    if (++digits % 2 == 0) {
      out.push_back(static_cast<std::byte>(value & 0xff));
      value = 0;
    }
  }
  if (digits % 2 != 0) complain(fmt::format("`{}` has an odd number of hexadecimal digits", word), "quote it, so that YAML keeps leading zeros");
  return out;
}

std::optional<std::size_t> Value::pick(std::string_view what, const std::vector<std::string_view>& names) const {
  const auto word = text();
  if (!is_scalar()) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = nearest(word, names);
  complain(fmt::format("unknown {} `{}`", what, word),
           near.empty() ? fmt::format("one of: {}", fmt::join(names, ", ")) : fmt::format("did you mean `{}`? (one of: {})", near, fmt::join(names, ", ")));
  return std::nullopt;
}

}  // namespace tcpspec::script
