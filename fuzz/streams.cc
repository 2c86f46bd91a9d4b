#include "fuzz/streams.hh"

#include <algorithm>
#include <utility>

namespace tcpspec::fuzz {

using engine::Stream;

namespace {

constexpr std::int64_t most_octets_of_a_send = 64 << 20;

std::size_t octets_of(const Call& send) {
  return send.literal.empty()
             ? static_cast<std::size_t>(std::clamp<std::int64_t>(send.number, 0, most_octets_of_a_send))
             : send.literal.size();
}

}  // namespace

void Streams::wrote(Stream stream, std::uint64_t offset, Bytes octets) {
  literals_.push_back({stream, offset, std::move(octets)});
}

void Streams::called(const Call& call, std::uint8_t connection) {
  sockets_.try_emplace(call.socket, Socket{.connection = connection});
  if (call.kind == Call::Kind::accept) sockets_.try_emplace(call.accepted, Socket{.connection = connection});
}

Bytes Streams::text_of(const Call& call, std::uint32_t step) {
  auto& socket = sockets_[call.socket];
  auto data = call.literal;
  if (data.empty()) {
    data.resize(octets_of(call));
    engine::write_pattern(Stream::from_target, socket.sent, data);
  } else {
    wrote(Stream::from_target, socket.sent, data);
  }
  socket.sent += data.size();
  socket.last_send = step;
  return data;
}

std::optional<std::uint64_t> Streams::completed(const Call& call, const target::CallResult& result) {
  if (call.kind == Call::Kind::send) settle(call, result);
  // A number that was free again: another socket.
  if (call.kind == Call::Kind::accept && result.error == 0) begin_anew(sockets_[call.accepted]);
  if (call.kind != Call::Kind::receive || result.error != 0 || call.urgent || !delivery_known_) return std::nullopt;
  auto& socket = sockets_[call.socket];
  const auto first = socket.received;
  socket.received += result.data.size();
  const auto count = fitting(Stream::from_tester, first, result.data);
  return count < result.data.size() ? std::optional(first + count + 1) : std::nullopt;
}

// A send that fell short wrote fewer octets than were counted when it started.
void Streams::settle(const Call& call, const target::CallResult& result) {
  auto& socket = sockets_[call.socket];
  const auto wanted = octets_of(call);
  const auto taken =
      static_cast<std::size_t>(std::clamp<std::int64_t>(result.value, 0, static_cast<std::int64_t>(wanted)));
  if (taken == wanted) return;
  if (socket.last_send == result.id)
    socket.sent -= wanted - taken;
  else
    socket.sent_known = false;
}

void Streams::begin_anew(int connection) {
  for (auto& [id, socket] : sockets_)
    if (socket.connection == connection) begin_anew(socket);
}

void Streams::begin_anew(Socket& socket) {
  if (socket.sent > 0) socket.sent_known = false;
  if (socket.received > 0) doubt_delivery();
}

std::optional<std::uint64_t> Streams::strange_text(int connection, std::uint32_t offset,
                                                   packet::BytesView octets) const {
  const auto* socket = socket_of(connection);
  if (socket == nullptr || !socket->sent_known || offset >= socket->sent) return std::nullopt;
  const auto known = octets.first(std::min<std::size_t>(octets.size(), socket->sent - offset));
  const auto count = fitting(Stream::from_target, offset, known);
  return count < known.size() ? std::optional(std::uint64_t{offset} + count + 1) : std::nullopt;
}

// Which connection an accepted socket belongs to is not known where there are several: all literals count.
bool Streams::fits(Stream stream, std::uint64_t offset, std::byte octet) const {
  bool fits = octet == engine::pattern_octet(stream, offset);
  for (const auto& literal : literals_) {
    // Numbers go round: text may begin before the first octet (RFC 9293 section 3.4).
    const auto at = static_cast<std::uint32_t>(offset - literal.offset);
    if (literal.stream != stream || at >= literal.octets.size()) continue;
    if (octet == literal.octets[at]) return true;
    // What the application wrote is known; the tester may have sent both.
    if (stream == Stream::from_target && connections_ == 1) fits = false;
  }
  return fits;
}

// How many of `octets`, from their first on, belong where they are.
std::size_t Streams::fitting(Stream stream, std::uint64_t offset, packet::BytesView octets) const {
  if (literals_.empty()) return engine::matching_pattern(stream, offset, octets);
  std::size_t count = 0;
  while (count < octets.size() && fits(stream, offset + count, octets[count])) ++count;
  return count;
}

const Streams::Socket* Streams::socket_of(int connection) const {
  for (const auto& [id, socket] : sockets_)
    if (id != 0 && socket.connection == connection) return &socket;
  return nullptr;
}

}  // namespace tcpspec::fuzz
