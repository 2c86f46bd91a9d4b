#pragma once
// The messages of adapter_messages.h, written and read. Header only and without anything of
// tcpspec, so that both ends of the wire share it.

#include <endian.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "target/adapter_messages.h"

namespace tcpspec::adapter {

using Octets = std::vector<std::byte>;
using OctetsView = std::span<const std::byte>;

// Appends numbers in network byte order.
class MessageWriter {
 public:
  explicit MessageWriter(Octets& out) : out_(out), begin_(out.size()) { u32(0); }

  void u8(std::uint8_t value) { append(&value, sizeof value); }
  void u16(std::uint16_t value) { append_number(htobe16(value)); }
  void u32(std::uint32_t value) { append_number(htobe32(value)); }
  void i32(std::int32_t value) { u32(static_cast<std::uint32_t>(value)); }
  void u64(std::uint64_t value) { append_number(htobe64(value)); }
  void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
  void octets(OctetsView data) { append(data.data(), data.size()); }
  void text(std::string_view data) { append(data.data(), data.size()); }
  void item(std::uint8_t kind, OctetsView data) {
    u8(kind);
    u32(static_cast<std::uint32_t>(data.size()));
    octets(data);
  }
  // The length in front; the message is whole after it.
  void finish() {
    const std::uint32_t length = htobe32(static_cast<std::uint32_t>(out_.size() - begin_ - sizeof(std::uint32_t)));
    std::memcpy(out_.data() + begin_, &length, sizeof length);
  }

 private:
  template <class T>
  void append_number(T big_endian) {
    append(&big_endian, sizeof big_endian);
  }
  void append(const void* data, std::size_t octets) {
    const auto* first = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), first, first + octets);
  }

  Octets& out_;
  std::size_t begin_;
};

// Reads what MessageWriter wrote; after the end of the data everything is zero, and ok() is false.
class MessageReader {
 public:
  explicit MessageReader(OctetsView data) : rest_(data) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return be16toh(number<std::uint16_t>()); }
  std::uint32_t u32() { return be32toh(number<std::uint32_t>()); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::uint64_t u64() { return be64toh(number<std::uint64_t>()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  OctetsView octets(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  [[nodiscard]] OctetsView rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  template <class T>
  T number() {
    T value{};
    const auto taken = octets(sizeof value);
    if (ok_) std::memcpy(&value, taken.data(), sizeof value);
    return value;
  }

  OctetsView rest_;
  bool ok_ = true;
};

struct Request {
  std::uint8_t operation = 0;
  std::int32_t socket = 0;
  std::int64_t a = 0;
  std::int64_t b = 0;
  OctetsView data = {};
};

inline void write_request(Octets& out, const Request& request) {
  MessageWriter writer(out);
  writer.u8(request.operation);
  writer.i32(request.socket);
  writer.i64(request.a);
  writer.i64(request.b);
  writer.octets(request.data);
  writer.finish();
}

// `message` is what follows the length.
inline std::optional<Request> read_request(OctetsView message) {
  MessageReader reader(message);
  Request request;
  request.operation = reader.u8();
  request.socket = reader.i32();
  request.a = reader.i64();
  request.b = reader.i64();
  request.data = reader.rest();
  return reader.ok() ? std::optional(request) : std::nullopt;
}

// How many octets the first message in `stream` has, its length included; nullopt: not known yet.
inline std::optional<std::size_t> message_size(OctetsView stream) {
  MessageReader reader(stream);
  const std::size_t length = reader.u32();
  return reader.ok() ? std::optional(sizeof(std::uint32_t) + length) : std::nullopt;
}

}  // namespace tcpspec::adapter
