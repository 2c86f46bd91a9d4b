#include "adapters/slirp/unix_sockets.hh"

#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace tcpspec::slirp {
namespace {

constexpr int stream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
// No connection ever waits in the queue (take_connection), so any length will do.
constexpr int queue = 16;

// A folder of our own that is gone with the object.
class PrivateFolder {
 public:
  PrivateFolder() {
    std::error_code failed;
    auto name = (std::filesystem::temp_directory_path(failed) / "tcpspec-slirp-XXXXXX").string();
    if (!failed && mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

// The name in the file system lives no longer than this call: what is killed later leaves
// nothing behind.
std::optional<PassiveEnd> open_passive_end() {
  const PrivateFolder folder;
  const auto name = (folder.path() / "listen").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (folder.path().empty() || name.size() >= sizeof address.sun_path) return std::nullopt;
  std::ranges::copy(name, std::begin(address.sun_path));

  PassiveEnd end;
  end.listening = Descriptor(socket(AF_UNIX, stream, 0));
  if (!end.listening) return std::nullopt;
  if (bind(end.listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  if (listen(end.listening.get(), queue) != 0) return std::nullopt;
  end.inode = Descriptor(open(name.c_str(), O_PATH | O_CLOEXEC));
  if (!end.inode) return std::nullopt;
  end.path = "/proc/self/fd/" + std::to_string(end.inode.get());
  if (access(end.path.c_str(), F_OK) != 0) return std::nullopt;
  return end;
}

Descriptor take_connection(const PassiveEnd& end) {
  return Descriptor(accept4(end.listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

UnixName abstract_name(unsigned number) {
  const auto text = "tcpspec-slirp-" + std::to_string(getpid()) + "-" + std::to_string(number);
  UnixName name;
  name.address.sun_family = AF_UNIX;
  std::ranges::copy(text, name.address.sun_path + 1);  // behind the NUL that makes it abstract
  name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return name;
}

Descriptor connect_to(const UnixName& name) {
  Descriptor end(socket(AF_UNIX, stream, 0));
  if (!end || connect(end.get(), name.get(), name.size) != 0) return {};
  return end;
}

void keep_urgent_in_line(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

void hold_little(int fd) {
  const int least = 1;  // the kernel raises it to its minimum
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
}

bool make_reset(int fd) {
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, stream, 0, pair.data()) != 0) return false;
  Descriptor survivor(pair[0]);
  Descriptor dying(pair[1]);
  if (send(survivor.get(), "", 1, MSG_NOSIGNAL) != 1) return false;
  dying.close();
  return dup3(survivor.get(), fd, O_CLOEXEC) == fd;
}

bool has_urgent_data() {
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, stream, 0, pair.data()) != 0) return false;
  const Descriptor one(pair[0]);
  const Descriptor other(pair[1]);
  return send(one.get(), "", 1, MSG_OOB | MSG_NOSIGNAL) == 1;
}

bool has_loopback() {
  const Descriptor probe(socket(AF_INET, stream, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return probe && bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

IgnoresBrokenPipes::IgnoresBrokenPipes() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
IgnoresBrokenPipes::~IgnoresBrokenPipes() {
  std::signal(SIGPIPE, before_);
}

}  // namespace tcpspec::slirp
