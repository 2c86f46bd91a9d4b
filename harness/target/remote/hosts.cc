#include "target/remote/hosts.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "packet/segment_view.hh"

namespace tcpspec::target {
namespace {

// A target that has just come up may be looking for a while whether its address is free.
constexpr Duration most_patience = std::chrono::seconds(4);
constexpr Duration between_questions = std::chrono::milliseconds(500);

}  // namespace

void Hosts::add(const packet::Address& target, const Network& testers, const std::optional<packet::Address>& gateway) {
  sides_.push_back({.target = target, .testers = testers, .gateway = gateway, .mac = std::nullopt});
}

Hosts::Side* Hosts::side_of(packet::Family family) {
  const auto found = std::ranges::find_if(sides_, [&](const Side& side) { return side.target.family == family; });
  return found == sides_.end() ? nullptr : &*found;
}

bool Hosts::is_ours(const packet::Address& address) const {
  return std::ranges::any_of(sides_, [&](const Side& side) { return side.is_ours(address); });
}

std::vector<Neighbour> Hosts::targets() const {
  std::vector<Neighbour> out;
  for (const auto& side : sides_)
    if (side.mac) out.push_back({.address = side.target, .mac = *side.mac});
  return out;
}

void Hosts::ask_for_targets() {
  for (const auto& side : sides_)
    if (!side.mac)
      wire_.write(question_frame(
          side.target, {.address = side.gateway.value_or(side.testers.host(0)), .mac = wire_.mac()}, std::nullopt));
}

void Hosts::read_answers() {
  std::array<std::byte, 65536> buffer{};
  for (auto arrival = wire_.read(buffer); !arrival.frame.empty(); arrival = wire_.read(buffer))
    (void)take(arrival.frame);
}

std::expected<void, EnvironmentError> Hosts::find_targets(Poller& poller) {
  const auto unknown = [&] { return std::ranges::find_if(sides_, [](const Side& side) { return !side.mac; }); };
  const auto start = monotonic_now();
  for (auto ask_at = start; unknown() != sides_.end(); read_answers()) {
    const auto now = monotonic_now();
    if (now >= start + most_patience) break;
    if (now >= ask_at) {
      ask_for_targets();
      ask_at = now + between_questions;
    }
    (void)poller.wait(ask_at);
  }
  const auto missing = unknown();
  if (missing == sides_.end()) return {};
  return std::unexpected(EnvironmentError{
      .what = fmt::format("nobody on {} says that it has {}", wire_.interface(), to_string(missing->target)),
      .hint = fmt::format("the target must be up, on the same Ethernet, and have {} in its own network",
                          missing->gateway ? to_string(*missing->gateway) : to_string(missing->testers))});
}

void Hosts::introduce(const packet::Address& tester) {
  if (const auto* side = side_of(tester.family); side != nullptr && side->mac && !side->gateway)
    wire_.write(question_frame(side->target, {.address = tester, .mac = wire_.mac()}, side->mac));
}

void Hosts::send(packet::Family family, BytesView datagram) {
  if (const auto* side = side_of(family); side != nullptr && side->mac)
    wire_.write(frame_of(*side->mac, wire_.mac(), family, datagram));
}

BytesView Hosts::take(BytesView octets) {
  const auto frame = view_frame(octets);
  if (!frame) return {};
  if (!is_neighbour_talk(*frame)) {
    const auto datagram = datagram_in(*frame);
    const bool to_us = frame->destination == wire_.mac() && !datagram.empty() &&
                       is_ours(packet::SegmentView(datagram).destination_address());
    return to_us ? datagram : BytesView{};
  }
  if (const auto neighbour = read_announcement(*frame)) {
    auto* side = side_of(neighbour->address.family);
    if (side != nullptr && side->target == neighbour->address) side->mac = neighbour->mac;
  }
  if (const auto question = read_question(*frame); question && is_ours(question->wanted))
    wire_.write(answer_frame(*question, wire_.mac()));
  return {};
}

void Hosts::turn_away(BytesView datagram) {
  const packet::SegmentView view(datagram);
  if (!view.has_tcp_header() || view.flags().has(packet::Flags::rst)) return;
  packet::Segment reset;
  reset.source = view.destination();
  reset.destination = view.source();
  if (view.flags().has(packet::Flags::ack)) {
    reset.seq = view.ack();
    reset.flags = packet::Flags::rst;
  } else {
    reset.ack = view.seq() + view.length();
    reset.flags = packet::Flags::rst | packet::Flags::ack;
  }
  send(reset.source.address.family, packet::serialize(reset));
}

}  // namespace tcpspec::target
