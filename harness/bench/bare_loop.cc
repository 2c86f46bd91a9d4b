#include "bench/bare_loop.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "bench/client_segment.hh"
#include "packet/segment_view.hh"

namespace tcpspec::bench {

namespace {

using packet::Flags;
using packet::Seq32;

constexpr std::uint16_t kPort = 31000;

int open_listener() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  std::memcpy(&address.sin_addr, target::target_address(packet::Family::ipv4).bytes.data(), 4);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 16) != 0)
    throw std::runtime_error(std::string("the bare loop cannot listen: ") + std::strerror(errno));
  return fd;
}

class Loop {
 public:
  explicit Loop(target::Stage& stage) : stage_(stage) {}

  void conversation(int listener, std::uint16_t port, Seq32 iss) {
    send(syn_.with(port, iss, Seq32(0)));
    const auto answer = receive(Flags::syn);
    const auto ack = answer.seq() + 1U;
    send(ack_.with(port, iss + 1U, ack));
    const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0) throw std::runtime_error("the bare loop's connection was not there to accept");
    send(fin_.with(port, iss + 1U, ack));
    close(accepted);
    receive(Flags::fin);
    send(ack_.with(port, iss + 2U, ack + 1U));
  }

 private:
  void send(packet::BytesView datagram) { stage_.link().write(packet::Family::ipv4, datagram); }
  packet::SegmentView receive(Flags::Bit wanted) {
    for (int misses = 0; misses < 1000; ++misses) {
      const auto datagram = stage_.link().read(buffer_);
      if (datagram.empty()) {
        pollfd ready{stage_.link().descriptor(), POLLIN, 0};
        poll(&ready, 1, 1000);
        continue;
      }
      const packet::SegmentView segment(datagram);
      if (segment.has_tcp_header() && segment.flags().has(wanted)) return segment;
    }
    throw std::runtime_error("the bare loop got no answer");
  }

  target::Stage& stage_;
  std::array<std::byte, 65536> buffer_{};
  const packet::Endpoint server_{target::target_address(packet::Family::ipv4), kPort};
  ClientSegment syn_{server_, Flags::syn, {packet::Mss{1460}}};
  ClientSegment ack_{server_, Flags::ack, {}};
  ClientSegment fin_{server_, Flags::fin | Flags::ack, {}};
};

}  // namespace

double bare_conversations_per_second(target::Stage& stage, Listener listener, packet::Duration duration) {
  using Clock = std::chrono::steady_clock;
  stage.space().enter();
  Loop loop(stage);
  const int shared = listener == Listener::shared ? open_listener() : -1;
  const auto began = Clock::now();
  std::uint64_t count = 0;
  auto now = began;
  for (; now - began < duration; now = Clock::now()) {
    for (int i = 0; i < 64; ++i, ++count) {
      const int own = shared < 0 ? open_listener() : shared;
      loop.conversation(own, static_cast<std::uint16_t>(1024 + count % 60000),
                        Seq32(static_cast<std::uint32_t>(count * 64000)));
      if (shared < 0) close(own);
    }
  }
  if (shared >= 0) close(shared);
  return static_cast<double>(count) / std::chrono::duration<double>(now - began).count();
}

}  // namespace tcpspec::bench
