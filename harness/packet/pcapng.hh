#pragma once
// Writes pcapng (draft-ietf-opsawg-pcapng): raw IP packets (LINKTYPE_RAW), nanosecond
// timestamps, direction flags and a comment per packet.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packet/segment.hh"
#include "packet/time.hh"

namespace tcpspec::packet {

enum class Direction : std::uint8_t { to_target, from_target };

// Accumulates a whole capture in memory; the caller writes it where it likes.
class PcapngWriter {
 public:
  // `application` and `comment` go to the section header (shb_userappl, opt_comment).
  PcapngWriter(std::string_view application, std::string_view comment);
  // `at` is nanoseconds since the origin of the capture. An empty comment is left out.
  void add(Duration at, Direction direction, BytesView datagram, std::string_view comment = {});
  [[nodiscard]] const Bytes& bytes() const { return out_; }

 private:
  Bytes out_;
};

}  // namespace tcpspec::packet
