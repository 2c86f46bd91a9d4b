#include <chrono>
#include <vector>

#include "bench/reference_calls.hh"
#include "bench/server.hh"

namespace tcpspec::bench {
namespace {

constexpr std::uint16_t kPort = 5000;

class ReferenceServer final : public Server {
 public:
  ReferenceServer() : listener_(must(stack_.open(packet::Family::ipv4))) { must(stack_.listen(listener_, kPort, 16)); }

  [[nodiscard]] packet::Endpoint listening_at() const override { return {stack_.settings().ipv4, kPort}; }
  void advance(packet::Duration by) override { stack_.advance(now_ += by); }
  void input(packet::BytesView datagram) override { stack_.input(datagram, now_); }
  [[nodiscard]] packet::BytesView output() override {
    if (taken_ == sent_.size()) {
      sent_ = stack_.take_output();
      taken_ = 0;
    }
    return sent_.empty() ? packet::BytesView{} : sent_[taken_++];
  }
  void accept() override { accepted_ = must(stack_.accept(listener_)); }
  void close() override {
    must(stack_.close(accepted_, now_));
    (void)stack_.take_changed();
  }

 private:
  reference::Stack stack_{reference::Settings{}};
  packet::Instant now_{};
  reference::SocketId listener_;
  reference::SocketId accepted_ = 0;
  std::vector<packet::Bytes> sent_;
  std::size_t taken_ = 0;
};

}  // namespace

std::unique_ptr<Server> make_reference_server() {
  return std::make_unique<ReferenceServer>();
}

}  // namespace tcpspec::bench
