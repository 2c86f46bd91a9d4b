#include "oracle/notation.hh"

#include <fmt/format.h>

namespace tcpspec::oracle {

using packet::Flags;
using script::ExpectOption;

namespace {

// SACK edges are in the space of the data's sender, who is the receiver of the option.
std::string option_in_words(const packet::Option& option, packet::Seq32 sack_base) {
  const auto* sack = std::get_if<packet::Sack>(&option);
  if (!sack) return packet::to_string(option);
  std::string out = "sack";
  for (const auto& [left, right] : sack->blocks) out += fmt::format(" {}-{}", left - sack_base.raw(), right - sack_base.raw());
  return out;
}

std::string options_in_words(const packet::SegmentView& segment, packet::Seq32 sack_base) {
  const auto parsed = segment.options();
  std::string out;
  for (const auto& [option, offset] : parsed.options) out += (out.empty() ? "" : ", ") + option_in_words(option, sack_base);
  if (parsed.defect) out += fmt::format("{}malformed: {}", out.empty() ? "" : ", ", *parsed.defect);
  return out;
}

}  // namespace

std::string segment_text(const packet::SegmentView& segment, Sender sender, const Bases& bases) {
  if (!segment.has_tcp_header()) return fmt::format("{} octets that are not a TCP segment", segment.bytes().size());
  const bool tester = sender == Sender::tester;
  const auto own = tester ? bases.tester_iss : bases.target_iss;
  const auto other = tester ? bases.target_iss : bases.tester_iss;
  const auto flags = segment.flags();
  std::string out = fmt::format("{}  seq {}", packet::to_string(flags), segment.seq().raw() - own.raw());
  if (flags.has(Flags::ack)) out += fmt::format(" ack {}", segment.ack().raw() - other.raw());
  if (!segment.payload().empty()) out += fmt::format(" len {}", segment.payload().size());
  out += fmt::format(" win {}", segment.window());
  if (flags.has(Flags::urg)) out += fmt::format(" urg {}", segment.urgent());
  if (const auto options = options_in_words(segment, other); !options.empty()) out += fmt::format(" <{}>", options);
  if (!segment.checksum_ok()) out += "  (wrong checksum)";
  return out;
}

std::string flags_text(const script::ExpectSegment& expected) {
  if (!expected.flags) return "any";
  std::string out = packet::to_string(*expected.flags);
  for (const auto bit : {Flags::psh, Flags::ece, Flags::cwr, Flags::ae})
    if (expected.flags_cared.has(bit) && !expected.flags->has(bit)) out += "!" + packet::to_string(Flags(bit));
  return out;
}

std::string option_name(const ExpectOption& option) {
  switch (option.kind) {
    case ExpectOption::Kind::mss: return "mss";
    case ExpectOption::Kind::window_scale: return "wscale";
    case ExpectOption::Kind::sack_permitted: return "sack_permitted";
    case ExpectOption::Kind::sack: return "sack";
    case ExpectOption::Kind::timestamps: return "ts";
    case ExpectOption::Kind::unknown: return fmt::format("kind-{}", option.number);
  }
  return "?";
}

std::string option_value_text(const ExpectOption& option, const script::Scope& scope) {
  if (option.absent) return "absent";
  switch (option.kind) {
    case ExpectOption::Kind::mss:
    case ExpectOption::Kind::window_scale: return option.value.kind == script::NumberMatch::Kind::any ? "present" : option.value.describe(scope);
    case ExpectOption::Kind::timestamps:
      if (option.value.kind == script::NumberMatch::Kind::any && option.echo.kind == script::NumberMatch::Kind::any) return "present";
      return fmt::format("val {} ecr {}", option.value.describe(scope), option.echo.describe(scope));
    case ExpectOption::Kind::sack: {
      if (option.blocks.empty()) return "present";
      std::string out;
      for (const auto& [left, right] : option.blocks) out += fmt::format("{}{}-{}", out.empty() ? "" : " ", left.describe(scope), right.describe(scope));
      return out;
    }
    default: return "present";
  }
}

std::string expected_text(const script::ExpectSegment& expected, const script::Scope& scope) {
  std::string out = flags_text(expected) + " ";
  const auto field = [&](std::string_view name, const std::optional<script::NumberMatch>& match) {
    if (match) out += fmt::format(" {} {}", name, match->describe(scope));
  };
  field("seq", expected.seq);
  field("ack", expected.ack);
  field("len", expected.length);
  field("win", expected.window);
  field("urg", expected.urgent);
  field("ttl", expected.ttl);
  field("tos", expected.traffic_class);
  if (expected.no_options) out += " <no options>";
  std::string options;
  for (const auto& option : expected.options) {
    const auto value = option_value_text(option, scope);
    options += fmt::format("{}{}", options.empty() ? "" : ", ", value == "absent" ? "no " + option_name(option) : value == "present" ? option_name(option) : option_name(option) + " " + value);
  }
  if (!options.empty()) out += fmt::format(" <{}>", options);
  if (expected.gap) out += fmt::format(" gap x{}", expected.gap->text);
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string option_text(const packet::Option& option, const ConnectionView& connection) { return option_in_words(option, connection.tester_iss()); }
std::string options_text(const packet::SegmentView& segment, const ConnectionView& connection) { return options_in_words(segment, connection.tester_iss()); }

}  // namespace tcpspec::oracle
