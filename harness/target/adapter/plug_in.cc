#include "target/adapter/plug_in.hh"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "target/adapter/errors.hh"

namespace tcpspec::target {
namespace {

constexpr Instant instant(std::int64_t ns) {
  return Instant{} + Duration(ns);
}

class PlugInStack final : public PacketStack {
 public:
  PlugInStack(const tcpspec_adapter& adapter, const Seating& seating, const std::string& params)
      : adapter_(adapter), now_(seating.now) {
    const tcpspec_host host{this, &PlugInStack::on_packet, &PlugInStack::on_log};
    tcpspec_config config{};
    config.size = sizeof config;
    config.family = seating.local.family == packet::Family::ipv4 ? 4 : 6;
    config.prefix = seating.local.family == packet::Family::ipv4 ? 8 : 7;
    config.mtu = seating.mtu;
    std::ranges::copy(seating.local.bytes, config.local);
    std::ranges::copy(seating.peer.bytes, config.peer);
    config.now = static_cast<std::uint64_t>(seating.now.time_since_epoch().count());
    config.seed = seating.seed;
    config.params = params.c_str();
    created_ = adapter_.create(&config, &host, &stack_);
    output_.reserve(usual_octets);
    ends_.reserve(usual_datagrams);
  }
  PlugInStack(PlugInStack&&) = delete;
  ~PlugInStack() override {
    if (created_ == TCPSPEC_OK) adapter_.destroy(stack_);
  }
  [[nodiscard]] int created() const { return created_; }

  void advance(Instant now) override {
    if (now <= now_ && !due()) return;
    now_ = std::max(now_, now);
    (void)adapter_.advance(stack_, static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  }
  [[nodiscard]] Instant run(Instant limit) override {
    for (;;) {
      const auto next = deadline();
      if (!next || *next > limit) {
        advance(limit);
        return limit;
      }
      const auto before = now_;
      advance(std::max(*next, now_));
      // Where time does not move the caller counts.
      if (!ends_.empty() || now_ == before) return now_;
    }
  }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    const auto ns = adapter_.deadline(stack_);
    return ns < 0 ? std::nullopt : std::optional(instant(ns));
  }
  void input(BytesView datagram) override {
    (void)adapter_.input(stack_, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size());
  }
  [[nodiscard]] std::vector<Bytes> take_output() override {
    std::vector<Bytes> datagrams;
    datagrams.reserve(ends_.size());
    auto begin = output_.cbegin();
    for (const auto octets : ends_) {
      const auto end = output_.cbegin() + static_cast<std::ptrdiff_t>(octets);
      datagrams.emplace_back(begin, end);
      begin = end;
    }
    output_.clear();
    ends_.clear();
    return datagrams;
  }
  [[nodiscard]] const std::optional<TargetFailure>& failure() const override { return none_; }

  [[nodiscard]] std::int64_t open() override { return call(adapter_.open); }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return call(adapter_.listen, socket, port, backlog);
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t local_port) override {
    return call(adapter_.connect, socket, local_port, remote.address.bytes.data(), remote.port);
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override { return call(adapter_.connected, socket); }
  [[nodiscard]] std::int64_t accept(Handle listener) override { return call(adapter_.accept, listener); }
  [[nodiscard]] std::int64_t local_port(Handle socket) override { return call(adapter_.local_port, socket); }
  [[nodiscard]] std::int64_t send(Handle socket, BytesView data, bool urgent) override {
    return call(adapter_.send, socket, data.data(), data.size(), flags(urgent));
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    return call(adapter_.receive, socket, data.data(), data.size(), flags(urgent));
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, Direction direction) override {
    return call(adapter_.shutdown, socket, direction_number(direction));
  }
  [[nodiscard]] std::int64_t close(Handle socket) override { return call(adapter_.close, socket); }
  [[nodiscard]] std::int64_t abort(Handle socket) override { return call(adapter_.abort, socket); }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return call(adapter_.set_option, socket, std::string(name).c_str(), value);
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    const auto got = call(adapter_.get_option, socket, std::string(name).c_str(), &value);
    if (got >= 0 && name == "SO_ERROR") value = -from_adapter(value);
    return got;
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    const auto got = call(adapter_.state, socket);
    if (got >= 0) text = state_name(got);
    return got;
  }

 private:
  template <class Function, class... Arguments>
  [[nodiscard]] std::int64_t call(Function* function, Arguments... arguments) {
    return function == nullptr ? -ENOTSUP : from_adapter(function(stack_, arguments...));
  }
  [[nodiscard]] bool due() const {
    const auto next = deadline();
    return next && *next <= now_;
  }
  [[nodiscard]] static std::uint32_t flags(bool urgent) { return urgent ? TCPSPEC_URGENT : 0; }
  static void on_packet(void* self, const std::uint8_t* datagram, std::size_t octets) {
    const auto* first = reinterpret_cast<const std::byte*>(datagram);
    auto& stack = *static_cast<PlugInStack*>(self);
    stack.output_.insert(stack.output_.end(), first, first + octets);
    stack.ends_.push_back(stack.output_.size());
  }
  static void on_log(void*, const char*) {}

  const tcpspec_adapter& adapter_;
  Instant now_;
  tcpspec_stack* stack_ = nullptr;
  int created_ = TCPSPEC_FAILED;
  static constexpr std::size_t usual_octets = 4096, usual_datagrams = 16;
  // What it has sent, one datagram behind the other, and where each ends: room that is used again and again.
  Bytes output_;
  std::vector<std::size_t> ends_;
  std::optional<TargetFailure> none_;
};

}  // namespace

std::expected<const tcpspec_adapter*, EnvironmentError> load_plug_in(const std::string& path) {
  // A name without a slash would be looked for among the system's libraries.
  void* library = dlopen(path.find('/') == std::string::npos ? ("./" + path).c_str() : path.c_str(), RTLD_NOW);
  if (library == nullptr)
    return std::unexpected(EnvironmentError{.what = dlerror(), .hint = "is it built, and are its libraries there?"});
  using Get = const tcpspec_adapter* (*)();
  const auto get = reinterpret_cast<Get>(dlsym(library, "tcpspec_get_adapter"));
  if (get == nullptr)
    return std::unexpected(EnvironmentError{.what = fmt::format("{} is no adapter: it does not export "
                                                                "tcpspec_get_adapter()",
                                                                path),
                                            .hint = "see adapter.h"});
  const auto* adapter = get();
  if (adapter == nullptr || adapter->abi != TCPSPEC_ADAPTER_ABI || adapter->size < sizeof(tcpspec_adapter))
    return std::unexpected(EnvironmentError{
        .what = fmt::format("{} is an adapter of another version of adapter.h than {}", path, TCPSPEC_ADAPTER_ABI),
        .hint = "compile it anew"});
  return adapter;
}

std::expected<std::unique_ptr<PacketStack>, EnvironmentError> make_plug_in_stack(const tcpspec_adapter& adapter,
                                                                                 const Seating& seating,
                                                                                 const std::string& params) {
  auto stack = std::make_unique<PlugInStack>(adapter, seating, params);
  if (stack->created() != TCPSPEC_OK)
    return std::unexpected(
        EnvironmentError{.what = fmt::format("create() of the adapter: {}",
                                             std::strerror(static_cast<int>(-from_adapter(stack->created())))),
                         .hint = "the adapter could not make a stack"});
  return stack;
}

}  // namespace tcpspec::target
