#pragma once
// A stack in the process of an adapter.

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "target/adapter/program.hh"
#include "target/packet_target.hh"

namespace tcpspec::target {

// What the program says of itself.
struct ProgramHello {
  std::string name;
  std::string version;
  std::string system;  // an agent's: the kernel, in its own words
  std::set<std::string> capabilities;
  bool single_use = false;
};
// What a CREATE says.
[[nodiscard]] adapter::Octets create_data(const Seating& seating, std::string_view params);
// The lines of the reply to HELLO; what they do not say is empty.
[[nodiscard]] ProgramHello read_hello(adapter::OctetsView text);
[[nodiscard]] std::expected<ProgramHello, EnvironmentError> greet(AdapterProgram& program);

// One stack at a time in one program.
[[nodiscard]] std::unique_ptr<PacketStack> make_program_stack(std::shared_ptr<AdapterProgram> program,
                                                              const Seating& seating, const std::string& params);

}  // namespace tcpspec::target
