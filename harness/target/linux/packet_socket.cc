#include "target/linux/packet_socket.hh"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "target/linux/failure.hh"

namespace tcpspec::target {
namespace {

using Outcome = std::expected<void, EnvironmentError>;

Outcome bind_to_interface(const Descriptor& socket, const std::string& interface) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0)
    return std::unexpected(failure(fmt::format("interface {}", interface), errno, "`ip link` lists the interfaces"));
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(failure(fmt::format("bind(AF_PACKET) to {}", interface), errno,
                                   "the interface must be up: `ip link` shows it"));
  return {};
}

Outcome set_packet_options(const Descriptor& socket) {
  constexpr int on = 1;
  if (setsockopt(socket.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0)
    return std::unexpected(failure("setsockopt(PACKET_IGNORE_OUTGOING)", errno, "needs Linux 4.20 or newer"));
  // Best effort: without it a frame passes a queue more, or a burst finds less room.
  setsockopt(socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  constexpr int room = 16 << 20;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  return {};
}

int ethtool(const Descriptor& control, const std::string& interface, void* command) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = static_cast<char*>(command);
  return ioctl(control.get(), SIOCETHTOOL, &request) == 0 ? 0 : errno;
}

// Large receive offload is a flag among others.
int turn_large_receive_off(const Descriptor& control, const std::string& interface) {
  ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
  if (const int error = ethtool(control, interface, &flags); error != 0) return error;
  if ((flags.data & ETH_FLAG_LRO) == 0) return 0;
  flags.cmd = ETHTOOL_SFLAGS;
  flags.data &= ~std::uint32_t{ETH_FLAG_LRO};
  return ethtool(control, interface, &flags);
}

struct EthtoolCommands {
  std::uint32_t get = 0;
  std::uint32_t set = 0;
  const char* name = "";  // as ethtool(8) says it
};

EthtoolCommands commands_of(Offload offload) {
  switch (offload) {
    case Offload::transmit_checksum:
      return {ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, "tx"};
    case Offload::receive_checksum:
      return {ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, "rx"};
    case Offload::tcp_segmentation:
      return {ETHTOOL_GTSO, ETHTOOL_STSO, "tso"};
    case Offload::generic_segmentation:
      return {ETHTOOL_GGSO, ETHTOOL_SGSO, "gso"};
    case Offload::generic_receive:
      return {ETHTOOL_GGRO, ETHTOOL_SGRO, "gro"};
    case Offload::large_receive:
      break;
  }
  return {0, 0, "lro"};
}

int turn_off(const Descriptor& control, const std::string& interface, Offload offload) {
  if (offload == Offload::large_receive) return turn_large_receive_off(control, interface);
  const auto commands = commands_of(offload);
  // Reading needs no privilege: what is off already is nobody's trouble.
  ethtool_value value{.cmd = commands.get, .data = 0};
  if (ethtool(control, interface, &value) == 0 && value.data == 0) return 0;
  value = {.cmd = commands.set, .data = 0};
  return ethtool(control, interface, &value);
}

}  // namespace

std::expected<void, EnvironmentError> turn_offloads_off(const std::string& interface,
                                                        std::initializer_list<Offload> offloads) {
  const Descriptor control{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  for (const auto offload : offloads) {
    const int error = turn_off(control, interface, offload);
    const auto* name = commands_of(offload).name;
    // EOPNOTSUPP: this driver cannot do it, so it is not on either.
    if (error != 0 && error != EOPNOTSUPP)
      return std::unexpected(failure(fmt::format("ioctl(SIOCETHTOOL) to turn {} off on {}", name, interface), error,
                                     fmt::format("ethtool -K {} {} off", interface, name)));
  }
  return {};
}

std::expected<Descriptor, EnvironmentError> open_packet_socket(const std::string& interface, PacketFrames frames) {
  const int type = frames == PacketFrames::whole ? SOCK_RAW : SOCK_DGRAM;
  // Protocol 0: nothing is heard before bind(), which says where.
  Descriptor descriptor{socket(AF_PACKET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!descriptor)
    return std::unexpected(failure("socket(AF_PACKET)", errno, "the kernel needs CONFIG_PACKET, and we CAP_NET_RAW"));
  if (auto done = set_packet_options(descriptor); !done) return std::unexpected(done.error());
  if (auto done = bind_to_interface(descriptor, interface); !done) return std::unexpected(done.error());
  return descriptor;
}

}  // namespace tcpspec::target
