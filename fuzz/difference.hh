#pragma once
// One program on two stacks: where they differ. Stacks may differ in much that no RFC settles, so
// two kinds of comparison:
//
//   exact      two builds of one stack: every octet at every instant
//   quiescent  two stacks: only when both have come to rest behind a stimulus, and only what counts:
//              whether a RST, a SYN, new text or a FIN came, how far the tester's octets are acknowledged,
//              what was negotiated, how calls ended. Timers are not compared, they are held
//              against the RFC's bounds elsewhere.
//
// Differences that are no mistake stand in a data file (known.hh). Behind one the two stacks may be in
// different states, and nothing can be compared any more; or they are not, and that ends nothing.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "fuzz/oracles.hh"

namespace tcpspec::fuzz {

struct Difference {
  std::string aspect;                                // "answer", "acknowledged", "negotiated", "result"
  std::string state;                                 // of the reference, as the wire shows it: "ESTABLISHED"
  std::string event;                                 // the last stimulus: "RST"; to_string(EventKind)
  std::string segment = {};                          // where it lies, if it is one; where() of transitions.hh
  std::string call = {};                             // whose result differs: "recv", "setsockopt TCP_NODELAY"
  std::string reference, other;                      // what each did that the other did not: "RST", "nothing"
  std::size_t step = 0;                              // after which it shows
  std::size_t reference_entry = 0, other_entry = 0;  // of the records: the first entry that tells
};

enum class Comparison : std::uint8_t { exact, quiescent };

// What is to be thought of one.
enum class Judgment : std::uint8_t {
  mistake,
  permitted,          // the two stand where no comparison makes sense any more
  permitted_goes_on,  // they stand where they would without it
};
using Judge = std::function<Judgment(const Difference&)>;

// The first that is a mistake. For `quiescent` both must have been played with at_rest().
[[nodiscard]] std::optional<Difference> difference(
    const Played& reference, const Played& other, Comparison comparison,
    const Judge& judge = [](const Difference&) { return Judgment::mistake; });

// The program with a pause behind each stimulus, in which delayed acknowledgments (RFC 9293 section
// 3.8.6.3: less than half a second) come, and no retransmission (RFC 6298 section 2.4).
[[nodiscard]] Program at_rest(const Program& program);

[[nodiscard]] Suspicion suspicion(const Difference& difference);

}  // namespace tcpspec::fuzz
