#pragma once
// How a failed system call becomes an EnvironmentError: "call: text of errno", and a hint.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <system_error>

#include "target/target.hh"

namespace tcpspec::target {

[[nodiscard]] inline EnvironmentError failure(std::string_view call, int error, std::string_view hint) {
  return {.what = fmt::format("{}: {}", call, std::generic_category().message(error)), .hint = std::string(hint)};
}

}  // namespace tcpspec::target
