#pragma once
// The acceptance test of an adapter: is what it says of itself true, and does it keep to the rules
// on which verdicts rest (adapter.h)?

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "target/target.hh"

namespace tcpspec::runner {

struct AcceptanceCheck {
  enum class Status : std::uint8_t {
    ok,
    noted,  // not wrong, but worth a word: a capability that is seen and not declared
    failed
  };
  std::string name;
  Status status = Status::ok;
  std::string detail;  // one sentence
};

// Opens the target anew, in a fresh process where it has one.
using OpenTarget = std::function<std::expected<std::unique_ptr<target::Target>, target::EnvironmentError>()>;

// Always in the same order. Where the target's clock is the real one, what is about clocks and equal
// octets is left out.
[[nodiscard]] std::vector<AcceptanceCheck> examine_target(const OpenTarget& open, std::uint64_t seed);

}  // namespace tcpspec::runner
