#include "oracle/match.hh"

#include <algorithm>

#include "oracle/notation.hh"

namespace tcpspec::oracle {

using packet::Flags;
using packet::SegmentView;
using script::ExpectOption;
using script::ExpectSegment;
using script::NumberMatch;
using script::Scope;

namespace {

// Where differences go: into words, or only into "there is one".
class Report {
 public:
  explicit Report(std::vector<FieldDifference>* out) : out_(out) {}
  template <class Expected, class Observed>
  void add(std::string_view field, Expected&& expected, Observed&& observed) {
    differs_ = true;
    if (out_) out_->push_back({std::string(field), expected(), observed()});
  }
  [[nodiscard]] bool differs() const { return differs_; }

 private:
  std::vector<FieldDifference>* out_;
  bool differs_ = false;
};

void number(Report& report, std::string_view field, const std::optional<NumberMatch>& match, std::int64_t value,
            const Scope& scope) {
  if (!match || match->matches(value, scope)) return;
  report.add(
      field, [&] { return match->describe(scope); }, [&] { return std::to_string(value); });
}

void sequence(Report& report, std::string_view field, const std::optional<NumberMatch>& match, std::uint32_t value,
              const Scope& scope) {
  if (!match || match->matches_modulo32(value, scope)) return;
  report.add(
      field, [&] { return sequence_text(*match, scope); }, [&] { return std::to_string(value); });
}

void flags(Report& report, const ExpectSegment& expected, const SegmentView& observed) {
  if (!expected.flags) return;
  const auto cared = expected.flags_cared.bits();
  if ((observed.flags().bits() & cared) == (expected.flags->bits() & cared)) return;
  report.add(
      "flags", [&] { return flags_text(expected); }, [&] { return packet::to_string(observed.flags()); });
}

bool is_padding(const packet::Option& option) {
  return std::holds_alternative<packet::Nop>(option) || std::holds_alternative<packet::EndOfList>(option);
}

struct OptionMatcher {
  const ExpectOption& expected;
  const ConnectionView& connection;
  const Scope& scope;

  // Whether this option is of the expected kind at all; with a wrong length it still is.
  [[nodiscard]] bool same_kind(const packet::Option& option) const {
    return kind_of(option) == expected_kind(expected);
  }
  [[nodiscard]] bool same_value(const packet::Option& option) const {
    if (const auto* mss = std::get_if<packet::Mss>(&option)) return expected.value.matches(mss->value, scope);
    if (const auto* scale = std::get_if<packet::WindowScale>(&option))
      return expected.value.matches(scale->shift, scope);
    if (const auto* stamp = std::get_if<packet::Timestamps>(&option))
      return expected.value.matches_modulo32(stamp->value, scope) &&
             expected.echo.matches_modulo32(stamp->echo_reply, scope);
    if (const auto* sack = std::get_if<packet::Sack>(&option)) return same_blocks(*sack);
    // A known kind whose length is not its own has no value that could be right.
    return expected.kind == ExpectOption::Kind::unknown || !std::holds_alternative<packet::UnknownOption>(option);
  }
  [[nodiscard]] bool same_blocks(const packet::Sack& sack) const {
    if (expected.blocks.empty()) return true;
    if (sack.blocks.size() != expected.blocks.size()) return false;
    for (std::size_t i = 0; i < sack.blocks.size(); ++i) {
      const auto& [left, right] = sack.blocks[i];
      if (!expected.blocks[i].first.matches_modulo32(connection.in_tester_space(packet::Seq32(left)), scope))
        return false;
      if (!expected.blocks[i].second.matches_modulo32(connection.in_tester_space(packet::Seq32(right)), scope))
        return false;
    }
    return true;
  }
};

// An option is there when one of its kind is; where there are several, each must be as
// expected. Behind a defect nothing can be read, so that nothing is known to be absent.
void option(Report& report, const OptionMatcher& matcher, const packet::ParsedOptions& parsed) {
  const auto& expected = matcher.expected;
  std::string observed;
  bool present = false;
  bool right = true;
  for (const auto& [found, offset] : parsed.options) {
    if (!matcher.same_kind(found)) continue;
    present = true;
    right = right && matcher.same_value(found);
    observed += (observed.empty() ? "" : ", ") + option_value_text(found, matcher.connection.tester_iss());
  }
  if (expected.absent ? !present && !parsed.defect : present && right) return;
  report.add(
      option_name(expected), [&] { return option_value_text(expected, matcher.scope); },
      [&] {
        if (present) return observed;
        return parsed.defect ? "malformed: " + *parsed.defect : std::string("absent");
      });
}

void options(Report& report, const ExpectSegment& expected, const SegmentView& observed,
             const ConnectionView& connection, const Scope& scope) {
  if (expected.options.empty() && !expected.no_options) return;
  const auto parsed = observed.options();
  const bool any =
      parsed.defect || !std::ranges::all_of(parsed.options, [](const auto& o) { return is_padding(o.option); });
  if (expected.no_options && any)
    report.add(
        "options", [] { return std::string("none"); }, [&] { return options_text(observed, connection); });
  for (const auto& one : expected.options) option(report, OptionMatcher{one, connection, scope}, parsed);
}

void compare(Report& report, const ExpectSegment& expected, const SegmentView& observed,
             const ConnectionView& connection, const Scope& scope) {
  if (!observed.has_tcp_header()) {
    const Bases none;
    return report.add(
        "segment", [] { return std::string("a TCP segment"); },
        [&] { return segment_text(observed, Sender::target, none); });
  }
  flags(report, expected, observed);
  // The first SYN of the target defines its sequence space: it starts there at 0.
  const bool defines = observed.flags().has(Flags::syn) && !connection.target_iss_known();
  sequence(report, "seq", expected.seq, defines ? 0 : connection.in_target_space(observed.seq()), scope);
  const bool absolute_ack = !observed.flags().has(Flags::ack);
  sequence(report, "ack", expected.ack,
           absolute_ack ? observed.ack().raw() : connection.in_tester_space(observed.ack()), scope);
  number(report, "len", expected.length, static_cast<std::int64_t>(observed.payload().size()), scope);
  number(report, "win", expected.window, observed.window(), scope);
  number(report, "urg", expected.urgent, observed.urgent(), scope);
  number(report, "ttl", expected.ttl, observed.ttl(), scope);
  number(report, "tos", expected.traffic_class, observed.traffic_class(), scope);
  options(report, expected, observed, connection, scope);
}

}  // namespace

std::vector<FieldDifference> differences(const ExpectSegment& expected, const SegmentView& observed,
                                         const ConnectionView& connection, const Scope& scope) {
  std::vector<FieldDifference> out;
  Report report(&out);
  compare(report, expected, observed, connection, scope);
  return out;
}

bool matches(const ExpectSegment& expected, const SegmentView& observed, const ConnectionView& connection,
             const Scope& scope) {
  Report report(nullptr);
  compare(report, expected, observed, connection, scope);
  return !report.differs();
}

}  // namespace tcpspec::oracle
