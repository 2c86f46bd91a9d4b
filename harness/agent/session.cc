#include "agent/session.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "agent/abilities.hh"
#include "agent/errors.hh"
#include "target/adapter.h"

namespace tcpspec::agent {
namespace {

using adapter::MessageReader;
using adapter::MessageWriter;

constexpr std::int64_t most_received = 1 << 20;  // octets of one RECEIVE
constexpr int forever = -1;

std::string_view text_of(OctetsView data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

void append_item(Octets& items, std::uint8_t kind, OctetsView data) {
  Octets item;
  MessageWriter(item).item(kind, data);
  items.insert(items.end(), item.begin() + sizeof(std::uint32_t), item.end());
}

}  // namespace

void Session::run(int listener) {
  std::vector<pollfd> polled;
  for (;;) {
    polled = {{.fd = control_.get(), .events = POLLIN, .revents = 0}, {.fd = listener, .events = POLLIN, .revents = 0}};
    const auto own = polled.size();
    sockets_.append_awaited(polled);
    if (::poll(polled.data(), polled.size(), forever) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    sockets_.take_ready(std::span(polled).subspan(own), news_);
    if (polled[1].revents != 0) {
      std::puts("a second tester is turned away");
      const Descriptor second{::accept(listener, nullptr, nullptr)};
    }
    if (polled[0].revents != 0 && take_requests() == Going::over) return;
    tell_news();
    if (!write_all()) return;
  }
}

// All that have come; a tester sends the next when it has the answer.
Session::Going Session::take_requests() {
  if (!read_more()) return Going::over;
  std::size_t done = 0;
  for (;;) {
    const auto stream = OctetsView(in_).first(filled_).subspan(done);
    const auto size = adapter::message_size(stream);
    if (size && *size > TCPSPEC_MESSAGE_MOST_OCTETS) return Going::over;
    if (!size || *size > stream.size()) break;
    const auto request = adapter::read_request(stream.first(*size).subspan(sizeof(std::uint32_t)));
    if (!request) return Going::over;
    answer(*request);
    done += *size;
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(done));
  filled_ -= done;
  return Going::on;
}

bool Session::read_more() {
  constexpr std::size_t piece = 65'536;
  if (in_.size() < filled_ + piece) in_.resize(filled_ + piece);
  const auto got = ::recv(control_.get(), in_.data() + filled_, in_.size() - filled_, 0);
  if (got < 0) return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
  filled_ += static_cast<std::size_t>(got);
  return got > 0;
}

void Session::answer(const adapter::Request& request) {
  items_.clear();
  const auto result = act(request);
  MessageWriter writer(out_);
  writer.u8(TCPSPEC_REPLY);
  writer.i64(result);
  writer.i64(-1);  // the clock is not in the tester's hands
  writer.octets(items_);
  writer.finish();
}

void Session::tell_news() {
  for (const auto scope : std::exchange(news_, {})) {
    MessageWriter writer(out_);
    writer.u8(TCPSPEC_NOTICE);
    writer.i32(scope);
    writer.finish();
  }
}

bool Session::write_all() {
  for (std::size_t written = 0; written < out_.size();) {
    const auto more = ::send(control_.get(), out_.data() + written, out_.size() - written, 0);
    if (more < 0 && errno != EINTR) return false;
    if (more > 0) written += static_cast<std::size_t>(more);
  }
  out_.clear();
  return true;
}

std::int64_t Session::hello() {
  const auto text = describe_this_system();
  append_item(items_, TCPSPEC_ITEM_DATA, std::as_bytes(std::span(text.data(), text.size())));
  return TCPSPEC_OK;
}

std::int64_t Session::create(OctetsView config) {
  constexpr std::size_t address_octets = 16;
  MessageReader reader(config);
  const auto family = reader.u8();
  (void)reader.u8();   // prefix
  (void)reader.u16();  // mtu
  const auto local = reader.octets(address_octets);
  if (!reader.ok() || (family != 4 && family != 6)) return TCPSPEC_INVALID;
  const auto used = local.first(family == 4 ? 4 : address_octets);
  return sockets_.open_scope({.domain = family == 4 ? AF_INET : AF_INET6, .local = {used.begin(), used.end()}});
}

std::int64_t Session::receive(const adapter::Request& request) {
  received_.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(request.a, 0, most_received)));
  const auto got = sockets_.receive(request.socket, received_, (request.b & TCPSPEC_URGENT) != 0);
  if (got > 0) append_item(items_, TCPSPEC_ITEM_DATA, OctetsView(received_).first(static_cast<std::size_t>(got)));
  return got;
}

std::int64_t Session::get_option(const adapter::Request& request) {
  std::int64_t value = 0;
  const auto got = sockets_.get_option(request.socket, text_of(request.data), value);
  const auto big_endian = htobe64(static_cast<std::uint64_t>(value));
  append_item(items_, TCPSPEC_ITEM_NUMBER, std::as_bytes(std::span(&big_endian, 1)));
  return got;
}

std::int64_t Session::act(const adapter::Request& request) {
  switch (request.operation) {
    case TCPSPEC_OP_HELLO:
      return request.a == TCPSPEC_ADAPTER_ABI ? hello() : std::int64_t{TCPSPEC_UNSUPPORTED};
    case TCPSPEC_OP_CREATE:
      return create(request.data);
    case TCPSPEC_OP_DESTROY:
      return sockets_.close_scope(request.a);
    case TCPSPEC_OP_OPEN:
      return sockets_.open(request.a);
    default:
      return act_on_socket(request);
  }
}

std::int64_t Session::act_on_socket(const adapter::Request& request) {
  const auto socket = request.socket;
  switch (request.operation) {
    case TCPSPEC_OP_LISTEN:
      return sockets_.listen(socket, request.a, request.b);
    case TCPSPEC_OP_CONNECT:
      return sockets_.connect(socket, request.a, request.data, request.b);
    case TCPSPEC_OP_CONNECTED:
      return sockets_.connected(socket);
    case TCPSPEC_OP_ACCEPT:
      return sockets_.accept(socket);
    case TCPSPEC_OP_LOCAL_PORT:
      return sockets_.local_port(socket);
    case TCPSPEC_OP_SEND:
      return sockets_.send(socket, request.data, (request.a & TCPSPEC_URGENT) != 0);
    case TCPSPEC_OP_RECEIVE:
      return receive(request);
    case TCPSPEC_OP_SHUTDOWN:
      return sockets_.shutdown(socket, request.a);
    case TCPSPEC_OP_CLOSE:
      return sockets_.close(socket);
    case TCPSPEC_OP_ABORT:
      return sockets_.abort(socket);
    case TCPSPEC_OP_SET_OPTION:
      return sockets_.set_option(socket, text_of(request.data), request.a);
    case TCPSPEC_OP_GET_OPTION:
      return get_option(request);
    case TCPSPEC_OP_STATE:
      return sockets_.state(socket);
    default:
      return TCPSPEC_UNSUPPORTED;
  }
}

}  // namespace tcpspec::agent
