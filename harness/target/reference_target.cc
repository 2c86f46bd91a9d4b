#include "target/reference_target.hh"

#include "target/packet_target.hh"
#include "target/reference_stack/packet_stack.hh"

namespace tcpspec::target {

std::unique_ptr<Target> open_reference_target(const reference::Settings& settings) {
  Description description;
  description.name = "reference";
  description.version = TCPSPEC_VERSION;
  description.capabilities = {"listen",   "accept",      "connect", "local-port", "half-close",   "simultaneous-open",
                              "urgent",   "keep-alive",  "sack",    "timestamps", "window-scale", "ipv4",
                              "ipv6",     "linger",      "icmp",    "backlog",    "user-timeout", "socket-options",
                              "tcp-info", "virtual-time"};
  description.provenance["link"] = "none: in this process";
  return make_packet_target(
      std::move(description),
      [settings](const Seating& seating) -> std::expected<std::unique_ptr<PacketStack>, EnvironmentError> {
        auto own = settings;
        (seating.local.family == packet::Family::ipv4 ? own.ipv4 : own.ipv6) = seating.local;
        own.mtu = seating.mtu;
        own.seed = seating.seed;
        return make_reference_packet_stack(own, seating.local.family, seating.now);
      });
}

}  // namespace tcpspec::target
