#pragma once
// What libslirp calls a host application: a process at the other end of a Unix socket. The
// adapter holds both ends. One of a connection is the application's, and what the application
// calls does is done to it; the other belongs to slirp, which reads and writes it and closes it
// when the connection is gone.

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>

#include "adapters/slirp/descriptor.hh"

namespace tcpspec::slirp {

// Where slirp finds the application of a passive open: slirp_add_unix() takes a path, and no
// abstract name.
struct PassiveEnd {
  Descriptor listening;
  Descriptor inode;  // keeps the socket reachable, through /proc, though its name is gone
  std::string path;
};
[[nodiscard]] std::optional<PassiveEnd> open_passive_end();

// Takes the connection that slirp has just made to `listening`; none: slirp made it elsewhere.
[[nodiscard]] Descriptor take_connection(const PassiveEnd& end);

// An abstract name for a listening socket of slirp's; `number` tells those of one process apart.
struct UnixName {
  sockaddr_un address{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};
[[nodiscard]] UnixName abstract_name(unsigned number);
[[nodiscard]] Descriptor connect_to(const UnixName& name);

// Urgent octets stay in the stream (RFC 6093 section 3.4).
void keep_urgent_in_line(int fd);

// What slirp has handed to its socket has left the window that it announces. With the least
// buffer that the kernel gives, an application that does not read closes the window soon.
void hold_little(int fd);

// Gives `fd` another meaning: a connection whose other end died with octets unread, so that
// reading it is ECONNRESET. That, and closing with octets unread, is all that a Unix socket
// knows of an abort; on it slirp sends a RST.
[[nodiscard]] bool make_reset(int fd);

// Whether this kernel has urgent data on Unix sockets (since 5.15, if it is configured).
[[nodiscard]] bool has_urgent_data();

// slirp gives up the process if it cannot bind to 127.0.0.1 for an active open.
[[nodiscard]] bool has_loopback();

// slirp writes to sockets whose other end may be gone, as every program that embeds it knows.
class IgnoresBrokenPipes {
 public:
  IgnoresBrokenPipes();
  ~IgnoresBrokenPipes();
  IgnoresBrokenPipes(const IgnoresBrokenPipes&) = delete;
  IgnoresBrokenPipes& operator=(const IgnoresBrokenPipes&) = delete;

 private:
  void (*before_)(int);
};

}  // namespace tcpspec::slirp
