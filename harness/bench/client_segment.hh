#pragma once
// A segment of the client that needs no stack: written once, sent many times, with
// other numbers each time.

#include <cstdint>
#include <vector>

#include "packet/segment.hh"

namespace tcpspec::bench {

class ClientSegment {
 public:
  ClientSegment(const packet::Endpoint& server, packet::Flags flags, std::vector<packet::Option> options);

  // The datagram, with these numbers and the right checksum; until the next call.
  [[nodiscard]] packet::BytesView with(std::uint16_t port, packet::Seq32 seq, packet::Seq32 ack);

 private:
  packet::Bytes datagram_;
};

}  // namespace tcpspec::bench
