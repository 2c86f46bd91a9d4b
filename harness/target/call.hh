#pragma once
// The calls of the upper tester. They are the user calls of RFC 9293 section 3.9.1
// in the dress of the sockets interface.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "packet/address.hh"
#include "packet/segment.hh"

namespace tcpspec::target {

// Both chosen by the caller, unique within the attachment.
using SocketId = std::uint32_t;
using CallId = std::uint32_t;

// A call on a socket that does not exist yet creates it (a stream socket of the
// attachment's family): SetOption before Listen is how a test sets SO_RCVBUF first.
struct Listen {
  std::uint16_t port = 0;
  int backlog = 16;
};
struct Connect {
  packet::Endpoint remote;
  std::uint16_t local_port = 0;
};  // 0: the target chooses
struct Accept {
  SocketId accepted = 0;
};  // the name of the new socket
// Completes when everything was taken; value is the number of octets taken before an error.
struct Send {
  packet::Bytes data;
  bool urgent = false;
};
// Completes when `count` octets are there, or the end of file, or an error. Octets that
// arrived before an end of file or an error are returned first, as a short count; the
// next Receive returns the end of file (value 0, no error) or the error.
// urgent: reads the out-of-band octet (MSG_OOB), once.
struct Receive {
  std::size_t count = 0;
  bool urgent = false;
};
enum class Direction : std::uint8_t { read, write, both };
struct Shutdown {
  Direction direction = Direction::write;
};
struct Close {};
struct Abort {};  // RFC 9293 section 3.9.1.6; linger 0 and close
// Socket options by name: "TCP_MAXSEG", "SO_RCVBUF", "TCP_NODELAY", "SO_LINGER" (seconds; -1 turns it off) ...
struct SetOption {
  std::string name;
  std::int64_t value = 0;
};
struct GetOption {
  std::string name;
};
struct State {};  // text is the RFC's name of the connection's state, "FIN-WAIT-1"

using Operation =
    std::variant<Listen, Connect, Accept, Send, Receive, Shutdown, Close, Abort, SetOption, GetOption, State>;

struct CallRequest {
  CallId id = 0;
  SocketId socket = 0;
  Operation operation;
};

struct CallResult {
  CallId id = 0;
  int error = 0;           // 0, or the host's errno
  std::int64_t value = 0;  // octets sent or received, or the option's value
  packet::Bytes data;      // Receive
  std::string text;        // State
  packet::Endpoint local;  // Connect and Accept that succeeded: the target's endpoint
};

// ENOTSUP as the error says: this target cannot do that at all (verdict `unsupported`).

}  // namespace tcpspec::target
