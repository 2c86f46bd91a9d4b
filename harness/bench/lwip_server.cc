#include <stdexcept>
#include <utility>

#include "bench/lwip_host.hh"
#include "bench/server.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint16_t kPort = 5000;

class LwipServer final : public Server {
 public:
  LwipServer() {
    listener_ = tcp_listen(interface_.open(kPort));
    tcp_arg(listener_, this);
    tcp_accept(listener_, on_established);
  }
  ~LwipServer() override { tcp_close(listener_); }

  [[nodiscard]] packet::Endpoint listening_at() const override { return {interface_.address(), kPort}; }
  void advance(packet::Duration by) override { advance_lwip(by); }
  void input(packet::BytesView datagram) override { interface_.input(datagram); }
  [[nodiscard]] packet::BytesView output() override {
    datagram_ = interface_.has_output() ? interface_.take_output() : packet::Bytes{};
    return datagram_;
  }
  void accept() override {
    accepted_ = std::exchange(waiting_, nullptr);
    if (accepted_ == nullptr) throw std::runtime_error("lwIP has no connection to accept");
  }
  void close() override { must(tcp_close(std::exchange(accepted_, nullptr))); }

 private:
  static err_t on_established(void* self, tcp_pcb* connection, err_t error) {
    must(error);
    static_cast<LwipServer*>(self)->waiting_ = connection;
    tcp_recv(connection, on_received);  // without one lwIP closes as soon as the FIN comes
    return ERR_OK;
  }
  static err_t on_received(void*, tcp_pcb*, pbuf* octets, err_t) {
    if (octets != nullptr) pbuf_free(octets);
    return ERR_OK;
  }

  LwipInterface interface_{packet::Address::ipv4(10, 0, 0, 1), packet::Address::ipv4(10, 0, 0, 2)};
  tcp_pcb* listener_ = nullptr;
  tcp_pcb* waiting_ = nullptr;
  tcp_pcb* accepted_ = nullptr;
  packet::Bytes datagram_;
};

}  // namespace

std::unique_ptr<Server> make_lwip_server() {
  return std::make_unique<LwipServer>();
}

}  // namespace tcpspec::bench
