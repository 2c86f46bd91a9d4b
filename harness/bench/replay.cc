#include "bench/replay.hh"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace tcpspec::bench {
namespace {

class Recorder final : public target::Target {
 public:
  Recorder(std::unique_ptr<target::Target> target, std::vector<Action>& actions)
      : target_(std::move(target)), actions_(actions) {}

  [[nodiscard]] const target::Description& description() const override { return target_->description(); }
  [[nodiscard]] target::Instant now() const override { return target_->now(); }
  [[nodiscard]] std::expected<target::Attachment, target::EnvironmentError> attach(
      const target::AttachmentRequest& request) override {
    auto attached = target_->attach(request);
    if (attached) actions_.emplace_back(Begun{*attached});
    return attached;
  }
  void detach(target::AttachmentId attachment) override {
    actions_.emplace_back(Ended{});
    target_->detach(attachment);
  }
  void inject(target::AttachmentId attachment, packet::BytesView datagram) override {
    actions_.emplace_back(packet::Bytes(datagram.begin(), datagram.end()));
    target_->inject(attachment, datagram);
  }
  void start(target::AttachmentId attachment, const target::CallRequest& request) override {
    actions_.emplace_back(request);
    target_->start(attachment, request);
  }
  void wait(std::optional<target::Instant> until, std::vector<target::Event>& events) override {
    target_->wait(until, events);
  }

 private:
  std::unique_ptr<target::Target> target_;
  std::vector<Action>& actions_;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  SocketAddress(const packet::Address& address, std::uint16_t port) {
    if (address.family == packet::Family::ipv4) {
      auto& in = *reinterpret_cast<sockaddr_in*>(&storage);
      in.sin_family = AF_INET;
      in.sin_port = htons(port);
      std::memcpy(&in.sin_addr, address.bytes.data(), 4);
      size = sizeof in;
    } else {
      auto& in = *reinterpret_cast<sockaddr_in6*>(&storage);
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(port);
      std::memcpy(&in.sin6_addr, address.bytes.data(), 16);
      size = sizeof in;
    }
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

class Replay {
 public:
  explicit Replay(target::Stage& stage) : stage_(stage) {}

  void operator()(const Begun& begun) { place_ = begun.attachment; }
  void operator()(const packet::Bytes& datagram) {
    stage_.link().write(place_.target.family, datagram);
    while (!stage_.link().read(buffer_).empty()) continue;
  }
  void operator()(const target::CallRequest& request) {
    std::visit([&](const auto& call) { make(request.socket, call); }, request.operation);
  }
  void operator()(const Ended&) {
    for (const auto& [id, fd] : sockets_) end(fd);
    sockets_.clear();
    while (!stage_.link().read(buffer_).empty()) continue;
  }

 private:
  // -1 where the calls before it did not make one.
  [[nodiscard]] int find(target::SocketId id) const {
    const auto found = sockets_.find(id);
    return found == sockets_.end() ? -1 : found->second;
  }
  int opened(target::SocketId id) {
    const auto [at, made] = sockets_.try_emplace(id, -1);
    if (made) {
      at->second = socket(place_.target.family == packet::Family::ipv4 ? AF_INET : AF_INET6,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int on = 1;
      setsockopt(at->second, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    return at->second;
  }
  static void end(int fd) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
  }
  void forget(target::SocketId id) { sockets_.erase(id); }

  void make(target::SocketId id, const target::Listen& call) {
    const int fd = opened(id);
    const SocketAddress local(place_.target, call.port);
    if (bind(fd, local.get(), local.size) == 0) (void)listen(fd, call.backlog);
  }
  void make(target::SocketId id, const target::Connect& call) {
    const int fd = opened(id);
    const SocketAddress local(place_.target, call.local_port), remote(call.remote.address, call.remote.port);
    if (bind(fd, local.get(), local.size) == 0) (void)connect(fd, remote.get(), remote.size);
  }
  void make(target::SocketId id, const target::Accept& call) {
    const int fd = accept4(find(id), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && !sockets_.try_emplace(call.accepted, fd).second) end(fd);
  }
  void make(target::SocketId id, const target::Send& call) {
    (void)send(find(id), call.data.data(), call.data.size(), MSG_NOSIGNAL | (call.urgent ? MSG_OOB : 0));
  }
  void make(target::SocketId id, const target::Receive& call) {
    (void)recv(find(id), buffer_.data(), std::min(call.count, buffer_.size()), call.urgent ? MSG_OOB : 0);
  }
  void make(target::SocketId id, const target::Shutdown& call) {
    (void)shutdown(find(id), call.direction == target::Direction::read    ? SHUT_RD
                             : call.direction == target::Direction::write ? SHUT_WR
                                                                          : SHUT_RDWR);
  }
  void make(target::SocketId id, const target::Close&) {
    if (const int fd = find(id); fd >= 0) close(fd);
    forget(id);
  }
  void make(target::SocketId id, const target::Abort&) {
    if (const int fd = find(id); fd >= 0) end(fd);
    forget(id);
  }
  // Settings, and questions: few, and none that a loop without an eye for them would make.
  template <class Other>
  void make(target::SocketId, const Other&) {}

  target::Stage& stage_;
  target::Attachment place_;
  std::unordered_map<target::SocketId, int> sockets_;
  std::array<std::byte, 65'536> buffer_{};
};

}  // namespace

std::unique_ptr<target::Target> recorded(std::unique_ptr<target::Target> target, std::vector<Action>& actions) {
  return std::make_unique<Recorder>(std::move(target), actions);
}

double seconds_to_replay(target::Stage& stage, const std::vector<Action>& actions, Calls calls) {
  stage.space().enter();
  Replay replay(stage);
  const auto began = std::chrono::steady_clock::now();
  for (const auto& action : actions)
    if (calls == Calls::made || !std::holds_alternative<target::CallRequest>(action)) std::visit(replay, action);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace tcpspec::bench
