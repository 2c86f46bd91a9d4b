#pragma once
// An adapter in this process: the fast way, for benchmarks and fuzzers. What kills the stack
// kills us.

#include <expected>
#include <memory>
#include <string>

#include "target/adapter.h"
#include "target/packet_target.hh"

namespace tcpspec::target {

// Stays loaded until the end of the process: stacks leave threads of libraries and thread-local
// storage behind that must not lose their code.
[[nodiscard]] std::expected<const tcpspec_adapter*, EnvironmentError> load_plug_in(const std::string& path);

[[nodiscard]] std::expected<std::unique_ptr<PacketStack>, EnvironmentError> make_plug_in_stack(
    const tcpspec_adapter& adapter, const Seating& seating, const std::string& params);

}  // namespace tcpspec::target
