#include "target/reference_stack/packet_stack.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "reference/stack.hh"

namespace tcpspec::target {
namespace {

using reference::Error;

int errno_of(Error error) {
  switch (error) {
    case Error::would_block:
      return EAGAIN;
    case Error::bad_socket:
      return EBADF;
    case Error::invalid:
    case Error::too_large:
      return EINVAL;
    case Error::unsupported:
      return ENOTSUP;
    case Error::already_connected:
      return EISCONN;
    case Error::in_progress:
      return EALREADY;
    case Error::not_connected:
      return ENOTCONN;
    case Error::closing:
      return EPIPE;
    case Error::refused:
      return ECONNREFUSED;
    case Error::reset:
      return ECONNRESET;
    case Error::timed_out:
      return ETIMEDOUT;
    case Error::unreachable:
      return EHOSTUNREACH;
    case Error::address_in_use:
      return EADDRINUSE;
    case Error::no_resources:
      return ENOBUFS;
  }
  return EIO;
}

std::int64_t result_of(const reference::Result<void>& result) {
  return result ? 0 : -errno_of(result.error());
}
template <class T>
std::int64_t result_of(const reference::Result<T>& result) {
  return result ? static_cast<std::int64_t>(*result) : -errno_of(result.error());
}

struct NamedOption {
  std::string_view name;
  reference::Option option;
};
constexpr std::array options = {
    NamedOption{"TCP_MAXSEG", reference::Option::max_segment_size},
    NamedOption{"SO_RCVBUF", reference::Option::receive_buffer},
    NamedOption{"SO_SNDBUF", reference::Option::send_buffer},
    NamedOption{"TCP_NODELAY", reference::Option::no_delay},
    NamedOption{"SO_KEEPALIVE", reference::Option::keep_alive},
    NamedOption{"TCP_KEEPIDLE", reference::Option::keep_alive_idle},
    NamedOption{"TCP_KEEPINTVL", reference::Option::keep_alive_interval},
    NamedOption{"TCP_KEEPCNT", reference::Option::keep_alive_probes},
    NamedOption{"TCP_USER_TIMEOUT", reference::Option::user_timeout},
    NamedOption{"SO_LINGER", reference::Option::linger},
    NamedOption{"IP_TOS", reference::Option::traffic_class},
    NamedOption{"IPV6_TCLASS", reference::Option::traffic_class},
    NamedOption{"IP_TTL", reference::Option::ttl},
    NamedOption{"IPV6_UNICAST_HOPS", reference::Option::ttl},
};

std::optional<reference::Option> find_option(std::string_view name) {
  const auto* found = std::ranges::find(options, name, &NamedOption::name);
  return found == options.end() ? std::nullopt : std::optional(found->option);
}

class ReferencePacketStack final : public PacketStack {
 public:
  ReferencePacketStack(const reference::Settings& settings, packet::Family family, Instant now)
      : stack_(settings), family_(family), now_(now) {}

  void advance(Instant now) override {
    now_ = std::max(now_, now);
    if (const auto due = stack_.deadline(); due && *due <= now_) stack_.advance(now_);
  }
  [[nodiscard]] Instant run(Instant limit) override {
    for (;;) {
      const auto due = stack_.deadline();
      if (!due || *due > limit) {
        advance(limit);
        return limit;
      }
      advance(*due);
      output_ = stack_.take_output();
      if (!output_.empty()) return now_;
    }
  }
  [[nodiscard]] std::optional<Instant> deadline() const override { return stack_.deadline(); }
  void input(BytesView datagram) override { stack_.input(datagram, now_); }
  [[nodiscard]] std::vector<Bytes> take_output() override {
    (void)stack_.take_changed();
    if (!output_.empty()) return std::exchange(output_, {});
    return stack_.take_output();
  }
  [[nodiscard]] const std::optional<TargetFailure>& failure() const override { return none_; }

  [[nodiscard]] std::int64_t open() override { return result_of(stack_.open(family_)); }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return result_of(stack_.listen(id(socket), port, backlog));
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t local_port) override {
    return result_of(stack_.connect(id(socket), remote, local_port, now_));
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override { return result_of(stack_.connected(id(socket))); }
  [[nodiscard]] std::int64_t accept(Handle listener) override { return result_of(stack_.accept(id(listener))); }
  [[nodiscard]] std::int64_t local_port(Handle socket) override {
    const auto status = stack_.status(id(socket));
    return status ? status->local.port : -errno_of(status.error());
  }
  [[nodiscard]] std::int64_t send(Handle socket, BytesView data, bool urgent) override {
    const auto kind = urgent ? reference::SendKind::urgent : reference::SendKind::pushed;
    return result_of(stack_.send(id(socket), data, kind, now_));
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    // Urgent data stays in the stream (RFC 6093 section 3.4): there is nothing out of band to read.
    return urgent ? -ENOTSUP : result_of(stack_.receive(id(socket), data, now_));
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, Direction direction) override {
    const auto half = direction == Direction::read    ? reference::Direction::receive
                      : direction == Direction::write ? reference::Direction::send
                                                      : reference::Direction::both;
    return result_of(stack_.shutdown(id(socket), half, now_));
  }
  [[nodiscard]] std::int64_t close(Handle socket) override { return result_of(stack_.close(id(socket), now_)); }
  [[nodiscard]] std::int64_t abort(Handle socket) override { return result_of(stack_.abort(id(socket), now_)); }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override;
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override;
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    const auto status = stack_.status(id(socket));
    if (!status) return -errno_of(status.error());
    text = reference::to_string(status->state);
    return 0;
  }

 private:
  [[nodiscard]] static reference::SocketId id(Handle socket) { return static_cast<reference::SocketId>(socket); }

  reference::Stack stack_;
  packet::Family family_;
  Instant now_;
  std::vector<Bytes> output_;
  std::optional<TargetFailure> none_;
};

std::int64_t ReferencePacketStack::set_option(Handle socket, std::string_view name, std::int64_t value) {
  // What is so in any case: urgent data in line, ports that are free at once.
  if (name == "SO_OOBINLINE") return value != 0 ? 0 : -ENOTSUP;
  if (name == "SO_REUSEADDR") return 0;
  const auto option = find_option(name);
  return option ? result_of(stack_.set(id(socket), *option, value)) : -ENOTSUP;
}

std::int64_t ReferencePacketStack::get_option(Handle socket, std::string_view name, std::int64_t& value) {
  const auto status = stack_.status(id(socket));
  if (!status) return -errno_of(status.error());
  const auto give = [&](std::int64_t what) {
    value = what;
    return 0;
  };
  if (name == "SO_ERROR") {
    const auto error = stack_.take_error(id(socket));
    return give(error ? 0 : errno_of(error.error()));
  }
  if (name == "SO_OOBINLINE") return give(1);
  if (name == "SIOCINQ") return give(static_cast<std::int64_t>(status->readable));
  if (name == "SIOCOUTQ") return give(static_cast<std::int64_t>(status->unsent_and_unacknowledged));
  // Where the stream stands right at the end of the urgent data, or has no more of it ahead.
  if (name == "SIOCATMARK") return give(status->urgent_ahead && *status->urgent_ahead <= 1 ? 1 : 0);
  const auto option = find_option(name);
  if (!option) return -ENOTSUP;
  const auto got = stack_.get(id(socket), *option);
  return got ? give(*got) : -errno_of(got.error());
}

}  // namespace

std::unique_ptr<PacketStack> make_reference_packet_stack(const reference::Settings& settings, packet::Family family,
                                                         Instant now) {
  return std::make_unique<ReferencePacketStack>(settings, family, now);
}

}  // namespace tcpspec::target
