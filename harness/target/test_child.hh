#pragma once
// Runs part of a test in a child process that may give up privileges for good.

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace tcpspec::target {

// What `work` returned, as text; "died" when the child did not get that far.
inline std::string in_child_process(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return "no pipe";
  const auto child = fork();
  if (child == 0) {
    close(ends[0]);
    const auto text = work();
    const auto written = write(ends[1], text.data(), text.size());
    _exit(written < 0 ? 1 : 0);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "died: " + text;
}

// Becomes the user "nobody". False when it is not possible.
[[nodiscard]] inline bool become_nobody() {
  constexpr unsigned nobody = 65534;
  if (setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0) return false;
  // After a change of user the files under /proc/self belong to root until the next exec.
  return prctl(PR_SET_DUMPABLE, 1) == 0;
}

[[nodiscard]] inline bool drop_all_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

}  // namespace tcpspec::target
