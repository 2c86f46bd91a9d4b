#pragma once
// Arithmetic over the RFC's variables: `rcv_nxt + rcv_wnd - 1`, `2 * snd_mss`,
// `b.snd_nxt`, `isn + 64000`. Parsed once when a file is loaded, evaluated while a
// test plays. Values are 64-bit; a field that holds fewer bits takes them modulo its
// size, which is what sequence arithmetic wants.
//
//   expression := term (('+' | '-') term)*
//   term       := factor (('*' | '/' | '%' | '<<' | '>>') factor)*
//   factor     := number | name | connection '.' name | '-' factor | '(' expression ')'
//               | ('min' | 'max') '(' expression ',' expression ')'

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tcpspec::script {

// RFC 9293 section 3.3.1 and RFC 7323; always the target's, inferred from the wire.
// Sequence variables are relative to the ISS of the side whose space they are in.
enum class Variable : std::uint8_t {
  rcv_nxt,         // tester's space: what the target must have received in order
  snd_nxt,         // target's space: behind the last octet that it has sent
  snd_una,         // target's space: what we have acknowledged
  rcv_wnd,         // octets; the window that the target advertised last, scaled
  snd_wnd,         // octets; the window that we advertised last, scaled
  snd_mss,         // what we announced to the target, or the default (RFC 9293 section 3.7.1)
  rcv_mss,         // what the target announced, or the default
  mtu,             // of the link, octets
  snd_wind_shift,  // RFC 7323 section 2.3: the shift that we offered, if in force
  rcv_wind_shift,  // the shift that the target offered, if in force
  ts_recent,       // RFC 7323 section 4: the last TSval that we sent
  ts_val           // the last TSval that the target sent
};

// Names known where the expression stands.
struct Names {
  std::vector<std::string> connections;  // index is the connection's number
  std::vector<std::string> captures;     // index is the capture's number
};

// Where values come from while a test plays.
class Scope {
 public:
  virtual ~Scope() = default;
  // connection -1: the connection that the step is about
  [[nodiscard]] virtual std::int64_t variable(Variable variable, int connection) const = 0;
  [[nodiscard]] virtual std::int64_t capture(int index) const = 0;
};

struct ExpressionError {
  std::size_t offset = 0;  // into the text
  std::string message;
  std::string hint;
};

class Expression {
 public:
  Expression() = default;
  explicit Expression(std::int64_t constant);
  [[nodiscard]] static std::expected<Expression, ExpressionError> parse(std::string_view text, const Names& names);

  // Division by zero yields zero: a broken peer must not stop the harness.
  [[nodiscard]] std::int64_t evaluate(const Scope& scope) const;
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_constant() const { return code_.size() == 1 && code_[0].op == Op::number; }
  [[nodiscard]] std::optional<std::int64_t> constant() const {
    return is_constant() ? std::optional(code_[0].value) : std::nullopt;
  }

 private:
  friend class ExpressionParser;
  enum class Op : std::uint8_t {
    number,
    variable,
    capture,
    add,
    subtract,
    multiply,
    divide,
    modulo,
    shift_left,
    shift_right,
    negate,
    min,
    max
  };
  struct Instruction {
    Op op = Op::number;
    std::int64_t value = 0;  // number; Variable; capture index
    int connection = -1;
  };
  std::vector<Instruction> code_;  // postfix
  std::string text_;
};

// A condition on a number: `any`, `1460`, `1..536`, `[1, 2]`, `>= 536`, `<= snd_mss`, `not 0`.
struct NumberMatch {
  enum class Kind : std::uint8_t { any, equal, range, one_of, at_least, at_most, different };
  Kind kind = Kind::any;
  std::vector<Expression> operands;  // range: low, high (inclusive)
  std::string text = "any";

  [[nodiscard]] static std::expected<NumberMatch, ExpressionError> parse(std::string_view text, const Names& names);
  [[nodiscard]] bool matches(std::int64_t value, const Scope& scope) const;
  // For sequence numbers: comparisons on the circle of 2^32.
  [[nodiscard]] bool matches_modulo32(std::uint32_t value, const Scope& scope) const;
  // With the numbers filled in: "1001", "1..536", ">= 536".
  [[nodiscard]] std::string describe(const Scope& scope) const;
};

[[nodiscard]] std::string_view to_string(Variable variable);

}  // namespace tcpspec::script
