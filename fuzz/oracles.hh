#pragma once
// What may be wrong with what a program brought about. An oracle makes a claim about somebody's
// software, so each holds for every conforming TCP.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/player.hh"

namespace tcpspec::fuzz {

enum class Oracle : std::uint8_t {
  sanitizer,    // AddressSanitizer, UndefinedBehaviorSanitizer
  crash,        // a signal, an exit
  hang,         // no answer, an endless loop
  flood,        // answers without end
  invariant,    // of harness/oracle, and that streams arrive as they were written
  liveness,     // a port where nobody listens does not answer a SYN any more
  determinism,  // one program twice, two traces
  memory,       // what it holds does not return to what it was
  difference    // from the reference stack
};
[[nodiscard]] std::string_view to_string(Oracle oracle);

struct Suspicion {
  Oracle oracle = Oracle::invariant;
  // Where: the invariant and the state; the function of a crash; the aspect of a difference. With the
  // oracle it tells findings apart.
  std::string place;
  std::string what;       // one sentence, for people
  std::string reference;  // "RFC 9293 section 3.10.7.4"; may be empty
  std::size_t entry = 0;  // of the record
};

// Of the record alone: death, flood, invariants, each place once. The worst comes first.
[[nodiscard]] std::vector<Suspicion> suspicions(const Played& played);

// The steps of a liveness probe behind a program: its listeners are closed, then a SYN from another
// port must draw a RST (RFC 9293 section 3.10.7.1).
[[nodiscard]] Program with_probe(Program program);
// Of the record of such a program.
[[nodiscard]] std::optional<Suspicion> liveness(const Played& probed);

// `held`: octets that a stack allocated and did not give back, although it has ended. Known under sanitizers only.
[[nodiscard]] std::optional<Suspicion> memory(std::int64_t held);

// Two records of one program on one target with one seed.
[[nodiscard]] std::optional<Suspicion> determinism(const Played& first, const Played& second);

}  // namespace tcpspec::fuzz
