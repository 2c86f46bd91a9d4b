// ICMP messages about our segments: RFC 9293 section 3.9.2.2, RFC 5461 and RFC 5927; path
// MTU discovery by RFC 1191 and RFC 8201.

#include <algorithm>
#include <array>

#include "packet/icmp.hh"
#include "packet/wire.hh"
#include "reference/connection.hh"
#include "reference/mutants.hh"

namespace tcpspec::reference {

using packet::Family;

namespace {

struct Meaning {
  Connection::Trouble trouble = Connection::Trouble::soft;
  std::uint32_t mtu = 0;
};

// RFC 792 and RFC 1122 section 4.2.3.9. nullopt: of no concern, source quench among them
// ("MUST silently discard", MUST-55).
std::optional<Meaning> meaning_in_ipv4(const packet::IcmpView& icmp) {
  using Trouble = Connection::Trouble;
  constexpr std::uint8_t unreachable = 3, time_exceeded = 11, parameter_problem = 12;
  if (icmp.type == time_exceeded || icmp.type == parameter_problem) return Meaning{};
  if (MUTANT(source_quench_obeyed) && icmp.type == 4) return Meaning{Trouble::hard};
  if (icmp.type != unreachable) return std::nullopt;
  switch (icmp.code) {
    case 4:  // fragmentation needed: the next hop's MTU in the low 16 bits (RFC 1191 section 4)
      return Meaning{Trouble::too_big, icmp.rest_of_header & 0xffffU};
    case 2:  // protocol unreachable
    case 3:  // port unreachable
      return Meaning{Trouble::hard};
    default:  // 0, 1, 5 and later ones: MUST NOT abort (MUST-56)
      return Meaning{};
  }
}

// RFC 4443 section 3, and RFC 5461 section 2.1 for what stands for what.
std::optional<Meaning> meaning_in_ipv6(const packet::IcmpView& icmp) {
  using Trouble = Connection::Trouble;
  switch (icmp.type) {
    case 1:
      return Meaning{icmp.code == 1 || icmp.code == 4 ? Trouble::hard : Trouble::soft};
    case 2:
      return Meaning{Trouble::too_big, icmp.rest_of_header};
    case 3:
      return Meaning{};
    case 4:
      return Meaning{icmp.code == 1 ? Trouble::hard : Trouble::soft};
    default:
      return std::nullopt;
  }
}

// RFC 1191 section 7: what a router that does not tell its MTU may have.
std::uint16_t plateau_below(std::size_t octets) {
  constexpr std::array<std::uint16_t, 10> plateaus = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
  const auto* found = std::ranges::find_if(plateaus, [octets](std::uint16_t plateau) { return plateau < octets; });
  return found == plateaus.end() ? plateaus.back() : *found;
}

}  // namespace

void Stack::icmp_arrives(const packet::SegmentView& view, Instant now) {
  const auto icmp = packet::view_icmp(view.bytes());
  if (!icmp) return;
  const packet::SegmentView quoted(icmp->quoted);
  // RFC 792: the IP header and 8 octets are enough; they have the ports and the number.
  const auto tcp = quoted.ip_payload();
  if (!quoted.is_tcp() || tcp.size() < 8) return;
  const Endpoint from{quoted.source_address(), packet::wire::load16(tcp, 0)};
  const Endpoint to{quoted.destination_address(), packet::wire::load16(tcp, 2)};
  const Seq32 seq(packet::wire::load32(tcp, 4));
  auto* connection = find(Pair{from, to});
  if (connection == nullptr) return;
  auto meaning = view.family() == Family::ipv4 ? meaning_in_ipv4(*icmp) : meaning_in_ipv6(*icmp);
  if (!meaning) return;
  // RFC 5927 section 4.1: whoever did not see our segments does not know what is in flight.
  if (!connection->in_flight(seq) && !MUTANT(icmp_sequence_unchecked)) return;
  if (meaning->trouble == Connection::Trouble::too_big) {
    if (MUTANT(too_big_ignored)) return;
    const bool ipv4 = view.family() == Family::ipv4;
    const std::uint16_t least = ipv4 ? 68 : 1280;  // RFC 791 section 3.2, RFC 8200 section 5
    const auto known = mtu_towards(to.address, now);
    std::uint32_t mtu = meaning->mtu;
    if (mtu == 0 && ipv4) mtu = plateau_below(known);
    // Below the least nothing can be meant (RFC 8201 section 4), and more than now is no reason
    // to send less (RFC 1191 section 6.3).
    if ((mtu < least && !MUTANT(mtu_below_least_taken)) || (mtu >= known && !MUTANT(mtu_raised))) return;
    paths_[to.address] = {static_cast<std::uint16_t>(mtu), now};
  }
  connection->icmp_arrives(meaning->trouble, now);
  connection->output(now);
  settle(*connection);
}

bool Connection::in_flight(Seq32 seq) const {
  if (state_ == State::closed || state_ == State::listen) return false;
  return packet::distance(snd_.una, seq) >= 0 && packet::distance(seq, snd_.nxt) > 0;
}

void Connection::icmp_arrives(Trouble trouble, Instant now) {
  if (trouble == Trouble::too_big) {
    // RFC 1191 section 6.5: smaller segments at once; the loss says nothing of congestion.
    if (!recovery_) return;
    recovery_->smss_became(effective_mss(now));
    recovery_->resend_all(flight());
    if (!MUTANT(karn_ignored)) timed_.reset();
    return;
  }
  // RFC 5461 section 4.1, RFC 5927 section 5.2: in a synchronized state a hard error, too, may
  // be a passing one, or forged. "SHLD-25: an implementation SHOULD make the information
  // available to the application": when the connection times out, it is the reason.
  const Error what = trouble == Trouble::hard ? Error::refused : Error::unreachable;
  const bool ends = trouble == Trouble::hard && !synchronized() && !MUTANT(hard_error_ignored);
  if (ends || MUTANT(icmp_always_aborts)) return enter_closed(what);
  soft_error_ = what;
}

}  // namespace tcpspec::reference
