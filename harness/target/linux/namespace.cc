#include "target/linux/namespace.hh"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <string_view>

#include "target/linux/failure.hh"

namespace tcpspec::target {
namespace {

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> serial{0};
  return ++serial;
}

// Which Namespace the thread entered last; 0 before the first.
thread_local std::uint64_t inside = 0;

std::expected<Descriptor, EnvironmentError> open_current() {
  constexpr auto path = "/proc/thread-self/ns/net";
  Descriptor descriptor{open(path, O_RDONLY | O_CLOEXEC)};
  if (!descriptor)
    return std::unexpected(failure(fmt::format("open {}", path), errno, "mount /proc, or raise ulimit -n"));
  return descriptor;
}

std::expected<void, EnvironmentError> write_file(const char* path, std::string_view text, std::string_view hint) {
  const Descriptor file{open(path, O_WRONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(failure(fmt::format("open {}", path), errno, hint));
  if (write(file.get(), text.data(), text.size()) < 0)
    return std::unexpected(failure(fmt::format("write \"{}\" to {}", text, path), errno, hint));
  return {};
}

std::string_view hint_for_user_namespace(int error) {
  switch (error) {
    case EINVAL:
      return "a user namespace can be entered only while the process has a single thread: open the target before any "
             "thread is started, or run as root";
    case ENOSPC:
      return "the limit user.max_user_namespaces is reached or 0: sysctl -w user.max_user_namespaces=10000, or run as "
             "root";
    default:
      return "user namespaces are not allowed here: run as root, or allow them (sysctl -w "
             "kernel.unprivileged_userns_clone=1; kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; in a "
             "container: --cap-add SYS_ADMIN or --security-opt seccomp=unconfined)";
  }
}

std::expected<Privilege, EnvironmentError> enter_user_namespace() {
  const auto uid = geteuid();
  const auto gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
    return std::unexpected(failure("unshare(CLONE_NEWUSER|CLONE_NEWNET)", errno, hint_for_user_namespace(errno)));
  inside = next_serial();
  constexpr auto hint = "run as root, or as a user whose process is dumpable and who may map himself";
  if (auto done = write_file("/proc/self/setgroups", "deny", hint); !done) return std::unexpected(done.error());
  if (auto done = write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid), hint); !done)
    return std::unexpected(done.error());
  if (auto done = write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid), hint); !done)
    return std::unexpected(done.error());
  return Privilege::user_namespace;
}

}  // namespace

std::string to_string(Privilege privilege) {
  switch (privilege) {
    case Privilege::own:
      return "root";
    case Privilege::user_namespace:
      return "user namespace";
  }
  return {};
}

std::expected<Namespace, EnvironmentError> Namespace::create() {
  if (unshare(CLONE_NEWNET) != 0)
    return std::unexpected(failure("unshare(CLONE_NEWNET)", errno,
                                   errno == ENOSPC ? "raise user.max_net_namespaces, or run fewer tests alone"
                                                   : "run as root, or where user namespaces are allowed"));
  inside = next_serial();
  auto descriptor = open_current();
  if (!descriptor) return std::unexpected(descriptor.error());
  return Namespace{std::move(*descriptor), inside};
}

std::expected<Namespace, EnvironmentError> Namespace::current() {
  auto descriptor = open_current();
  if (!descriptor) return std::unexpected(descriptor.error());
  if (inside == 0) inside = next_serial();
  return Namespace{std::move(*descriptor), inside};
}

void Namespace::enter() const {
  if (inside == serial_) return;
  [[maybe_unused]] const int result = setns(descriptor_.get(), CLONE_NEWNET);
  assert(result == 0 && "a namespace that we made can be entered again");
  inside = serial_;
}

std::expected<Privilege, EnvironmentError> acquire_privilege() {
  const auto home = open_current();
  if (!home) return std::unexpected(home.error());
  if (unshare(CLONE_NEWNET) != 0) {
    if (errno == EPERM) return enter_user_namespace();
    return std::unexpected(
        failure("unshare(CLONE_NEWNET)", errno, "the kernel needs CONFIG_NET_NS, and user.max_net_namespaces above 0"));
  }
  if (setns(home->get(), CLONE_NEWNET) != 0)
    return std::unexpected(failure("setns(home)", errno, "run as root, or as a user without CAP_SYS_ADMIN at all"));
  return Privilege::own;
}

}  // namespace tcpspec::target
