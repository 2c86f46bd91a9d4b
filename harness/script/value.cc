#include "script/value.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

namespace tcpspec::script {

void Complaints::add(Location where, std::string message, std::string hint) {
  if (full()) return;
  for (const auto& old : all_)
    if (old.where.file == where.file && old.where.line == where.line && old.where.column == where.column &&
        old.message == message)
      return;
  all_.push_back({std::move(where), std::move(message), std::move(hint)});
}

bool Complaints::spend(std::size_t values, const Location& where) {
  if (spent_ > kValues) return false;
  spent_ += values;
  if (spent_ <= kValues) return true;
  add(where, fmt::format("the file stands for more than {} values, with matrices and aliases expanded", kValues),
      "split it by topic, or make its matrices smaller");
  return false;
}

void Complaints::redirect(std::size_t since, const SourceFile* built_in, const Location& to) {
  for (std::size_t i = since; i < all_.size(); ++i)
    if (!all_[i].where.file || all_[i].where.file.get() == built_in) all_[i].where = to;
}

Value::Value(YAML::Node node, std::shared_ptr<const SourceFile> file, const Bindings* bindings, Complaints& complaints)
    : node_(std::move(node)), file_(std::move(file)), bindings_(bindings), complaints_(&complaints) {
  resolve();
}

Value& Value::operator=(const Value& other) {
  node_.reset(other.node_);
  key_ = other.key_;
  file_ = other.file_;
  bindings_ = other.bindings_;
  complaints_ = other.complaints_;
  return *this;
}

Value Value::with(const Bindings* bindings) const {
  return Value(node_, file_, bindings, *complaints_);
}

Value Value::nothing() const {
  Value out(YAML::Node(), file_, bindings_, *complaints_);
  out.key_ = is_null() && !key_.is_null() ? key_ : node_.Mark();
  return out;
}

namespace {

bool is_name_start(char c) {
  return std::islower(static_cast<unsigned char>(c)) != 0;
}
bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The name at text[at], with at most one `.field`.
std::string_view name_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  const auto word = [&] {
    while (end < text.size() && is_name(text[end])) ++end;
  };
  if (end >= text.size() || !is_name_start(text[end])) return {};
  word();
  if (end + 1 < text.size() && text[end] == '.' && is_name_start(text[end + 1])) {
    ++end;
    word();
  }
  return text.substr(at, end - at);
}

}  // namespace

struct Value::Undefined {
  std::size_t offset = 0;
  std::string message, hint;
};

// Where each part of a text was written, so that a mistake in it is shown there.
struct Value::Assembled {
  struct Part {
    std::size_t begin = 0;  // in `text`
    Value from;
    std::size_t offset = 0;  // in the scalar of `from`
  };
  std::string text;
  std::vector<Part> parts;
};

std::optional<Value> Value::lookup(std::string_view name) const {
  if (!bindings_) return std::nullopt;
  const auto dot = name.find('.');
  const auto found = bindings_->find(name.substr(0, dot));
  if (found == bindings_->end()) return std::nullopt;
  return dot == std::string_view::npos ? found->second : found->second.find(name.substr(dot + 1));
}

// A scalar that is `$name` and nothing else becomes the node that it names.
void Value::resolve() {
  if (!bindings_ || !node_.IsDefined() || !node_.IsScalar()) return;
  const std::string& text = node_.Scalar();
  if (text.size() < 2 || text[0] != '$') return;
  const auto name = name_at(text, 1);
  if (name.size() + 1 != text.size()) return;
  const auto target = lookup(name);
  if (!target) return;  // complain() says so
  node_.reset(target->node_);
  key_ = target->key_;
  file_ = target->file_;
  bindings_ = target->bindings_;
}

