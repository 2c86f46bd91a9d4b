#pragma once
// A test's `for:` and `except:`. Internal to the loader.

#include <string>
#include <vector>

#include "script/loader.hh"
#include "script/value.hh"

namespace tcpspec::script {

// One choice of every matrix variable.
struct Combination {
  Bindings bindings;
  std::string suffix;  // "state=ESTABLISHED,seq=rcv_nxt-1"; empty without a matrix
};

// `family` is "ipv4", "ipv6" or "both"; "both" is one more variable, named `family`.
// Every suffix is different. Empty when there is something to complain about.
[[nodiscard]] std::vector<Combination> combinations(const Value& test, const std::string& family, const Limits& limits,
                                                    Complaints& complaints);

// `$name` works for these.
[[nodiscard]] bool is_variable_name(std::string_view name);

}  // namespace tcpspec::script
