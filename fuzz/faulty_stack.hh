#pragma once
// For tests: the reference stack with a fault of the test's choice.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "packet/segment_view.hh"
#include "reference_adapter/adapter.hh"
#include "target/adapter/plug_in.hh"
#include "target/packet_target.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz::test {

struct Faults {
  // What it gets, before it gets it; may say that it died.
  std::function<std::optional<target::TargetFailure>(target::BytesView)> input = nullptr;
  std::function<void(std::vector<target::Bytes>&)> output = nullptr;  // what it sends
  std::function<void(std::span<std::byte>)> delivered = nullptr;      // what the application reads
  bool restless = false;                                              // it has always something to do at once
  bool no_urgent = false;                                             // it knows no urgent data
  std::uint64_t other_seed = 0;                                       // added to what it chooses at random
};

class FaultyStack final : public target::PacketStack {
 public:
  FaultyStack(std::unique_ptr<target::PacketStack> stack, const Faults& faults)
      : stack_(std::move(stack)), faults_(faults) {}

  void advance(target::Instant now) override {
    now_ = now;
    stack_->advance(now);
  }
  [[nodiscard]] target::Instant run(target::Instant limit) override { return now_ = stack_->run(limit); }
  [[nodiscard]] std::optional<target::Instant> deadline() const override {
    return faults_.restless ? std::optional(now_) : stack_->deadline();
  }
  void input(target::BytesView datagram) override {
    if (faults_.input) failure_ = faults_.input(datagram);
    if (!failure_) stack_->input(datagram);
  }
  [[nodiscard]] std::vector<target::Bytes> take_output() override {
    auto out = stack_->take_output();
    if (faults_.output) faults_.output(out);
    return out;
  }
  [[nodiscard]] const std::optional<target::TargetFailure>& failure() const override {
    return failure_ ? failure_ : stack_->failure();
  }

  [[nodiscard]] std::int64_t open() override { return stack_->open(); }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return stack_->listen(socket, port, backlog);
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t port) override {
    return stack_->connect(socket, remote, port);
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override { return stack_->connected(socket); }
  [[nodiscard]] std::int64_t accept(Handle listener) override { return stack_->accept(listener); }
  [[nodiscard]] std::int64_t local_port(Handle socket) override { return stack_->local_port(socket); }
  [[nodiscard]] std::int64_t send(Handle socket, target::BytesView data, bool urgent) override {
    if (urgent && faults_.no_urgent) return TCPSPEC_UNSUPPORTED;
    return stack_->send(socket, data, urgent);
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    const auto got = stack_->receive(socket, data, urgent);
    if (got > 0 && faults_.delivered) faults_.delivered(data.first(static_cast<std::size_t>(got)));
    return got;
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, target::Direction direction) override {
    return stack_->shutdown(socket, direction);
  }
  [[nodiscard]] std::int64_t close(Handle socket) override { return stack_->close(socket); }
  [[nodiscard]] std::int64_t abort(Handle socket) override { return stack_->abort(socket); }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return stack_->set_option(socket, name, value);
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    return stack_->get_option(socket, name, value);
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override { return stack_->state(socket, text); }

 private:
  std::unique_ptr<target::PacketStack> stack_;
  const Faults& faults_;
  std::optional<target::TargetFailure> failure_;
  target::Instant now_;
};

// `faults` must live as long as the target does: a test may change them between two plays.
inline std::unique_ptr<target::Target> open_faulty_target(const Faults& faults) {
  auto description = target::open_reference_target()->description();
  description.name = "faulty";
  if (faults.no_urgent) description.capabilities.erase("urgent");
  return target::make_packet_target(
      std::move(description),
      [&faults](const target::Seating& seating)
          -> std::expected<std::unique_ptr<target::PacketStack>, target::EnvironmentError> {
        auto seated = seating;
        seated.seed += faults.other_seed;
        auto stack = target::make_plug_in_stack(adapter::reference_adapter(), seated, "");
        if (!stack) return std::unexpected(stack.error());
        return std::make_unique<FaultyStack>(std::move(*stack), faults);
      });
}

// The beginning of most faults: a segment with exactly these flags.
inline bool has_flags(target::BytesView datagram, packet::Flags flags) {
  const packet::SegmentView segment(datagram);
  return segment.has_tcp_header() && segment.flags() == flags;
}

}  // namespace tcpspec::fuzz::test
