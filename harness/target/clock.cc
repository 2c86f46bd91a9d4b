#include "target/clock.hh"

#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <ctime>

#include "target/linux/failure.hh"

namespace tcpspec::target {
namespace {

timespec remaining(Instant start, Instant until) {
  if (until <= start) return {};
  const Duration left = until - start;
  constexpr auto second = Duration{std::chrono::seconds{1}};
  return {.tv_sec = left / second, .tv_nsec = (left % second).count()};
}

// Kernels before 5.11, and some sandboxes, know milliseconds only; rounded up, so that we never wake early and spin.
int in_milliseconds(const timespec& left) {
  constexpr std::int64_t longest = 1 << 30;
  const std::int64_t ms = std::int64_t{left.tv_sec} * 1000 + (left.tv_nsec + 999'999) / 1'000'000;
  return static_cast<int>(ms < longest ? ms : longest);
}

}  // namespace

Instant monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{Duration{std::chrono::seconds{t.tv_sec}} + Duration{t.tv_nsec}};
}

std::expected<Poller, EnvironmentError> Poller::open() {
  Poller poller;
  poller.epoll_ = Descriptor{epoll_create1(EPOLL_CLOEXEC)};
  if (!poller.epoll_)
    return std::unexpected(failure("epoll_create1", errno, "raise the limit of open files (ulimit -n)"));
  return poller;
}

std::expected<void, EnvironmentError> Poller::watch(int descriptor, Trigger trigger, std::uint64_t tag) {
  epoll_event event{};
  event.events = trigger == Trigger::level
                     ? std::uint32_t{EPOLLIN}
                     : std::uint32_t{EPOLLIN} | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | std::uint32_t{EPOLLET};
  event.data.u64 = tag;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    return std::unexpected(failure("epoll_ctl", errno, "raise fs.epoll.max_user_watches"));
  return {};
}

void Poller::forget(int descriptor) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

Poller::Wake Poller::wait(std::optional<Instant> until) {
  const auto start = monotonic_now();
  const auto left = until ? remaining(start, *until) : timespec{};
  const auto capacity = static_cast<int>(ready_.size());
  int count = epoll_pwait2(epoll_.get(), ready_.data(), capacity, until ? &left : nullptr, nullptr);
  if (count < 0 && (errno == ENOSYS || errno == EPERM))
    count = epoll_wait(epoll_.get(), ready_.data(), capacity, until ? in_milliseconds(left) : -1);
  if (count < 0) {
    assert(errno == EINTR && "epoll_wait can only be interrupted: its arguments are ours");
    return {.reason = Reason::interrupted, .ready = {}, .more = false, .idle_at = start};
  }
  const bool timed_out = count == 0 && until && *until > start;
  return {.reason = count > 0 ? Reason::ready : Reason::expired,
          .ready = {ready_.data(), static_cast<std::size_t>(count)},
          .more = count == capacity,
          .idle_at = timed_out ? *until : start};
}

}  // namespace tcpspec::target
