#pragma once
// Two TCPs in this process that memory connects, with a virtual clock and no loss: one
// sends as fast as the other takes it, and every octet is looked at.

#include <cstdint>
#include <memory>
#include <string_view>

#include "packet/segment.hh"
#include "packet/time.hh"

namespace tcpspec::bench {

// What is sent: an endless row of octets, of which a piece that is missing, double or
// in another's place shows.
class Pattern {
 public:
  static constexpr std::size_t kMost = 65'536;

  Pattern();
  // At most kMost octets, those from `position` on.
  [[nodiscard]] packet::BytesView at(std::uint64_t position, std::size_t count) const;
  // Throws where `octets` are not those at `position`.
  void check(std::uint64_t position, packet::BytesView octets, std::string_view whose) const;

 private:
  packet::Bytes octets_;
};

class Transfer {
 public:
  virtual ~Transfer() = default;
  // Once round: the sender sends, the receiver reads and checks, acknowledgments go back.
  // Returns how many octets were read.
  virtual std::size_t turn() = 0;
};

// An open connection of each.
[[nodiscard]] std::unique_ptr<Transfer> make_reference_transfer();
// nullptr where the program was built without lwIP.
[[nodiscard]] std::unique_ptr<Transfer> make_lwip_transfer();

// 10^6 octets. Throws where nothing moves any more.
[[nodiscard]] double megabytes_per_second(Transfer& transfer, packet::Duration duration);

}  // namespace tcpspec::bench
