#pragma once
// What a fuzz target holds of its input: a line about what is broken, then abort(), which every
// engine takes for a finding.

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tcpspec::fuzz {

[[noreturn]] inline void broken(std::string_view what) {
  std::fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}
inline void require(bool held, std::string_view what) {
  if (!held) [[unlikely]]
    broken(what);
}

}  // namespace tcpspec::fuzz
