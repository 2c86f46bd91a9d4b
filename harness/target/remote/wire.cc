#include "target/remote/wire.hh"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "target/linux/failure.hh"
#include "target/linux/packet_socket.hh"

namespace tcpspec::target {
namespace {

using Outcome = std::expected<void, EnvironmentError>;

struct InterfaceFacts {
  std::uint16_t mtu = 0;
  MacAddress mac{};
};

std::expected<InterfaceFacts, EnvironmentError> examine(const std::string& interface) {
  const Descriptor control{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name)
    return std::unexpected(EnvironmentError{.what = fmt::format("`{}` cannot be an interface's name", interface),
                                            .hint = "`ip link` lists the interfaces"});
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (ioctl(control.get(), SIOCGIFFLAGS, &request) != 0)
    return std::unexpected(failure(fmt::format("interface {}", interface), errno, "`ip link` lists the interfaces"));
  if ((request.ifr_flags & IFF_UP) == 0)
    return std::unexpected(EnvironmentError{.what = fmt::format("the interface {} is down", interface),
                                            .hint = fmt::format("ip link set {} up", interface)});
  InterfaceFacts facts;
  if (ioctl(control.get(), SIOCGIFMTU, &request) == 0)
    facts.mtu = static_cast<std::uint16_t>(std::clamp(request.ifr_mtu, 0, 0xffff));
  if (ioctl(control.get(), SIOCGIFHWADDR, &request) != 0 || request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
    return std::unexpected(EnvironmentError{.what = fmt::format("{} is no Ethernet interface", interface),
                                            .hint = "the target must be reached over Ethernet (also veth, or a tap)"});
  std::memcpy(facts.mac.data(), request.ifr_hwaddr.sa_data, facts.mac.size());
  return facts;
}

std::optional<packet::Address> address_of(const sockaddr* name) {
  if (name == nullptr || (name->sa_family != AF_INET && name->sa_family != AF_INET6)) return std::nullopt;
  packet::Address address;
  if (name->sa_family == AF_INET) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(name)->sin_addr, sizeof(in_addr));
  } else {
    address.family = packet::Family::ipv6;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(name)->sin6_addr, sizeof(in6_addr));
  }
  return address;
}

// On whatever interface: a kernel answers ARP for all of its addresses on each of them.
Outcome refuse_own_addresses(const std::vector<Network>& ours) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::unexpected(failure("getifaddrs", errno, "is /proc mounted?"));
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, &freeifaddrs);
  for (const auto* each = list; each != nullptr; each = each->ifa_next) {
    const auto address = address_of(each->ifa_addr);
    for (const auto& network : ours) {
      if (!address || !network.contains(*address)) continue;
      return std::unexpected(EnvironmentError{
          .what = fmt::format("{} is an address of this machine ({}), and a tester's: its kernel would answer the "
                              "target in the tester's place",
                              to_string(*address), each->ifa_name),
          .hint = fmt::format("ip address del {} dev {}, or leave {} to it and choose others", to_string(*address),
                              each->ifa_name, to_string(network))});
    }
  }
  return {};
}

// Frames to an address that is not the interface's are seen in promiscuous mode only; it ends
// with the socket.
Outcome listen_to_all(const Descriptor& socket, const std::string& interface) {
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  membership.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0)
    return std::unexpected(
        failure("setsockopt(PACKET_ADD_MEMBERSHIP)", errno, "the interface must allow promiscuous mode"));
  constexpr int on = 1;
  if (setsockopt(socket.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0)
    return std::unexpected(failure("setsockopt(PACKET_AUXDATA)", errno, "needs Linux 2.6.21 or newer"));
  return {};
}

// A unicast address of local use that differs from the interface's own.
MacAddress testers_mac(const MacAddress& own) {
  constexpr std::uint8_t local_use = 0x02;
  auto mac = own;
  if ((mac[0] & local_use) == 0)
    mac[0] = static_cast<std::uint8_t>(mac[0] | local_use);
  else
    mac[5] = static_cast<std::uint8_t>(mac[5] ^ 0x80);
  return mac;
}

bool is_unfinished(msghdr& message) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata data{};
    std::memcpy(&data, CMSG_DATA(part), sizeof data);
    return (data.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
  }
  return false;
}

}  // namespace

std::expected<Wire, EnvironmentError> Wire::open(const std::string& interface, const std::vector<Network>& ours) {
  const auto facts = examine(interface);
  if (!facts) return std::unexpected(facts.error());
  if (auto done = refuse_own_addresses(ours); !done) return std::unexpected(done.error());
  if (auto done = turn_offloads_off(interface, {Offload::generic_receive, Offload::large_receive}); !done)
    return std::unexpected(done.error());
  auto socket = open_packet_socket(interface, PacketFrames::whole);
  if (!socket) return std::unexpected(socket.error());
  if (auto done = listen_to_all(*socket, interface); !done) return std::unexpected(done.error());
  Wire wire;
  wire.socket_ = std::move(*socket);
  wire.interface_ = interface;
  wire.mtu_ = facts->mtu;
  wire.mac_ = testers_mac(facts->mac);
  return wire;
}

Wire::Arrival Wire::read(std::span<std::byte> buffer) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto got = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
  if (got <= 0) return {};
  return {.frame = buffer.first(static_cast<std::size_t>(got)), .unfinished = is_unfinished(message)};
}

void Wire::write(BytesView frame) {
  [[maybe_unused]] const auto sent = send(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT);
}

}  // namespace tcpspec::target
