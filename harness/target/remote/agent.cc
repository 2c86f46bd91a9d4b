#include "target/remote/agent.hh"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "target/linux/failure.hh"
#include "target/linux/socket_address.hh"

namespace tcpspec::target {
namespace {

// An agent answers at once, so that this is about its machine and the way there.
constexpr timeval patience{.tv_sec = 10, .tv_usec = 0};
constexpr timeval connecting{.tv_sec = 3, .tv_usec = 0};

std::expected<Descriptor, EnvironmentError> connect_to(const packet::Endpoint& agent) {
  const int domain = agent.address.family == packet::Family::ipv4 ? AF_INET : AF_INET6;
  Descriptor connection{socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!connection) return std::unexpected(failure("socket", errno, "raise the limit of open files (ulimit -n)"));
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &connecting, sizeof connecting);  // of connect() too
  const SocketAddress remote(agent);
  int result = 0;
  do result = connect(connection.get(), remote.pointer(), remote.size());
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EISCONN)
    return std::unexpected(
        failure(fmt::format("connect to the agent {}", to_string(agent)), errno == EINPROGRESS ? ETIMEDOUT : errno,
                fmt::format("on the target's machine: tcpspec-agent --listen {}", to_string(agent))));
  constexpr int on = 1;
  setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return connection;
}

}  // namespace

std::expected<std::unique_ptr<AgentConnection>, EnvironmentError> AgentConnection::open(const packet::Endpoint& agent) {
  auto connection = connect_to(agent);
  if (!connection) return std::unexpected(connection.error());
  auto fresh = std::unique_ptr<AgentConnection>(new AgentConnection(std::move(*connection), agent));
  const auto reply = fresh->ask({.operation = TCPSPEC_OP_HELLO, .a = TCPSPEC_ADAPTER_ABI});
  if (fresh->broken_)
    return std::unexpected(
        EnvironmentError{.what = *fresh->broken_,
                         .hint = "an agent serves one tester at a time: is another one there? Or start it anew"});
  if (reply.result < 0)
    return std::unexpected(
        EnvironmentError{.what = fmt::format("the agent {} does not speak version {} of the messages", to_string(agent),
                                             TCPSPEC_ADAPTER_ABI),
                         .hint = "compile it anew, from the sources of this tcpspec"});
  fresh->hello_ = read_hello(reply.data);
  return fresh;
}

MessageReply AgentConnection::ask(const adapter::Request& request) {
  constexpr MessageReply failed{.result = TCPSPEC_FAILED};
  if (broken_) return failed;
  out_.clear();
  adapter::write_request(out_, request);
  if (!send(out_)) return failed;
  while (const auto message = next_message(Patience::some)) {
    const auto kind = std::to_integer<std::uint8_t>(message->front());
    if (kind == TCPSPEC_REPLY) return read_reply(message->subspan(1));
    take_notice(*message);
    if (broken_) break;
  }
  return failed;
}

std::set<std::int64_t> AgentConnection::take_notices() {
  while (!broken_) {
    const auto message = next_message(Patience::none);
    if (!message) break;
    take_notice(*message);
  }
  return std::exchange(notices_, {});
}

void AgentConnection::take_notice(adapter::OctetsView message) {
  adapter::MessageReader reader(message);
  const auto kind = reader.u8();
  const auto scope = reader.i32();
  if (kind != TCPSPEC_NOTICE || !reader.ok()) return break_off("what it sends is no notice");
  notices_.insert(scope);
}

MessageReply AgentConnection::read_reply(adapter::OctetsView message) {
  adapter::MessageReader reader(message);
  MessageReply reply{.result = reader.i64()};
  (void)reader.i64();  // a deadline; an agent has none
  while (reader.ok() && !reader.rest().empty()) {
    const auto item = reader.u8();
    const auto data = reader.octets(reader.u32());
    if (item == TCPSPEC_ITEM_DATA) reply.data = data;
    if (item == TCPSPEC_ITEM_NUMBER) reply.number = adapter::MessageReader(data).i64();
  }
  if (reader.ok()) return reply;
  break_off("what it sends is no reply");
  return {.result = TCPSPEC_FAILED};
}

bool AgentConnection::send(adapter::OctetsView message) {
  while (!message.empty()) {
    const auto sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      break_off(errno == EAGAIN ? "it takes nothing" : std::generic_category().message(errno));
      return false;
    }
    message = message.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<adapter::OctetsView> AgentConnection::next_message(Patience how) {
  for (;;) {
    const auto stream = adapter::OctetsView(in_).subspan(begin_, end_ - begin_);
    const auto size = adapter::message_size(stream);
    if (size && (*size <= sizeof(std::uint32_t) || *size > TCPSPEC_MESSAGE_MOST_OCTETS)) {
      break_off("what it sends is no message");
      return std::nullopt;
    }
    if (size && stream.size() >= *size) {
      begin_ += *size;
      return stream.first(*size).subspan(sizeof(std::uint32_t));
    }
    if (!read_more(how)) return std::nullopt;
  }
}

// Behind what is there; nothing that next_message() gave away is in use any more.
bool AgentConnection::read_more(Patience how) {
  constexpr std::size_t piece = 65'536;
  std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin_), in_.begin() + static_cast<std::ptrdiff_t>(end_),
            in_.begin());
  end_ -= std::exchange(begin_, 0);
  if (in_.size() < end_ + piece) in_.resize(end_ + piece);
  for (;;) {
    const auto got =
        ::recv(socket_.get(), in_.data() + end_, in_.size() - end_, how == Patience::none ? MSG_DONTWAIT : 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && how == Patience::none) return false;
    break_off(got == 0          ? "it closed the connection"
              : errno == EAGAIN ? fmt::format("it gave no answer for {} s", patience.tv_sec)
                                : std::generic_category().message(errno));
    return false;
  }
}

void AgentConnection::break_off(std::string why) {
  broken_ = fmt::format("the control connection to the agent {} has ended: {}", to_string(agent_), why);
}

AgentCalls::AgentCalls(std::shared_ptr<AgentConnection> agent, const Seating& seating) : agent_(std::move(agent)) {
  const auto config = create_data(seating, "");
  scope_ = ask({.operation = TCPSPEC_OP_CREATE, .data = config});
}

AgentCalls::~AgentCalls() {
  (void)ask({.operation = TCPSPEC_OP_DESTROY, .a = scope_});
}

std::int64_t AgentCalls::open() {
  return ask({.operation = TCPSPEC_OP_OPEN, .a = scope_});
}

// A send that is begun anew each time must not carry all that is left each time. But what is cut
// in two is two calls, each with a segment at its end that is not full.
std::int64_t AgentCalls::send(Handle socket, BytesView data, bool urgent) {
  constexpr std::size_t most_at_a_time = 1 << 20;
  return MessageCalls::send(socket, data.first(std::min(data.size(), most_at_a_time)), urgent);
}

}  // namespace tcpspec::target
