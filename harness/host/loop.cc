#include "host/loop.hh"

#include <algorithm>
#include <utility>

namespace tcpspec::host {
namespace {

constexpr std::uint64_t wire_tag = 0, watched_tag = 1;
// Datagrams that are read before what they cause is written: answers should not wait for
// a wire that never falls silent.
constexpr int batch = 64;

}  // namespace

std::expected<Loop, target::EnvironmentError> Loop::open(Host& host, target::Link& link) {
  auto poller = target::Poller::open();
  if (!poller) return std::unexpected(poller.error());
  if (auto done = poller->watch(link.descriptor(), target::Poller::Trigger::level, wire_tag); !done)
    return std::unexpected(done.error());
  return Loop(host, link, std::move(*poller));
}

std::expected<void, target::EnvironmentError> Loop::watch(int descriptor) {
  return poller_.watch(descriptor, target::Poller::Trigger::level, watched_tag);
}

// Whether there was anything.
bool Loop::take_in() {
  const auto now = target::monotonic_now();
  for (int i = 0; i < batch; ++i) {
    const auto datagram = link_->read(buffer_);
    if (datagram.empty()) return i > 0;
    host_->arrives(datagram, now);
  }
  return true;
}

void Loop::put_out() {
  for (const auto& datagram : host_->turn(target::monotonic_now())) {
    const auto version = std::to_integer<unsigned>(datagram.front()) >> 4;
    link_->write(version == 4 ? packet::Family::ipv4 : packet::Family::ipv6, datagram);
  }
}

Loop::Ending Loop::run(const std::function<bool()>& done, std::optional<Instant> until) {
  for (;;) {
    const bool busy = take_in();
    put_out();
    if (done()) return Ending::done;
    if (until && target::monotonic_now() >= *until) return Ending::expired;
    auto next = host_->deadline();
    if (until && (!next || *until < *next)) next = until;
    const auto wake = busy ? poller_.look() : poller_.wait(next);
    if (wake.reason == target::Poller::Reason::interrupted) return Ending::interrupted;
    if (std::ranges::any_of(wake.ready, [](const epoll_event& event) { return event.data.u64 == watched_tag; }))
      return Ending::readable;
  }
}

}  // namespace tcpspec::host
