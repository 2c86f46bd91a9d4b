#include "mutants/trial.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

namespace tcpspec::mutants {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// ---- in the child

// What it says, a line each: "test 17" before it plays the 17th, "deviation 17 5 NAME" (the
// verdict as a number, NAME the invariant's, or "-"), and "end".
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void line(const std::string& text) const {
    const std::string all = text + "\n";
    for (std::size_t written = 0; written < all.size();) {
      const auto n = ::write(fd_, all.data() + written, all.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) std::_Exit(EXIT_FAILURE);  // nobody listens any more
      written += static_cast<std::size_t>(n);
    }
  }

 private:
  int fd_;
};

void limit(int resource, rlim_t most) {
  rlimit both{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &both);
  both.rlim_cur = std::min(both.rlim_max, most);
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

// The kernel ends who loops, and who takes all memory on the way.
void limit_resources(std::chrono::seconds processor_time) {
  limit(RLIMIT_CPU, static_cast<rlim_t>(processor_time.count()));
  limit(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__  // which reserves more than any machine has
  limit(RLIMIT_DATA, rlim_t{2} << 30U);
#endif
}

[[noreturn]] void play_in_child(const Playing& playing, const Description& mutant, const TrialOptions& options,
                                int fd) {
  // What a crash has to say belongs to the mutant.
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  limit_resources(options.processor_time);
  reference::mutants::switch_on(mutant.mutant);
  const Report report(fd);
  playing.play(
      options.until, [&](std::size_t test) { report.line(fmt::format("test {}", test)); },
      [&](const Deviation& deviation) {
        report.line(fmt::format("deviation {} {} {}", deviation.test, static_cast<int>(deviation.verdict),
                                deviation.invariant.empty() ? "-" : deviation.invariant));
      });
  report.line("end");
  std::_Exit(EXIT_SUCCESS);  // the parent's destructors are the parent's
}

// ---- in the parent

class Child {
 public:
  Child(const Playing& playing, const Description& mutant, const TrialOptions& options)
      : until_(Clock::now() + options.wall_time), from_(-1) {
    trial_.mutant = &mutant;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
    Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
      try {
        play_in_child(playing, mutant, options, writing.get());
      } catch (...) {
        std::abort();  // an exception of the stack: a crash as any other
      }
    }
    from_ = std::move(reading);
  }

  [[nodiscard]] int descriptor() const { return from_.get(); }
  [[nodiscard]] Clock::time_point until() const { return until_; }
  [[nodiscard]] bool over() const { return over_; }

  void read() {
    char buffer[4096];
    const auto n = ::read(from_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) return;
    over_ = n <= 0;
    if (over_) return;
    partial_.append(buffer, static_cast<std::size_t>(n));
    for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
      take_line(partial_.substr(0, end));
      partial_.erase(0, end + 1);
    }
  }

  void kill() {
    too_long_ = true;
    ::kill(pid_, SIGKILL);
  }

  // Only of one that is over.
  [[nodiscard]] Trial reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended_) describe_death(status);
    return std::move(trial_);
  }

 private:
  void describe_death(int status) {
    trial_.died_in = playing_;
    if (too_long_)
      trial_.death = "hang: neither ends nor works";
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
      trial_.death = "hang: endless loop";
    else if (WIFSIGNALED(status))
      trial_.death = fmt::format("crash (signal {})", WTERMSIG(status));
    else
      trial_.death = fmt::format("crash (exit code {})", WEXITSTATUS(status));
  }

  void take_line(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "end") ended_ = true;
    if (what == "test") words >> playing_;
    if (what != "deviation") return;
    Deviation deviation;
    int verdict = 0;
    words >> deviation.test >> verdict >> deviation.invariant;
    deviation.verdict = static_cast<engine::Verdict>(verdict);
    if (deviation.invariant == "-") deviation.invariant.clear();
    trial_.deviations.push_back(std::move(deviation));
  }

  Trial trial_;
  Clock::time_point until_;
  Descriptor from_;
  pid_t pid_ = -1;
  std::string partial_;
  std::size_t playing_ = 0;
  bool ended_ = false;  // it has played all there was to play
  bool over_ = false;   // it says nothing more
  bool too_long_ = false;
};

// Waits until some child says something, or is out of time.
void listen(std::map<std::size_t, Child>& children) {
  std::vector<pollfd> polled;
  auto earliest = Clock::time_point::max();
  for (const auto& [rank, child] : children) {
    polled.push_back({child.descriptor(), POLLIN, 0});
    earliest = std::min(earliest, child.until());
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(earliest - Clock::now()).count();
  constexpr std::int64_t most = 60'000;
  if (::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, most))) < 0) {
    if (errno != EINTR) fail("poll");
    return;
  }
  auto seen = polled.begin();
  for (auto& [rank, child] : children) {
    if ((seen++)->revents != 0)
      child.read();
    else if (child.until() <= Clock::now())
      child.kill();
  }
}

}  // namespace

const Deviation* Trial::evidence() const {
  const auto certain = std::ranges::find_if(
      deviations, [](const Deviation& deviation) { return deviation.verdict != engine::Verdict::inconclusive; });
  if (certain != deviations.end()) return &*certain;
  return deviations.empty() ? nullptr : &deviations.front();
}

void try_all(const Playing& playing, std::span<const Description* const> mutants, const TrialOptions& options,
             const std::function<void(const Trial&)>& on_trial) {
  std::map<std::size_t, Child> children;  // by place in `mutants`
  std::map<std::size_t, Trial> done;      // that wait for their turn to be told
  std::size_t started = 0;
  std::size_t told = 0;
  while (told < mutants.size()) {
    for (; children.size() < static_cast<std::size_t>(options.jobs) && started < mutants.size(); ++started)
      children.try_emplace(started, playing, *mutants[started], options);
    if (!children.empty()) listen(children);
    for (auto child = children.begin(); child != children.end();) {
      const auto current = child++;
      if (!current->second.over()) continue;
      done.emplace(current->first, current->second.reap());
      children.erase(current);
    }
    for (auto next = done.find(told); next != done.end(); next = done.find(++told)) {
      on_trial(next->second);
      done.erase(next);
    }
  }
}

}  // namespace tcpspec::mutants
