// Durations in words, and arithmetic on them.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "script/decimal.hh"
#include "script/value.hh"

namespace tcpspec::script {

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"min", 60e9}, {"s", 1e9}, {"h", 3600e9}, {"d", 86400e9}}};
  double number = 0;
  const auto [end, ec] = read_decimal(text, number);
  if (ec != std::errc{} || number < 0 || !std::isfinite(number)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() && number == 0) return Duration{};
  for (const auto& [name, scale] : kUnits)
    if (unit == name)
      return number * scale > 3.2e16 ? std::nullopt : std::optional(Duration(std::llround(number * scale)));
  return std::nullopt;
}

std::string to_string(Duration duration) {
  const auto ns = duration.count();
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
      {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
  for (const auto& [name, scale] : kUnits)
    if (ns >= scale || -ns >= scale || scale == 1)
      return fmt::format("{}{}", fmt::format("{:.6g}", static_cast<double>(ns) / static_cast<double>(scale)), name);
  return "0s";
}

namespace {

// A number, or a time in nanoseconds.
struct Quantity {
  double value = 0;
  enum class Kind : std::uint8_t { number, time } kind = Kind::number;
};

//   sum     := product (('+' | '-') product)*
//   product := factor (('*' | '/') factor)*
//   factor  := '(' sum ')' | ('min' | 'max') '(' sum ',' sum ')' | duration | number
class DurationParser {
 public:
  explicit DurationParser(std::string_view text) : rest_(text) {}

  std::optional<Quantity> parse() {
    const auto result = sum(0);
    skip_spaces();
    return rest_.empty() ? result : std::nullopt;
  }

 private:
  static constexpr int most_depth = 32;

  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool take(std::string_view wanted) {
    skip_spaces();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  std::optional<Quantity> sum(int depth) {
    auto left = product(depth);
    while (left) {
      const bool plus = take("+");
      if (!plus && !take("-")) break;
      const auto right = product(depth);
      if (!right || right->kind != left->kind) return std::nullopt;
      left->value += plus ? right->value : -right->value;
    }
    return left;
  }

  std::optional<Quantity> product(int depth) {
    auto left = factor(depth);
    while (left) {
      const bool times = take("*");
      if (!times && !take("/")) break;
      const auto right = factor(depth);
      if (!right) return std::nullopt;
      const bool both_times = left->kind == Quantity::Kind::time && right->kind == Quantity::Kind::time;
      if (times ? both_times : right->value == 0 || right->kind == Quantity::Kind::time) return std::nullopt;
      left->value = times ? left->value * right->value : left->value / right->value;
      if (right->kind == Quantity::Kind::time) left->kind = Quantity::Kind::time;
    }
    return left;
  }

  std::optional<Quantity> factor(int depth) {
    if (depth == most_depth) return std::nullopt;
    if (take("(")) {
      const auto inside = sum(depth + 1);
      return take(")") ? inside : std::nullopt;
    }
    if (take("min(")) return one_of_two(depth, [](double a, double b) { return std::min(a, b); });
    if (take("max(")) return one_of_two(depth, [](double a, double b) { return std::max(a, b); });
    const auto end = rest_.find_first_of(" +-*/(),");
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(word.size());
    if (const auto time = parse_duration(word))
      return Quantity{static_cast<double>(time->count()), Quantity::Kind::time};
    Quantity number;
    const auto [last, error] = read_decimal(word, number.value);
    if (word.empty() || error != std::errc{} || last != word.data() + word.size() || !std::isfinite(number.value))
      return std::nullopt;
    return number;
  }

  std::optional<Quantity> one_of_two(int depth, double (*choose)(double, double)) {
    const auto first = sum(depth + 1);
    if (!first || !take(",")) return std::nullopt;
    const auto second = sum(depth + 1);
    if (!second || second->kind != first->kind || !take(")")) return std::nullopt;
    return Quantity{choose(first->value, second->value), first->kind};
  }

  std::string_view rest_;
};

}  // namespace

std::optional<Duration> compute_duration(std::string_view text) {
  constexpr double longest = 3.2e16;  // ns: a year
  const auto result = DurationParser(text).parse();
  if (!result || result->kind != Quantity::Kind::time || result->value < 0 || result->value > longest)
    return std::nullopt;
  return Duration(std::llround(result->value));
}

}  // namespace tcpspec::script
