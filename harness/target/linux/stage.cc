#include "target/linux/stage.hh"

#include <unistd.h>

#include "target/clock.hh"
#include "target/linux/failure.hh"
#include "target/linux/netlink.hh"

namespace tcpspec::target {
namespace {

// Deep enough for every answer to a burst of injected segments.
constexpr unsigned transmit_queue = 8192;

packet::Address gateway_address(packet::Family family) {
  if (family == packet::Family::ipv4) return packet::Address::ipv4(10, 0, 0, 2);
  return {.family = family, .bytes = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
}

}  // namespace

packet::Address target_address(packet::Family family) {
  if (family == packet::Family::ipv4) return packet::Address::ipv4(10, 0, 0, 1);
  return {.family = family, .bytes = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

std::expected<std::unique_ptr<Stage>, EnvironmentError> Stage::create(const LinuxOptions& options,
                                                                      const Sysctls& sysctls) {
  auto space = Namespace::create();
  if (!space) return std::unexpected(space.error());
  std::unique_ptr<Stage> stage{new Stage(std::move(*space))};
  stage->has_ipv6_ = access("/proc/sys/net/ipv6/conf/default/disable_ipv6", F_OK) == 0;
  // Settings first: an interface takes its own from "conf.default" when it is made.
  if (auto done = stage->apply(sysctls); !done) return std::unexpected(done.error());
  if (auto done = stage->open_link(options); !done) return std::unexpected(done.error());
  if (auto done = stage->configure_link(); !done) return std::unexpected(done.error());
  stage->empty_at = monotonic_now();
  return stage;
}

std::expected<void, EnvironmentError> Stage::apply(const Sysctls& sysctls) {
  const auto in_force = apply_sysctls(sysctls);
  if (!in_force) return std::unexpected(in_force.error());
  for (const auto& [name, value] : *in_force) provenance_["sysctl." + name] = value;

  const auto requested = sysctls.find(congestion_control_sysctl);
  const auto name = requested != sysctls.end() ? requested->second : pinned_sysctls().at(congestion_control_sysctl);
  auto per_socket = choose_congestion_control(name);
  if (!per_socket && requested != sysctls.end()) return std::unexpected(per_socket.error());
  auto& entry = provenance_[std::string("sysctl.") + congestion_control_sysctl];
  if (!per_socket) {
    entry = fmt::format("not pinned ({})", per_socket.error().what);
    return {};
  }
  entry = per_socket->empty() ? name : fmt::format("{} (set on each socket)", name);
  congestion_control_ = std::move(*per_socket);
  return {};
}

std::expected<void, EnvironmentError> Stage::open_link(const LinuxOptions& options) {
  std::expected<std::unique_ptr<Link>, EnvironmentError> tun{nullptr};
  if (options.link != LinuxOptions::Link::veth) {
    tun = open_tun(options.tun_device);
    provenance_["link"] = "tun";
    if (tun) {
      link_ = std::move(*tun);
      return {};
    }
    if (options.link == LinuxOptions::Link::tun) return std::unexpected(tun.error());
  }
  auto veth = open_veth(space_);
  if (!veth && !tun)
    return std::unexpected(EnvironmentError{.what = fmt::format("{}; and {}", tun.error().what, veth.error().what),
                                            .hint = fmt::format("{}; or: {}", tun.error().hint, veth.error().hint)});
  if (!veth) return std::unexpected(veth.error());
  link_ = std::move(*veth);
  provenance_["link"] = "veth";
  if (!tun) provenance_["link.why"] = tun.error().what;
  return {};
}

std::expected<void, EnvironmentError> Stage::configure_link() {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const auto interface = link_->interface();
  if (auto done = netlink->bring_up("lo", 0, 0); !done) return done;
  if (auto done = netlink->bring_up(interface, link_mtu, transmit_queue); !done) return done;
  for (const auto family : {packet::Family::ipv4, packet::Family::ipv6}) {
    if (family == packet::Family::ipv6 && !has_ipv6_) continue;
    const auto gateway = gateway_address(family);
    if (auto done = netlink->add_address(interface, target_address(family)); !done) return done;
    if (const auto mac = link_->gateway()) {
      if (auto done = netlink->add_neighbour(interface, gateway, *mac); !done) return done;
    }
    if (auto done = netlink->add_default_route(interface, gateway); !done) return done;
  }
  return {};
}

std::vector<Descriptor> Stage::dismantle() {
  std::vector<Descriptor> slow;
  slow.push_back(link_->release());
  slow.push_back(space_.release());
  return slow;
}

}  // namespace tcpspec::target
