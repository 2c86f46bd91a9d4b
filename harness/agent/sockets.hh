#pragma once
// The sockets of all tests in flight, and the calls on them. Results are those of adapter.h; no
// call blocks.

#include <poll.h>

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "agent/lingering.hh"
#include "target/adapter_message.hh"

namespace tcpspec::agent {

using adapter::Octets;
using adapter::OctetsView;

class Sockets {
 public:
  // One test: the family of its sockets, and the address that they have here.
  struct Scope {
    int domain = 0;
    std::vector<std::byte> local;
  };

  ~Sockets();
  Sockets() = default;
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  [[nodiscard]] std::int32_t open_scope(Scope scope);
  // Aborts all sockets of the scope.
  [[nodiscard]] int close_scope(std::int64_t scope);

  [[nodiscard]] std::int64_t open(std::int64_t scope);
  [[nodiscard]] int listen(std::int32_t socket, std::int64_t port, std::int64_t backlog);
  [[nodiscard]] int connect(std::int32_t socket, std::int64_t local_port, OctetsView remote, std::int64_t remote_port);
  [[nodiscard]] int connected(std::int32_t socket);
  [[nodiscard]] std::int64_t accept(std::int32_t listener);
  [[nodiscard]] int local_port(std::int32_t socket);
  [[nodiscard]] std::int64_t send(std::int32_t socket, OctetsView data, bool urgent);
  [[nodiscard]] std::int64_t receive(std::int32_t socket, std::span<std::byte> data, bool urgent);
  [[nodiscard]] int shutdown(std::int32_t socket, std::int64_t direction);
  [[nodiscard]] int close(std::int32_t socket);
  [[nodiscard]] int abort(std::int32_t socket);
  [[nodiscard]] int set_option(std::int32_t socket, std::string_view name, std::int64_t value);
  [[nodiscard]] int get_option(std::int32_t socket, std::string_view name, std::int64_t& value);
  [[nodiscard]] int state(std::int32_t socket);

  // What to poll for, so that calls which were TCPSPEC_AGAIN are told of when they may be possible.
  void append_awaited(std::vector<pollfd>& polled);
  // What poll() found of it, in the same order. The scopes that may go on are added to `news`.
  void take_ready(std::span<const pollfd> polled, std::set<std::int32_t>& news);

 private:
  struct Socket {
    std::int32_t scope = 0;
    Descriptor descriptor;
    Octets remote;      // sockaddr that it was to connect to
    short awaited = 0;  // POLLIN, POLLOUT, POLLPRI: what a call was TCPSPEC_AGAIN for
    bool listening = false;
    enum class Closing : std::uint8_t { no, lingers, done } closing = Closing::no;
    int close_result = 0;
  };

  [[nodiscard]] Socket* find(std::int32_t socket);
  [[nodiscard]] std::int64_t add(std::int32_t scope, Descriptor descriptor);
  [[nodiscard]] int bind_to(const Socket& socket, std::int64_t port) const;
  // Of an attempt to connect that is over.
  [[nodiscard]] static int outcome_of_connect(const Socket& socket);
  // The result for an errno; a call that would block is awaited.
  [[nodiscard]] static int failed(Socket& socket, int error, short awaited);

  std::map<std::int32_t, Scope> scopes_;
  std::map<std::int32_t, Socket> sockets_;
  std::vector<std::int32_t> polled_;  // the sockets behind what append_awaited() added
  std::int32_t last_scope_ = 0;
  std::int32_t last_socket_ = 0;
  Lingering lingering_;
};

}  // namespace tcpspec::agent
