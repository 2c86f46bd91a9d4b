#pragma once
// What flows between the tester and the target's application while a program is played, and which octet of a stream
// belongs where: what a target delivers and sends is held against it (RFC 9293 section 2.2). Where nobody can know,
// nothing is said.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/pattern.hh"
#include "fuzz/program.hh"
#include "target/call.hh"

namespace tcpspec::fuzz {

class Streams {
 public:
  explicit Streams(std::size_t connections) : connections_(connections) {}

  // These octets stand in a stream in place of the pattern, from the octet `offset` on, which counts modulo 2^32.
  void wrote(engine::Stream stream, std::uint64_t offset, Bytes octets);
  // The tester has sent what may put other octets into a stream, or at other places: with several connections into
  // any, for it is not known which one an accepted socket belongs to.
  void doubt_delivery() { delivery_known_ = false; }

  // A call starts on a socket, whose first call says which connection it is of.
  void called(const Call& call, std::uint8_t connection);
  // The octets of a send that starts in `step`.
  [[nodiscard]] Bytes text_of(const Call& call, std::uint32_t step);
  // What the application writes there may not become part of the stream.
  void doubt_text_of(std::uint8_t socket) { sockets_[socket].sent_known = false; }
  // A call ends. Which octet of the stream, counted from 1, is not what was sent there, if one is.
  [[nodiscard]] std::optional<std::uint64_t> completed(const Call& call, const target::CallResult& result);
  // The connection's ports have a new incarnation: streams begin anew.
  void begin_anew(int connection);

  // Of text that the target sends, from the octet `offset` on: which octet, counted from 1, the application did not
  // write there, if one is. What lies beyond all that it wrote is left to others.
  [[nodiscard]] std::optional<std::uint64_t> strange_text(int connection, std::uint32_t offset,
                                                          packet::BytesView octets) const;

 private:
  struct Literal {
    engine::Stream stream = engine::Stream::from_tester;
    std::uint64_t offset = 0;
    Bytes octets;
  };
  struct Socket {
    std::uint8_t connection = 0;
    std::uint64_t sent = 0, received = 0;
    bool sent_known = true;
    std::optional<std::uint32_t> last_send = std::nullopt;  // the step
  };

  [[nodiscard]] bool fits(engine::Stream stream, std::uint64_t offset, std::byte octet) const;
  [[nodiscard]] std::size_t fitting(engine::Stream stream, std::uint64_t offset, packet::BytesView octets) const;
  [[nodiscard]] const Socket* socket_of(int connection) const;
  void begin_anew(Socket& socket);
  void settle(const Call& call, const target::CallResult& result);

  std::size_t connections_;
  std::map<std::uint8_t, Socket> sockets_;
  std::vector<Literal> literals_;
  bool delivery_known_ = true;
};

}  // namespace tcpspec::fuzz
