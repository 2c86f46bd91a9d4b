#include "target/doctor.hh"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string_view>
#include <utility>

#include "target/linux/descriptor.hh"
#include "target/linux/failure.hh"
#include "target/linux/link.hh"
#include "target/linux/namespace.hh"
#include "target/linux/sysctl.hh"

namespace tcpspec::target {
namespace {

using Status = Check::Status;

struct Finding {
  Status status = Status::ok;
  std::string detail;
  std::string hint;
};

Finding found(Status status, const EnvironmentError& error) {
  return {.status = status, .detail = error.what, .hint = error.hint};
}

// A finding crosses the pipe as status, detail, hint, with zero bytes between.
std::string to_wire(const Finding& finding) {
  std::string wire(1, static_cast<char>('0' + static_cast<int>(finding.status)));
  wire += finding.detail;
  wire += '\0';
  return wire + finding.hint;
}

Finding from_wire(std::string_view wire) {
  const auto split = wire.find('\0');
  if (wire.empty() || split == std::string_view::npos)
    return {.status = Status::missing, .detail = "the probe died", .hint = "please report this as a bug of tcpspec"};
  return {.status = static_cast<Status>(wire.front() - '0'),
          .detail = std::string(wire.substr(1, split - 1)),
          .hint = std::string(wire.substr(split + 1))};
}

[[noreturn]] void run_and_exit(const std::function<Finding()>& probe, int output) {
  const auto wire = to_wire(probe());
  const auto written = write(output, wire.data(), wire.size());
  _exit(written == static_cast<ssize_t>(wire.size()) ? 0 : 1);
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const auto got = read(descriptor, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

Finding in_child(const std::function<Finding()>& probe) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return found(Status::missing, failure("pipe2", errno, "raise ulimit -n"));
  const Descriptor ours{ends[0]};
  Descriptor theirs{ends[1]};
  const auto child = fork();
  if (child < 0) return found(Status::missing, failure("fork", errno, "raise ulimit -u"));
  if (child == 0) run_and_exit(probe, theirs.get());
  theirs.reset();
  const auto wire = read_all(ours.get());
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return from_wire(wire);
}

Finding probe_namespace() {
  if (unshare(CLONE_NEWNET) == 0)
    return {.status = Status::ok, .detail = "allowed without a user namespace", .hint = ""};
  const auto privilege = acquire_privilege();
  if (!privilege) return found(Status::missing, privilege.error());
  return {.status = Status::ok, .detail = "allowed inside a user namespace", .hint = ""};
}

Finding probe_user_namespace() {
  // A root's way out, so that the answer is the one that an ordinary user gets.
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) return {.status = Status::ok, .detail = "allowed", .hint = ""};
  const auto error = failure("unshare(CLONE_NEWUSER|CLONE_NEWNET)", errno,
                             "sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1 "
                             "(Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0), or run as root");
  return found(unshare(CLONE_NEWNET) == 0 ? Status::degraded : Status::missing, error);
}

// Privilege and a namespace first, then the probe proper.
Finding inside_namespace(const std::function<Finding(const Namespace&)>& probe) {
  const auto privilege = acquire_privilege();
  if (!privilege) return found(Status::missing, privilege.error());
  const auto space = Namespace::create();
  if (!space) return found(Status::missing, space.error());
  return probe(*space);
}

Finding probe_tun(const LinuxOptions& options) {
  return inside_namespace([&](const Namespace&) -> Finding {
    const auto link = open_tun(options.tun_device);
    if (!link) return found(Status::degraded, link.error());
    return {.status = Status::ok, .detail = options.tun_device + " can be opened", .hint = ""};
  });
}

Finding probe_veth() {
  return inside_namespace([](const Namespace& space) -> Finding {
    const auto link = open_veth(space);
    if (!link) return found(Status::degraded, link.error());
    return {.status = Status::ok, .detail = "a pair can be made, with a packet socket on it", .hint = ""};
  });
}

Finding probe_ipv6() {
  if (access("/proc/sys/net/ipv6/conf/default/disable_ipv6", F_OK) == 0)
    return {.status = Status::ok, .detail = "there", .hint = ""};
  return {.status = Status::degraded,
          .detail = "this kernel has no IPv6: IPv6 tests are unsupported",
          .hint = "boot without ipv6.disable=1"};
}

std::expected<void, EnvironmentError> pin(const std::string& name, const std::string& value) {
  if (name != congestion_control_sysctl) return write_sysctl(name, value);
  const auto chosen = choose_congestion_control(value);
  if (!chosen) return std::unexpected(chosen.error());
  return {};
}

Finding probe_sysctls() {
  return inside_namespace([](const Namespace&) -> Finding {
    std::string failed;
    std::string hint;
    for (const auto& [name, value] : pinned_sysctls()) {
      const auto done = pin(name, value);
      if (done || !has_sysctl(name)) continue;  // what the kernel lacks needs no pinning
      failed += (failed.empty() ? "" : ", ") + name;
      hint = done.error().hint;
    }
    if (failed.empty())
      return {.status = Status::ok,
              .detail = fmt::format("all of {} settings that this kernel has can be pinned", pinned_sysctls().size()),
              .hint = ""};
    return {.status = Status::degraded, .detail = "cannot be pinned: " + failed, .hint = hint};
  });
}

Finding probe_target(const LinuxOptions& options) {
  const auto target = open_linux_target(options);
  if (!target) return found(Status::missing, target.error());
  const auto& description = (*target)->description();
  return {.status = Status::ok,
          .detail = fmt::format("Linux {} over {}", description.version, description.provenance.at("link")),
          .hint = ""};
}

}  // namespace

std::vector<Check> examine_environment(const LinuxOptions& options) {
  const std::pair<std::string, std::function<Finding()>> probes[] = {
      {"network namespaces", probe_namespace},
      {"user namespaces", probe_user_namespace},
      {"TUN device", [&] { return probe_tun(options); }},
      {"veth with a packet socket", probe_veth},
      {"IPv6", probe_ipv6},
      {"kernel settings", probe_sysctls},
      {"target linux", [&] { return probe_target(options); }},
  };
  std::vector<Check> checks;
  for (const auto& [name, probe] : probes) {
    auto finding = in_child(probe);
    checks.push_back(
        {.name = name, .status = finding.status, .detail = std::move(finding.detail), .hint = std::move(finding.hint)});
  }
  return checks;
}

}  // namespace tcpspec::target
