#include "oracle/notation.hh"

#include <fmt/format.h>

#include <span>

#include "packet/icmp.hh"

namespace tcpspec::oracle {

using packet::Flags;
using script::ExpectOption;

namespace {

std::string name_of(packet::OptionKind kind) {
  switch (kind) {
    case packet::OptionKind::end_of_list:
      return "eol";
    case packet::OptionKind::nop:
      return "nop";
    case packet::OptionKind::mss:
      return "mss";
    case packet::OptionKind::window_scale:
      return "wscale";
    case packet::OptionKind::sack_permitted:
      return "sack_permitted";
    case packet::OptionKind::sack:
      return "sack";
    case packet::OptionKind::timestamps:
      return "ts";
    default:
      return fmt::format("kind-{}", static_cast<unsigned>(kind));
  }
}

std::string hex(std::span<const std::byte> octets) {
  std::string out;
  for (const auto octet : octets) out += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return out;
}

// As the file has it, on one line.
std::string printable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

// "mss 1460", "nop", "ts val 100 ecr 7", "no wscale"
std::string named(const std::string& name, const std::string& value) {
  if (value == "present") return name;
  return value == "absent" ? "no " + name : name + " " + value;
}

struct ValueInWords {
  packet::Seq32 sack_base;

  std::string operator()(const packet::EndOfList&) const { return "present"; }
  std::string operator()(const packet::Nop&) const { return "present"; }
  std::string operator()(const packet::SackPermitted&) const { return "present"; }
  std::string operator()(const packet::Mss& mss) const { return std::to_string(mss.value); }
  std::string operator()(const packet::WindowScale& scale) const { return std::to_string(scale.shift); }
  std::string operator()(const packet::Timestamps& stamp) const {
    return fmt::format("val {} ecr {}", stamp.value, stamp.echo_reply);
  }
  std::string operator()(const packet::Sack& sack) const {
    if (sack.blocks.empty()) return "without blocks";
    std::string out;
    for (const auto& [left, right] : sack.blocks)
      out += fmt::format("{}{}-{}", out.empty() ? "" : " ", left - sack_base.raw(), right - sack_base.raw());
    return out;
  }
  std::string operator()(const packet::UnknownOption& unknown) const {
    const bool known = !name_of(packet::OptionKind{unknown.kind}).starts_with("kind-");
    if (known) return fmt::format("with length {}", unknown.data.size() + 2);
    return unknown.data.empty() ? "present" : hex(unknown.data);
  }
  std::string operator()(const packet::RawBytes& raw) const { return hex(raw.bytes); }
};

std::string option_in_words(const packet::Option& option, packet::Seq32 sack_base) {
  return named(name_of(packet::OptionKind{kind_of(option)}), option_value_text(option, sack_base));
}

std::string options_in_words(const packet::SegmentView& segment, packet::Seq32 sack_base) {
  const auto parsed = segment.options();
  std::string out;
  for (const auto& [option, offset] : parsed.options)
    out += (out.empty() ? "" : ", ") + option_in_words(option, sack_base);
  if (parsed.defect) out += fmt::format("{}malformed: {}", out.empty() ? "" : ", ", *parsed.defect);
  return out;
}

}  // namespace

std::string segment_text(const packet::SegmentView& segment, Sender sender, const Bases& bases) {
  if (const auto icmp = packet::view_icmp(segment.bytes()))
    return fmt::format("ICMP type {} code {}", icmp->type, icmp->code);
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
  // SACK edges are in the space of the data's sender, who is the receiver of the option.
  if (const auto options = options_in_words(segment, other); !options.empty()) out += fmt::format(" <{}>", options);
  if (!segment.ip_checksum_ok()) out += "  (wrong IP checksum)";
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

std::uint8_t kind_of(const packet::Option& option) {
  using packet::OptionKind;
  struct {
    OptionKind operator()(const packet::EndOfList&) const { return OptionKind::end_of_list; }
    OptionKind operator()(const packet::Nop&) const { return OptionKind::nop; }
    OptionKind operator()(const packet::Mss&) const { return OptionKind::mss; }
    OptionKind operator()(const packet::WindowScale&) const { return OptionKind::window_scale; }
    OptionKind operator()(const packet::SackPermitted&) const { return OptionKind::sack_permitted; }
    OptionKind operator()(const packet::Sack&) const { return OptionKind::sack; }
    OptionKind operator()(const packet::Timestamps&) const { return OptionKind::timestamps; }
    OptionKind operator()(const packet::UnknownOption& unknown) const { return OptionKind{unknown.kind}; }
    OptionKind operator()(const packet::RawBytes&) const { return OptionKind{255}; }
  } kind;
  return static_cast<std::uint8_t>(std::visit(kind, option));
}

std::uint8_t expected_kind(const ExpectOption& option) {
  using packet::OptionKind;
  switch (option.kind) {
    case ExpectOption::Kind::mss:
      return static_cast<std::uint8_t>(OptionKind::mss);
    case ExpectOption::Kind::window_scale:
      return static_cast<std::uint8_t>(OptionKind::window_scale);
    case ExpectOption::Kind::sack_permitted:
      return static_cast<std::uint8_t>(OptionKind::sack_permitted);
    case ExpectOption::Kind::sack:
      return static_cast<std::uint8_t>(OptionKind::sack);
    case ExpectOption::Kind::timestamps:
      return static_cast<std::uint8_t>(OptionKind::timestamps);
    case ExpectOption::Kind::unknown:
      return option.number;
  }
  return option.number;
}

std::string option_name(const ExpectOption& option) {
  return option.kind == ExpectOption::Kind::unknown ? fmt::format("kind-{}", option.number)
                                                    : name_of(packet::OptionKind{expected_kind(option)});
}

std::string option_value_text(const packet::Option& option, packet::Seq32 sack_base) {
  return std::visit(ValueInWords{sack_base}, option);
}

std::string sequence_text(const script::NumberMatch& match, const script::Scope& scope) {
  auto modular = match;
  for (auto& operand : modular.operands)
    operand = script::Expression(static_cast<std::uint32_t>(operand.evaluate(scope)));
  return modular.describe(scope);
}

std::string option_value_text(const ExpectOption& option, const script::Scope& scope) {
  if (option.absent) return "absent";
  switch (option.kind) {
    case ExpectOption::Kind::mss:
    case ExpectOption::Kind::window_scale:
      return option.value.kind == script::NumberMatch::Kind::any ? "present" : option.value.describe(scope);
    case ExpectOption::Kind::timestamps:
      if (option.value.kind == script::NumberMatch::Kind::any && option.echo.kind == script::NumberMatch::Kind::any)
        return "present";
      return fmt::format("val {} ecr {}", sequence_text(option.value, scope), sequence_text(option.echo, scope));
    case ExpectOption::Kind::sack: {
      if (option.blocks.empty()) return "present";
      std::string out;
      for (const auto& [left, right] : option.blocks)
        out += fmt::format("{}{}-{}", out.empty() ? "" : " ", sequence_text(left, scope), sequence_text(right, scope));
      return out;
    }
    default:
      return "present";
  }
}

std::string expected_text(const script::ExpectSegment& expected, const script::Scope& scope) {
  std::string out = flags_text(expected) + " ";
  const auto field = [&](std::string_view name, const std::optional<script::NumberMatch>& match) {
    if (match) out += fmt::format(" {} {}", name, match->describe(scope));
  };
  if (expected.seq) out += fmt::format(" seq {}", sequence_text(*expected.seq, scope));
  if (expected.ack) out += fmt::format(" ack {}", sequence_text(*expected.ack, scope));
  field("len", expected.length);
  field("win", expected.window);
  field("urg", expected.urgent);
  field("ttl", expected.ttl);
  field("tos", expected.traffic_class);
  if (expected.no_options) out += " <no options>";
  std::string options;
  for (const auto& option : expected.options) {
    const auto value = option_value_text(option, scope);
    options += fmt::format("{}{}", options.empty() ? "" : ", ", named(option_name(option), value));
  }
  if (!options.empty()) out += fmt::format(" <{}>", options);
  if (expected.gap) out += fmt::format(" gap x{}", printable(expected.gap->text));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string options_text(const packet::SegmentView& segment, const ConnectionView& connection) {
  return options_in_words(segment, connection.tester_iss());
}

}  // namespace tcpspec::oracle
