#include "mutants/right_peer.hh"

#include <utility>

#include "reference/mutants.hh"
#include "runner/reference_peer.hh"

namespace tcpspec::mutants {

namespace {

// While it lives no mutant is switched on.
class WithoutMutant {
 public:
  WithoutMutant() : switched_on_(reference::mutants::active()) {
    reference::mutants::switch_on(reference::mutants::Mutant::none);
  }
  ~WithoutMutant() { reference::mutants::switch_on(switched_on_); }
  WithoutMutant(WithoutMutant&&) = delete;

 private:
  reference::mutants::Mutant switched_on_;
};

class RightPeer final : public engine::Peer {
 public:
  explicit RightPeer(const engine::PeerPlace& place) {
    const WithoutMutant without;
    peer_ = runner::make_reference_peer(place);
  }
  void adopt(const engine::PeerAdoption& adoption, packet::Instant now) override {
    const WithoutMutant without;
    peer_->adopt(adoption, now);
  }
  void listen() override {
    const WithoutMutant without;
    peer_->listen();
  }
  void open(const packet::Endpoint& target, packet::Instant now) override {
    const WithoutMutant without;
    peer_->open(target, now);
  }
  void send(packet::Bytes octets, packet::Instant now) override {
    const WithoutMutant without;
    peer_->send(std::move(octets), now);
  }
  void shutdown(packet::Instant now) override {
    const WithoutMutant without;
    peer_->shutdown(now);
  }
  void abort(packet::Instant now) override {
    const WithoutMutant without;
    peer_->abort(now);
  }
  void read(Reading reading, packet::Instant now) override {
    const WithoutMutant without;
    peer_->read(reading, now);
  }
  void arrives(packet::BytesView datagram, packet::Instant now) override {
    const WithoutMutant without;
    peer_->arrives(datagram, now);
  }
  void advance(packet::Instant now) override {
    const WithoutMutant without;
    peer_->advance(now);
  }
  [[nodiscard]] std::optional<packet::Instant> deadline() const override { return peer_->deadline(); }
  [[nodiscard]] std::vector<packet::Bytes> take_output() override { return peer_->take_output(); }

 private:
  std::unique_ptr<engine::Peer> peer_;
};

}  // namespace

std::unique_ptr<engine::Peer> make_right_peer(const engine::PeerPlace& place) {
  return std::make_unique<RightPeer>(place);
}

}  // namespace tcpspec::mutants
