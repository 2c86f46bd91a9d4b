#pragma once
// What this machine allows of what target `linux` wants. Each probe runs in a child
// process that makes its own namespaces and exits: the host is left as it was.

#include <cstdint>
#include <string>
#include <vector>

#include "target/linux_target.hh"

namespace tcpspec::target {

struct Check {
  enum class Status : std::uint8_t {
    ok,
    missing,   // the target cannot run without it
    degraded,  // there is a substitute, or something is less certain; `detail` says what
  };
  std::string name;
  Status status = Status::ok;
  std::string detail;  // what was found
  std::string hint;    // what to do about it; empty when ok
};

// Always the same checks in the same order; the last one opens the target as a whole.
[[nodiscard]] std::vector<Check> examine_environment(const LinuxOptions& options = {});

}  // namespace tcpspec::target
