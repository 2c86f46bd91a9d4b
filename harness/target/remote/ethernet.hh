#pragma once
// Ethernet frames, as far as a tester on the wire needs them: IP in them, and what ARP (RFC 826) and
// neighbour discovery (RFC 4861) say. Frames of others may hold anything.

#include <cstdint>
#include <optional>
#include <string>

#include "packet/address.hh"
#include "target/linux/netlink.hh"
#include "target/target.hh"

namespace tcpspec::target {

[[nodiscard]] std::string to_string(const MacAddress& mac);

struct Frame {
  MacAddress destination{};
  MacAddress source{};
  std::uint16_t type = 0;
  BytesView payload = {};
};
inline constexpr std::size_t ethernet_header = 14;

// nullopt for what is too short.
[[nodiscard]] std::optional<Frame> view_frame(BytesView octets);
// Without padding; the driver adds it.
[[nodiscard]] Bytes frame_of(const MacAddress& destination, const MacAddress& source, packet::Family family,
                             BytesView datagram);
// The IP datagram in the frame, without what pads a short one; empty when there is none.
[[nodiscard]] BytesView datagram_in(const Frame& frame);

struct Neighbour {
  packet::Address address;
  MacAddress mac{};
};

// Somebody asks who has `wanted`: an ARP request, or a neighbour solicitation.
struct NeighbourQuestion {
  packet::Address wanted;
  std::optional<Neighbour> asker;  // nullopt: it looks whether the address is free
  MacAddress from{};               // the frame's source
};
[[nodiscard]] std::optional<NeighbourQuestion> read_question(const Frame& frame);
// Somebody says of itself where it is: an ARP reply, a neighbour advertisement, or a question.
[[nodiscard]] std::optional<Neighbour> read_announcement(const Frame& frame);
// ARP, neighbour discovery and other talk of the link, which is no test's business.
[[nodiscard]] bool is_neighbour_talk(const Frame& frame);

[[nodiscard]] Bytes question_frame(const packet::Address& wanted, const Neighbour& asker,
                                   const std::optional<MacAddress>& to);  // nullopt: to all
[[nodiscard]] Bytes answer_frame(const NeighbourQuestion& question, const MacAddress& mac);

}  // namespace tcpspec::target
