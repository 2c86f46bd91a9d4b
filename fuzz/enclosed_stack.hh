#pragma once
// A stack, each call of which happens within something: an object that `enter` returns, and that lives
// as long as the call. Datagrams it gets in a room that is fenced.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fuzz/fenced_room.hh"
#include "target/packet_stack.hh"

namespace tcpspec::fuzz {

template <class Enter>
class EnclosedStack final : public target::PacketStack {
 public:
  EnclosedStack(Enter enter, std::unique_ptr<target::PacketStack> stack, std::shared_ptr<FencedRoom> room)
      : enter_(std::move(enter)), stack_(std::move(stack)), room_(std::move(room)) {}
  EnclosedStack(EnclosedStack&&) = delete;
  ~EnclosedStack() override {
    on([&] { stack_.reset(); });
  }

  void advance(target::Instant now) override {
    on([&] { stack_->advance(now); });
  }
  [[nodiscard]] target::Instant run(target::Instant limit) override {
    return on([&] { return stack_->run(limit); });
  }
  [[nodiscard]] std::optional<target::Instant> deadline() const override {
    return on([&] { return stack_->deadline(); });
  }
  void input(target::BytesView datagram) override {
    on([&] { room_->lend(datagram, [this](target::BytesView lent) { stack_->input(lent); }); });
  }
  // What it has sent is the harness's already.
  [[nodiscard]] std::vector<target::Bytes> take_output() override { return stack_->take_output(); }
  [[nodiscard]] const std::optional<target::TargetFailure>& failure() const override { return stack_->failure(); }

  [[nodiscard]] std::int64_t open() override {
    return on([&] { return stack_->open(); });
  }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return on([&] { return stack_->listen(socket, port, backlog); });
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t port) override {
    return on([&] { return stack_->connect(socket, remote, port); });
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override {
    return on([&] { return stack_->connected(socket); });
  }
  [[nodiscard]] std::int64_t accept(Handle listener) override {
    return on([&] { return stack_->accept(listener); });
  }
  [[nodiscard]] std::int64_t local_port(Handle socket) override {
    return on([&] { return stack_->local_port(socket); });
  }
  [[nodiscard]] std::int64_t send(Handle socket, target::BytesView data, bool urgent) override {
    return on([&] { return stack_->send(socket, data, urgent); });
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    return on([&] { return stack_->receive(socket, data, urgent); });
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, target::Direction direction) override {
    return on([&] { return stack_->shutdown(socket, direction); });
  }
  [[nodiscard]] std::int64_t close(Handle socket) override {
    return on([&] { return stack_->close(socket); });
  }
  [[nodiscard]] std::int64_t abort(Handle socket) override {
    return on([&] { return stack_->abort(socket); });
  }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return on([&] { return stack_->set_option(socket, name, value); });
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    return on([&] { return stack_->get_option(socket, name, value); });
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    return on([&] { return stack_->state(socket, text); });
  }

 private:
  template <class Function>
  std::invoke_result_t<Function> on(Function function) const {
    [[maybe_unused]] const auto inside = enter_();
    return function();
  }

  Enter enter_;
  std::unique_ptr<target::PacketStack> stack_;
  std::shared_ptr<FencedRoom> room_;
};

}  // namespace tcpspec::fuzz
