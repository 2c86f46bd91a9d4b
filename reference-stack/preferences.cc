// What an application may set on a connection, and ask.

#include <algorithm>
#include <chrono>

#include "reference/connection.hh"

namespace tcpspec::reference {
namespace {

constexpr std::int64_t least_buffer = 2048;
constexpr std::int64_t greatest_mss = 65'495;

Result<std::chrono::seconds> seconds_of(std::int64_t value) {
  constexpr std::int64_t most = 32'767;  // as elsewhere
  if (value < 1 || value > most) return std::unexpected(Error::invalid);
  return std::chrono::seconds(value);
}

}  // namespace

Connection::Connection(Stack& stack, SocketId id, packet::Family family)
    : stack_(stack),
      id_(id),
      family_(family),
      wish_{.receive_buffer = stack.settings().limits.receive_buffer,
            .send_buffer = stack.settings().limits.send_buffer,
            .keep_alive_idle = stack.settings().times.keep_alive_idle,
            .keep_alive_interval = stack.settings().times.keep_alive_interval,
            .keep_alive_probes = stack.settings().times.keep_alive_probes,
            .user_timeout = std::nullopt,
            .linger = std::nullopt},
      outgoing_(Seq32(0), wish_.send_buffer),
      incoming_(Seq32(0), wish_.receive_buffer, stack.settings().limits.out_of_order_blocks),
      rto_(stack.settings().times) {}

Result<void> Connection::set(Option option, std::int64_t value) {
  const auto& limits = stack_.settings().limits;
  const auto within = [](std::int64_t asked, std::size_t most) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(asked, least_buffer, static_cast<std::int64_t>(most)));
  };
  switch (option) {
    case Option::max_segment_size:
      if (value < 1 || value > greatest_mss) return std::unexpected(Error::invalid);
      wish_.max_segment_size = static_cast<std::uint16_t>(value);
      return {};
    case Option::receive_buffer:
      wish_.receive_buffer = within(value, limits.receive_buffer);
      incoming_.set_capacity(wish_.receive_buffer);
      return {};
    case Option::send_buffer:
      wish_.send_buffer = within(value, limits.send_buffer);
      outgoing_.set_capacity(wish_.send_buffer);
      return {};
    case Option::no_delay:
      wish_.no_delay = value != 0;
      return {};
    case Option::keep_alive:
      wish_.keep_alive = value != 0;
      if (state_ >= State::established) heard(last_heard_);
      return {};
    case Option::keep_alive_idle:
    case Option::keep_alive_interval: {
      const auto seconds = seconds_of(value);
      if (!seconds) return std::unexpected(seconds.error());
      (option == Option::keep_alive_idle ? wish_.keep_alive_idle : wish_.keep_alive_interval) = *seconds;
      if (wish_.keep_alive && state_ >= State::established) heard(last_heard_);
      return {};
    }
    case Option::keep_alive_probes:
      if (value < 1 || value > 127) return std::unexpected(Error::invalid);
      wish_.keep_alive_probes = static_cast<int>(value);
      return {};
    case Option::user_timeout:
      if (value < 0) return std::unexpected(Error::invalid);
      wish_.user_timeout = value == 0 ? std::nullopt : std::optional<Duration>(std::chrono::milliseconds(value));
      return {};
    case Option::linger:
      wish_.linger = value < 0 ? std::nullopt : std::optional<Duration>(std::chrono::seconds(value));
      return {};
    case Option::traffic_class:
      if (value < 0 || value > 255) return std::unexpected(Error::invalid);
      // The two ECN bits are not the application's (RFC 3168 section 6).
      wish_.traffic_class = static_cast<std::uint8_t>(value & 0xfc);
      return {};
    case Option::ttl:
      if (value < 1 || value > 255) return std::unexpected(Error::invalid);
      wish_.ttl = static_cast<std::uint8_t>(value);
      return {};
  }
  return std::unexpected(Error::unsupported);
}

Result<std::int64_t> Connection::get(Option option) const {
  const auto seconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  };
  switch (option) {
    case Option::max_segment_size:
      // What we send at most once it is known, else what is wished or the default (section 3.7.1).
      if (recovery_) return recovery_->smss();
      return wish_.max_segment_size != 0 ? wish_.max_segment_size : (family_ == packet::Family::ipv4 ? 536 : 1220);
    case Option::receive_buffer:
      return static_cast<std::int64_t>(wish_.receive_buffer);
    case Option::send_buffer:
      return static_cast<std::int64_t>(wish_.send_buffer);
    case Option::no_delay:
      return wish_.no_delay ? 1 : 0;
    case Option::keep_alive:
      return wish_.keep_alive ? 1 : 0;
    case Option::keep_alive_idle:
      return seconds(wish_.keep_alive_idle);
    case Option::keep_alive_interval:
      return seconds(wish_.keep_alive_interval);
    case Option::keep_alive_probes:
      return wish_.keep_alive_probes;
    case Option::user_timeout:
      return wish_.user_timeout ? std::chrono::duration_cast<std::chrono::milliseconds>(*wish_.user_timeout).count()
                                : 0;
    case Option::linger:
      return wish_.linger ? seconds(*wish_.linger) : -1;
    case Option::traffic_class:
      return wish_.traffic_class;
    case Option::ttl:
      return wish_.ttl;
  }
  return std::unexpected(Error::unsupported);
}

}  // namespace tcpspec::reference
