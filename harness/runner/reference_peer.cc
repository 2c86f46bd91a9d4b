#include "runner/reference_peer.hh"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <optional>
#include <utility>

#include "reference/adoption.hh"
#include "reference/stack.hh"

namespace tcpspec::runner {
namespace {

using engine::PeerAdoption;
using packet::Bytes;
using packet::BytesView;
using packet::Instant;

// What can be offered without window scaling: a peer that does not read closes its window soon.
constexpr std::size_t receive_buffer = 65'535;

// The tester's state, from the FINs (RFC 9293 section 3.3.2); nullopt: it is over. An
// acknowledgment that is due leaves at once, so the target's FIN counts as taken.
std::optional<reference::State> state_of(const PeerAdoption& adoption) {
  using Fin = PeerAdoption::Fin;
  using reference::State;
  const bool taken = adoption.targets != Fin::none;
  switch (adoption.own) {
    case Fin::none:
      return taken ? State::close_wait : State::established;
    case Fin::sent:
      // Whether ours crossed the target's or answered it nobody can tell: to both the
      // acknowledgement of ours is all that is left to come.
      return taken ? State::closing : State::fin_wait_1;
    case Fin::acknowledged:
      if (adoption.targets == Fin::acknowledged) return std::nullopt;
      return taken ? State::time_wait : State::fin_wait_2;
  }
  return std::nullopt;
}

class ReferencePeer final : public engine::Peer {
 public:
  explicit ReferencePeer(const engine::PeerPlace& place) : place_(place) {}

  void adopt(const PeerAdoption& from, Instant now) override {
    const auto state = state_of(from);
    if (!state) return;
    start(std::max<std::size_t>(receive_buffer, from.rcv_wnd));
    reference::Adoption adoption{.local = place_.tester, .remote = place_.target, .state = *state};
    adoption.iss = from.iss;
    adoption.irs = from.irs;
    adoption.snd_una = from.snd_una;
    adoption.snd_nxt = from.snd_nxt;
    adoption.in_flight = from.in_flight;
    adoption.snd_wnd = from.snd_wnd;
    adoption.remote_mss = from.target_mss;
    adoption.rcv_nxt = from.rcv_nxt;
    adoption.last_ack_sent = from.acknowledged;
    adoption.rcv_wnd = from.rcv_wnd;
    adoption.local_mss = from.announced_mss;
    if (from.shifts) adoption.scaling = reference::Adoption::Scaling{from.shifts->of_target, from.shifts->of_tester};
    if (from.ts_recent) {
      const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - place_.origin).count();
      adoption.stamps =
          reference::Adoption::Stamps{place_.first_timestamp + static_cast<std::uint32_t>(elapsed), *from.ts_recent};
    }
    if (from.sack == PeerAdoption::Sack::yes) adoption.sack = reference::Adoption::Sack::yes;
    const auto adopted = stack_->adopt(adoption, own(now));
    assert(adopted && "the first connection of a stack of its own");
    socket_ = *adopted;
    work(now);
  }

  void listen() override {
    start(receive_buffer);
    listener_ = stack_->open(place_.tester.address.family).value();
    [[maybe_unused]] const auto listening = stack_->listen(*listener_, place_.tester.port, 1);
    assert(listening);
  }

  void open(const packet::Endpoint& target, Instant now) override {
    if (socket_ || !listener_) return;
    (void)stack_->close(*std::exchange(listener_, std::nullopt), own(now));
    socket_ = stack_->open(place_.tester.address.family).value();
    (void)stack_->connect(*socket_, target, place_.tester.port, own(now));
    work(now);
  }

  void send(Bytes octets, Instant now) override {
    written_.push_back(std::move(octets));
    work(now);
  }
  void shutdown(Instant now) override {
    closing_ = true;
    work(now);
  }
  void abort(Instant now) override {
    written_.clear();
    if (socket_) (void)stack_->abort(*socket_, own(now));
  }
  void read(Reading reading, Instant now) override {
    reading_ = reading;
    work(now);
  }

  // Once its connection is over it is no host any more: what still comes, and what a test
  // injects then, is not for it to answer.
  void arrives(BytesView datagram, Instant now) override {
    if (!stack_ || over()) return;
    stack_->input(datagram, own(now));
    work(now);
  }
  void advance(Instant now) override {
    if (!stack_) return;
    stack_->advance(own(now));
    work(now);
  }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    const auto due = stack_ ? stack_->deadline() : std::nullopt;
    return due ? std::optional(place_.origin + due->time_since_epoch()) : std::nullopt;
  }
  [[nodiscard]] std::vector<Bytes> take_output() override {
    return stack_ ? stack_->take_output() : std::vector<Bytes>{};
  }

 private:
  [[nodiscard]] Instant own(Instant now) const { return Instant{} + (now - place_.origin); }

  void start(std::size_t most_received) {
    reference::Settings settings;
    (place_.tester.address.family == packet::Family::ipv4 ? settings.ipv4 : settings.ipv6) = place_.tester.address;
    settings.mtu = place_.mtu;
    settings.iss = place_.iss;
    settings.timestamp_offset = place_.first_timestamp;
    settings.limits.receive_buffer = most_received;
    // A target that hears nothing for a while may send again, which no test expects.
    settings.times.delayed_ack = {};
    stack_ = std::make_unique<reference::Stack>(settings);
  }

  [[nodiscard]] bool over() const {
    if (!socket_) return false;
    const auto status = stack_->status(*socket_);
    return !status || status->state == reference::State::closed;
  }

  // What its application does after each event: it takes the connection that came, writes what
  // waits, and reads.
  void work(Instant now) {
    if (!stack_) return;
    if (!socket_ && listener_)
      if (const auto accepted = stack_->accept(*listener_)) socket_ = *accepted;
    if (!socket_) return;
    write(now);
    std::array<std::byte, 16'384> somewhere;
    while (reading_ == Reading::at_once && stack_->receive(*socket_, somewhere, own(now)).value_or(0) > 0) {
    }
  }

  void write(Instant now) {
    while (!written_.empty()) {
      auto& octets = written_.front();
      const auto taken =
          stack_->send(*socket_, BytesView(octets).subspan(begun_), reference::SendKind::pushed, own(now));
      if (!taken) return;  // there is no room yet, or the connection is over
      begun_ += *taken;
      if (begun_ < octets.size()) continue;
      written_.pop_front();
      begun_ = 0;
    }
    if (!closing_) return;
    if (stack_->shutdown(*socket_, reference::Direction::send, own(now))) closing_ = false;
  }

  engine::PeerPlace place_;
  std::unique_ptr<reference::Stack> stack_;
  std::optional<reference::SocketId> listener_;
  std::optional<reference::SocketId> socket_;
  std::deque<Bytes> written_;  // by the application, and not taken by the stack yet
  std::size_t begun_ = 0;      // octets of the first of them that were
  bool closing_ = false;
  Reading reading_ = Reading::at_once;
};

}  // namespace

std::unique_ptr<engine::Peer> make_reference_peer(const engine::PeerPlace& place) {
  return std::make_unique<ReferencePeer>(place);
}

}  // namespace tcpspec::runner
