#pragma once
// The tester's end of the control connection to an agent (harness/agent), and the application's
// calls through it. Each request waits for its reply: the agent blocks in none of them.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "target/adapter/message_calls.hh"
#include "target/adapter/program_stack.hh"
#include "target/adapter_message.hh"
#include "target/linux/descriptor.hh"
#include "target/target.hh"

namespace tcpspec::target {

class AgentConnection {
 public:
  // Connects, and asks for what the agent is.
  [[nodiscard]] static std::expected<std::unique_ptr<AgentConnection>, EnvironmentError> open(
      const packet::Endpoint& agent);

  [[nodiscard]] const ProgramHello& hello() const { return hello_; }
  // Readable when there are notices, or when the connection has ended.
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  [[nodiscard]] MessageReply ask(const adapter::Request& request);
  // The scopes of which calls may go on; what has come of them, without waiting.
  [[nodiscard]] std::set<std::int64_t> take_notices();
  // What came with a reply does not make the descriptor readable any more.
  [[nodiscard]] bool may_have_notices() const { return !notices_.empty() || begin_ != end_; }
  // How the connection ended; whatever is asked after that fails.
  [[nodiscard]] const std::optional<std::string>& broken() const { return broken_; }

 private:
  AgentConnection(Descriptor socket, const packet::Endpoint& agent) : socket_(std::move(socket)), agent_(agent) {}
  enum class Patience : std::uint8_t { none, some };
  [[nodiscard]] bool send(adapter::OctetsView message);
  // nullopt: no whole message is there (and will not be, where we were patient).
  [[nodiscard]] std::optional<adapter::OctetsView> next_message(Patience patience);
  [[nodiscard]] bool read_more(Patience patience);
  [[nodiscard]] MessageReply read_reply(adapter::OctetsView message);
  void take_notice(adapter::OctetsView message);
  void break_off(std::string why);

  Descriptor socket_;
  packet::Endpoint agent_;
  ProgramHello hello_;
  adapter::Octets out_, in_;
  std::size_t begin_ = 0, end_ = 0;  // of what is in in_ and not taken yet
  std::set<std::int64_t> notices_;
  std::optional<std::string> broken_;
};

// The calls of one attachment: a scope at the agent, which ends with this.
class AgentCalls final : public MessageCalls<SocketCalls> {
 public:
  AgentCalls(std::shared_ptr<AgentConnection> agent, const Seating& seating);
  AgentCalls(AgentCalls&&) = delete;
  ~AgentCalls() override;

  [[nodiscard]] std::int64_t scope() const { return scope_; }
  [[nodiscard]] const AgentConnection& agent() const { return *agent_; }
  [[nodiscard]] std::int64_t open() override;
  [[nodiscard]] std::int64_t send(Handle socket, BytesView data, bool urgent) override;

 private:
  [[nodiscard]] MessageReply exchange(const adapter::Request& request) override { return agent_->ask(request); }

  std::shared_ptr<AgentConnection> agent_;
  std::int64_t scope_ = 0;
};

}  // namespace tcpspec::target
