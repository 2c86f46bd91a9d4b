#include "reference/mutants.hh"

#include <array>

namespace tcpspec::reference::mutants {

namespace {

#define TCPSPEC_MUTANT(name, about) Description{Mutant::name, Kind::semantic, #name, about},
#define TCPSPEC_UNSAFE_MUTANT(name, about) Description{Mutant::name, Kind::unsafe, #name, about},
constexpr std::array kAll = {
#include "reference/mutants.def"
};
#undef TCPSPEC_MUTANT
#undef TCPSPEC_UNSAFE_MUTANT

Mutant switched_on = Mutant::none;

}  // namespace

std::span<const Description> all() {
  return kAll;
}

void switch_on(Mutant mutant) {
  switched_on = mutant;
}

Mutant active() {
  return switched_on;
}

}  // namespace tcpspec::reference::mutants
