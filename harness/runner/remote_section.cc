#include "runner/remote_section.hh"

#include <fmt/format.h>

#include <charconv>

namespace tcpspec::runner {
namespace {

using packet::Family;
using script::Value;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  return error == std::errc{} && end == text.end() && port != 0 ? std::optional(port) : std::nullopt;
}

std::optional<packet::Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = packet::Address::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  return address && port ? std::optional(packet::Endpoint{*address, *port}) : std::nullopt;
}

struct SideKeys {
  Family family;
  const char* address;
  const char* testers;
  const char* gateway;
  const char* example_address;
  const char* example_testers;
};
constexpr SideKeys keys4{Family::ipv4, "address", "testers", "gateway", "10.9.0.2", "10.9.128.0/17"};
constexpr SideKeys keys6{Family::ipv6, "address6", "testers6", "gateway6", "fd09::2", "fd09::1:0/112"};

std::optional<packet::Address> read_gateway(const Value& section, const SideKeys& keys, const packet::Address& target,
                                            const target::Network& testers) {
  const auto gateway = section.find(keys.gateway);
  if (!gateway) return std::nullopt;
  const auto address = packet::Address::parse(gateway->text());
  if (!address || address->family != keys.family)
    gateway->complain(fmt::format("`{}` is no address of this family", gateway->text()));
  else if (*address == target || testers.contains(*address))
    gateway->complain("the gateway is neither the target nor a tester",
                      "an address that nobody has, on the target's link");
  return address;
}

std::optional<target::RemoteOptions::Side> read_side(const Value& section, const SideKeys& keys) {
  const auto address = section.find(keys.address);
  const auto testers = section.find(keys.testers);
  if (!address && !testers) return std::nullopt;
  if (!address || !testers) {
    (address ? *address : *testers)
        .complain(
            fmt::format("`{}` and `{}` go together", keys.address, keys.testers),
            fmt::format("{}: {}, and {}: {}", keys.address, keys.example_address, keys.testers, keys.example_testers));
    return std::nullopt;
  }
  const auto parsed = packet::Address::parse(address->text());
  if (!parsed || parsed->family != keys.family)
    address->complain(fmt::format("`{}` is no address of this family", address->text()),
                      fmt::format("{}: {}", keys.address, keys.example_address));
  const auto network = target::Network::parse(testers->text());
  if (!network || network->prefix.family != keys.family)
    testers->complain(fmt::format("`{}` is no range of addresses of this family", testers->text()),
                      fmt::format("{}: {}, all bits behind the length zero", keys.testers, keys.example_testers));
  if (!parsed || !network) return std::nullopt;
  if (network->hosts() == 0) testers->complain("in this range there is no room for a tester", keys.example_testers);
  if (network->contains(*parsed))
    testers->complain("the target's own address lies in this range", "a range of addresses that nobody has");
  return target::RemoteOptions::Side{
      .address = *parsed, .testers = *network, .gateway = read_gateway(section, keys, *parsed, *network)};
}

void read_ports(const Value& value, target::RemoteOptions& out) {
  constexpr int least_ports = 4;  // of one test
  const auto text = value.text();
  const auto dots = text.find("..");
  const auto first = parse_port(text.substr(0, dots));
  const auto last = dots == std::string::npos ? std::nullopt : parse_port(text.substr(dots + 2));
  if (!first || !last || *last - *first + 1 < least_ports)
    return value.complain(fmt::format("`{}` is no range of ports, of which each test gets four", text),
                          "ports: 5000..5999");
  out.first_port = *first;
  out.last_port = *last;
}

}  // namespace

target::RemoteOptions read_remote(const Value& section) {
  target::RemoteOptions out;
  if (!section.check_keys("`remote`", {"interface", "address", "address6", "testers", "testers6", "gateway", "gateway6",
                                       "ports", "agent"}))
    return out;
  if (const auto interface = section.find("interface"))
    out.interface = interface->text();
  else
    section.complain("`remote` says on which interface of this machine the target is", "interface: eth1");
  out.ipv4 = read_side(section, keys4);
  out.ipv6 = read_side(section, keys6);
  if (!section.find("address") && !section.find("address6"))
    section.complain("`remote` says which address the target has, and which the testers may have",
                     "address: 10.9.0.2, and testers: 10.9.128.0/17");
  if (const auto ports = section.find("ports")) read_ports(*ports, out);
  if (const auto agent = section.find("agent")) {
    out.agent = parse_endpoint(agent->text());
    if (!out.agent) agent->complain(fmt::format("`{}` is no address and port", agent->text()), "agent: 10.8.0.2:7777");
  }
  return out;
}

}  // namespace tcpspec::runner
