#pragma once
// Room for one datagram at a time, used again and again, with poison around: who reads beyond the datagram, or
// keeps a pointer into it, is stopped by AddressSanitizer as beside an allocation of its own (which would cost
// as much as what a stack does with a bare ACK).

#include <cstddef>
#include <cstring>
#include <memory>

#include "packet/segment.hh"

// Where AddressSanitizer is linked.
// NOLINTBEGIN(bugprone-reserved-identifier): its names
extern "C" [[gnu::weak]] void __asan_poison_memory_region(const volatile void* begin, std::size_t octets);
extern "C" [[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* begin, std::size_t octets);
// NOLINTEND(bugprone-reserved-identifier)

namespace tcpspec::fuzz {

class FencedRoom {
 public:
  // The longest datagram is IPv6's, without jumbograms: 40 + 65,535 octets (RFC 8200 section 3).
  static constexpr std::size_t most = 65'575;

  FencedRoom() { poison(octets_.get(), whole); }
  ~FencedRoom() { unpoison(octets_.get(), whole); }
  FencedRoom(const FencedRoom&) = delete;
  FencedRoom& operator=(const FencedRoom&) = delete;

  // `use` is given a copy of `datagram` that is there until it returns; itself, where it is longer than `most`.
  template <class Use>
  void lend(packet::BytesView datagram, Use use) {
    if (datagram.size() > most) return use(datagram);
    auto* const first = octets_.get() + before;
    const Lent lent{first, datagram.size()};
    if (!datagram.empty()) std::memcpy(first, datagram.data(), datagram.size());
    use(packet::BytesView(first, datagram.size()));
  }

 private:
  static constexpr std::size_t granule = 8;  // of AddressSanitizer's shadow
  static constexpr std::size_t before = 16 * granule;
  // Behind it as much again: a length field that is believed leads so far.
  static constexpr std::size_t whole = before + 2 * (most + granule);

  static void poison(const std::byte* begin, std::size_t octets) {
    if (__asan_poison_memory_region != nullptr) __asan_poison_memory_region(begin, octets);
  }
  static void unpoison(const std::byte* begin, std::size_t octets) {
    if (__asan_unpoison_memory_region != nullptr) __asan_unpoison_memory_region(begin, octets);
  }
  struct Lent {
    const std::byte* begin;
    std::size_t octets;
    Lent(const std::byte* from, std::size_t count) : begin(from), octets(count) { unpoison(begin, octets); }
    ~Lent() { poison(begin, (octets + granule - 1) / granule * granule); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
  };

  std::unique_ptr<std::byte[]> octets_ = std::make_unique<std::byte[]>(whole);
};

}  // namespace tcpspec::fuzz
