#include "program/serve.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "target/adapter_message.hh"

namespace tcpspec::adapter {
namespace {

// A stack that sends more than this within one call is cut off: the tester has seen enough of
// the flood, and memory has an end.
constexpr std::size_t most_octets_of_packets = TCPSPEC_MESSAGE_MOST_OCTETS / 2;
constexpr std::int64_t most_received = 1 << 20;  // octets of one RECEIVE

class Server {
 public:
  Server(const tcpspec_adapter& adapter, int descriptor) : adapter_(adapter), descriptor_(descriptor) {}

  int run() {
    while (read_message()) {
      const auto size = *message_size(OctetsView(in_).first(filled_));
      const auto request = read_request(OctetsView(in_).first(size).subspan(sizeof(std::uint32_t)));
      if (!request) {
        std::fputs("a request is cut short\n", stderr);
        return 1;
      }
      answer(*request);
      if (!write_all()) return 0;
      std::memmove(in_.data(), in_.data() + size, filled_ - size);
      filled_ -= size;
    }
    return 0;
  }

 private:
  [[nodiscard]] bool read_message() {
    constexpr std::size_t piece = 65'536;
    for (;;) {
      if (const auto size = message_size(OctetsView(in_).first(filled_)); size && filled_ >= *size) return true;
      if (in_.size() < filled_ + piece) in_.resize(filled_ + piece);
      const auto got = ::read(descriptor_, in_.data() + filled_, in_.size() - filled_);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      filled_ += static_cast<std::size_t>(got);
    }
  }

  [[nodiscard]] bool write_all() const {
    for (std::size_t written = 0; written < out_.size();) {
      const auto more = ::write(descriptor_, out_.data() + written, out_.size() - written);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) return false;
      written += static_cast<std::size_t>(more);
    }
    return true;
  }

  // The items come while the function runs, the numbers in front of them after it.
  void answer(const Request& request) {
    items_.clear();
    const auto result = act(request);
    out_.clear();
    MessageWriter writer(out_);
    writer.u8(TCPSPEC_REPLY);
    writer.i64(result);
    writer.i64(stack_ == nullptr ? -1 : adapter_.deadline(stack_));
    writer.octets(items_);
    writer.finish();
  }

  void item(std::uint8_t kind, OctetsView data) {
    const auto size = static_cast<std::uint32_t>(data.size());
    const auto big_endian = htobe32(size);
    const auto* length = reinterpret_cast<const std::byte*>(&big_endian);
    items_.push_back(std::byte{kind});
    items_.insert(items_.end(), length, length + sizeof big_endian);
    items_.insert(items_.end(), data.begin(), data.end());
  }
  void number(std::int64_t value) {
    const auto big_endian = htobe64(static_cast<std::uint64_t>(value));
    item(TCPSPEC_ITEM_NUMBER, std::as_bytes(std::span(&big_endian, 1)));
  }

  template <class Function, class... Arguments>
  [[nodiscard]] std::int64_t call(Function* function, Arguments... arguments) {
    if (function == nullptr || stack_ == nullptr) return TCPSPEC_UNSUPPORTED;
    return function(stack_, arguments...);
  }

  [[nodiscard]] std::int64_t act(const Request& request);
  [[nodiscard]] std::int64_t act_on_socket(const Request& request);
  [[nodiscard]] std::int64_t hello();
  [[nodiscard]] std::int64_t create(const Request& request);
  [[nodiscard]] std::int64_t destroy();
  [[nodiscard]] std::int64_t run_until(std::int64_t limit);
  [[nodiscard]] std::int64_t receive(const Request& request);

  static void on_packet(void* self, const std::uint8_t* datagram, std::size_t octets) {
    auto& server = *static_cast<Server*>(self);
    server.sent_ = true;
    if (server.items_.size() < most_octets_of_packets)
      server.item(TCPSPEC_ITEM_PACKET, std::as_bytes(std::span(datagram, octets)));
  }
  static void on_log(void* self, const char* line) {
    static_cast<Server*>(self)->item(TCPSPEC_ITEM_LOG, std::as_bytes(std::span(line, std::strlen(line))));
  }

