#pragma once
// Our end of the wire: an Ethernet interface of this machine, through a packet socket.

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "target/linux/descriptor.hh"
#include "target/linux/netlink.hh"
#include "target/remote/ethernet.hh"
#include "target/remote/network.hh"
#include "target/target.hh"

namespace tcpspec::target {

class Wire {
 public:
  // Refuses where an address of `ours` is this machine's own, because then its kernel answers
  // in our place. Turns off the receive offloads that merge segments, and leaves them so.
  [[nodiscard]] static std::expected<Wire, EnvironmentError> open(const std::string& interface,
                                                                  const std::vector<Network>& ours);

  struct Arrival {
    std::span<const std::byte> frame;  // empty: nothing there now
    // The sender left the checksum to a network card that there is not: a virtual wire, with
    // offloads on at its other end.
    bool unfinished = false;
  };
  [[nodiscard]] int descriptor() const { return socket_.get(); }
  [[nodiscard]] Arrival read(std::span<std::byte> buffer);
  // What does not fit on the wire is lost.
  void write(BytesView frame);

  [[nodiscard]] const std::string& interface() const { return interface_; }
  [[nodiscard]] std::uint16_t mtu() const { return mtu_; }
  // The testers'. Not the interface's: frames to it are "for another host", so that this machine's
  // kernel neither answers nor forwards what they hold.
  [[nodiscard]] const MacAddress& mac() const { return mac_; }

 private:
  Wire() = default;
  Descriptor socket_;
  std::string interface_;
  std::uint16_t mtu_ = 0;
  MacAddress mac_{};
};

}  // namespace tcpspec::target
