#pragma once
// Named mistakes. In a test build (the library tcpspec_reference_mutants, which defines
// TCPSPEC_MUTANTS) one of them can be switched on, and the suites have to see it. In the
// normal library MUTANT(x) is the constant false, and nothing of it is left.

#ifdef TCPSPEC_MUTANTS

#include <cstdint>
#include <span>
#include <string_view>

namespace tcpspec::reference::mutants {

#define TCPSPEC_MUTANT(name, about) name,
#define TCPSPEC_UNSAFE_MUTANT(name, about) name,
enum class Mutant : std::uint16_t {
  none,
#include "reference/mutants.def"
};
#undef TCPSPEC_MUTANT
#undef TCPSPEC_UNSAFE_MUTANT

// The suites see what goes over the wire. What an unsafe one does, a sanitizer sees, or nobody
// until it hangs.
enum class Kind : std::uint8_t { semantic, unsafe };

struct Description {
  Mutant mutant;
  Kind kind;
  std::string_view name;   // "any_rst_accepted"
  std::string_view about;  // the mistake, and where it was made before
};
[[nodiscard]] std::span<const Description> all();

// At most one at a time, for the whole process.
void switch_on(Mutant mutant);
[[nodiscard]] Mutant active();

}  // namespace tcpspec::reference::mutants

#define MUTANT(name) (::tcpspec::reference::mutants::active() == ::tcpspec::reference::mutants::Mutant::name)

#else

#define MUTANT(name) false

#endif
