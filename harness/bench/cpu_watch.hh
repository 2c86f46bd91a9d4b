#pragma once
// CPU time of the calling thread since the watch was made: for what never waits, so that
// other work on the machine counts less.

#include <chrono>
#include <ctime>

namespace tcpspec::bench {

class CpuWatch {
 public:
  [[nodiscard]] std::chrono::nanoseconds elapsed() const { return now() - began_; }
  [[nodiscard]] double per_second(double count) const {
    return count / std::chrono::duration<double>(elapsed()).count();
  }

 private:
  static std::chrono::nanoseconds now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
  std::chrono::nanoseconds began_ = now();
};

}  // namespace tcpspec::bench
