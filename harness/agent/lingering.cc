#include "agent/lingering.hh"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>

namespace tcpspec::agent {

struct Lingering::Shared {
  std::mutex mutex;
  std::vector<Closed> closed;
  Descriptor out;
  Descriptor in;
};

Lingering::Lingering() : shared_(std::make_shared<Shared>()) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return;
  shared_->out = Descriptor{ends[0]};
  shared_->in = Descriptor{ends[1]};
  for (const int end : ends) fcntl(end, F_SETFL, O_NONBLOCK);
}

int Lingering::descriptor() const {
  return shared_->out.get();
}

void Lingering::close(Descriptor descriptor, std::int32_t socket) {
  std::thread([shared = shared_, descriptor = std::move(descriptor), socket]() mutable {
    const int error = ::close(descriptor.release()) == 0 ? 0 : errno;
    const std::lock_guard lock(shared->mutex);
    shared->closed.push_back({.socket = socket, .error = error});
    // A full pipe is readable already.
    [[maybe_unused]] const auto written = write(shared->in.get(), "", 1);
  }).detach();
}

std::vector<Lingering::Closed> Lingering::finished() {
  const std::lock_guard lock(shared_->mutex);
  std::array<char, 256> marks{};
  while (read(shared_->out.get(), marks.data(), marks.size()) > 0) {
  }
  return std::exchange(shared_->closed, {});
}

}  // namespace tcpspec::agent