  const tcpspec_adapter& adapter_;
  int descriptor_;
  tcpspec_stack* stack_ = nullptr;
  std::string params_;
  Octets in_, out_, items_, received_;
  std::size_t filled_ = 0;  // of in_
  bool sent_ = false;       // a packet, since it was set to false
};

std::int64_t Server::hello() {
  std::string text = std::string("name: ") + adapter_.name + "\nversion: " + adapter_.version +
                     "\ncapabilities: " + adapter_.capabilities + "\n";
  if (adapter_.single_use != 0) text += "single-use: yes\n";
  item(TCPSPEC_ITEM_DATA, std::as_bytes(std::span(text.data(), text.size())));
  return TCPSPEC_OK;
}

std::int64_t Server::create(const Request& request) {
  if (stack_ != nullptr) return TCPSPEC_INVALID;
  MessageReader reader(request.data);
  tcpspec_config config{};
  config.size = sizeof config;
  config.family = reader.u8();
  config.prefix = reader.u8();
  config.mtu = reader.u16();
  std::ranges::copy(reader.octets(sizeof config.local), reinterpret_cast<std::byte*>(config.local));
  std::ranges::copy(reader.octets(sizeof config.peer), reinterpret_cast<std::byte*>(config.peer));
  config.now = reader.u64();
  config.seed = reader.u64();
  if (!reader.ok()) return TCPSPEC_INVALID;
  params_.assign(reinterpret_cast<const char*>(reader.rest().data()), reader.rest().size());
  config.params = params_.c_str();
  const tcpspec_host host{this, &Server::on_packet, &Server::on_log};
  const int created = adapter_.create(&config, &host, &stack_);
  if (created != TCPSPEC_OK) stack_ = nullptr;
  return created;
}

std::int64_t Server::destroy() {
  if (stack_ != nullptr) adapter_.destroy(stack_);
  stack_ = nullptr;
  items_.clear();  // what it sent while it went down
  return TCPSPEC_OK;
}

std::int64_t Server::run_until(std::int64_t limit) {
  if (stack_ == nullptr) return TCPSPEC_INVALID;
  sent_ = false;
  std::int64_t reached = -1;
  for (;;) {
    const auto due = adapter_.deadline(stack_);
    const auto next = due < 0 || due > limit ? limit : due;
    const auto result = adapter_.advance(stack_, static_cast<std::uint64_t>(next));
    // Where the clock stands still the tester counts how often.
    const bool stuck = next == reached;
    reached = next;
    if (result >= 0 && !sent_ && next < limit && !stuck) continue;
    number(next);
    return result;
  }
}

std::int64_t Server::receive(const Request& request) {
  if (adapter_.receive == nullptr || stack_ == nullptr) return TCPSPEC_UNSUPPORTED;
  received_.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(request.a, 0, most_received)));
  const auto got = adapter_.receive(stack_, request.socket, received_.data(), received_.size(),
                                    static_cast<std::uint32_t>(request.b));
  if (got > 0)
    item(TCPSPEC_ITEM_DATA,
         OctetsView(received_).first(std::min<std::size_t>(static_cast<std::size_t>(got), received_.size())));
  return got;
}

std::int64_t Server::act(const Request& request) {
  switch (request.operation) {
    case TCPSPEC_OP_HELLO:
      if (request.a != TCPSPEC_ADAPTER_ABI) return TCPSPEC_UNSUPPORTED;
      return hello();
    case TCPSPEC_OP_CREATE:
      return create(request);
    case TCPSPEC_OP_DESTROY:
      return destroy();
    case TCPSPEC_OP_INPUT: {
      // In memory that ends where it ends: a stack that was built with a sanitizer is told when it reads on.
      const Octets datagram(request.data.begin(), request.data.end());
      return call(adapter_.input, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size());
    }
    case TCPSPEC_OP_ADVANCE:
      return call(adapter_.advance, static_cast<std::uint64_t>(request.a));
    case TCPSPEC_OP_RUN:
      return run_until(request.a);
    case TCPSPEC_OP_OPEN:
      return call(adapter_.open);
    default:
      return act_on_socket(request);
  }
}

std::int64_t Server::act_on_socket(const Request& request) {
  const auto socket = request.socket;
  switch (request.operation) {
    case TCPSPEC_OP_LISTEN:
      return call(adapter_.listen, socket, static_cast<std::uint16_t>(request.a), static_cast<int>(request.b));
    case TCPSPEC_OP_CONNECT:
      return call(adapter_.connect, socket, static_cast<std::uint16_t>(request.a),
                  reinterpret_cast<const std::uint8_t*>(request.data.data()), static_cast<std::uint16_t>(request.b));
    case TCPSPEC_OP_CONNECTED:
      return call(adapter_.connected, socket);
    case TCPSPEC_OP_ACCEPT:
      return call(adapter_.accept, socket);
    case TCPSPEC_OP_LOCAL_PORT:
      return call(adapter_.local_port, socket);
    case TCPSPEC_OP_SEND:
      return call(adapter_.send, socket, request.data.data(), request.data.size(),
                  static_cast<std::uint32_t>(request.a));
    case TCPSPEC_OP_RECEIVE:
      return receive(request);
    case TCPSPEC_OP_SHUTDOWN:
      return call(adapter_.shutdown, socket, static_cast<int>(request.a));
    case TCPSPEC_OP_CLOSE:
      return call(adapter_.close, socket);
    case TCPSPEC_OP_ABORT:
      return call(adapter_.abort, socket);
    case TCPSPEC_OP_SET_OPTION: {
      const std::string name(reinterpret_cast<const char*>(request.data.data()), request.data.size());
      return call(adapter_.set_option, socket, name.c_str(), request.a);
    }
    case TCPSPEC_OP_GET_OPTION: {
      const std::string name(reinterpret_cast<const char*>(request.data.data()), request.data.size());
      std::int64_t value = 0;
      const auto got = call(adapter_.get_option, socket, name.c_str(), &value);
      number(value);
      return got;
    }
    case TCPSPEC_OP_STATE:
      return call(adapter_.state, socket);
    default:
      return TCPSPEC_UNSUPPORTED;
  }
}

}  // namespace

int serve(const tcpspec_adapter& adapter, int descriptor) {
  return Server(adapter, descriptor).run();
}

}  // namespace tcpspec::adapter
