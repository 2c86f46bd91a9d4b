#include "oracle/invariants.hh"

#include <cstdint>
#include <deque>

#include "oracle/invariant_connection.hh"
#include "oracle/invariant_wire.hh"

namespace tcpspec::oracle {
namespace {

using packet::Endpoint;

// All pairs of endpoints. Their number is bounded: the segments of those that came
// after are judged by their form alone.
class Directory {
 public:
  // The one between the two; makes it where there is none, nullptr where there is no room.
  WatchedConnection* between(const Endpoint& tester, const Endpoint& target) {
    const std::uint32_t tag = tag_of(tester, target);
    if (last_ < tags_.size() && tags_[last_] == tag && connections_[last_].is_between(tester, target))
      return &connections_[last_];
    for (std::size_t i = 0; i < tags_.size(); ++i)
      if (tags_[i] == tag && connections_[i].is_between(tester, target)) return &connections_[last_ = i];
    if (tags_.size() == most) return nullptr;
    last_ = tags_.size();
    tags_.push_back(tag);
    return &connections_.emplace_back(tester, target, budget_);
  }

 private:
  static constexpr std::size_t most = 1024;

  static std::uint32_t tag_of(const Endpoint& tester, const Endpoint& target) {
    const auto octets = tester.address.octets();
    const std::uint32_t host = static_cast<std::uint32_t>(octets[octets.size() - 2]) << 8 | octets.back();
    return (static_cast<std::uint32_t>(tester.port) << 16 | target.port) ^ host * 0x9e3779b1U;
  }

  OctetBudget budget_;
  std::vector<std::uint32_t> tags_;  // searched instead of the connections, which are large
  std::deque<WatchedConnection> connections_;
  std::size_t last_ = 0;
};

}  // namespace

struct InvariantMonitor::State {
  Directory directory;
  // A fragment of the tester, or a broken SYN of the target, cannot be read: what the
  // target knows is unknown from then on, and only the form of segments is judged.
  bool blind = false;
};

InvariantMonitor::InvariantMonitor() : state_(std::make_unique<State>()) {}
InvariantMonitor::~InvariantMonitor() = default;
InvariantMonitor::InvariantMonitor(InvariantMonitor&&) noexcept = default;
InvariantMonitor& InvariantMonitor::operator=(InvariantMonitor&&) noexcept = default;

void InvariantMonitor::sent(packet::BytesView datagram) {
  if (may_be_fragment(datagram)) state_->blind = true;
  if (state_->blind) return;
  const packet::SegmentView view(datagram);
  if (!view.has_tcp_header()) return;
  if (auto* connection = state_->directory.between(view.source(), view.destination()))
    connection->tester_sent(SegmentFacts(view));
}

std::vector<Violation> InvariantMonitor::received(packet::BytesView datagram) {
  Findings findings;
  const packet::SegmentView view(datagram);
  check_datagram(view, findings);
  if (!findings.empty() || may_be_fragment(datagram) || !view.is_tcp()) return std::move(findings).take();
  if (!view.has_tcp_header()) {
    findings.add(Rule::data_offset_legal, "{} octets are no TCP header", view.ip_payload().size());
    return std::move(findings).take();
  }
  const SegmentFacts segment(view);
  const bool readable = check_segment_form(view, segment, findings);
  // Without its SYN nothing certain can be said of a connection.
  if (!readable && segment.has(packet::Flags::syn)) state_->blind = true;
  if (!readable || state_->blind) return std::move(findings).take();
  if (auto* connection = state_->directory.between(view.destination(), view.source()))
    connection->target_sent(segment, findings);
  return std::move(findings).take();
}

}  // namespace tcpspec::oracle
