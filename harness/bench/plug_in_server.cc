#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/server.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint16_t kPort = 5000;

std::int64_t must(std::int64_t result) {
  if (result < 0) throw std::runtime_error("an adapter refused a call of the bench: " + std::to_string(result));
  return result;
}

// A new stack for each conversation, as each test has one: the client begins every one of them by
// moving the clock.
class PlugInServer final : public Server {
 public:
  explicit PlugInServer(const tcpspec_adapter& adapter) : adapter_(adapter) {}
  PlugInServer(PlugInServer&&) = delete;
  ~PlugInServer() override {
    if (stack_ != nullptr) adapter_.destroy(stack_);
  }

  [[nodiscard]] packet::Endpoint listening_at() const override { return {local_, kPort}; }
  void advance(packet::Duration /*by*/) override {
    if (stack_ != nullptr) adapter_.destroy(stack_);
    tcpspec_config config{};
    config.size = sizeof config;
    config.family = 4;
    config.prefix = 8;
    config.mtu = 1500;
    std::ranges::copy(local_.octets(), config.local);
    std::ranges::copy(peer_.octets(), config.peer);
    config.now = 1'000'000'000'000;
    config.seed = ++seed_;
    config.params = "";
    const tcpspec_host host{this, &PlugInServer::on_packet, [](void*, const char*) {}};
    must(adapter_.create(&config, &host, &stack_));
    listener_ = static_cast<tcpspec_socket>(must(adapter_.open(stack_)));
    must(adapter_.listen(stack_, listener_, kPort, 16));
  }
  void input(packet::BytesView datagram) override {
    must(adapter_.input(stack_, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size()));
  }
  [[nodiscard]] packet::BytesView output() override {
    if (taken_ == sent_.size()) {
      sent_.clear();
      taken_ = 0;
      return {};
    }
    return sent_[taken_++];
  }
  void accept() override { accepted_ = static_cast<tcpspec_socket>(must(adapter_.accept(stack_, listener_))); }
  void close() override { must(adapter_.close(stack_, accepted_)); }

 private:
  static void on_packet(void* self, const std::uint8_t* datagram, std::size_t octets) {
    const auto* first = reinterpret_cast<const std::byte*>(datagram);
    static_cast<PlugInServer*>(self)->sent_.emplace_back(first, first + octets);
  }

  const tcpspec_adapter& adapter_;
  packet::Address local_ = packet::Address::ipv4(10, 0, 0, 1);
  packet::Address peer_ = packet::Address::ipv4(10, 0, 0, 2);
  tcpspec_stack* stack_ = nullptr;
  tcpspec_socket listener_ = 0;
  tcpspec_socket accepted_ = 0;
  std::uint64_t seed_ = 0;
  std::vector<packet::Bytes> sent_;
  std::size_t taken_ = 0;
};

}  // namespace

std::unique_ptr<Server> make_plug_in_server(const tcpspec_adapter& adapter) {
  return std::make_unique<PlugInServer>(adapter);
}

}  // namespace tcpspec::bench
