#include "target/linux/link.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "target/linux/failure.hh"
#include "target/linux/netlink.hh"
#include "target/linux/packet_socket.hh"

namespace tcpspec::target {
namespace {

using Outcome = std::expected<void, EnvironmentError>;

constexpr MacAddress target_mac{0x02, 0, 0, 0, 0, 1};
constexpr MacAddress far_mac{0x02, 0, 0, 0, 0, 2};

void name_interface(ifreq& request, const std::string& name) {
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
}

class TunLink final : public Link {
 public:
  TunLink(Descriptor descriptor, std::string name) : name_(std::move(name)) { descriptor_ = std::move(descriptor); }

  [[nodiscard]] std::string interface() const override { return name_; }
  [[nodiscard]] std::optional<MacAddress> gateway() const override { return std::nullopt; }

  [[nodiscard]] std::span<const std::byte> read(std::span<std::byte> buffer) override {
    const auto got = ::read(descriptor_.get(), buffer.data(), buffer.size());
    return buffer.first(got > 0 ? static_cast<std::size_t>(got) : 0);
  }

  void write(packet::Family /*family*/, BytesView datagram) override {
    [[maybe_unused]] const auto taken = ::write(descriptor_.get(), datagram.data(), datagram.size());
  }

 private:
  std::string name_;
};

class VethLink final : public Link {
 public:
  VethLink(Descriptor descriptor, int far_index) {
    descriptor_ = std::move(descriptor);
    to_target_.sll_family = AF_PACKET;
    to_target_.sll_ifindex = far_index;
    to_target_.sll_halen = target_mac.size();
    std::ranges::copy(target_mac, to_target_.sll_addr);
  }

  [[nodiscard]] std::string interface() const override { return "veth0"; }
  // Not the far end's own address: frames to it are "for another host" there, so that
  // the far end's kernel drops them unseen, after the packet socket got its copy.
  [[nodiscard]] std::optional<MacAddress> gateway() const override { return MacAddress{0x02, 0, 0, 0, 0, 3}; }

  [[nodiscard]] std::span<const std::byte> read(std::span<std::byte> buffer) override {
    const auto got = recv(descriptor_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return buffer.first(got > 0 ? static_cast<std::size_t>(got) : 0);
  }

  void write(packet::Family family, BytesView datagram) override {
    to_target_.sll_protocol = htons(family == packet::Family::ipv4 ? ETH_P_IP : ETH_P_IPV6);
    sendto(descriptor_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&to_target_), sizeof to_target_);
  }

 private:
  sockaddr_ll to_target_{};
};

std::expected<Descriptor, EnvironmentError> open_tun_descriptor(const std::string& device) {
  Descriptor descriptor{open(device.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (descriptor) return descriptor;
  return std::unexpected(
      failure(fmt::format("open {}", device), errno,
              errno == EACCES || errno == EPERM
                  ? "run as root, or give the user access to the device (chmod 0666), or use the veth link"
                  : "load the module (modprobe tun), or in a container pass the device in "
                    "(--device /dev/net/tun), or use the veth link"));
}

std::expected<Descriptor, EnvironmentError> open_far_end() {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (auto done = netlink->bring_up("veth1", link_mtu, 0); !done) return std::unexpected(done.error());
  return open_packet_socket("veth1", PacketFrames::datagrams);
}

Outcome prepare_near_end(int far_namespace) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  auto done = netlink->create_veth({.name = "veth0", .address = target_mac}, {.name = "veth1", .address = far_mac},
                                   far_namespace);
  if (!done) return done;
  // The target's segments must come out finished: whole checksums, no super-segments.
  // And what we inject must be checked, because tests send wrong checksums.
  return turn_offloads_off("veth0", {Offload::transmit_checksum, Offload::receive_checksum, Offload::tcp_segmentation,
                                     Offload::generic_segmentation, Offload::generic_receive});
}

}  // namespace

std::expected<std::unique_ptr<Link>, EnvironmentError> open_tun(const std::string& device,
                                                                const std::string& interface) {
  auto descriptor = open_tun_descriptor(device);
  if (!descriptor) return std::unexpected(descriptor.error());
  ifreq request{};
  name_interface(request, interface);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(descriptor->get(), TUNSETIFF, &request) != 0)
    return std::unexpected(failure(fmt::format("ioctl(TUNSETIFF) on {}", device), errno,
                                   errno == EPERM   ? "run as root, or in a namespace of our own"
                                   : errno == EBUSY ? "another program has this interface: choose another name"
                                                    : "this is not a usable TUN device here; use the veth link"));
  return std::make_unique<TunLink>(std::move(*descriptor), request.ifr_name);
}

std::expected<std::unique_ptr<Link>, EnvironmentError> open_veth(const Namespace& inside) {
  const auto far = Namespace::create();
  inside.enter();
  if (!far) return std::unexpected(far.error());
  if (auto done = prepare_near_end(far->descriptor()); !done) return std::unexpected(done.error());
  far->enter();
  auto socket = open_far_end();
  const auto index = static_cast<int>(if_nametoindex("veth1"));
  inside.enter();
  if (!socket) return std::unexpected(socket.error());
  return std::make_unique<VethLink>(std::move(*socket), index);
}

}  // namespace tcpspec::target
