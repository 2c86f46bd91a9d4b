#pragma once
// A view of any bytes as an IP datagram with a TCP segment in it. It never judges
// and no accessor fails: where the bytes do not reach, an accessor says so with
// nullopt, an empty span or zero. Check has_tcp_header() before believing the
// fixed-field accessors.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "packet/segment.hh"

namespace tcpspec::packet {

struct ParsedOption {
  Option option;
  std::size_t offset = 0;  // in octets from the start of the option area
};

struct ParsedOptions {
  std::vector<ParsedOption> options;  // up to end of list or the first defect; EOL included, padding after it not
  BytesView after_end_of_list;        // octets behind EOL (RFC 9293 section 3.1: must be zero)
  std::optional<std::string> defect;  // "kind 2 at octet 0 says length 0", ...; what follows it is not parsed
};

// One option after the other, and no room for more than one: for who reads the options of every segment.
class OptionCursor {
 public:
  explicit OptionCursor(BytesView area) : area_(area) {}
  // nullopt behind the end of list, at the first defect and at the end of the area.
  [[nodiscard]] std::optional<ParsedOption> next();
  // Behind what next() gave.
  [[nodiscard]] BytesView rest() const { return area_.subspan(at_); }
  // Of what stands there, once next() gave nullopt.
  [[nodiscard]] std::optional<std::string> defect() const;

 private:
  BytesView area_;
  std::size_t at_ = 0;
  bool ended_ = false;  // by an end of list
};

class SegmentView {
 public:
  SegmentView() = default;
  // Views, does not own: `datagram` must outlive the view. Starts at the IP header.
  explicit SegmentView(BytesView datagram);

  [[nodiscard]] BytesView bytes() const { return datagram_; }
  [[nodiscard]] std::optional<Family> family() const;  // from the version nibble; nullopt: neither
  [[nodiscard]] bool is_tcp() const;                   // a whole IP header whose (last) protocol is TCP, first fragment
  [[nodiscard]] bool has_tcp_header() const;           // is_tcp() and at least 20 octets of it
  [[nodiscard]] bool is_icmp() const;                  // ICMP or ICMPv6

  [[nodiscard]] Address source_address() const;
  [[nodiscard]] Address destination_address() const;
  [[nodiscard]] std::uint8_t ttl() const;
  [[nodiscard]] std::uint8_t traffic_class() const;
  [[nodiscard]] std::uint16_t identification() const;  // IPv4
  [[nodiscard]] bool dont_fragment() const;            // IPv4
  [[nodiscard]] BytesView ip_payload() const;          // bounded by the length field and by the bytes
  [[nodiscard]] bool ip_checksum_ok() const;           // IPv6: true

  [[nodiscard]] std::uint16_t source_port() const;
  [[nodiscard]] std::uint16_t destination_port() const;
  [[nodiscard]] Endpoint source() const { return {source_address(), source_port()}; }
  [[nodiscard]] Endpoint destination() const { return {destination_address(), destination_port()}; }
  [[nodiscard]] Seq32 seq() const;
  [[nodiscard]] Seq32 ack() const;
  [[nodiscard]] std::uint8_t data_offset() const;  // in 32-bit words, as on the wire
  [[nodiscard]] std::uint8_t reserved() const;     // three bits
  [[nodiscard]] Flags flags() const;
  [[nodiscard]] std::uint16_t window() const;  // unscaled
  [[nodiscard]] std::uint16_t checksum() const;
  [[nodiscard]] bool checksum_ok() const;
  [[nodiscard]] std::uint16_t urgent() const;
  [[nodiscard]] BytesView option_bytes() const;  // what the data offset spans, as far as there are bytes
  [[nodiscard]] ParsedOptions options() const;
  [[nodiscard]] BytesView payload() const;     // empty when the data offset lies
  [[nodiscard]] std::uint32_t length() const;  // SEG.LEN (RFC 9293 section 3.3.1)

  // First option of a type, e.g. find<Mss>().
  template <class T>
  [[nodiscard]] std::optional<T> find() const {
    OptionCursor cursor(option_bytes());
    while (const auto parsed = cursor.next())
      if (const auto* value = std::get_if<T>(&parsed->option)) return *value;
    return std::nullopt;
  }

 private:
  void locate_in_ipv4();
  void locate_in_ipv6();
  [[nodiscard]] BytesView tcp() const;

  BytesView datagram_;
  std::size_t ip_payload_offset_ = 0;  // 0: no whole IP header
  std::size_t transport_offset_ = 0;   // 0: no transport header found (a later fragment, a broken header chain)
  std::size_t ip_end_ = 0;
  std::uint8_t protocol_ = 0;  // the last next header read
};

// The valid segment that serialises to exactly these bytes; nullopt when only a
// Malformation could (wrong checksum, lying lengths, IP options, ...).
// serialize(*parse(b)) == b for every b for which it is not nullopt.
[[nodiscard]] std::optional<Segment> parse(BytesView datagram);

}  // namespace tcpspec::packet
