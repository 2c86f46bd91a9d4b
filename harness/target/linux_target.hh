#pragma once
// Target `linux`: the running kernel, in real time, through sockets and a TUN device
// (or a veth pair with a packet socket) in network namespaces of our own.
//
// One thread: whoever opens the target makes every call on it, and lives in the
// target's namespaces until the target is gone. Without CAP_SYS_ADMIN the process moves
// into a user namespace for good, which the kernel allows only while it has a single
// thread: open the target before you start any. The process's soft limit of open files is
// raised to the hard one.

#include <expected>
#include <memory>
#include <string>

#include "target/target.hh"

namespace tcpspec::target {

struct LinuxOptions {
  enum class Link : std::uint8_t { automatic, tun, veth };  // automatic: TUN, and veth where TUN is not to be had
  Link link = Link::automatic;
  std::string tun_device = "/dev/net/tun";
};

// description().provenance of the result: "kernel", "privilege", "link" ("tun" or "veth"),
// "link.why" where veth stands in for TUN, "clock", "sysctl.<name>" for each pinned setting,
// and "datagrams.unclaimed", the count of those to no attachment's address.
[[nodiscard]] std::expected<std::unique_ptr<Target>, EnvironmentError> open_linux_target(
    const LinuxOptions& options = {});

}  // namespace tcpspec::target
