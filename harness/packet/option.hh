#pragma once
// TCP options as values. A segment's options are a list: order, repetition and
// padding are the sender's choice and are kept.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tcpspec::packet {

enum class OptionKind : std::uint8_t {
  end_of_list = 0,
  nop = 1,
  mss = 2,
  window_scale = 3,
  sack_permitted = 4,
  sack = 5,
  timestamps = 8,
  user_timeout = 28,
  authentication = 29,
  multipath = 30,
  fast_open = 34
};

struct EndOfList {
  friend bool operator==(const EndOfList&, const EndOfList&) = default;
};
struct Nop {
  friend bool operator==(const Nop&, const Nop&) = default;
};
struct Mss {  // RFC 9293 section 3.7.1; octets
  std::uint16_t value = 0;
  friend bool operator==(const Mss&, const Mss&) = default;
};
struct WindowScale {  // RFC 7323 section 2.2; shift.cnt, legal 0 to 14, 255 can be said
  std::uint8_t shift = 0;
  friend bool operator==(const WindowScale&, const WindowScale&) = default;
};
struct SackPermitted {
  friend bool operator==(const SackPermitted&, const SackPermitted&) = default;
};             // RFC 2018 section 2
struct Sack {  // RFC 2018 section 3; absolute sequence numbers, [left, right)
  std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks;
  friend bool operator==(const Sack&, const Sack&) = default;
};
struct Timestamps {  // RFC 7323 section 3.2
  std::uint32_t value = 0;
  std::uint32_t echo_reply = 0;
  friend bool operator==(const Timestamps&, const Timestamps&) = default;
};
struct UnknownOption {  // any other kind with a length octet; data excludes kind and length
  std::uint8_t kind = 0;
  std::vector<std::byte> data;
  friend bool operator==(const UnknownOption&, const UnknownOption&) = default;
};
// Bytes written where they stand, with no claim that they are an option: a lying
// length octet, half an option. SegmentView::options() never yields one.
struct RawBytes {
  std::vector<std::byte> bytes;
  friend bool operator==(const RawBytes&, const RawBytes&) = default;
};

using Option = std::variant<EndOfList, Nop, Mss, WindowScale, SackPermitted, Sack, Timestamps, UnknownOption, RawBytes>;

// "mss 1460", "wscale 7", "sack_permitted", "ts 100 7", "sack 1001-2001", "kind-254 0102", "raw 0200"
[[nodiscard]] std::string to_string(const Option& option);

}  // namespace tcpspec::packet
