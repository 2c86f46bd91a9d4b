#include "target/adapter/program_stack.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "target/adapter.h"
#include "target/adapter/errors.hh"
#include "target/adapter/message_calls.hh"

namespace tcpspec::target {
namespace {

class ProgramStack final : public MessageCalls<PacketStack> {
 public:
  ProgramStack(std::shared_ptr<AdapterProgram> program, const Seating& seating, const std::string& params)
      : program_(std::move(program)), now_(seating.now) {
    const auto config = create_data(seating, params);
    const auto created = ask({.operation = TCPSPEC_OP_CREATE, .data = config});
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

 private:
  [[nodiscard]] MessageReply exchange(const adapter::Request& request) override {
    const auto reply = program_->ask(request, output_);
    deadline_ = reply ? reply->deadline : std::nullopt;
    if (!reply) return {.result = TCPSPEC_FAILED};
    return {.result = reply->result, .data = reply->data, .number = reply->number};
  }

  std::shared_ptr<AdapterProgram> program_;
  Instant now_;
  std::optional<Instant> deadline_;
  std::vector<Bytes> output_;
  std::optional<TargetFailure> refusal_;
  bool knows_run_ = true;
};

Instant ProgramStack::run(Instant limit) {
  if (knows_run_) {
    const auto done = ask({.operation = TCPSPEC_OP_RUN, .a = limit.time_since_epoch().count()});
    if (done >= 0 || failure()) {
      now_ = failure() ? limit : std::clamp(Instant{} + Duration(reply().number), now_, limit);
      return now_;
    }
    knows_run_ = false;
  }
  advance(deadline_ ? std::clamp(*deadline_, now_, limit) : limit);
  return now_;
}

}  // namespace

adapter::Octets create_data(const Seating& seating, std::string_view params) {
  const bool ipv4 = seating.local.family == packet::Family::ipv4;
  adapter::Octets data;
  adapter::MessageWriter writer(data);
  writer.u8(ipv4 ? 4 : 6);
  writer.u8(ipv4 ? 8 : 7);
  writer.u16(seating.mtu);
  writer.octets(std::as_bytes(std::span(seating.local.bytes)));
  writer.octets(std::as_bytes(std::span(seating.peer.bytes)));
  writer.u64(static_cast<std::uint64_t>(seating.now.time_since_epoch().count()));
  writer.u64(seating.seed);
  writer.text(params);
  data.erase(data.begin(), data.begin() + sizeof(std::uint32_t));  // the length of a message
  return data;
}

ProgramHello read_hello(adapter::OctetsView text) {
  ProgramHello hello;
  std::istringstream lines{std::string(reinterpret_cast<const char*>(text.data()), text.size())};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const auto key = line.substr(0, colon);
    const auto value = line.substr(colon + 2);
    if (key == "name") hello.name = value;
    if (key == "version") hello.version = value;
    if (key == "system") hello.system = value;
    if (key == "single-use") hello.single_use = value == "yes";
    std::istringstream words(value);
    if (key == "capabilities")
      for (std::string word; words >> word;) hello.capabilities.insert(word);
  }
  return hello;
}

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
  auto hello = read_hello(reply->data);
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
