#pragma once
// What the tests of the view, of matching and of notation share: a conversation that a view watches.

#include "oracle/connection_view.hh"
#include "oracle/invariant_test_wire.hh"

namespace tcpspec::oracle::test {

struct Start {
  std::uint32_t tester = tester_iss;
  std::uint32_t target = target_iss;
};

struct Talk {
  explicit Talk(Start start = {}, Family family = Family::ipv4)
      : wire(family), view(family, Seq32(start.tester), 1500) {
    wire.own_iss = start.tester;
    wire.other_iss = start.target;
  }

  void sent(const Said& said, Acceptance acceptance = Acceptance::expected, packet::Instant now = {}) {
    view.sent(wire.from_tester(said), acceptance, now);
  }
  // Arrived, before the script takes notice of it with got().
  void arrived(const Said& said) {
    const auto bytes = serialize(wire.from_target(said));
    view.arrived(packet::SegmentView(bytes));
  }
  // The same where a peer answers it, before the script takes notice of it with got().
  void heard(const Said& said) {
    const auto bytes = serialize(wire.from_target(said));
    view.heard(packet::SegmentView(bytes));
  }
  void got(const Said& said) {
    const auto bytes = serialize(wire.from_target(said));
    view.consumed(packet::SegmentView(bytes));
  }
  [[nodiscard]] ConnectionView::Character character(const Said& said) const {
    const auto bytes = serialize(wire.from_target(said));
    return view.character(packet::SegmentView(bytes));
  }
  [[nodiscard]] std::int64_t operator[](script::Variable variable) const { return view.variable(variable); }

  // The tester opens; the target's window is `window` octets.
  void open(const Options& offered = {}, const Options& answered = {}, std::uint16_t window = 1000) {
    sent({.flags = S, .options = offered, .window = 5000});
    got({.flags = SA, .ack = 1, .options = answered, .window = window});
    sent({.flags = A, .seq = 1, .ack = 1, .window = 5000});
  }

  Wire wire;
  ConnectionView view;
};

}  // namespace tcpspec::oracle::test
