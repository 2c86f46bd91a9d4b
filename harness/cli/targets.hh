#pragma once
// The targets that this program knows by name.

#include <expected>
#include <memory>
#include <string>

#include "target/target.hh"

namespace tcpspec::cli {

[[nodiscard]] std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> open_target(
    const std::string& name);
[[nodiscard]] bool is_target(const std::string& name);
[[nodiscard]] std::string target_names();  // "linux, linux-tun, linux-veth, reference"

}  // namespace tcpspec::cli
