#pragma once
// The wire between tester and kernel: raw IP datagrams in and out of the namespace
// that the calling thread is in when the link is opened.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "packet/address.hh"
#include "target/linux/descriptor.hh"
#include "target/linux/namespace.hh"
#include "target/linux/netlink.hh"
#include "target/target.hh"

namespace tcpspec::target {

class Link {
 public:
  virtual ~Link() = default;
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  // The name of the target's interface.
  [[nodiscard]] virtual std::string interface() const = 0;
  // The Ethernet address that the gateway must have; nullopt: the link has none.
  [[nodiscard]] virtual std::optional<MacAddress> gateway() const = 0;
  // What the target sent next; empty when there is nothing now.
  [[nodiscard]] virtual std::span<const std::byte> read(std::span<std::byte> buffer) = 0;
  // When this returns, the kernel has processed the datagram and queued its direct
  // answer. What the kernel's driver refuses (no IP version, larger than the link's MTU on
  // veth) is lost, as on a wire.
  virtual void write(packet::Family family, BytesView datagram) = 0;
  // The descriptor, to be closed elsewhere: closing a TUN device waits for about 27 ms.
  [[nodiscard]] Descriptor release() { return std::move(descriptor_); }

 protected:
  Descriptor descriptor_;
};

inline constexpr std::uint16_t link_mtu = 1500;

[[nodiscard]] std::expected<std::unique_ptr<Link>, EnvironmentError> open_tun(const std::string& device,
                                                                              const std::string& interface = "tun0");
// A veth pair; its far end, with a packet socket on it, lies in a second namespace.
// On success and on failure the thread is in `inside` again.
[[nodiscard]] std::expected<std::unique_ptr<Link>, EnvironmentError> open_veth(const Namespace& inside);

}  // namespace tcpspec::target
