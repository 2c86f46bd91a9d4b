#include "fuzz/wording.hh"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tcpspec::fuzz {

namespace {

using packet::Flags;

YAML::Node flow(YAML::NodeType::value type) {
  YAML::Node node(type);
  node.SetStyle(YAML::EmitterStyle::Flow);
  return node;
}

std::string_view name_of(Number::Base base) {
  switch (base) {
    case Number::Base::zero:
      return "";
    case Number::Base::rcv_nxt:
      return "rcv_nxt";
    case Number::Base::rcv_edge:
      return "rcv_nxt + rcv_wnd";
    case Number::Base::snd_nxt:
      return "snd_nxt";
    case Number::Base::snd_una:
      return "snd_una";
    case Number::Base::rcv_wnd:
      return "rcv_wnd";
    case Number::Base::snd_mss:
      return "snd_mss";
    case Number::Base::rcv_mss:
      return "rcv_mss";
    case Number::Base::ts_recent:
      return "ts_recent";
    case Number::Base::ts_val:
      return "ts_val";
  }
  return "";
}

std::string offset_from(std::string_view base, std::int64_t offset) {
  if (offset == 0) return std::string(base);
  return fmt::format("{} {} {}", base, offset < 0 ? '-' : '+', offset < 0 ? -offset : offset);
}

// Of a field of so many bits: a constant is cut to it, as on the wire.
std::string words_of_field(const Number& number, std::uint32_t mask) {
  if (number.base != Number::Base::zero) return words_of(number);
  return std::to_string(static_cast<std::uint32_t>(number.offset) & mask);
}

std::string words_of_length(const Number& number) {
  if (number.base != Number::Base::zero) return words_of(number);
  return std::to_string(std::clamp<std::int64_t>(number.offset, 0, 65'000));
}

std::string hex(BytesView octets) {
  std::string out;
  for (const auto octet : octets) out += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return out;
}

bool is_text(const Bytes& octets) {
  // `$` begins a name.
  return std::ranges::all_of(octets, [](std::byte octet) {
    return octet >= std::byte{' '} && octet <= std::byte{'~'} && octet != std::byte{'$'};
  });
}

void say_octets(YAML::Node& node, const Bytes& octets) {
  if (!is_text(octets)) {
    node["hex"] = hex(octets);
    return;
  }
  std::string text;
  for (const auto octet : octets) text += static_cast<char>(octet);
  node["text"] = text;
}

YAML::Node words_of_option(const OptionItem& option) {
  using Kind = OptionItem::Kind;
  auto out = flow(YAML::NodeType::Map);
  switch (option.kind) {
    case Kind::nop:
      return YAML::Node("nop");
    case Kind::end_of_list:
      return YAML::Node("eol");
    case Kind::sack_permitted:
      return YAML::Node("sack_permitted");
    case Kind::mss:
      out["mss"] = words_of_field(option.numbers.at(0), 0xffff);
      break;
    case Kind::window_scale:
      out["wscale"] = words_of_field(option.numbers.at(0), 0xff);
      break;
    case Kind::sack: {
      auto blocks = flow(YAML::NodeType::Sequence);
      for (std::size_t i = 0; i + 1 < option.numbers.size(); i += 2) {
        auto block = flow(YAML::NodeType::Sequence);
        block.push_back(words_of(option.numbers[i]));
        block.push_back(words_of(option.numbers[i + 1]));
        blocks.push_back(block);
      }
      out["sack"] = blocks;
      break;
    }
    case Kind::timestamps: {
      if (option.numbers.empty()) return YAML::Node("ts");
      auto stamps = flow(YAML::NodeType::Map);
      stamps["val"] = words_of_field(option.numbers.at(0), 0xffff'ffff);
      stamps["ecr"] = words_of_field(option.numbers.at(1), 0xffff'ffff);
      out["ts"] = stamps;
      break;
    }
    case Kind::unknown: {
      auto unknown = flow(YAML::NodeType::Map);
      unknown["kind"] = words_of_field(option.numbers.at(0), 0xff);
      if (!option.bytes.empty()) unknown["data"] = hex(option.bytes);
      out["unknown"] = unknown;
      break;
    }
    case Kind::raw:
      out["raw"] = hex(option.bytes);
      break;
  }
  return out;
}

void say_malformation(YAML::Node& node, const packet::Malformation& broken) {
  // Which bits of a checksum are wrong the language does not say.
  if (broken.tcp_checksum)
    node["checksum"] = *broken.tcp_checksum;
  else if (broken.tcp_checksum_xor && *broken.tcp_checksum_xor != 0)
    node["checksum"] = "bad";
  if (broken.data_offset) node["data_offset"] = static_cast<int>(*broken.data_offset);
  if (broken.reserved) node["reserved"] = static_cast<int>(*broken.reserved);
  if (broken.ip_total_length) node["ip_length"] = *broken.ip_total_length;
  if (broken.ip_checksum_xor && *broken.ip_checksum_xor != 0) node["ip_checksum"] = "bad";
  if (broken.ip_protocol) node["ip_protocol"] = static_cast<int>(*broken.ip_protocol);
  if (!broken.ip_options.empty()) node["ip_options"] = hex(broken.ip_options);
  if (broken.truncate_to) node["truncate"] = *broken.truncate_to;
}

// A flip of no bits breaks nothing, and yet the segment does not count.
bool flips_nothing(const packet::Malformation& broken) {
  return broken.tcp_checksum_xor == 0 || broken.ip_checksum_xor == 0;
}

}  // namespace

std::string words_of(const Number& number) {
  return number.base == Number::Base::zero ? std::to_string(number.offset)
                                           : offset_from(name_of(number.base), number.offset);
}

std::string words_of(Duration duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units = {{{"h", 3'600'000'000'000},
                                                                               {"min", 60'000'000'000},
                                                                               {"s", 1'000'000'000},
                                                                               {"ms", 1'000'000},
                                                                               {"us", 1'000},
                                                                               {"ns", 1}}};
  if (duration.count() == 0) return "0s";
  for (const auto& [name, scale] : units)
    if (duration.count() % scale == 0) return fmt::format("{}{}", duration.count() / scale, name);
  return fmt::format("{}ns", duration.count());
}

Names::Names(std::size_t connections) {
  if (connections == 1) connections_ = {"c"};
  for (std::size_t i = 0; connections > 1 && i < connections; ++i)
    connections_.push_back(i < 26 ? std::string(1, static_cast<char>('a' + i)) : fmt::format("c{}", i));
}

std::string Names::socket(std::uint8_t socket) const {
  if (socket == 0) return "listener";
  const auto index = static_cast<std::size_t>(socket) - 1;
  return index < connections_.size() ? connections_[index] : fmt::format("socket{}", socket);
}

YAML::Node words_of(const SendSegment& send) {
  auto out = flow(YAML::NodeType::Map);
  out["flags"] = packet::to_string(send.flags);
  if (send.seq) out["seq"] = words_of(*send.seq);
  if (send.ack) out["ack"] = words_of(*send.ack);
  if (send.window) out["win"] = *send.window;
  if (send.urgent) out["urg"] = *send.urgent;
  if (!send.literal.empty()) {
    say_octets(out, send.literal);
  } else if (send.length != Number{}) {
    out["data"] = words_of_length(send.length);
  }
  if (send.options && send.options->empty()) {
    out["options"] = "none";
  } else if (send.options) {
    auto options = flow(YAML::NodeType::Sequence);
    for (const auto& option : *send.options) options.push_back(words_of_option(option));
    out["options"] = options;
  }
  if (send.ttl) out["ttl"] = static_cast<int>(*send.ttl);
  if (send.traffic_class) out["tos"] = static_cast<int>(*send.traffic_class);
  say_malformation(out, send.malformation);
  if (send.ignored || flips_nothing(send.malformation)) out["ignored"] = true;
  return out;
}

YAML::Node words_of(const SendIcmp& icmp) {
  auto out = flow(YAML::NodeType::Map);
  out["type"] = static_cast<int>(icmp.type);
  if (icmp.code != 0) out["code"] = static_cast<int>(icmp.code);
  if (icmp.rest_of_header) out["mtu"] = *icmp.rest_of_header;
  if (icmp.quoted_seq) out["seq"] = words_of(*icmp.quoted_seq);
  if (icmp.quoted_source_port) out["quoted_port"] = *icmp.quoted_source_port;
  return out;
}

namespace {

// Names that the loader takes for those of options.
bool is_option(const Call& call) {
  constexpr std::array<std::string_view, 4> prefixes = {"TCP_", "SO_", "IP_", "IPV6_"};
  constexpr std::array<std::string_view, 3> queries = {"SIOCATMARK", "SIOCINQ", "SIOCOUTQ"};
  if (call.kind == Call::Kind::get_option && std::ranges::find(queries, call.option) != queries.end()) return true;
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) {
    return call.option.starts_with(prefix) && call.option.size() > prefix.size();
  });
}

YAML::Node words_of_octets(const Call& call) {
  const auto count = std::to_string(call.number);
  const bool literal = call.kind == Call::Kind::send && !call.literal.empty();
  if (!literal && !call.urgent) return YAML::Node(count);
  auto out = flow(YAML::NodeType::Map);
  if (literal)
    say_octets(out, call.literal);
  else
    out["data"] = count;
  if (call.urgent) out["urgent"] = true;
  return out;
}

// What stands behind `call:`.
YAML::Node words_of_kind(const Call& call, const std::string& usual_accepted, const Names& names) {
  using Kind = Call::Kind;
  auto out = flow(YAML::NodeType::Map);
  auto inner = flow(YAML::NodeType::Map);
  switch (call.kind) {
    case Kind::listen:
      if (call.number == 16) return YAML::Node("listen");
      inner["backlog"] = call.number;
      out["listen"] = inner;
      return out;
    case Kind::connect:
      if (call.number == 0) return YAML::Node("connect");
      inner["local_port"] = call.number;
      out["connect"] = inner;
      return out;
    case Kind::accept:
      if (names.socket(call.accepted) == usual_accepted) return YAML::Node("accept");
      out["accept"] = names.socket(call.accepted);
      return out;
    case Kind::send:
      out["send"] = words_of_octets(call);
      return out;
    case Kind::receive:
      out["recv"] = words_of_octets(call);
      return out;
    case Kind::shutdown_write:
      return YAML::Node("shutdown");
    case Kind::shutdown_read:
      out["shutdown"] = "read";
      return out;
    case Kind::shutdown_both:
      out["shutdown"] = "both";
      return out;
    case Kind::close:
      return YAML::Node("close");
    case Kind::abort:
      return YAML::Node("abort");
    case Kind::set_option:
      inner[call.option] = call.number;
      out["setsockopt"] = inner;
      return out;
    case Kind::get_option:
      out["getsockopt"] = call.option;
      return out;
    case Kind::state:
      return YAML::Node("state");
  }
  return out;
}

}  // namespace

YAML::Node words_of(const Call& call, std::uint8_t connection, const Names& names) {
  const bool about_option = call.kind == Call::Kind::set_option || call.kind == Call::Kind::get_option;
  if (about_option && !is_option(call)) return YAML::Node(YAML::NodeType::Null);
  const auto& own = names.connection(connection);
  YAML::Node out(YAML::NodeType::Map);
  out["call"] = words_of_kind(call, own, names);
  const bool listens = call.kind == Call::Kind::listen || call.kind == Call::Kind::accept;
  const auto socket = names.socket(call.socket);
  if (socket != (listens ? "listener" : own)) out["socket"] = socket;
  return out;
}

std::string words_of(const Call& call, const target::CallResult& result) {
  if (result.error != 0) {
    const char* name = strerrorname_np(result.error);
    return name != nullptr ? name : "";
  }
  using Kind = Call::Kind;
  switch (call.kind) {
    case Kind::receive:
      if (result.value == 0) return "eof";
      return result.value == call.number ? "" : std::to_string(result.value);
    case Kind::get_option:
      return std::to_string(result.value);
    case Kind::state:
      for (int i = 0; i <= static_cast<int>(script::State::time_wait); ++i)
        if (script::to_string(static_cast<script::State>(i)) == result.text) return result.text;
      return "";
    default:
      return "";
  }
}

namespace {

// The variable where it is that or its neighbour, else the number.
std::string relative_words(std::uint32_t value, std::string_view name, std::int64_t variable) {
  const auto far = static_cast<std::int32_t>(value - static_cast<std::uint32_t>(variable));
  return far >= -1 && far <= 1 ? offset_from(name, far) : std::to_string(value);
}

std::string words_of_seq(std::uint32_t seq, const oracle::ConnectionView& view) {
  const auto una = static_cast<std::uint32_t>(view.variable(script::Variable::snd_una));
  return seq == una && seq != view.snd_nxt() ? "snd_una" : relative_words(seq, "snd_nxt", view.snd_nxt());
}

YAML::Node words_of_options(const packet::SegmentView& segment, const oracle::ConnectionView& view) {
  auto out = flow(YAML::NodeType::Map);
  const bool syn = segment.flags().has(Flags::syn);
  const auto say = [&](const char* name, const auto& option, const auto& value) {
    if (option)
      out[name] = value(*option);
    else
      out[name] = "absent";
  };
  if (syn) {
    say("mss", segment.find<packet::Mss>(), [](const packet::Mss& mss) { return YAML::Node(mss.value); });
    say("wscale", segment.find<packet::WindowScale>(),
        [](const packet::WindowScale& scale) { return YAML::Node(static_cast<int>(scale.shift)); });
    say("sack_permitted", segment.find<packet::SackPermitted>(),
        [](const packet::SackPermitted&) { return YAML::Node("present"); });
  }
  say("ts", segment.find<packet::Timestamps>(), [](const packet::Timestamps&) { return YAML::Node("present"); });
  if (!syn)
    say("sack", segment.find<packet::Sack>(), [&](const packet::Sack& sack) {
      auto blocks = flow(YAML::NodeType::Sequence);
      for (const auto& [left, right] : sack.blocks) {
        auto block = flow(YAML::NodeType::Sequence);
        for (const auto edge : {left, right}) block.push_back(view.in_tester_space(packet::Seq32(edge)));
        blocks.push_back(block);
      }
      return blocks;
    });
  return out;
}

}  // namespace

YAML::Node words_of(const packet::SegmentView& segment, const oracle::ConnectionView& view, const Detail& detail) {
  auto out = flow(YAML::NodeType::Map);
  const auto flags = segment.flags();
  out["flags"] = packet::to_string(flags.without(Flags::psh | Flags::ece | Flags::cwr | Flags::ae));
  const bool known = view.target_iss_known();
  const bool defines = flags.has(Flags::syn) && !known;
  const auto seq = defines ? 0 : view.in_target_space(segment.seq());
  const bool plain = flags.has(Flags::syn) || !known;  // nothing has been counted yet
  // Who answers what came without ACK from CLOSED uses zero (RFC 9293 section 3.10.7.1): on the wire, and not
  // counted from an ISS that is another one with each seed.
  const bool absolute = known && flags.has(Flags::rst) && flags.has(Flags::ack) && segment.seq() == packet::Seq32(0);
  if (!absolute) out["seq"] = plain ? std::to_string(seq) : words_of_seq(seq, view);
  if (flags.has(Flags::ack)) {
    const auto ack = view.in_tester_space(segment.ack());
    out["ack"] = plain ? std::to_string(ack) : relative_words(ack, "rcv_nxt", view.rcv_nxt());
  }
  const auto length = segment.payload().size();
  const bool usually_none = flags.has(Flags::syn) || flags.has(Flags::rst);
  if (length > 0 || !usually_none) out["len"] = length;
  if (flags.has(Flags::urg)) out["urg"] = segment.urgent();
  if (detail.window) out["win"] = segment.window();
  if (detail.options) out["options"] = words_of_options(segment, view);
  return out;
}

}  // namespace tcpspec::fuzz
