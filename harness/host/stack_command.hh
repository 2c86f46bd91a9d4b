#pragma once
// `tcpspec stack`: the reference stack as a host that real programs can talk to.

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/impairment.hh"
#include "host/network.hh"
#include "host/services.hh"

namespace tcpspec::host {

struct StackOptions {
  NetworkOptions network;
  std::vector<Service> services;
  Odds odds;
  std::uint64_t seed = 1;
  std::optional<Duration> lifetime;
  enum class Place : std::uint8_t { here, own_namespace } place = Place::here;
  std::vector<std::string> command;  // and its arguments; empty: none
};

struct StackEnding {
  enum class Kind : std::uint8_t { over, interrupted } kind = Kind::over;
  std::optional<int> exit_code;  // of the command: 128 and the signal's number where one ended it
};

// Serves until the command has ended, the lifetime is over, or `interrupted` says so. What
// there is to say goes to `say`, a line at a time.
[[nodiscard]] std::expected<StackEnding, target::EnvironmentError> run_stack(
    const StackOptions& options, const std::function<bool()>& interrupted,
    const std::function<void(const std::string&)>& say);

}  // namespace tcpspec::host
