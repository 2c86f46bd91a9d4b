#pragma once
// A YAML node as the loader reads it: with its place in the file, with matrix
// variables substituted, and with complaints collected instead of thrown.

#include <yaml-cpp/yaml.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "packet/segment.hh"
#include "script/diagnostic.hh"
#include "script/expression.hh"
#include "script/model.hh"

namespace tcpspec::script {

class Value;

// What `$name` stands for: a matrix variable's node, or a fixture's parameter.
using Bindings = std::map<std::string, Value, std::less<>>;

// Where complaints go. One per load; says each thing once, however often a matrix
// repeats it, and stops at a number that nobody reads to the end.
class Complaints {
 public:
  static constexpr std::size_t kMost = 100;

  void add(Location where, std::string message, std::string hint = {});
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] bool full() const { return all_.size() >= kMost; }
  [[nodiscard]] std::size_t count() const { return all_.size(); }
  [[nodiscard]] Diagnostics take() { return std::move(all_); }

  // Matrices, aliases and `$names` let a small file stand for an endless one, so every
  // value that is read is paid for. False once nothing is left; the first time with a complaint.
  [[nodiscard]] bool spend(std::size_t values, const Location& where);
  // Complaints from number `since` on that lie outside the user's file (in a built-in one)
  // move to the place that brought it in.
  void redirect(std::size_t since, const SourceFile* built_in, const Location& to);

 private:
  // The largest suites of this project take about a tenth.
  static constexpr std::size_t kValues = 1'000'000;
  Diagnostics all_;
  std::size_t spent_ = 0;
};

class Value {
 public:
  Value() = default;
  // `bindings` may be null and must outlive the value.
  Value(YAML::Node node, std::shared_ptr<const SourceFile> file, const Bindings* bindings, Complaints& complaints);
  Value(const Value&) = default;
  // Not the default: assigning a YAML::Node writes through into the document.
  Value& operator=(const Value& other);
  ~Value() = default;
  [[nodiscard]] Value with(const Bindings* bindings) const;
  // Nothing, standing where this value stands: complaints about it have a place.
  [[nodiscard]] Value nothing() const;

  [[nodiscard]] bool is_map() const { return node_.IsMap(); }
  [[nodiscard]] bool is_list() const { return node_.IsSequence(); }
  [[nodiscard]] bool is_scalar() const { return node_.IsScalar(); }
  [[nodiscard]] bool is_null() const { return !node_.IsDefined() || node_.IsNull(); }
  [[nodiscard]] Location where() const;
  void complain(std::string message, std::string hint = {}) const;

  // The scalar's text with `$name` replaced inside it; complains when it is not a scalar.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string text_or(std::string_view otherwise) const {
    return is_null() ? std::string(otherwise) : text();
  }
  // "a mapping", "a list", "a plain value", "nothing"
  [[nodiscard]] std::string_view kind() const;

  [[nodiscard]] std::vector<std::pair<Value, Value>> entries() const;  // of a map; duplicate keys are complained about
  [[nodiscard]] std::vector<Value> items() const;                      // of a list; of anything else, itself
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  // Complains about every key that is not among these. False when it is not a map at all.
  bool check_keys(std::string_view what, const std::vector<std::string_view>& known) const;

  // Typed readings; each complains in words and returns a harmless value.
  [[nodiscard]] bool yes_or_no() const;
  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] Duration duration() const;
  [[nodiscard]] DurationRange duration_range() const;
  [[nodiscard]] Expression expression(const Names& names) const;
  // The same; a constant must lie between the bounds (what is computed later is cut to the field).
  [[nodiscard]] Expression expression(const Names& names, std::int64_t low, std::int64_t high) const;
  [[nodiscard]] NumberMatch number_match(const Names& names) const;
  [[nodiscard]] packet::Bytes hex() const;
  template <class T>
  [[nodiscard]] T choice(std::string_view what, const std::vector<std::pair<std::string_view, T>>& choices) const {
    const auto found = pick(what, [&] {
      std::vector<std::string_view> names;
      for (const auto& [name, value] : choices) names.push_back(name);
      return names;
    }());
    return found ? choices[*found].second : choices.front().second;
  }

  [[nodiscard]] const YAML::Node& node() const { return node_; }

 private:
  struct Undefined;  // a `$name` that stands for nothing
  struct Assembled;  // a text, and where its parts were written

  [[nodiscard]] std::optional<std::size_t> pick(std::string_view what,
                                                const std::vector<std::string_view>& names) const;
  [[nodiscard]] Value child(const YAML::Node& node, const YAML::Mark& key = YAML::Mark::null_mark()) const;
  [[nodiscard]] std::optional<Value> lookup(std::string_view name) const;
  [[nodiscard]] std::optional<Undefined> undefined() const;
  [[nodiscard]] Location place(std::size_t offset) const;  // of a character of the scalar
  enum class Grouping : std::uint8_t { verbatim, arithmetic };
  // arithmetic: what `$name` stands for is one operand, `2 * $n` with n = `a + b` is 2 * (a + b)
  [[nodiscard]] Assembled assemble(Grouping grouping) const;
  void complain_at(const Assembled& text, ExpressionError error, std::string_view hint) const;
  void resolve();

  YAML::Node node_;
  YAML::Mark key_ = YAML::Mark::null_mark();  // of the entry that it is the value of
  std::shared_ptr<const SourceFile> file_;
  const Bindings* bindings_ = nullptr;
  Complaints* complaints_ = nullptr;
};

// "500ms", "1.5s", "2h"; nullopt when it is not a duration. Units: ns us ms s min h d.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// The same with arithmetic: "2 * 60s + 500ms", "(1s + 200ms) / 2".
[[nodiscard]] std::optional<Duration> compute_duration(std::string_view text);
// In the largest unit that fits, six significant digits at most: "1.5s", "250ms".
[[nodiscard]] std::string to_string(Duration duration);

}  // namespace tcpspec::script
