#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "bench/bulk.hh"
#include "bench/reference_calls.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint16_t kPort = 5000;
constexpr packet::Duration kTurn = std::chrono::microseconds(10);

reference::Settings host(std::uint8_t number) {
  reference::Settings settings;
  settings.ipv4 = packet::Address::ipv4(10, 0, 0, number);
  return settings;
}

class ReferenceTransfer final : public Transfer {
 public:
  ReferenceTransfer() {
    const auto listener = must(to_.open(packet::Family::ipv4));
    must(to_.listen(listener, kPort, 1));
    sender_ = must(from_.open(packet::Family::ipv4));
    must(from_.connect(sender_, {to_.settings().ipv4, kPort}, 0, now_));
    deliver(from_, to_);
    deliver(to_, from_);
    deliver(from_, to_);
    receiver_ = must(to_.accept(listener));
  }

  std::size_t turn() override {
    if (const auto taken = from_.send(sender_, pattern_.at(sent_, Pattern::kMost), reference::SendKind::pushed, now_))
      sent_ += *taken;
    const bool moved = deliver(from_, to_);
    const std::size_t octets = read();
    const bool answered = deliver(to_, from_);
    now_ += kTurn;
    if (!moved && !answered) skip_to_the_next_timer();
    from_.advance(now_);
    to_.advance(now_);
    return octets;
  }

 private:
  bool deliver(reference::Stack& source, reference::Stack& sink) {
    const auto datagrams = source.take_output();
    for (const auto& datagram : datagrams) sink.input(datagram, now_);
    (void)source.take_changed();
    return !datagrams.empty();
  }

  std::size_t read() {
    std::size_t octets = 0;
    while (const auto got = to_.receive(receiver_, buffer_, now_)) {
      if (*got == 0) throw std::runtime_error("the reference stack ended a connection that nobody closed");
      pattern_.check(received_ + octets, packet::BytesView(buffer_).first(*got), "the reference stack");
      octets += *got;
    }
    received_ += octets;
    return octets;
  }

  void skip_to_the_next_timer() {
    for (const auto due : {from_.deadline(), to_.deadline()})
      if (due) now_ = std::max(now_, *due);
  }

  Pattern pattern_;
  packet::Bytes buffer_{Pattern::kMost};
  packet::Instant now_{};
  reference::Stack from_{host(1)}, to_{host(2)};
  reference::SocketId sender_ = 0, receiver_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace

std::unique_ptr<Transfer> make_reference_transfer() {
  return std::make_unique<ReferenceTransfer>();
}

}  // namespace tcpspec::bench
