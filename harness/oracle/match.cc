#include "oracle/match.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

void number(Report& report, std::string_view field, const std::optional<NumberMatch>& match, std::int64_t value, const Scope& scope) {
  if (!match || match->matches(value, scope)) return;
  report.add(field, [&] { return match->describe(scope); }, [&] { return std::to_string(value); });
}

void sequence(Report& report, std::string_view field, const std::optional<NumberMatch>& match, std::uint32_t value, const Scope& scope) {
  if (!match || match->matches_modulo32(value, scope)) return;
  report.add(field, [&] { return match->describe(scope); }, [&] { return std::to_string(value); });
}

void flags(Report& report, const ExpectSegment& expected, const SegmentView& observed) {
  if (!expected.flags) return;
  const auto cared = expected.flags_cared.bits();
  if ((observed.flags().bits() & cared) == (expected.flags->bits() & cared)) return;
  report.add("flags", [&] { return flags_text(expected); }, [&] { return packet::to_string(observed.flags()); });
}

bool is_padding(const packet::Option& option) { return std::holds_alternative<packet::Nop>(option) || std::holds_alternative<packet::EndOfList>(option); }

struct OptionMatcher {
  const ExpectOption& expected;
  const ConnectionView& connection;
  const Scope& scope;

  // Whether this option is of the expected kind at all.
  [[nodiscard]] bool same_kind(const packet::Option& option) const {
    using Kind = ExpectOption::Kind;
    switch (expected.kind) {
      case Kind::mss: return std::holds_alternative<packet::Mss>(option);
      case Kind::window_scale: return std::holds_alternative<packet::WindowScale>(option);
      case Kind::sack_permitted: return std::holds_alternative<packet::SackPermitted>(option);
      case Kind::sack: return std::holds_alternative<packet::Sack>(option);
      case Kind::timestamps: return std::holds_alternative<packet::Timestamps>(option);
      case Kind::unknown: {
        const auto* unknown = std::get_if<packet::UnknownOption>(&option);
        return unknown && unknown->kind == expected.number;
      }
    }
    return false;
  }
  [[nodiscard]] bool same_value(const packet::Option& option) const {
    if (const auto* mss = std::get_if<packet::Mss>(&option)) return expected.value.matches(mss->value, scope);
    if (const auto* scale = std::get_if<packet::WindowScale>(&option)) return expected.value.matches(scale->shift, scope);
    if (const auto* stamp = std::get_if<packet::Timestamps>(&option))
      return expected.value.matches_modulo32(stamp->value, scope) && expected.echo.matches_modulo32(stamp->echo_reply, scope);
    if (const auto* sack = std::get_if<packet::Sack>(&option)) return same_blocks(*sack);
    return true;
  }
  [[nodiscard]] bool same_blocks(const packet::Sack& sack) const {
    if (expected.blocks.empty()) return true;
    if (sack.blocks.size() != expected.blocks.size()) return false;
    for (std::size_t i = 0; i < sack.blocks.size(); ++i) {
      const auto& [left, right] = sack.blocks[i];
      if (!expected.blocks[i].first.matches_modulo32(connection.in_tester_space(packet::Seq32(left)), scope)) return false;
      if (!expected.blocks[i].second.matches_modulo32(connection.in_tester_space(packet::Seq32(right)), scope)) return false;
    }
    return true;
  }
};

void options(Report& report, const ExpectSegment& expected, const SegmentView& observed, const ConnectionView& connection, const Scope& scope) {
  if (expected.options.empty() && !expected.no_options) return;
  const auto parsed = observed.options();
  if (expected.no_options) {
    const bool any = std::any_of(parsed.options.begin(), parsed.options.end(), [](const auto& o) { return !is_padding(o.option); });
    if (any) report.add("options", [] { return std::string("none"); }, [&] { return options_text(observed, connection); });
  }
  for (const auto& option : expected.options) {
    const OptionMatcher matcher{option, connection, scope};
    const auto found = std::find_if(parsed.options.begin(), parsed.options.end(), [&](const auto& o) { return matcher.same_kind(o.option); });
    const bool present = found != parsed.options.end();
    if (option.absent ? !present : present && matcher.same_value(found->option)) continue;
    report.add(option_name(option), [&] { return option_value_text(option, scope); },
               [&] { return present ? option_text(found->option, connection) : std::string("absent"); });
  }
}

void compare(Report& report, const ExpectSegment& expected, const SegmentView& observed, const ConnectionView& connection, const Scope& scope) {
  flags(report, expected, observed);
  // The first SYN of the target defines its sequence space: it starts there at 0.
  const bool defines = observed.flags().has(Flags::syn) && !connection.target_iss_known();
  sequence(report, "seq", expected.seq, defines ? 0 : connection.in_target_space(observed.seq()), scope);
  const bool absolute_ack = !observed.flags().has(Flags::ack);
  sequence(report, "ack", expected.ack, absolute_ack ? observed.ack().raw() : connection.in_tester_space(observed.ack()), scope);
  number(report, "win", expected.window, observed.window(), scope);
  number(report, "len", expected.length, static_cast<std::int64_t>(observed.payload().size()), scope);
  number(report, "urg", expected.urgent, observed.urgent(), scope);
  number(report, "ttl", expected.ttl, observed.ttl(), scope);
  number(report, "tos", expected.traffic_class, observed.traffic_class(), scope);
  options(report, expected, observed, connection, scope);
}

}  // namespace

std::vector<FieldDifference> differences(const ExpectSegment& expected, const SegmentView& observed, const ConnectionView& connection, const Scope& scope) {
  std::vector<FieldDifference> out;
  Report report(&out);
  compare(report, expected, observed, connection, scope);
  return out;
}

bool matches(const ExpectSegment& expected, const SegmentView& observed, const ConnectionView& connection, const Scope& scope) {
  Report report(nullptr);
  compare(report, expected, observed, connection, scope);
  return !report.differs();
}

}  // namespace tcpspec::oracle
