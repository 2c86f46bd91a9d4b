#include "target/linux/reaper.hh"

#include <pthread.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "target/linux/failure.hh"

namespace tcpspec::target {
namespace {

constexpr int most_at_once = 64;

// Signals are the engine's thread's business: it is the one that must return early.
template <class Work>
void run_aside(Work work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(std::move(work)).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

struct Reaper::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int devices = 0;
  std::vector<Closed> closed;
  Descriptor signal;

  void finish(Closed result) {
    const std::lock_guard lock(mutex);
    closed.push_back(result);
    eventfd_write(signal.get(), 1);
  }
};

std::expected<Reaper, EnvironmentError> Reaper::open() {
  auto shared = std::make_shared<Shared>();
  shared->signal = Descriptor{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!shared->signal) return std::unexpected(failure("eventfd", errno, "raise the limit of open files (ulimit -n)"));
  return Reaper{std::move(shared)};
}

Reaper::~Reaper() {
  if (!shared_) return;
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [this] { return shared_->devices == 0; });
}

void Reaper::dispose(std::vector<Descriptor> devices) {
  {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [this] { return shared_->devices < most_at_once; });
    ++shared_->devices;
  }
  run_aside([shared = shared_, devices = std::move(devices)]() mutable {
    devices.clear();
    const std::lock_guard lock(shared->mutex);
    --shared->devices;
    shared->changed.notify_all();
  });
}

void Reaper::close_lingering(Descriptor socket, AttachmentId attachment, CallId call) {
  ++lingering_;
  run_aside([shared = shared_, socket = std::move(socket), attachment, call]() mutable {
    const int error = ::close(socket.release()) == 0 ? 0 : errno;
    shared->finish({.attachment = attachment, .call = call, .error = error});
  });
}

int Reaper::descriptor() const {
  return shared_->signal.get();
}

std::vector<Reaper::Closed> Reaper::finished() {
  const std::lock_guard lock(shared_->mutex);
  eventfd_t count = 0;
  eventfd_read(shared_->signal.get(), &count);
  lingering_ -= shared_->closed.size();
  return std::exchange(shared_->closed, {});
}

}  // namespace tcpspec::target
