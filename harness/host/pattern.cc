#include "host/pattern.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tcpspec::host {
namespace {

constexpr std::size_t word_octets = sizeof(std::uint64_t);
using Word = std::array<std::byte, word_octets>;

// The finalizer of SplitMix64: eight octets for each number, without a period that a shift
// by any multiple of something could hide in.
Word word_at(std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return std::bit_cast<Word>(z ^ (z >> 31));
}

// Calls `with` for each run of octets that lie in one word: how far into the octets they
// begin, and what belongs there.
template <class With>
void for_each_word(std::uint64_t position, std::size_t count, With with) {
  for (std::size_t at = 0; at < count;) {
    const Word word = word_at((position + at) / word_octets);
    const std::size_t skipped = (position + at) % word_octets;
    const auto run = std::span(word).subspan(skipped, std::min(word_octets - skipped, count - at));
    if (!with(at, run)) return;
    at += run.size();
  }
}

}  // namespace

void fill_pattern(std::uint64_t position, std::span<std::byte> octets) {
  for_each_word(position, octets.size(), [&](std::size_t at, std::span<const std::byte> run) {
    std::memcpy(octets.data() + at, run.data(), run.size());
    return true;
  });
}

std::optional<std::uint64_t> find_difference(std::uint64_t position, packet::BytesView octets) {
  std::optional<std::uint64_t> found;
  for_each_word(position, octets.size(), [&](std::size_t at, std::span<const std::byte> run) {
    if (std::memcmp(octets.data() + at, run.data(), run.size()) == 0) return true;
    const auto first = std::ranges::mismatch(run, octets.subspan(at, run.size())).in1 - run.begin();
    found = position + at + static_cast<std::uint64_t>(first);
    return false;
  });
  return found;
}

packet::BytesView PatternSource::at(std::uint64_t position, std::uint64_t most) {
  constexpr std::size_t piece_octets = 64 * 1024;
  if (position < begin_ || position >= begin_ + piece_.size()) {
    piece_.resize(piece_octets);
    begin_ = position;
    fill_pattern(position, piece_);
  }
  const auto rest = packet::BytesView(piece_).subspan(position - begin_);
  return rest.first(std::min<std::uint64_t>(rest.size(), most));
}

}  // namespace tcpspec::host
