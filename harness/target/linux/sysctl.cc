#include "target/linux/sysctl.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "target/linux/descriptor.hh"
#include "target/linux/failure.hh"

namespace tcpspec::target {
namespace {

std::expected<std::string, EnvironmentError> path_of(const std::string& name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  const bool plain = name.find_first_not_of(letters) == std::string::npos && name.find("..") == std::string::npos;
  if (!plain || !name.starts_with("net."))
    return std::unexpected(
        EnvironmentError{.what = fmt::format("sysctl {}: not a setting of a network namespace", name),
                         .hint = "name it with dots and below net., as in net.ipv4.tcp_syncookies; other settings "
                                 "belong to the whole machine"});
  std::string path = "/proc/sys/" + name;
  std::ranges::replace(path, '.', '/');
  return path;
}

std::string_view hint_for(int error) {
  switch (error) {
    case ENOENT:
      return "this kernel does not have the setting, or does not have it in each network namespace";
    case EROFS:
      return "/proc/sys is mounted read-only (a container): run privileged, or outside the container";
    case EACCES:
    case EPERM:
      return "this setting cannot be changed inside a network namespace; run as root, or set it on the machine";
    default:
      return "the kernel refuses the value";
  }
}

constexpr auto requested_hint = "needed by the test's `sysctls`";

}  // namespace

const Sysctls& pinned_sysctls() {
  static const Sysctls pinned = {
      // Every segment that deserves an answer gets one, however fast they come.
      {"net.ipv4.icmp_ratelimit", "0"},
      {"net.ipv4.icmp_msgs_per_sec", "1000000"},
      {"net.ipv6.icmp.ratelimit", "0"},
      {"net.ipv4.tcp_invalid_ratelimit", "0"},
      {"net.ipv4.tcp_challenge_ack_limit", "2147483647"},
      // The protocol as it is by default.
      {congestion_control_sysctl, "reno"},
      {"net.ipv4.tcp_ecn", "2"},
      {"net.ipv4.tcp_ecn_fallback", "1"},
      {"net.ipv4.tcp_timestamps", "1"},
      {"net.ipv4.tcp_window_scaling", "1"},
      {"net.ipv4.tcp_sack", "1"},
      {"net.ipv4.tcp_dsack", "1"},
      {"net.ipv4.tcp_fastopen", "0"},
      {"net.ipv4.tcp_syncookies", "0"},
      {"net.ipv4.tcp_rfc1337", "0"},
      {"net.ipv4.tcp_abort_on_overflow", "0"},
      {"net.ipv4.tcp_stdurg", "0"},
      {"net.ipv4.tcp_mtu_probing", "0"},
      {"net.ipv4.ip_no_pmtu_disc", "0"},
      {"net.ipv4.tcp_tw_reuse", "2"},
      {"net.ipv4.tcp_moderate_rcvbuf", "1"},
      {"net.ipv4.tcp_adv_win_scale", "1"},
      {"net.ipv4.tcp_autocorking", "1"},
      {"net.ipv4.tcp_slow_start_after_idle", "1"},
      {"net.ipv4.tcp_reordering", "3"},
      {"net.ipv4.tcp_recovery", "1"},
      {"net.ipv4.tcp_early_retrans", "3"},
      {"net.ipv4.tcp_frto", "2"},
      {"net.ipv4.tcp_min_tso_segs", "2"},
      {"net.ipv4.tcp_shrink_window", "0"},
      {"net.ipv4.tcp_min_snd_mss", "48"},
      {"net.ipv4.ip_default_ttl", "64"},
      {"net.ipv4.tcp_rmem", "4096 131072 6291456"},
      {"net.ipv4.tcp_wmem", "4096 16384 4194304"},
      // Timers and counts of retries.
      {"net.ipv4.tcp_rto_min_us", "200000"},
      {"net.ipv4.tcp_rto_max_ms", "120000"},
      {"net.ipv4.tcp_syn_retries", "6"},
      {"net.ipv4.tcp_synack_retries", "5"},
      {"net.ipv4.tcp_retries1", "3"},
      {"net.ipv4.tcp_retries2", "15"},
      {"net.ipv4.tcp_orphan_retries", "0"},
      {"net.ipv4.tcp_fin_timeout", "60"},
      {"net.ipv4.tcp_keepalive_time", "7200"},
      {"net.ipv4.tcp_keepalive_intvl", "75"},
      {"net.ipv4.tcp_keepalive_probes", "9"},
      {"net.ipv4.tcp_syn_linear_timeouts", "4"},
      {"net.ipv4.tcp_thin_linear_timeouts", "0"},
      // Nothing is remembered from one test to the next, and nothing runs out.
      {"net.ipv4.tcp_no_metrics_save", "1"},
      {"net.ipv4.tcp_no_ssthresh_metrics_save", "1"},
      {"net.ipv4.tcp_max_syn_backlog", "65536"},
      {"net.ipv4.tcp_max_tw_buckets", "1048576"},
      {"net.core.somaxconn", "65536"},
      // Above the blocks of listening ports that attachments get.
      {"net.ipv4.ip_local_port_range", "32768 60999"},
      // One interface, any source address.
      {"net.ipv4.conf.all.rp_filter", "0"},
      {"net.ipv4.conf.default.rp_filter", "0"},
      {"net.ipv4.ip_forward", "0"},
      // IPv6 without chatter: no link-local address, no duplicate address detection, no router solicitations.
      {"net.ipv6.conf.default.addr_gen_mode", "1"},
      {"net.ipv6.conf.default.accept_dad", "0"},
      {"net.ipv6.conf.default.dad_transmits", "0"},
      {"net.ipv6.conf.default.accept_ra", "0"},
      {"net.ipv6.conf.default.router_solicitations", "0"},
      {"net.ipv6.conf.default.hop_limit", "64"},
  };
  return pinned;
}

std::expected<void, EnvironmentError> write_sysctl(const std::string& name, const std::string& value) {
  const auto path = path_of(name);
  if (!path) return std::unexpected(path.error());
  const Descriptor file{open(path->c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) return std::unexpected(failure(fmt::format("open {}", *path), errno, hint_for(errno)));
  if (write(file.get(), value.data(), value.size()) < 0)
    return std::unexpected(failure(fmt::format("write \"{}\" to {}", value, *path), errno, hint_for(errno)));
  return {};
}

std::expected<std::string, EnvironmentError> read_sysctl(const std::string& name) {
  const auto path = path_of(name);
  if (!path) return std::unexpected(path.error());
  const Descriptor file{open(path->c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 4096> text{};
  const auto size = file ? read(file.get(), text.data(), text.size()) : -1;
  if (size < 0) return std::unexpected(failure(fmt::format("read {}", *path), errno, hint_for(errno)));
  std::string value;
  for (const char c : std::string_view(text.data(), static_cast<std::size_t>(size))) {
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (!blank) value += c;
    if (blank && !value.empty() && value.back() != ' ') value += ' ';
  }
  if (value.ends_with(' ')) value.pop_back();
  return value;
}

bool has_sysctl(const std::string& name) {
  const auto path = path_of(name);
  return path && access(path->c_str(), F_OK) == 0;
}

std::expected<std::map<std::string, std::string>, EnvironmentError> apply_sysctls(const Sysctls& requested) {
  std::map<std::string, std::string> in_force;
  for (const auto& [name, value] : pinned_sysctls()) {
    if (name == congestion_control_sysctl || requested.contains(name)) continue;
    const auto done = write_sysctl(name, value);
    if (done)
      in_force[name] = value;
    else
      in_force[name] = has_sysctl(name) ? fmt::format("not pinned ({})", done.error().what) : "absent";
  }
  for (const auto& [name, value] : requested) {
    if (name == congestion_control_sysctl) continue;
    if (auto done = write_sysctl(name, value); !done)
      return std::unexpected(EnvironmentError{.what = fmt::format("sysctl {}={}: {}", name, value, done.error().what),
                                              .hint = fmt::format("{}: {}", requested_hint, done.error().hint)});
    in_force[name] = value;
  }
  return in_force;
}

std::expected<std::string, EnvironmentError> choose_congestion_control(const std::string& name) {
  if (write_sysctl(congestion_control_sysctl, name)) return std::string{};
  const Descriptor probe{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (setsockopt(probe.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0)
    return name;
  return std::unexpected(failure(fmt::format("setsockopt(TCP_CONGESTION, {})", name), errno,
                                 "net.ipv4.tcp_available_congestion_control lists what this kernel has loaded"));
}

}  // namespace tcpspec::target
