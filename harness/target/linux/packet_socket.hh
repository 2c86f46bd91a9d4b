#pragma once
// Packet sockets (packet(7)), and what an interface does to segments on their way to them.

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <string>

#include "target/linux/descriptor.hh"
#include "target/target.hh"

namespace tcpspec::target {

enum class PacketFrames : std::uint8_t {
  datagrams,  // the kernel adds and takes the link layer's header
  whole       // with the link layer's header
};

// On one interface, non-blocking, deaf to what we send ourselves, with room for bursts.
[[nodiscard]] std::expected<Descriptor, EnvironmentError> open_packet_socket(const std::string& interface,
                                                                             PacketFrames frames);

enum class Offload : std::uint8_t {
  transmit_checksum,
  receive_checksum,
  tcp_segmentation,
  generic_segmentation,
  generic_receive,
  large_receive
};
// What an interface cannot do is off already.
[[nodiscard]] std::expected<void, EnvironmentError> turn_offloads_off(const std::string& interface,
                                                                      std::initializer_list<Offload> offloads);

}  // namespace tcpspec::target
