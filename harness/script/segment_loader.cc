// Segments in YAML: what the tester sends, and what it expects.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "script/decimal.hh"
#include "script/step_loader.hh"

namespace tcpspec::script {

namespace {

std::optional<Expression> optional_expression(const Value& map, std::string_view key, const Names& names) {
  const auto value = map.find(key);
  if (!value) return std::nullopt;
  return value->expression(names);
}

std::optional<Expression> optional_expression(const Value& map, std::string_view key, const Names& names,
                                              std::int64_t low, std::int64_t high) {
  const auto value = map.find(key);
  if (!value) return std::nullopt;
  return value->expression(names, low, high);
}

std::optional<NumberMatch> optional_match(const Value& map, std::string_view key, const Names& names) {
  const auto value = map.find(key);
  if (!value) return std::nullopt;
  return value->number_match(names);
}

SendOption simple_option(const Value& item) {
  using Kind = SendOption::Kind;
  SendOption out;
  const auto word = item.text();
  if (word == "mss" || word == "wscale" || word == "sack" || word == "unknown" || word == "raw") {
    item.complain(fmt::format("the option `{}` wants a value", word),
                  "options: [mss: 1460, wscale: 7, sack: [[1001, 2001]], unknown: {kind: 254}, raw: \"02 00\"]");
    return out;
  }
  out.kind = item.choice<Kind>("option", {{"nop", Kind::nop},
                                          {"eol", Kind::end_of_list},
                                          {"sack_permitted", Kind::sack_permitted},
                                          {"ts", Kind::timestamps},
                                          {"mss", Kind::mss},
                                          {"wscale", Kind::window_scale},
                                          {"sack", Kind::sack},
                                          {"unknown", Kind::unknown},
                                          {"raw", Kind::raw}});
  return out;
}

SendOption valued_option(const Value& key, const Value& value, const Names& names) {
  using Kind = SendOption::Kind;
  SendOption out;
  if (const auto word = key.text(); word == "nop" || word == "eol" || word == "sack_permitted") {
    key.complain(fmt::format("the option `{}` has no value", word), "options: [mss: 1460, nop, sack_permitted]");
    return out;
  }
  out.kind = key.choice<Kind>("option", {{"mss", Kind::mss},
                                         {"wscale", Kind::window_scale},
                                         {"ts", Kind::timestamps},
                                         {"sack", Kind::sack},
                                         {"unknown", Kind::unknown},
                                         {"raw", Kind::raw}});
  switch (out.kind) {
    case Kind::raw:
      out.bytes = value.hex();
      break;
    case Kind::timestamps:
      if (value.is_scalar() && value.text() == "auto") break;
      if (!value.check_keys("`ts`", {"val", "ecr"})) break;
      for (const auto name : {"val", "ecr"}) {
        if (const auto number = value.find(name))
          out.numbers.push_back(number->expression(names));
        else
          value.complain(fmt::format("`ts` wants both `val` and `ecr`; `{}` is missing", name),
                         "or write `ts` alone for the engine's own");
      }
      break;
    case Kind::unknown:
      if (!value.check_keys("`unknown`", {"kind", "data"})) break;
      if (const auto number = value.find("kind"))
        out.numbers.push_back(number->expression(names, 0, 255));
      else
        value.complain("`unknown` wants a `kind`", "unknown: {kind: 254, data: \"0102\"}");
      if (const auto data = value.find("data")) out.bytes = data->hex();
      break;
    case Kind::sack:
      for (const auto& block : value.items()) {
        const auto edges = block.items();
        if (!block.is_list() || edges.size() != 2) {
          block.complain("a SACK block is a pair: [left, right]", "sack: [[1001, 2001], [3001, 4001]]");
          continue;
        }
        for (const auto& edge : edges) out.numbers.push_back(edge.expression(names));
      }
      break;
    default:
      out.numbers.push_back(value.expression(names, 0, out.kind == Kind::mss ? 65535 : 255));
  }
  return out;
}

std::vector<SendOption> load_send_options(const Value& list, const Names& names) {
  std::vector<SendOption> out;
  if (list.is_null() || (list.is_scalar() && list.text() == "none")) return out;
  if (!list.is_list()) {
    list.complain(fmt::format("options to send are a list, in order, but here stands {}", list.kind()),
                  "options: [mss: 1460, nop, wscale: 7]");
    return out;
  }
  for (const auto& item : list.items()) {
    if (item.is_scalar())
      out.push_back(simple_option(item));
    else if (item.is_map())
      for (const auto& [key, value] : item.entries()) out.push_back(valued_option(key, value, names));
    else
      item.complain("an option is a word or a `name: value` pair", "options: [mss: 1460, nop, wscale: 7]");
  }
  return out;
}

void load_malformation(const Value& map, packet::Malformation& out) {
  const auto number = [&](std::string_view key, std::int64_t high, auto& field) {
    if (const auto value = map.find(key))
      field = static_cast<typename std::remove_reference_t<decltype(field)>::value_type>(value->integer(0, high));
  };
  if (const auto checksum = map.find("checksum")) {
    if (checksum->is_scalar() && checksum->text() == "bad")
      out.tcp_checksum_xor = 0x5a5a;
    else
      out.tcp_checksum = static_cast<std::uint16_t>(checksum->integer(0, 0xffff));
  }
  if (const auto checksum = map.find("ip_checksum")) {
    if (checksum->is_scalar() && checksum->text() == "bad")
      out.ip_checksum_xor = 0x5a5a;
    else
      checksum->complain("`ip_checksum` can only be `bad`", "leave it out for the right one");
  }
  number("data_offset", 15, out.data_offset);
  number("reserved", 7, out.reserved);
  number("ip_length", 0xffff, out.ip_total_length);
  number("ip_protocol", 0xff, out.ip_protocol);
  number("truncate", 0xffff, out.truncate_to);
  if (const auto options = map.find("ip_options")) out.ip_options = options->hex();
}

}  // namespace

packet::Bytes text_bytes(std::string_view text) {
  packet::Bytes out;
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
  return out;
}

const std::vector<std::string_view>& segment_keys() {
  static const std::vector<std::string_view> keys = {
      "flags",    "seq",       "ack",         "win",         "urg",        "data",     "text",
      "hex",      "options",   "ttl",         "tos",         "ignored",    "checksum", "data_offset",
      "reserved", "ip_length", "ip_checksum", "ip_protocol", "ip_options", "truncate"};
  return keys;
}

SendSegment load_send(const Value& value, const Names& names) {
  SendSegment out;
  if (!value.check_keys("a segment to send", segment_keys())) return out;
  if (const auto flags = value.find("flags")) {
    const auto parsed = packet::Flags::parse(flags->text());
    if (parsed)
      out.flags = *parsed;
    else
      flags->complain(fmt::format("`{}` are not flags", flags->text()),
                      "letters of S F R P A U E C N, e.g. SA; `-` for none");
  } else {
    value.complain("a segment to send says its `flags`",
                   value.find("data") ? "flags: PA; without flags, data is what the application of `peer: auto` sends"
                                      : "flags: A");
  }
  out.seq = optional_expression(value, "seq", names);
  out.ack = optional_expression(value, "ack", names);
  out.window = optional_expression(value, "win", names, 0, 65535);
  out.urgent = optional_expression(value, "urg", names, 0, 65535);
  out.length = optional_expression(value, "data", names, 0, 65535);
  out.ttl = optional_expression(value, "ttl", names, 0, 255);
  out.traffic_class = optional_expression(value, "tos", names, 0, 255);
  if (const auto text = value.find("text")) out.literal = text_bytes(text->text());
  if (const auto hex = value.find("hex")) out.literal = hex->hex();
  if (value.find("data").has_value() + value.find("text").has_value() + value.find("hex").has_value() > 1)
    value.complain("`data`, `text` and `hex` exclude each other", "one of them says what the segment carries");
  if (const auto options = value.find("options")) out.options = load_send_options(*options, names);
  if (const auto ignored = value.find("ignored")) out.ignored = ignored->yes_or_no();
  load_malformation(value, out.malformation);
  return out;
}

SendIcmp load_icmp(const Value& value, const Names& names) {
  SendIcmp out;
  if (!value.check_keys("`icmp`", {"type", "code", "mtu", "seq", "quoted_port"})) return out;
  if (const auto type = value.find("type"))
    out.type = static_cast<int>(type->integer(0, 255));
  else
    value.complain("`icmp` wants a `type`", "icmp: {type: 3, code: 1}");
  if (const auto code = value.find("code")) out.code = static_cast<int>(code->integer(0, 255));
  out.rest_of_header = optional_expression(value, "mtu", names);
  out.quoted_seq = optional_expression(value, "seq", names);
  out.quoted_source_port = optional_expression(value, "quoted_port", names, 0, 65535);
  return out;
}

std::optional<FlagsMatch> parse_flags_match(std::string_view text) {
  constexpr auto kAlways = packet::Flags(packet::Flags::syn | packet::Flags::fin | packet::Flags::rst |
                                         packet::Flags::ack | packet::Flags::urg);
  FlagsMatch out{{}, kAlways};
  if (text == "-") return out;
  if (text.empty()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool absent = text[i] == '!';
    if (absent && ++i == text.size()) return std::nullopt;
    const auto bit = text[i] == '-' ? std::nullopt : packet::Flags::parse(text.substr(i, 1));
    if (!bit) return std::nullopt;
    if (!absent) out.flags = out.flags | *bit;
    out.cared = out.cared | *bit;
  }
  return out;
}

namespace {

ExpectOption expect_option(const Value& key, const Value& value, const Names& names) {
  using Kind = ExpectOption::Kind;
  ExpectOption out;
  const auto name = key.text();
  if (name.starts_with("kind-")) {
    out.kind = Kind::unknown;
    int number = -1;
    const auto [end, ec] = std::from_chars(name.data() + 5, name.data() + name.size(), number);
    if (ec != std::errc{} || end != name.data() + name.size() || number < 0 || number > 255)
      key.complain(fmt::format("`{}` is not an option kind", name), "kind-0 to kind-255");
    out.number = static_cast<std::uint8_t>(number);
  } else {
    out.kind = key.choice<Kind>("option", {{"mss", Kind::mss},
                                           {"wscale", Kind::window_scale},
                                           {"sack_permitted", Kind::sack_permitted},
                                           {"sack", Kind::sack},
                                           {"ts", Kind::timestamps}});
  }
  if (value.is_scalar()) {
    const auto text = value.text();
    out.absent = text == "absent";
    if (out.absent || text == "present" || text == "any") return out;
  }
  switch (out.kind) {
    case Kind::mss:
    case Kind::window_scale:
      out.value = value.number_match(names);
      break;
    case Kind::timestamps:
      if (!value.check_keys("`ts`", {"val", "ecr"})) break;
      if (const auto val = value.find("val")) out.value = val->number_match(names);
      if (const auto ecr = value.find("ecr")) out.echo = ecr->number_match(names);
      break;
    case Kind::sack:
      for (const auto& block : value.items()) {
        const auto edges = block.items();
        if (!block.is_list() || edges.size() != 2)
          block.complain("a SACK block is a pair: [left, right]", "sack: [[1001, 2001]]");
        else
          out.blocks.emplace_back(edges[0].number_match(names), edges[1].number_match(names));
      }
      break;
    default:
      value.complain(fmt::format("`{}` can be `present` or `absent`", name),
                     fmt::format("options: {{{}: present}}", name));
  }
  return out;
}

// A ratio like 1.5..2.5, kept in thousandths.
std::optional<NumberMatch> load_gap(const Value& value) {
  const auto text = value.text();
  const auto dots = text.find("..");
  const auto thousandths = [](std::string_view part) -> std::optional<std::int64_t> {
    double number = 0;
    const auto [end, ec] = read_decimal(part, number);
    if (ec != std::errc{} || end != part.data() + part.size() || !(number >= 0 && number <= 1e6)) return std::nullopt;
    return static_cast<std::int64_t>(number * 1000 + 0.5);
  };
  const auto low = thousandths(std::string_view(text).substr(0, dots));
  const auto high = dots == std::string::npos ? std::nullopt : thousandths(std::string_view(text).substr(dots + 2));
  if (!low || !high || *low > *high) {
    value.complain(fmt::format("`{}` is not a range of ratios", text),
                   "gap: 1.5..2.5 (each interval is that many times the one before)");
    return std::nullopt;
  }
  NumberMatch out;
  out.kind = NumberMatch::Kind::range;
  out.operands = {Expression(*low), Expression(*high)};
  out.text = text;
  return out;
}

}  // namespace

ExpectSegment load_expect(const Value& value, const Names& names) {
  ExpectSegment out;
  if (!value.check_keys("an expected segment",
                        {"flags", "seq", "ack", "win", "urg", "len", "options", "ttl", "tos", "gap"}))
    return out;
  if (const auto flags = value.find("flags")) {
    if (const auto parsed = parse_flags_match(flags->text())) {
      out.flags = parsed->flags;
      out.flags_cared = parsed->cared;
    } else {
      flags->complain(fmt::format("`{}` are not flags", flags->text()),
                      "letters of S F R P A U E C N, e.g. SA; `A!P`: ACK, and PSH must be absent");
    }
  }
  out.seq = optional_match(value, "seq", names);
  out.ack = optional_match(value, "ack", names);
  out.window = optional_match(value, "win", names);
  out.urgent = optional_match(value, "urg", names);
  out.length = optional_match(value, "len", names);
  out.ttl = optional_match(value, "ttl", names);
  out.traffic_class = optional_match(value, "tos", names);
  if (const auto gap = value.find("gap")) out.gap = load_gap(*gap);
  if (const auto options = value.find("options")) {
    if (options->is_scalar() && options->text() == "none")
      out.no_options = true;
    else if (!options->is_map())
      options->complain(fmt::format("expected options are a mapping, but here stands {}", options->kind()),
                        "options: {mss: 1460, wscale: absent}");
    else
      for (const auto& [key, option] : options->entries()) out.options.push_back(expect_option(key, option, names));
  }
  return out;
}

}  // namespace tcpspec::script
