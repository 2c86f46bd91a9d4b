#pragma once
// A stack in the process of an adapter.

#include <expected>
#include <memory>
#include <string>

#include "target/adapter/program.hh"
#include "target/packet_target.hh"

namespace tcpspec::target {

// What the program says of itself.
struct ProgramHello {
  std::string name;
  std::string version;
  std::set<std::string> capabilities;
  bool single_use = false;
};
[[nodiscard]] std::expected<ProgramHello, EnvironmentError> greet(AdapterProgram& program);

// One stack at a time in one program.
[[nodiscard]] std::unique_ptr<PacketStack> make_program_stack(std::shared_ptr<AdapterProgram> program,
                                                              const Seating& seating, const std::string& params);

}  // namespace tcpspec::target