std::optional<Value::Undefined> Value::undefined() const {
  if (!is_scalar()) return std::nullopt;
  const std::string& raw = node_.Scalar();
  for (auto at = raw.find('$'); at != std::string::npos; at = raw.find('$', at + 1)) {
    const auto name = name_at(raw, at + 1);
    if (name.empty() || lookup(name)) continue;
    const auto variable = name.substr(0, name.find('.'));
    std::vector<std::string_view> known;
    if (const auto base = lookup(variable)) {
      for (const auto& [key, value] : base->entries()) known.push_back(key.node().Scalar());
      const auto near = nearest(name.substr(variable.size() + 1), known);
      return Undefined{at, fmt::format("`${}` has no field `{}`", variable, name.substr(variable.size() + 1)),
                       !near.empty()   ? fmt::format("did you mean `${}.{}`?", variable, near)
                       : known.empty() ? std::string("the value of this combination is not a mapping")
                                       : fmt::format("its fields: {}", fmt::join(known, ", "))};
    }
    if (bindings_)
      for (const auto& [key, unused] : *bindings_)
        if (key != "target") known.push_back(key);  // that is no variable of the test's own
    const auto near = nearest(variable, known);
    return Undefined{
        at, fmt::format("undefined variable `${}`", name),
        !near.empty() ? fmt::format("did you mean `${}`?", near)
        : known.empty()
            ? std::string("matrix variables are declared under the test's `for:`, and do not use each other")
            : fmt::format("declared under `for:` here: {}", fmt::join(known, ", "))};
  }
  return std::nullopt;
}

namespace {

// Where the parser's position is in the text; yaml-cpp does not count a byte order mark.
std::size_t offset_of(const SourceFile& file, const YAML::Mark& mark) {
  const std::size_t skipped = file.text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  return std::min(static_cast<std::size_t>(mark.pos) + skipped, file.text.size());
}

// yaml-cpp places a null at the token behind it, which may be lines later. What must be
// shown is the text before it: the `-` of an empty item.
Location end_of_text_before(const std::shared_ptr<const SourceFile>& file, const YAML::Mark& mark) {
  std::string_view rest = std::string_view(file->text).substr(0, offset_of(*file, mark));
  for (int number = mark.line + 1; number > 0; --number) {
    const auto begin = rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1;
    auto line = rest.substr(begin);
    if (const auto comment = line.starts_with('#') ? 0 : line.find(" #"); comment != std::string_view::npos)
      line = line.substr(0, comment);
    if (const auto last = line.find_last_not_of(" \t\r"); last != std::string_view::npos)
      return {file, number, static_cast<int>(last) + 1};
    rest = rest.substr(0, begin == 0 ? 0 : begin - 1);
  }
  return {file, mark.line + 1, mark.column + 1};
}

bool is_written_null(std::string_view text) {
  return text.starts_with('~') || text.starts_with("null") || text.starts_with("Null") || text.starts_with("NULL");
}

}  // namespace

Location Value::where() const {
  auto mark = node_.IsDefined() ? node_.Mark() : YAML::Mark::null_mark();
  if (is_null() && !key_.is_null()) mark = key_;
  if (mark.is_null()) return {file_, 0, 0};
  if (is_null() && key_.is_null() && file_ &&
      !is_written_null(std::string_view(file_->text).substr(offset_of(*file_, mark))))
    return end_of_text_before(file_, mark);
  return {file_, mark.line + 1, mark.column + 1};
}

// Exact for a scalar that is written on one line without escapes; else where it begins.
Location Value::place(std::size_t offset) const {
  auto out = where();
  if (!is_scalar() || !file_ || out.line < 1) return out;
  const auto line = file_->line(out.line);
  const auto column = static_cast<std::size_t>(out.column) - 1;
  if (column >= line.size()) return out;
  const bool quoted = line[column] == '"' || line[column] == '\'';
  const auto written = line.substr(column + (quoted ? 1 : 0));
  if (written.starts_with(node_.Scalar())) out.column += static_cast<int>(offset + (quoted ? 1 : 0));
  return out;
}

void Value::complain(std::string message, std::string hint) const {
  if (!complaints_ || complaints_->full()) return;
  // Whatever seems wrong with a text that cannot be known is not what the user must mend.
  if (auto missing = undefined())
    complaints_->add(place(missing->offset), std::move(missing->message), std::move(missing->hint));
  else
    complaints_->add(where(), std::move(message), std::move(hint));
}

std::string_view Value::kind() const {
  if (is_map()) return "a mapping";
  if (is_list()) return "a list";
  if (is_scalar()) return "a plain value";
  return "nothing";
}

