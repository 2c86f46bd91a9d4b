#pragma once
// A TCP in this process, on a virtual clock, that waits for connections: what the
// hand-made client of conversations_per_second() talks to.

#include <cstdint>
#include <memory>

#include "packet/segment.hh"
#include "packet/time.hh"
#include "target/adapter.h"

namespace tcpspec::bench {

class Server {
 public:
  virtual ~Server() = default;
  [[nodiscard]] virtual packet::Endpoint listening_at() const = 0;

  virtual void advance(packet::Duration by) = 0;
  virtual void input(packet::BytesView datagram) = 0;
  // The datagram that it sent next, until the following call; empty: no more.
  [[nodiscard]] virtual packet::BytesView output() = 0;

  // The application: takes the connection that waits, and closes the one it took.
  virtual void accept() = 0;
  virtual void close() = 0;
};

[[nodiscard]] std::unique_ptr<Server> make_reference_server();
// nullptr where the program was built without lwIP.
[[nodiscard]] std::unique_ptr<Server> make_lwip_server();
// Through the functions of adapter.h alone; a new stack for each conversation.
[[nodiscard]] std::unique_ptr<Server> make_plug_in_server(const tcpspec_adapter& adapter);

// SYN, SYN-ACK, ACK, accept, FIN, close, FIN, ACK, one connection after another until
// `duration` has passed; every answer is looked at.
[[nodiscard]] double conversations_per_second(Server& server, packet::Duration duration);

}  // namespace tcpspec::bench
