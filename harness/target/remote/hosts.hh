#pragma once
// The testers as hosts on the wire: they say where they are when they are asked, know where the
// target is, and turn away what is for nobody.

#include <expected>
#include <vector>

#include "target/clock.hh"
#include "target/remote/ethernet.hh"
#include "target/remote/network.hh"
#include "target/remote/wire.hh"

namespace tcpspec::target {

class Hosts {
 public:
  explicit Hosts(Wire& wire) : wire_(wire) {}

  // One of each family. With a gateway all testers are behind it.
  void add(const packet::Address& target, const Network& testers, const std::optional<packet::Address>& gateway);
  // Asks where the targets are, and waits for the answers.
  [[nodiscard]] std::expected<void, EnvironmentError> find_targets(Poller& poller);
  [[nodiscard]] std::vector<Neighbour> targets() const;

  // Tells the target where the tester is, so that it need not ask when it first answers.
  void introduce(const packet::Address& tester);
  // To the target of that family.
  void send(packet::Family family, BytesView datagram);
  // Sees to what is said about addresses, and returns the datagram to a tester; empty: none.
  [[nodiscard]] BytesView take(BytesView octets);
  // A RST, as RFC 9293 section 3.10.7.1 has it for a segment to a connection that does not exist:
  // what a test has left behind need not retransmit for minutes.
  void turn_away(BytesView datagram);

 private:
  struct Side {
    packet::Address target;
    Network testers;
    std::optional<packet::Address> gateway;
    std::optional<MacAddress> mac;  // the target's
    [[nodiscard]] bool is_ours(const packet::Address& address) const {
      return address == gateway || testers.contains(address);
    }
  };
  [[nodiscard]] Side* side_of(packet::Family family);
  [[nodiscard]] bool is_ours(const packet::Address& address) const;
  void ask_for_targets();
  void read_answers();

  Wire& wire_;
  std::vector<Side> sides_;
};

}  // namespace tcpspec::target