std::string Value::text() const {
  if (!is_scalar()) {
    complain(fmt::format("a plain value is expected here, not {}", kind()));
    return {};
  }
  if (complaints_ && !complaints_->spend(node_.Scalar().size() / 16, where())) return {};
  if (node_.Scalar().find('$') == std::string::npos) return node_.Scalar();
  if (undefined()) {
    complain({});
    return {};
  }
  return assemble(Grouping::verbatim).text;
}

namespace {

bool is_sum(std::string_view text) {
  return text.find_first_of("+-*/%<>") != std::string_view::npos && text.find("..") == std::string_view::npos &&
         !text.starts_with('<') && !text.starts_with('>') && !text.starts_with("not ");
}

}  // namespace

Value::Assembled Value::assemble(Grouping grouping) const {
  Assembled out;
  if (!is_scalar()) return out;
  const std::string& raw = node_.Scalar();
  const auto part = [&](const Value& from, std::size_t offset) {
    out.parts.push_back({out.text.size(), from, offset});
  };
  part(*this, 0);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto name = raw[i] == '$' ? name_at(raw, i + 1) : std::string_view{};
    const auto value = name.empty() ? std::nullopt : lookup(name);
    if (!value) {
      out.text += raw[i];
      continue;
    }
    auto text = value->text();
    if (complaints_ && !complaints_->spend(1 + text.size() / 16, where())) return out;
    const bool group = grouping == Grouping::arithmetic && is_sum(text);
    if (group) out.text += '(';
    part(*value, 0);
    out.text += text;
    i += name.size();
    if (group) out.text += ')';
    part(*this, i + 1);
  }
  return out;
}

void Value::complain_at(const Assembled& text, ExpressionError error, std::string_view hint) const {
  if (!complaints_) return;
  if (error.hint.empty()) error.hint = hint;
  auto where = place(0);
  for (const auto& part : text.parts) {
    if (part.begin > error.offset) break;
    where = part.from.place(part.offset + error.offset - part.begin);
  }
  if (text.parts.size() > 1) error.message = fmt::format("in `{}`: {}", text.text, error.message);
  complaints_->add(std::move(where), std::move(error.message), std::move(error.hint));
}

Value Value::child(const YAML::Node& node, const YAML::Mark& key) const {
  Value out;
  out.node_ = node;
  out.key_ = key;
  out.file_ = file_;
  out.bindings_ = bindings_;
  out.complaints_ = complaints_;
  out.resolve();
  return out;
}

std::vector<std::pair<Value, Value>> Value::entries() const {
  std::vector<std::pair<Value, Value>> out;
  if (!is_map()) return out;
  if (complaints_ && !complaints_->spend(node_.size(), where())) return out;
  std::map<std::string_view, int> seen;  // and in which line
  for (const auto& entry : node_) {
    Value key = child(entry.first);
    if (!entry.first.IsScalar()) {
      key.complain("a key must be a plain word");
      continue;
    }
    const auto [first, fresh] = seen.emplace(entry.first.Scalar(), key.where().line);
    if (!fresh)
      key.complain(fmt::format("the key `{}` stands here twice", first->first),
                   fmt::format("the first is in line {}", first->second));
    out.emplace_back(std::move(key), child(entry.second, entry.first.Mark()));
  }
  return out;
}

std::vector<Value> Value::items() const {
  if (is_null()) return {};
  if (!is_list()) return {*this};
  std::vector<Value> out;
  if (complaints_ && !complaints_->spend(node_.size(), where())) return out;
  for (const auto& item : node_) out.push_back(child(item));
  return out;
}

std::optional<Value> Value::find(std::string_view key) const {
  if (!is_map()) return std::nullopt;
  for (const auto& entry : node_)
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return child(entry.second, entry.first.Mark());
  return std::nullopt;
}

bool Value::check_keys(std::string_view what, const std::vector<std::string_view>& known) const {
  if (!is_map()) {
    complain(fmt::format("{} is a mapping, but here stands {}", what, kind()),
             fmt::format("its keys: {}", fmt::join(known, ", ")));
    return false;
  }
  for (const auto& [key, value] : entries()) {
    const auto& name = key.node().Scalar();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (complaints_ && complaints_->full()) break;
    const auto near = nearest(name, known);
    key.complain(
        fmt::format("unknown key `{}` in {}", name, what),
        near.empty() ? fmt::format("known here: {}", fmt::join(known, ", ")) : fmt::format("did you mean `{}`?", near));
  }
  return true;
}

