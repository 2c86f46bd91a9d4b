#include "target/adapter/launch.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace tcpspec::target {

namespace process = boost::process::v2;
namespace filesystem = process::filesystem;

namespace {

constexpr int adapter_descriptor = 3;

struct Confinement {
  int channel;

  process::error_code on_setup(process::posix::default_launcher& launcher, const filesystem::path&,
                               const char* const*) const {
    launcher.fd_whitelist.push_back(adapter_descriptor);
    return {};
  }
  process::error_code on_exec_setup(process::posix::default_launcher&, const filesystem::path&,
                                    const char* const*) const {
    if (channel == adapter_descriptor ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, adapter_descriptor) < 0)
      return {errno, boost::system::system_category()};
    setpgid(0, 0);  // Ctrl-C is for us: the test in flight must not end as a crash
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Where this is forbidden a stack whose doings depend on addresses is not deterministic;
    // the acceptance test of adapters tells.
    personality(ADDR_NO_RANDOMIZE);
    return {};
  }
};

}  // namespace

process::process launch_adapter(boost::asio::io_context& context, const std::vector<std::string>& command, int channel,
                                int words, boost::system::error_code& error) {
  // Whatever the launcher opens must not lie where the channel goes.
  const Descriptor placeholder(fcntl(channel, F_DUPFD_CLOEXEC, adapter_descriptor));
  // env(1) looks names without a slash up in PATH; where there is no such program it says so, and
  // exits like a program that ends at once.
  return process::default_process_launcher()(context, error, "/usr/bin/env", command,
                                             process::process_stdio{nullptr, words, words}, Confinement{channel});
}

}  // namespace tcpspec::target
