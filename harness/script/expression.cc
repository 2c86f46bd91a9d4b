#include "script/expression.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "script/diagnostic.hh"

namespace tcpspec::script {

namespace {

constexpr std::array<std::string_view, 12> kVariables = {"rcv_nxt",        "snd_nxt",        "snd_una",   "rcv_wnd",
                                                         "snd_wnd",        "snd_mss",        "rcv_mss",   "mtu",
                                                         "snd_wind_shift", "rcv_wind_shift", "ts_recent", "ts_val"};

template <class Range>
int index_of(const Range& range, std::string_view name) {
  const auto found = std::find(range.begin(), range.end(), name);
  return found == range.end() ? -1 : static_cast<int>(found - range.begin());
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view to_string(Variable variable) {
  return kVariables[static_cast<std::size_t>(variable)];
}

class ExpressionParser {
 public:
  using Op = Expression::Op;
  ExpressionParser(std::string_view text, const Names& names) : text_(text), names_(names) {}

  std::expected<Expression, ExpressionError> parse() {
    Expression out;
    out.text_ = std::string(trimmed(text_));
    sum();
    skip_space();
    if (error_.message.empty() && at_ < text_.size()) fail(fmt::format("unexpected `{}`", text_.substr(at_)));
    if (!error_.message.empty()) return std::unexpected(error_);
    if (fold_)
      out.code_ = {{Op::number, folded(), -1}};
    else
      out.code_ = std::move(code_);
    return out;
  }

 private:
  void fail(std::string message, std::string hint = {}) {
    if (error_.message.empty()) error_ = {at_, std::move(message), std::move(hint)};
  }
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void emit(Op op, std::int64_t value = 0, int connection = -1) {
    if (op == Op::variable || op == Op::capture) fold_ = false;
    code_.push_back({op, value, connection});
  }
  bool failed() const { return !error_.message.empty(); }

  void sum() {
    if (++depth_ > 50) return fail("the expression is nested too deeply");
    product();
    while (!failed()) {
      if (take("+")) {
        product();
        emit(Op::add);
      } else if (take("-")) {
        product();
        emit(Op::subtract);
      } else
        break;
    }
    --depth_;
  }
  void product() {
    factor();
    while (!failed()) {
      if (take("*")) {
        factor();
        emit(Op::multiply);
      } else if (take("/")) {
        factor();
        emit(Op::divide);
      } else if (take("%")) {
        factor();
        emit(Op::modulo);
      } else if (take("<<")) {
        factor();
        emit(Op::shift_left);
      } else if (take(">>")) {
        factor();
        emit(Op::shift_right);
      } else
        break;
    }
  }
  void factor() {
    skip_space();
    if (at_ >= text_.size()) return fail("a number or a name is missing here");
    if (++depth_ > 50) return fail("the expression is nested too deeply");
    const char c = text_[at_];
    if (c == '-') {
      ++at_;
      factor();
      emit(Op::negate);
    } else if (c == '(') {
      ++at_;
      sum();
      if (!take(")")) fail("`)` is missing");
    } else if (std::isdigit(static_cast<unsigned char>(c)))
      number();
    else if (std::isalpha(static_cast<unsigned char>(c)) || c == '_')
      name();
    else
      fail(fmt::format("unexpected `{}`", c));
    --depth_;
  }
  void number() {
    const bool hex = text_.substr(at_).starts_with("0x");
    const char* begin = text_.data() + at_ + (hex ? 2 : 0);
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(begin, text_.data() + text_.size(), value, hex ? 16 : 10);
    if (ec != std::errc{} || value > static_cast<std::uint64_t>(INT64_MAX))
      return fail("this number is too large or malformed");
    if (end != text_.data() + text_.size() && (std::isalpha(static_cast<unsigned char>(*end)) || *end == '_'))
      return fail("a number may not be followed by letters", "durations (`500ms`) are not numbers");
    at_ = static_cast<std::size_t>(end - text_.data());
    emit(Op::number, static_cast<std::int64_t>(value));
  }
  std::string_view word() {
    const auto begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  void name() {
    const auto begin = at_;
    const auto first = word();
    if ((first == "min" || first == "max") && !text_.substr(at_).starts_with('.'))
      return minmax(first == "min" ? Op::min : Op::max);
    if (at_ < text_.size() && text_[at_] == '.' && !text_.substr(at_).starts_with("..")) {
      const int connection = index_of(names_.connections, first);
      if (connection < 0) {
        at_ = begin;
        return fail(fmt::format("there is no connection `{}`", first), suggestion(first, names_.connections));
      }
      const auto field = ++at_;
      return variable(word(), connection, field);
    }
    if (const int capture = index_of(names_.captures, first); capture >= 0) return emit(Op::capture, capture);
    variable(first, -1, begin);
  }
  void minmax(Op op) {
    if (!take("(")) return fail("`(` is missing");
    sum();
    if (!take(",")) return fail("`,` is missing", "inside of `{ }` a comma ends the value: quote it, \"min(a, b)\"");
    sum();
    if (!take(")")) return fail("`)` is missing");
    emit(op);
  }
  void variable(std::string_view name, int connection, std::size_t begin) {
    const int found = index_of(kVariables, name);
    if (found >= 0) return emit(Op::variable, found, connection);
    at_ = begin;
    if (name.empty()) return fail("a variable's name is missing behind the `.`", "like `b.snd_nxt`");
    std::vector<std::string_view> known(kVariables.begin(), kVariables.end());
    // Captured numbers belong to the test, not to a connection.
    if (connection < 0) known.insert(known.end(), names_.captures.begin(), names_.captures.end());
    const auto near = nearest(name, known);
    fail(fmt::format("undefined variable `{}`", name), near.empty()
                                                           ? fmt::format("known here: {}", fmt::join(known, ", "))
                                                           : fmt::format("did you mean `{}`?", near));
  }
  static std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
    const auto near = nearest(word, {names.begin(), names.end()});
    return near.empty() ? fmt::format("connections here: {}", fmt::join(names, ", "))
                        : fmt::format("did you mean `{}`?", near);
  }
  std::int64_t folded() const {
    struct Nothing final : Scope {
      std::int64_t variable(Variable, int) const override { return 0; }
      std::int64_t capture(int) const override { return 0; }
    };
    Expression all;
    all.code_ = code_;
    return all.evaluate(Nothing{});
  }

  std::string_view text_;
  const Names& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool fold_ = true;
  std::vector<Expression::Instruction> code_;
  ExpressionError error_;
};

Expression::Expression(std::int64_t constant) : code_{{Op::number, constant, -1}}, text_(std::to_string(constant)) {}

std::expected<Expression, ExpressionError> Expression::parse(std::string_view text, const Names& names) {
  return ExpressionParser(text, names).parse();
}

namespace {

// Wrapping arithmetic: signed overflow would be undefined, and the fields wrap anyway.
std::int64_t wrap(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::int64_t Expression::evaluate(const Scope& scope) const {
  std::array<std::int64_t, 128> stack;
  std::size_t top = 0;
  for (const auto& in : code_) {
    if (in.op == Op::number) {
      stack[top++] = in.value;
      continue;
    }
    if (in.op == Op::variable) {
      stack[top++] = scope.variable(static_cast<Variable>(in.value), in.connection);
      continue;
    }
    if (in.op == Op::capture) {
      stack[top++] = scope.capture(static_cast<int>(in.value));
      continue;
    }
    if (in.op == Op::negate) {
      stack[top - 1] = wrap(0 - static_cast<std::uint64_t>(stack[top - 1]));
      continue;
    }
    const auto b = stack[--top];
    auto& a = stack[top - 1];
    const auto ua = static_cast<std::uint64_t>(a);
    const auto ub = static_cast<std::uint64_t>(b);
    switch (in.op) {
      case Op::add:
        a = wrap(ua + ub);
        break;
      case Op::subtract:
        a = wrap(ua - ub);
        break;
      case Op::multiply:
        a = wrap(ua * ub);
        break;
      case Op::divide:
        a = b == 0 || b == -1 ? wrap(b == 0 ? 0 : 0 - ua) : a / b;
        break;
      case Op::modulo:
        a = b == 0 || b == -1 ? 0 : a % b;
        break;
      case Op::shift_left:
        a = ub > 63 ? 0 : wrap(ua << ub);
        break;
      case Op::shift_right:
        a >>= std::min<std::uint64_t>(ub, 63);
        break;
      case Op::min:
        a = std::min(a, b);
        break;
      case Op::max:
        a = std::max(a, b);
        break;
      default:
        break;
    }
  }
  return top == 0 ? 0 : stack[0];
}

std::expected<NumberMatch, ExpressionError> NumberMatch::parse(std::string_view text, const Names& names) {
  NumberMatch out;
  const auto whole = trimmed(text);
  out.text = std::string(whole);
  const auto operand = [&](std::string_view part) -> std::expected<void, ExpressionError> {
    auto parsed = Expression::parse(part, names);
    if (!parsed) {
      parsed.error().offset += static_cast<std::size_t>(part.data() - text.data());
      return std::unexpected(parsed.error());
    }
    out.operands.push_back(std::move(*parsed));
    return {};
  };
  const auto with = [&](Kind kind,
                        std::initializer_list<std::string_view> parts) -> std::expected<NumberMatch, ExpressionError> {
    out.kind = kind;
    for (auto part : parts)
      if (auto ok = operand(part); !ok) return std::unexpected(ok.error());
    return out;
  };
  if (whole == "any" || whole == "present") return out;
  if (whole.starts_with(">=")) return with(Kind::at_least, {whole.substr(2)});
  if (whole.starts_with("<=")) return with(Kind::at_most, {whole.substr(2)});
  if (whole.starts_with("not ") || whole.starts_with("not(")) return with(Kind::different, {whole.substr(3)});
  if (const auto dots = whole.find(".."); dots != std::string_view::npos) {
    auto range = with(Kind::range, {whole.substr(0, dots), whole.substr(dots + 2)});
    if (!range) return range;
    const auto low = range->operands[0].constant(), high = range->operands[1].constant();
    if (low && high && *low > *high)
      return std::unexpected(ExpressionError{static_cast<std::size_t>(whole.data() - text.data()),
                                             fmt::format("nothing lies between {} and {}", *low, *high),
                                             "write the smaller number first"});
    return range;
  }
  return with(Kind::equal, {whole});
}

bool NumberMatch::matches(std::int64_t value, const Scope& scope) const {
  const auto at = [&](std::size_t i) { return operands[i].evaluate(scope); };
  switch (kind) {
    case Kind::any:
      return true;
    case Kind::equal:
      return value == at(0);
    case Kind::range:
      return at(0) <= value && value <= at(1);
    case Kind::one_of:
      return std::any_of(operands.begin(), operands.end(), [&](const auto& e) { return e.evaluate(scope) == value; });
    case Kind::at_least:
      return value >= at(0);
    case Kind::at_most:
      return value <= at(0);
    case Kind::different:
      return value != at(0);
  }
  return false;
}

bool NumberMatch::matches_modulo32(std::uint32_t value, const Scope& scope) const {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(operands[i].evaluate(scope)); };
  switch (kind) {
    case Kind::any:
      return true;
    case Kind::equal:
      return value == at(0);
    case Kind::range:
      return value - at(0) <= at(1) - at(0);
    case Kind::one_of:
      return std::any_of(operands.begin(), operands.end(),
                         [&](const auto& e) { return static_cast<std::uint32_t>(e.evaluate(scope)) == value; });
    case Kind::at_least:
      return static_cast<std::int32_t>(value - at(0)) >= 0;
    case Kind::at_most:
      return static_cast<std::int32_t>(at(0) - value) >= 0;
    case Kind::different:
      return value != at(0);
  }
  return false;
}

std::string NumberMatch::describe(const Scope& scope) const {
  if (kind == Kind::any) return "any";
  std::vector<std::string> numbers;
  for (const auto& e : operands) numbers.push_back(std::to_string(e.evaluate(scope)));
  switch (kind) {
    case Kind::any:
      return "any";
    case Kind::equal:
      return numbers[0];
    case Kind::range:
      return numbers[0] + ".." + numbers[1];
    case Kind::one_of:
      return fmt::format("{}", fmt::join(numbers, " or "));
    case Kind::at_least:
      return ">= " + numbers[0];
    case Kind::at_most:
      return "<= " + numbers[0];
    case Kind::different:
      return "not " + numbers[0];
  }
  return text;
}

}  // namespace tcpspec::script