bool Value::yes_or_no() const {
  const auto word = text();
  if (!is_scalar()) return false;
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word != "false" && word != "no" && word != "off")
    complain(fmt::format("`{}` is neither true nor false", word), "write `true` or `false`");
  return false;
}

std::int64_t Value::integer(std::int64_t low, std::int64_t high) const {
  const auto word = text();
  if (!is_scalar()) return low;
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

Duration Value::duration() const {
  const auto word = text();
  if (!is_scalar()) return {};
  if (const auto computed = compute_duration(assemble(Grouping::arithmetic).text)) return *computed;
  complain(fmt::format("`{}` is not a duration", word),
           "write a number and a unit: 500ms, 1.5s, 2h (units: ns us ms s min h d)");
  return {};
}

DurationRange Value::duration_range() const {
  const auto word = text();
  if (!is_scalar()) return {};
  const auto computed = assemble(Grouping::arithmetic).text;
  const auto dots = computed.find("..");
  const auto low = compute_duration(std::string_view(computed).substr(0, dots));
  const auto high = dots == std::string::npos ? low : compute_duration(std::string_view(computed).substr(dots + 2));
  if (dots == std::string::npos || !low || !high || *low > *high) {
    complain(fmt::format("`{}` is not a range of durations", word), "write the earliest and the latest: 900ms..1.5s");
    return {};
  }
  return {*low, *high};
}

Expression Value::expression(const Names& names) const {
  if (text().empty() && (!is_scalar() || undefined())) return Expression(0);
  const auto word = assemble(Grouping::arithmetic);
  auto parsed = Expression::parse(word.text, names);
  if (parsed) return std::move(*parsed);
  complain_at(word, parsed.error(), "a number, a variable like `rcv_nxt`, or arithmetic: snd_nxt + 1");
  return Expression(0);
}

Expression Value::expression(const Names& names, std::int64_t low, std::int64_t high) const {
  auto out = expression(names);
  if (const auto constant = out.constant(); constant && (*constant < low || *constant > high))
    complain(fmt::format("{} does not fit: from {} to {}", *constant, low, high));
  return out;
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
    if (out.operands.empty())
      complain("this list of possible values is empty", "one of several: [1, 2]; whatever it is: any");
    return out;
  }
  if (text().empty() && (!is_scalar() || undefined())) return {};
  const auto word = assemble(Grouping::arithmetic);
  auto parsed = NumberMatch::parse(word.text, names);
  if (parsed) return std::move(*parsed);
  complain_at(word, parsed.error(), "a number, a range `a..b`, `>= a`, `<= a`, `not a`, a list, or `any`");
  return {};
}

packet::Bytes Value::hex() const {
  const auto word = text();
  packet::Bytes out;
  int digits = 0;
  unsigned value = 0;
  for (const char c : word) {
    if (std::isspace(static_cast<unsigned char>(c)) || c == ':') continue;
    const auto found =
        std::string_view("0123456789abcdef").find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (found == std::string_view::npos) {
      complain(fmt::format("`{}` is not a string of hexadecimal octets", word),
               "write pairs of digits: \"02 04 05 b4\"");
      return {};
    }
    value = value << 4 | static_cast<unsigned>(found);
    if (++digits % 2 == 0) {
      out.push_back(static_cast<std::byte>(value & 0xff));
      value = 0;
    }
  }
  if (digits % 2 != 0)
    complain(fmt::format("`{}` has an odd number of hexadecimal digits", word),
             "quote it, so that YAML keeps leading zeros");
  return out;
}

std::optional<std::size_t> Value::pick(std::string_view what, const std::vector<std::string_view>& names) const {
  const auto word = text();
  if (!is_scalar()) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = nearest(word, names);
  complain(fmt::format("unknown {} `{}`", what, word),
           near.empty() ? fmt::format("one of: {}", fmt::join(names, ", "))
                        : fmt::format("did you mean `{}`? (one of: {})", near, fmt::join(names, ", ")));
  return std::nullopt;
}

}  // namespace tcpspec::script
