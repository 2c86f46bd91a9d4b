#include "target/adapter/program_stack.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "target/adapter.h"
#include "target/adapter/errors.hh"

namespace tcpspec::target {
namespace {

std::span<const std::byte> octets_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class ProgramStack final : public PacketStack {
 public:
  ProgramStack(std::shared_ptr<AdapterProgram> program, const Seating& seating, const std::string& params)
      : program_(std::move(program)), now_(seating.now) {
    adapter::Octets config;
    adapter::MessageWriter writer(config);
    writer.u8(seating.local.family == packet::Family::ipv4 ? 4 : 6);
    writer.u8(seating.local.family == packet::Family::ipv4 ? 8 : 7);
    writer.u16(seating.mtu);
    writer.octets(std::as_bytes(std::span(seating.local.bytes)));
    writer.octets(std::as_bytes(std::span(seating.peer.bytes)));
    writer.u64(static_cast<std::uint64_t>(seating.now.time_since_epoch().count()));
    writer.u64(seating.seed);
    writer.text(params);
    const auto created =
        ask({.operation = TCPSPEC_OP_CREATE, .data = adapter::OctetsView(config).subspan(sizeof(std::uint32_t))});
    if (created < 0 && !program_->failure())
      refusal_ = TargetFailure{
          .kind = TargetFailure::Kind::garbled,
          .what = fmt::format("the adapter could not make a stack: {}", std::strerror(static_cast<int>(-created)))};
  }
  ProgramStack(ProgramStack&&) = delete;
  ~ProgramStack() override {
    if (!failure()) (void)ask({.operation = TCPSPEC_OP_DESTROY});
  }

  void advance(Instant now) override {
    if (now <= now_ && !(deadline_ && *deadline_ <= now_)) return;
    now_ = std::max(now, now_);
    (void)ask({.operation = TCPSPEC_OP_ADVANCE, .a = now_.time_since_epoch().count()});
  }
  [[nodiscard]] Instant run(Instant limit) override;
  [[nodiscard]] std::optional<Instant> deadline() const override { return deadline_; }
  void input(BytesView datagram) override { (void)ask({.operation = TCPSPEC_OP_INPUT, .data = datagram}); }
  [[nodiscard]] std::vector<Bytes> take_output() override { return std::exchange(output_, {}); }
  [[nodiscard]] const std::optional<TargetFailure>& failure() const override {
    return refusal_ ? refusal_ : program_->failure();
  }

  [[nodiscard]] std::int64_t open() override { return ask({.operation = TCPSPEC_OP_OPEN}); }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return ask({.operation = TCPSPEC_OP_LISTEN, .socket = socket, .a = port, .b = backlog});
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t local_port) override {
    return ask({.operation = TCPSPEC_OP_CONNECT,
                .socket = socket,
                .a = local_port,
                .b = remote.port,
                .data = std::as_bytes(remote.address.octets())});
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_CONNECTED, .socket = socket});
  }
  [[nodiscard]] std::int64_t accept(Handle listener) override {
    return ask({.operation = TCPSPEC_OP_ACCEPT, .socket = listener});
  }
  [[nodiscard]] std::int64_t local_port(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_LOCAL_PORT, .socket = socket});
  }
  [[nodiscard]] std::int64_t send(Handle socket, BytesView data, bool urgent) override {
    const auto sent =
        ask({.operation = TCPSPEC_OP_SEND, .socket = socket, .a = urgent ? TCPSPEC_URGENT : 0, .data = data});
    return std::min(sent, static_cast<std::int64_t>(data.size()));
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    const auto got = ask({.operation = TCPSPEC_OP_RECEIVE,
                          .socket = socket,
                          .a = static_cast<std::int64_t>(data.size()),
                          .b = urgent ? TCPSPEC_URGENT : 0});
    if (got <= 0) return got;
    // The octets count, not what is said of them.
    const auto count = std::min(reply_.data.size(), data.size());
    std::ranges::copy(reply_.data.first(count), data.begin());
    return static_cast<std::int64_t>(count);
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, Direction direction) override {
    return ask({.operation = TCPSPEC_OP_SHUTDOWN, .socket = socket, .a = direction_number(direction)});
  }
  [[nodiscard]] std::int64_t close(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_CLOSE, .socket = socket});
  }
  [[nodiscard]] std::int64_t abort(Handle socket) override {
    return ask({.operation = TCPSPEC_OP_ABORT, .socket = socket});
  }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return ask({.operation = TCPSPEC_OP_SET_OPTION, .socket = socket, .a = value, .data = octets_of(name)});
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    const auto got = ask({.operation = TCPSPEC_OP_GET_OPTION, .socket = socket, .data = octets_of(name)});
    value = name == "SO_ERROR" ? -from_adapter(reply_.number) : reply_.number;
    return got;
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    const auto got = ask({.operation = TCPSPEC_OP_STATE, .socket = socket});
    if (got >= 0) text = state_name(got);
    return got;
  }

 private:
  [[nodiscard]] std::int64_t ask(const adapter::Request& request) {
    reply_ = {};
    if (const auto reply = program_->ask(request, output_)) {
      reply_ = *reply;
      deadline_ = reply_.deadline;
    } else {
      deadline_.reset();
      reply_.result = TCPSPEC_FAILED;
    }
    return from_adapter(reply_.result);
  }

  std::shared_ptr<AdapterProgram> program_;
  Instant now_;
  std::optional<Instant> deadline_;
  ProgramReply reply_;
  std::vector<Bytes> output_;
  std::optional<TargetFailure> refusal_;
  bool knows_run_ = true;
};

