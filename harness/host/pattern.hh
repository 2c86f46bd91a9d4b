#pragma once
// Octets that tell their own position in a stream, so that whatever is lost, repeated,
// moved or altered on the way shows.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "packet/segment.hh"

namespace tcpspec::host {

// The octets that belong at `position` and behind it.
void fill_pattern(std::uint64_t position, std::span<std::byte> octets);
// Where the octets differ first from those that belong there.
[[nodiscard]] std::optional<std::uint64_t> find_difference(std::uint64_t position, packet::BytesView octets);

// The pattern in pieces, for a sender of whose pieces a part is taken at a time.
class PatternSource {
 public:
  // Some of the octets at `position`, at most `most`; none where that is 0. Until the next call.
  [[nodiscard]] packet::BytesView at(std::uint64_t position, std::uint64_t most = UINT64_MAX);

 private:
  packet::Bytes piece_;
  std::uint64_t begin_ = 0;
};

}  // namespace tcpspec::host
