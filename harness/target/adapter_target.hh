#pragma once
// Targets behind an adapter (adapter.h, adapter_messages.h).

#include <expected>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "target/target.hh"

namespace tcpspec::target {

struct AdapterOptions {
  // One of them: a shared object that exports tcpspec_get_adapter(), or a program and its words.
  std::string plug_in;
  std::vector<std::string> program;
  std::string params;             // for create()
  std::set<std::string> without;  // capabilities that it declares, and that are not to be asked for
  // Of real time, for one answer; a stack that needs longer hangs.
  Duration hang_after = std::chrono::seconds(10);
  enum class Isolation : std::uint8_t {
    process,    // a plug-in is loaded by a program of ours, and may die there
    in_process  // it is loaded here: faster, and what kills it kills us
  } isolation = Isolation::process;
};

// One process at a time; after a death, or for a stack that can be made only once, a fresh one.
[[nodiscard]] std::expected<std::unique_ptr<Target>, EnvironmentError> open_adapter_target(
    const AdapterOptions& options);

// The program that loads plug-ins: $TCPSPEC_ADAPTER_HOST, or beside our own.
[[nodiscard]] std::string adapter_host_program();

}  // namespace tcpspec::target
