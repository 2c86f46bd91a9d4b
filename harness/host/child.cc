#include "host/child.hh"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/process/v2.hpp>
#include <cerrno>
#include <utility>

#include "target/linux/descriptor.hh"
#include "target/linux/failure.hh"

namespace tcpspec::host {

namespace process = boost::process::v2;

struct Child::State {
  boost::asio::io_context context;
  process::process child{context};
  target::Descriptor ended;
};

Child::Child(std::unique_ptr<State> state) : state_(std::move(state)) {}
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&&) noexcept = default;

std::expected<Child, target::EnvironmentError> Child::start(const std::vector<std::string>& words) {
  // env(1) looks the first word up in PATH; where it finds none it says so, and exits 127.
  auto state = std::make_unique<State>();
  boost::system::error_code error;
  state->child = process::default_process_launcher()(state->context, error, "/usr/bin/env", words,
                                                     process::process_stdio{stdin, stdout, stderr});
  if (error)
    return std::unexpected(target::EnvironmentError{.what = fmt::format("/usr/bin/env: {}", error.message()),
                                                    .hint = "coreutils belong to every Debian"});
  state->ended = target::Descriptor{static_cast<int>(syscall(SYS_pidfd_open, state->child.id(), 0))};
  if (!state->ended) return std::unexpected(target::failure("pidfd_open", errno, "needs Linux 5.3 or newer"));
  return Child(std::move(state));
}

Child::~Child() {
  if (!state_ || !state_->child.is_open()) return;
  boost::system::error_code ignored;
  if (state_->child.running(ignored)) state_->child.terminate(ignored);
}

int Child::descriptor() const {
  return state_->ended.get();
}

int Child::wait() {
  boost::system::error_code ignored;
  state_->child.wait(ignored);
  const int status = state_->child.native_exit_code();
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace tcpspec::host
