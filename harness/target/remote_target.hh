#pragma once
// Target `remote`: a TCP on the wire, in real time. We own an Ethernet interface of this machine and
// are, to the target, as many hosts as there are tester addresses; an agent beside the target
// (harness/agent) makes its application's calls. Without one, what needs no call can be tested.
//
// Nobody but us answers in the testers' name: their addresses are on no interface, and their
// Ethernet address is not the interface's, so that this machine's kernel takes no frame for its own.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "target/remote/network.hh"
#include "target/target.hh"

namespace tcpspec::target {

struct RemoteOptions {
  // The target in one family, and those who talk to it.
  struct Side {
    packet::Address address;
    Network testers;
    // The router by which the target reaches the testers, which is us too; nullopt: they are on its
    // link, and it needs an entry among its neighbours for each, so that no more than 500 are used.
    std::optional<packet::Address> gateway;
  };
  std::string interface;
  std::optional<Side> ipv4;
  std::optional<Side> ipv6;
  // Ports that nobody uses at the target, for tests to listen on (or to find closed).
  std::uint16_t first_port = 5000;
  std::uint16_t last_port = 5999;
  std::optional<packet::Endpoint> agent;  // its control connection
  std::set<std::string> without;          // capabilities that the agent declares, and that are not to be asked for
};

// Asks for the target's Ethernet address, and greets the agent. description().provenance:
// "link", "target.mac", "agent", "agent.system", "clock"; "datagrams.unclaimed", the count of those
// to testers that no test in flight is.
[[nodiscard]] std::expected<std::unique_ptr<Target>, EnvironmentError> open_remote_target(const RemoteOptions& options);

}  // namespace tcpspec::target
