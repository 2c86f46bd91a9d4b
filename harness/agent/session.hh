#pragma once
// One tester on the control connection: answers its requests, and tells it of sockets that may go
// on. When the connection ends, so do all its sockets.

#include <cstdint>
#include <set>
#include <vector>

#include "agent/sockets.hh"
#include "target/linux/descriptor.hh"

namespace tcpspec::agent {

using target::Descriptor;

class Session {
 public:
  explicit Session(Descriptor control) : control_(std::move(control)) {}

  // Until the connection ends. Whoever connects to `listener` meanwhile is turned away.
  void run(int listener);

 private:
  enum class Going : std::uint8_t { on, over };
  [[nodiscard]] Going take_requests();
  [[nodiscard]] bool read_more();
  void answer(const adapter::Request& request);
  void tell_news();
  [[nodiscard]] bool write_all();

  [[nodiscard]] std::int64_t act(const adapter::Request& request);
  [[nodiscard]] std::int64_t act_on_socket(const adapter::Request& request);
  [[nodiscard]] std::int64_t hello();
  [[nodiscard]] std::int64_t create(OctetsView config);
  [[nodiscard]] std::int64_t receive(const adapter::Request& request);
  [[nodiscard]] std::int64_t get_option(const adapter::Request& request);

  Descriptor control_;
  Sockets sockets_;
  std::set<std::int32_t> news_;  // scopes to tell of
  Octets in_, out_, items_, received_;
  std::size_t filled_ = 0;  // of in_
};

}  // namespace tcpspec::agent
