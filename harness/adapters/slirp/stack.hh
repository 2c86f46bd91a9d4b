#pragma once
// libslirp, held still: its clock is ours, and a call returns when nothing is left to do at
// the instant at which it was made.
//
// slirp is made to sit between a guest and the sockets of a host. Here the tester is the guest.
// What the guest opens goes to slirp_add_unix(), whose SYN is answered at once and whose
// application is called when the handshake is over; what the stack opens comes from
// slirp_add_hostxfwd(). `restricted` keeps it from all other sockets.

#include <poll.h>
#include <slirp/libslirp.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "adapters/slirp/address_rewriting.hh"
#include "adapters/slirp/timers.hh"
#include "adapters/slirp/unix_sockets.hh"
#include "target/adapter.h"

namespace tcpspec::slirp {

class Stack {
 public:
  // Null: what it needs is not to be had; the log says what.
  [[nodiscard]] static std::unique_ptr<Stack> create(const tcpspec_config& config, const tcpspec_host& host);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void input(std::span<const std::uint8_t> datagram);
  void advance(std::uint64_t now);
  [[nodiscard]] std::int64_t deadline() const;

  tcpspec_socket open();
  int listen(tcpspec_socket id, std::uint16_t port);
  int connect(tcpspec_socket id, std::uint16_t local_port, const Endpoint& remote);
  int connected(tcpspec_socket id);
  tcpspec_socket accept(tcpspec_socket id);
  int local_port(tcpspec_socket id);
  std::int64_t send(tcpspec_socket id, std::span<const std::uint8_t> data, std::uint32_t flags);
  std::int64_t receive(tcpspec_socket id, std::span<std::uint8_t> data, std::uint32_t flags);
  int shutdown(tcpspec_socket id, int direction);
  int close(tcpspec_socket id);
  int abort(tcpspec_socket id);
  int set_option(tcpspec_socket id, std::string_view name, std::int64_t value);
  int get_option(tcpspec_socket id, std::string_view name, std::int64_t& value);
  int state(tcpspec_socket id);

 private:
  struct Socket {
    enum class Role : std::uint8_t { none, listener, connection } role = Role::none;
    std::uint16_t port = 0;

    PassiveEnd passive;                   // of a listener
    std::deque<tcpspec_socket> arrivals;  // ESTABLISHED, not accepted yet

    Descriptor application;           // of a connection; closed: the application has gone
    int stack_end = -1;               // slirp's descriptor; -1: slirp has forgotten the connection
    std::optional<Endpoint> remote;   // of an active open
    std::optional<Endpoint> written;  // what slirp writes as the source of its segments
  };

  Stack(const tcpspec_config& config, const tcpspec_host& host);

  // What slirp calls.
  static const SlirpCb callbacks;
  void frame_from_slirp(std::span<const std::uint8_t> frame);
  void stack_end_opened(int fd);
  void stack_end_closed(int fd);
  int add_descriptor(int fd, int wanted);
  [[nodiscard]] int ready(int index) const;

  void frame_to_slirp(std::uint16_t type, std::span<const std::uint8_t> payload);
  void answer_arp(std::span<const std::uint8_t> request);
  void datagram_from_slirp(std::span<const std::uint8_t> frame);
  void address_outgoing(std::span<std::uint8_t> datagram);
  void address_incoming(std::span<std::uint8_t> datagram) const;

  void fill();
  bool poll_descriptors();
  void turn();
  void settle();
  void forget_connections();
  [[nodiscard]] Milliseconds clock() const;
  [[nodiscard]] std::uint64_t due_in(Milliseconds left) const;
  [[nodiscard]] bool has_connections() const;
  [[nodiscard]] int state_of(const Socket& socket) const;

  [[nodiscard]] Socket* find(tcpspec_socket id);
  tcpspec_socket add(Socket socket);
  [[nodiscard]] std::optional<std::uint16_t> free_port(std::uint16_t wanted, const Endpoint& remote);
  void open_through(Socket& socket, const Endpoint& remote);
  int reset(Socket& socket);
  void stop_listening(Socket& listener);

  tcpspec_host host_;
  IgnoresBrokenPipes ignores_broken_pipes_;
  Ipv4Address local_;
  std::uint64_t origin_;  // of the tester's clock
  std::uint64_t now_;     // as the tester counts
  Timers timers_;
  Slirp* slirp_ = nullptr;

  std::map<tcpspec_socket, Socket> sockets_;  // also those that only slirp still knows
  tcpspec_socket next_socket_ = 0;
  std::uint16_t next_port_;
  unsigned next_name_ = 0;
  Socket* connecting_ = nullptr;  // whose SYN is being sent

  std::vector<pollfd> descriptors_;  // what slirp waits for, as slirp_pollfds_fill() said last
  bool sent_ = false;                // since it was looked at last
  bool silent_ = false;
};

}  // namespace tcpspec::slirp
