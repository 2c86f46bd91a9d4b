#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "bench/bulk.hh"
#include "bench/lwip_host.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint16_t kPort = 5001;
constexpr packet::Duration kTurn = std::chrono::microseconds(10);

// One lwIP with two interfaces: each end is bound to one of them, so that what passes between
// them goes out and comes in as it would between two hosts.
class LwipTransfer final : public Transfer {
 public:
  LwipTransfer() {
    tcp_pcb* listener = tcp_listen(to_.open(kPort));
    tcp_arg(listener, this);
    tcp_accept(listener, on_established);
    sender_ = from_.open(kPort + 1);
    const ip_addr_t remote = to_lwip(to_.address());
    must(tcp_connect(sender_, &remote, kPort, [](void*, tcp_pcb*, err_t error) { return error; }));
    while (exchange()) {
    }
    must(tcp_close(listener));
    if (receiver_ == nullptr) throw std::runtime_error("lwIP did not connect to itself");
  }
  ~LwipTransfer() override {
    tcp_abort(sender_);
    while (exchange()) {
    }
  }

  std::size_t turn() override {
    const std::uint64_t before = received_;
    send();
    if (!exchange()) advance_lwip_to_next_timer();
    advance_lwip(kTurn);
    return static_cast<std::size_t>(received_ - before);
  }

 private:
  void send() {
    const std::size_t room = std::min<std::size_t>(tcp_sndbuf(sender_), Pattern::kMost - 1);
    if (room == 0) return;
    const auto octets = pattern_.at(sent_, room);
    // ERR_MEM: as many segments wait as may.
    if (tcp_write(sender_, octets.data(), static_cast<u16_t>(octets.size()), TCP_WRITE_FLAG_COPY) == ERR_OK)
      sent_ += octets.size();
    must(tcp_output(sender_));
  }

  // What each has sent so far, to the other. False: nothing.
  bool exchange() {
    bool moved = false;
    for (auto [source, sink] : {std::pair(&from_, &to_), std::pair(&to_, &from_)})
      while (source->has_output()) {
        sink->input(source->take_output());
        moved = true;
      }
    return moved;
  }

  static err_t on_established(void* self, tcp_pcb* connection, err_t error) {
    must(error);
    static_cast<LwipTransfer*>(self)->receiver_ = connection;
    tcp_recv(connection, on_received);
    return ERR_OK;
  }
  static err_t on_received(void* self, tcp_pcb* connection, pbuf* octets, err_t) {
    if (octets == nullptr) return ERR_OK;
    static_cast<LwipTransfer*>(self)->check(*octets);
    tcp_recved(connection, octets->tot_len);
    pbuf_free(octets);
    return ERR_OK;
  }
  void check(const pbuf& first) {
    for (const pbuf* piece = &first; piece != nullptr; piece = piece->next) {
      pattern_.check(received_, {static_cast<const std::byte*>(piece->payload), piece->len}, "lwIP");
      received_ += piece->len;
    }
  }

  Pattern pattern_;
  LwipInterface from_{packet::Address::ipv4(10, 0, 1, 1), packet::Address::ipv4(10, 0, 1, 254)};
  LwipInterface to_{packet::Address::ipv4(10, 0, 2, 1), packet::Address::ipv4(10, 0, 2, 254)};
  tcp_pcb* sender_ = nullptr;
  tcp_pcb* receiver_ = nullptr;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace

std::unique_ptr<Transfer> make_lwip_transfer() {
  return std::make_unique<LwipTransfer>();
}

}  // namespace tcpspec::bench