Instant ProgramStack::run(Instant limit) {
  if (knows_run_) {
    const auto done = ask({.operation = TCPSPEC_OP_RUN, .a = limit.time_since_epoch().count()});
    if (done >= 0 || failure()) {
      now_ = failure() ? limit : std::clamp(Instant{} + Duration(reply_.number), now_, limit);
      return now_;
    }
    knows_run_ = false;
  }
  advance(deadline_ ? std::clamp(*deadline_, now_, limit) : limit);
  return now_;
}

}  // namespace

std::expected<ProgramHello, EnvironmentError> greet(AdapterProgram& program) {
  std::vector<Bytes> none;
  const auto reply = program.ask({.operation = TCPSPEC_OP_HELLO, .a = TCPSPEC_ADAPTER_ABI}, none);
  if (!reply)
    return std::unexpected(EnvironmentError{.what = program.failure()->what,
                                            .hint = "an adapter answers the messages of harness/target/"
                                                    "adapter_messages.h on its descriptor 3"});
  if (reply->result < 0)
    return std::unexpected(EnvironmentError{
        .what = fmt::format("the adapter does not speak version {} of the messages", TCPSPEC_ADAPTER_ABI),
        .hint = "compile it anew"});
  ProgramHello hello;
  std::istringstream lines{std::string(reinterpret_cast<const char*>(reply->data.data()), reply->data.size())};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const auto key = line.substr(0, colon);
    const auto value = line.substr(colon + 2);
    if (key == "name") hello.name = value;
    if (key == "version") hello.version = value;
    if (key == "single-use") hello.single_use = value == "yes";
    std::istringstream words(value);
    if (key == "capabilities")
      for (std::string word; words >> word;) hello.capabilities.insert(word);
  }
  if (hello.name.empty())
    return std::unexpected(EnvironmentError{.what = "the adapter does not say its name",
                                            .hint = "the reply to HELLO has lines, `name: my-stack` first"});
  return hello;
}

std::unique_ptr<PacketStack> make_program_stack(std::shared_ptr<AdapterProgram> program, const Seating& seating,
                                                const std::string& params) {
  return std::make_unique<ProgramStack>(std::move(program), seating, params);
}

}  // namespace tcpspec::target
