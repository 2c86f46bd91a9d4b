#include "packet/option.hh"

#include <fmt/format.h>

#include <span>

namespace tcpspec::packet {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte octet : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return text;
}

struct Namer {
  std::string operator()(const EndOfList&) const { return "eol"; }
  std::string operator()(const Nop&) const { return "nop"; }
  std::string operator()(const Mss& mss) const { return fmt::format("mss {}", mss.value); }
  std::string operator()(const WindowScale& scale) const { return fmt::format("wscale {}", scale.shift); }
  std::string operator()(const SackPermitted&) const { return "sack_permitted"; }
  std::string operator()(const Sack& sack) const {
    std::string text = "sack";
    for (const auto& [left, right] : sack.blocks) text += fmt::format(" {}-{}", left, right);
    return text;
  }
  std::string operator()(const Timestamps& ts) const { return fmt::format("ts {} {}", ts.value, ts.echo_reply); }
  std::string operator()(const UnknownOption& unknown) const {
    return unknown.data.empty() ? fmt::format("kind-{}", unknown.kind)
                                : fmt::format("kind-{} {}", unknown.kind, hex(unknown.data));
  }
  std::string operator()(const RawBytes& raw) const { return raw.bytes.empty() ? "raw" : "raw " + hex(raw.bytes); }
};

}  // namespace

std::string to_string(const Option& option) {
  return std::visit(Namer{}, option);
}

}  // namespace tcpspec::packet
