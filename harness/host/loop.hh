#pragma once
// Gives a host its input, its output and the time: one thread, one wire, one poll.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "host/host.hh"
#include "target/clock.hh"
#include "target/linux/link.hh"

namespace tcpspec::host {

class Loop {
 public:
  // Both outlive the loop.
  [[nodiscard]] static std::expected<Loop, target::EnvironmentError> open(Host& host, target::Link& link);

  // The next run() also ends when this descriptor can be read.
  [[nodiscard]] std::expected<void, target::EnvironmentError> watch(int descriptor);

  enum class Ending : std::uint8_t { done, expired, readable, interrupted };
  // Until `done` says so, the time has come, a watched descriptor is readable, or a signal
  // arrives. `done` is asked after each batch, and after each signal.
  [[nodiscard]] Ending run(const std::function<bool()>& done, std::optional<Instant> until);

 private:
  Loop(Host& host, target::Link& link, target::Poller poller)
      : host_(&host), link_(&link), poller_(std::move(poller)) {}
  [[nodiscard]] bool take_in();
  void put_out();

  Host* host_;
  target::Link* link_;
  target::Poller poller_;
  Bytes buffer_ = Bytes(65'536);
};

}  // namespace tcpspec::host
