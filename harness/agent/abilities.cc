#include "agent/abilities.hh"

#include <sys/utsname.h>

#include <algorithm>
#include <cctype>

namespace tcpspec::agent {
namespace {

// What a kernel with sockets is taken to have; a target's file takes words away (`without`). Its
// settings are there, but not in the tester's hands.
constexpr auto capabilities =
    "listen accept connect local-port half-close simultaneous-open socket-options linger backlog urgent keep-alive "
    "sack timestamps window-scale icmp fixed-sysctl"
#ifdef __linux__
    " tcp-info user-timeout"
#endif
    ;

}  // namespace

std::string describe_this_system() {
  utsname system{};
  uname(&system);
  std::string name = system.sysname;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return "name: " + name + "\nversion: " + system.release + "\nsystem: " + system.sysname + " " + system.release + " " +
         system.version + " " + system.machine + "\ncapabilities: " + capabilities + "\n";
}

}  // namespace tcpspec::agent
