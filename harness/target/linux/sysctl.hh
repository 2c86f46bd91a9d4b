#pragma once
// Kernel settings of one network namespace, under /proc/sys/net.

#include <expected>
#include <map>
#include <span>
#include <string>

#include "target/target.hh"

namespace tcpspec::target {

using Sysctls = std::map<std::string, std::string>;  // dotted name -> value

// What every namespace gets unless the test says otherwise, so that a verdict does
// not depend on the machine's configuration.
[[nodiscard]] const Sysctls& pinned_sysctls();

// Of the namespace that the calling thread is in. Only names below "net." belong to
// a namespace; others are refused.
[[nodiscard]] std::expected<void, EnvironmentError> write_sysctl(const std::string& name, const std::string& value);
// Without the line end; runs of blanks become one.
[[nodiscard]] std::expected<std::string, EnvironmentError> read_sysctl(const std::string& name);

// Kernels differ in what can be set.
[[nodiscard]] bool has_sysctl(const std::string& name);

// Applies pinned settings and then `requested`. The result says for each name what
// is in force; a pinned one that this kernel lacks is "absent", one that could not be
// written says why, a requested one that could not is an error. Congestion control is left to
// choose_congestion_control().
[[nodiscard]] std::expected<std::map<std::string, std::string>, EnvironmentError> apply_sysctls(
    const Sysctls& requested);

inline constexpr auto congestion_control_sysctl = "net.ipv4.tcp_congestion_control";

// A namespace other than the first may not choose a "restricted" algorithm as its
// default, while a socket in it may: then the name to set on each socket comes back,
// and otherwise an empty string.
[[nodiscard]] std::expected<std::string, EnvironmentError> choose_congestion_control(const std::string& name);

}  // namespace tcpspec::target
