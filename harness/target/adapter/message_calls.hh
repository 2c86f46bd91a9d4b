#pragma once
// The application's calls as the messages of adapter_messages.h, whoever carries them.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "target/adapter.h"
#include "target/adapter/errors.hh"
#include "target/adapter_message.hh"
#include "target/packet_stack.hh"

namespace tcpspec::target {

// The data lies in the buffer of whoever got it, until the next exchange.
struct MessageReply {
  std::int64_t result = 0;
  adapter::OctetsView data = {};
  std::int64_t number = 0;
};

// `Interface` is SocketCalls, or a class of which that is a part.
template <class Interface>
class MessageCalls : public Interface {
 public:
  using Handle = SocketCalls::Handle;

  [[nodiscard]] std::int64_t open() override { return ask({.operation = TCPSPEC_OP_OPEN}); }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return ask({.operation = TCPSPEC_OP_LISTEN, .socket = socket, .a = port, .b = backlog});
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t local_port) override {
    return ask({.operation = TCPSPEC_OP_CONNECT,
                .socket = socket,
                .a = local_port,
                .b = remote.port,
                .data = std::as_bytes(remote.address.octets())});
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_CONNECTED, .socket = socket});
  }
  [[nodiscard]] std::int64_t accept(Handle listener) override {
    return ask({.operation = TCPSPEC_OP_ACCEPT, .socket = listener});
  }
  [[nodiscard]] std::int64_t local_port(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_LOCAL_PORT, .socket = socket});
  }
  [[nodiscard]] std::int64_t send(Handle socket, BytesView data, bool urgent) override {
    const auto sent =
        ask({.operation = TCPSPEC_OP_SEND, .socket = socket, .a = urgent ? TCPSPEC_URGENT : 0, .data = data});
    return std::min(sent, static_cast<std::int64_t>(data.size()));
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    const auto got = ask({.operation = TCPSPEC_OP_RECEIVE,
                          .socket = socket,
                          .a = static_cast<std::int64_t>(data.size()),
                          .b = urgent ? TCPSPEC_URGENT : 0});
    if (got <= 0) return got;
    // The octets count, not what is said of them.
    const auto count = std::min(reply_.data.size(), data.size());
    std::ranges::copy(reply_.data.first(count), data.begin());
    return static_cast<std::int64_t>(count);
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, Direction direction) override {
    return ask({.operation = TCPSPEC_OP_SHUTDOWN, .socket = socket, .a = direction_number(direction)});
  }
  [[nodiscard]] std::int64_t close(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_CLOSE, .socket = socket});
  }
  [[nodiscard]] std::int64_t abort(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_ABORT, .socket = socket});
  }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return ask({.operation = TCPSPEC_OP_SET_OPTION, .socket = socket, .a = value, .data = octets_of(name)});
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    const auto got = ask({.operation = TCPSPEC_OP_GET_OPTION, .socket = socket, .data = octets_of(name)});
    value = name == "SO_ERROR" ? -from_adapter(reply_.number) : reply_.number;
    return got;
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    const auto got = ask({.operation = TCPSPEC_OP_STATE, .socket = socket});
    if (got >= 0) text = state_name(got);
    return got;
  }

 protected:
  // A carrier that failed says TCPSPEC_FAILED.
  [[nodiscard]] virtual MessageReply exchange(const adapter::Request& request) = 0;
  [[nodiscard]] std::int64_t ask(const adapter::Request& request) {
    reply_ = exchange(request);
    return from_adapter(reply_.result);
  }
  [[nodiscard]] const MessageReply& reply() const { return reply_; }

 private:
  [[nodiscard]] static adapter::OctetsView octets_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  MessageReply reply_;
};

}  // namespace tcpspec::target
