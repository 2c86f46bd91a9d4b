#include "engine/pattern.hh"

#include <algorithm>
#include <array>
#include <cstring>

namespace tcpspec::engine {
namespace {

// The beginning of a stream, where nearly all of a fuzzer's octets lie.
constexpr std::size_t kept = std::size_t{1} << 17U;
using Beginning = std::array<std::byte, kept>;

const Beginning& beginning_of(Stream stream) {
  static const auto beginnings = [] {
    std::array<Beginning, 2> made;
    for (const auto which : {Stream::from_tester, Stream::from_target})
      for (std::size_t i = 0; i < kept; ++i) made[static_cast<std::size_t>(which)][i] = pattern_octet(which, i);
    return made;
  }();
  return beginnings[static_cast<std::size_t>(stream)];
}

// As far as they are kept.
std::span<const std::byte> kept_octets(Stream stream, std::uint64_t offset, std::size_t count) {
  if (offset >= kept) return {};
  return std::span(beginning_of(stream)).subspan(offset, std::min<std::size_t>(count, kept - offset));
}

}  // namespace

void write_pattern(Stream stream, std::uint64_t offset, std::span<std::byte> octets) {
  const auto known = kept_octets(stream, offset, octets.size());
  if (!known.empty()) std::memcpy(octets.data(), known.data(), known.size());
  for (std::size_t i = known.size(); i < octets.size(); ++i) octets[i] = pattern_octet(stream, offset + i);
}

std::size_t matching_pattern(Stream stream, std::uint64_t offset, std::span<const std::byte> octets) {
  const auto known = kept_octets(stream, offset, octets.size());
  auto matching = known.size();
  if (!known.empty() && std::memcmp(known.data(), octets.data(), known.size()) != 0)
    return static_cast<std::size_t>(std::ranges::mismatch(known, octets).in1 - known.begin());
  while (matching < octets.size() && octets[matching] == pattern_octet(stream, offset + matching)) ++matching;
  return matching;
}

}  // namespace tcpspec::engine
