#include "reference_adapter/adapter.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "reference/stack.hh"

struct tcpspec_stack {
  tcpspec_stack(const tcpspec::reference::Settings& settings, tcpspec::packet::Family its_family,
                const tcpspec_host& its_host, tcpspec::packet::Instant begin)
      : stack(settings), family(its_family), host(its_host), now(begin) {}

  // What a call brought about leaves before it returns.
  template <class T>
  T sent(T result) {
    stack.take_output(leaving);
    for (const auto& datagram : leaving)
      host.packet_out(host.context, reinterpret_cast<const std::uint8_t*>(datagram.data()), datagram.size());
    stack.forget_changed();
    return result;
  }

  tcpspec::reference::Stack stack;
  tcpspec::packet::Family family;
  tcpspec_host host;
  tcpspec::packet::Instant now;
  std::vector<tcpspec::packet::Bytes> leaving;
};

namespace tcpspec::adapter {
namespace {

using reference::Error;

packet::Instant instant(std::uint64_t ns) {
  return packet::Instant{} + packet::Duration(static_cast<std::int64_t>(ns));
}

int code_of(Error error) {
  switch (error) {
    case Error::would_block:
      return TCPSPEC_AGAIN;
    case Error::bad_socket:
      return TCPSPEC_BAD_SOCKET;
    case Error::invalid:
    case Error::too_large:
      return TCPSPEC_INVALID;
    case Error::unsupported:
      return TCPSPEC_UNSUPPORTED;
    case Error::already_connected:
      return TCPSPEC_IS_CONNECTED;
    case Error::in_progress:
      return TCPSPEC_IN_PROGRESS;
    case Error::not_connected:
      return TCPSPEC_NOT_CONNECTED;
    case Error::closing:
      return TCPSPEC_BROKEN_PIPE;
    case Error::refused:
      return TCPSPEC_REFUSED;
    case Error::reset:
      return TCPSPEC_RESET;
    case Error::timed_out:
      return TCPSPEC_TIMED_OUT;
    case Error::unreachable:
      return TCPSPEC_UNREACHABLE;
    case Error::address_in_use:
      return TCPSPEC_ADDRESS_IN_USE;
    case Error::no_resources:
      return TCPSPEC_NO_RESOURCES;
  }
  return TCPSPEC_FAILED;
}

int result_of(const reference::Result<void>& result) {
  return result ? TCPSPEC_OK : code_of(result.error());
}
template <class T>
auto result_of(const reference::Result<T>& result) {
  return result ? static_cast<std::int64_t>(*result) : code_of(result.error());
}
template <class T>
int number_of(const reference::Result<T>& result) {
  return static_cast<int>(result_of(result));
}
reference::SocketId id(tcpspec_socket socket) {
  return static_cast<reference::SocketId>(socket);
}

packet::Address address(packet::Family family, const std::uint8_t* octets) {
  packet::Address out;
  out.family = family;
  std::copy_n(octets, out.size(), out.bytes.begin());
  return out;
}

// `receive_buffer` and `send_buffer`, in octets; what an application asks for with SO_RCVBUF is no less.
constexpr std::size_t least_buffer = 2048;
bool read_parameter(std::string_view word, reference::Limits& limits) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const auto name = word.substr(0, equals);
  auto* const limit = name == "receive_buffer" ? &limits.receive_buffer
                      : name == "send_buffer"  ? &limits.send_buffer
                                               : nullptr;
  if (limit == nullptr) return false;
  const auto* const end = word.data() + word.size();
  const auto [behind, error] = std::from_chars(word.data() + equals + 1, end, *limit);
  return error == std::errc{} && behind == end && *limit >= least_buffer;
}
bool read_parameters(std::string_view words, reference::Limits& limits) {
  while (!words.empty()) {
    const auto space = std::min(words.find(' '), words.size());
    if (!read_parameter(words.substr(0, space), limits)) return false;
    words.remove_prefix(std::min(space + 1, words.size()));
  }
  return true;
}

int create(const tcpspec_config* config, const tcpspec_host* host, tcpspec_stack** stack) {
  reference::Settings settings;
  if (config->params != nullptr && !read_parameters(config->params, settings.limits)) return TCPSPEC_INVALID;
  const auto family = config->family == 4 ? packet::Family::ipv4 : packet::Family::ipv6;
  (family == packet::Family::ipv4 ? settings.ipv4 : settings.ipv6) = address(family, config->local);
  settings.mtu = config->mtu;
  settings.seed = config->seed;
  *stack = new tcpspec_stack(settings, family, *host, instant(config->now));
  return TCPSPEC_OK;
}
void destroy(tcpspec_stack* stack) {
  delete stack;
}
int input(tcpspec_stack* self, const std::uint8_t* datagram, std::size_t octets) {
  self->stack.input(std::as_bytes(std::span(datagram, octets)), self->now);
  return self->sent(TCPSPEC_OK);
}
int advance(tcpspec_stack* self, std::uint64_t now) {
  self->now = instant(now);
  if (const auto due = self->stack.deadline(); due && *due <= self->now) self->stack.advance(self->now);
  return self->sent(TCPSPEC_OK);
}
std::int64_t deadline(tcpspec_stack* self) {
  const auto due = self->stack.deadline();
  return due ? due->time_since_epoch().count() : -1;
}

tcpspec_socket open(tcpspec_stack* self) {
  return number_of(self->stack.open(self->family));
}
int listen(tcpspec_stack* self, tcpspec_socket socket, std::uint16_t port, int backlog) {
  return result_of(self->stack.listen(id(socket), port, backlog));
}
int connect(tcpspec_stack* self, tcpspec_socket socket, std::uint16_t local_port, const std::uint8_t* remote,
            std::uint16_t remote_port) {
  const packet::Endpoint peer{address(self->family, remote), remote_port};
  return self->sent(result_of(self->stack.connect(id(socket), peer, local_port, self->now)));
}
int connected(tcpspec_stack* self, tcpspec_socket socket) {
  return result_of(self->stack.connected(id(socket)));
}
tcpspec_socket accept(tcpspec_stack* self, tcpspec_socket listener) {
  return number_of(self->stack.accept(id(listener)));
}
int local_port(tcpspec_stack* self, tcpspec_socket socket) {
  const auto status = self->stack.status(id(socket));
  return status ? status->local.port : code_of(status.error());
}
std::int64_t send(tcpspec_stack* self, tcpspec_socket socket, const void* data, std::size_t octets,
                  std::uint32_t flags) {
  const auto kind = (flags & TCPSPEC_URGENT) != 0 ? reference::SendKind::urgent : reference::SendKind::pushed;
  const std::span view(static_cast<const std::byte*>(data), octets);
  return self->sent(result_of(self->stack.send(id(socket), view, kind, self->now)));
}
std::int64_t receive(tcpspec_stack* self, tcpspec_socket socket, void* data, std::size_t octets, std::uint32_t flags) {
  // Urgent data stays in the stream (RFC 6093 section 3.4): there is nothing out of band to read.
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  const std::span room(static_cast<std::byte*>(data), octets);
  return self->sent(result_of(self->stack.receive(id(socket), room, self->now)));
}
int shutdown(tcpspec_stack* self, tcpspec_socket socket, int direction) {
  const auto half = direction == TCPSPEC_READ    ? reference::Direction::receive
                    : direction == TCPSPEC_WRITE ? reference::Direction::send
                                                 : reference::Direction::both;
  return self->sent(result_of(self->stack.shutdown(id(socket), half, self->now)));
}
int close(tcpspec_stack* self, tcpspec_socket socket) {
  return self->sent(result_of(self->stack.close(id(socket), self->now)));
}
int abort(tcpspec_stack* self, tcpspec_socket socket) {
  return self->sent(result_of(self->stack.abort(id(socket), self->now)));
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
const NamedOption* find_option(std::string_view name) {
  const auto* found = std::ranges::find(options, name, &NamedOption::name);
  return found == options.end() ? nullptr : found;
}

int set_option(tcpspec_stack* self, tcpspec_socket socket, const char* name, std::int64_t value) {
  const std::string_view wanted = name;
  // What is so in any case: urgent data in line, ports that are free at once.
  if (wanted == "SO_OOBINLINE") return value != 0 ? TCPSPEC_OK : TCPSPEC_UNSUPPORTED;
  if (wanted == "SO_REUSEADDR") return TCPSPEC_OK;
  const auto* option = find_option(wanted);
  if (option == nullptr) return TCPSPEC_UNSUPPORTED;
  return self->sent(result_of(self->stack.set(id(socket), option->option, value)));
}

int get_option(tcpspec_stack* self, tcpspec_socket socket, const char* name, std::int64_t* value) {
  const auto status = self->stack.status(id(socket));
  if (!status) return code_of(status.error());
  const std::string_view wanted = name;
  const auto give = [&](std::int64_t what) {
    *value = what;
    return TCPSPEC_OK;
  };
  if (wanted == "SO_ERROR") return give(result_of(self->stack.take_error(id(socket))));
  if (wanted == "SO_OOBINLINE") return give(1);
  if (wanted == "SIOCINQ") return give(static_cast<std::int64_t>(status->readable));
  if (wanted == "SIOCOUTQ") return give(static_cast<std::int64_t>(status->unsent_and_unacknowledged));
  // Where the stream stands right at the end of the urgent data, or has no more of it ahead.
  if (wanted == "SIOCATMARK") return give(status->urgent_ahead && *status->urgent_ahead <= 1 ? 1 : 0);
  const auto* option = find_option(wanted);
  if (option == nullptr) return TCPSPEC_UNSUPPORTED;
  const auto got = self->stack.get(id(socket), option->option);
  return got ? give(*got) : code_of(got.error());
}

int state(tcpspec_stack* self, tcpspec_socket socket) {
  const auto status = self->stack.status(id(socket));
  if (!status) return code_of(status.error());
  constexpr std::array<std::string_view, 11> names = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                                      "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                                      "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
  const auto* found = std::ranges::find(names, std::string_view(reference::to_string(status->state)));
  return static_cast<int>(found - names.begin());  // in the order of adapter.h
}

constexpr tcpspec_adapter table = {
    .abi = TCPSPEC_ADAPTER_ABI,
    .size = sizeof(tcpspec_adapter),
    .name = "reference",
    .version = TCPSPEC_VERSION,
    .capabilities =
        "listen accept connect local-port half-close simultaneous-open urgent keep-alive sack timestamps "
        "window-scale ipv4 ipv6 linger icmp backlog user-timeout socket-options tcp-info",
    .single_use = 0,
    .create = create,
    .destroy = destroy,
    .input = input,
    .advance = advance,
    .deadline = deadline,
    .open = open,
    .listen = listen,
    .connect = connect,
    .connected = connected,
    .accept = accept,
    .local_port = local_port,
    .send = send,
    .receive = receive,
    .shutdown = shutdown,
    .close = close,
    .abort = abort,
    .set_option = set_option,
    .get_option = get_option,
    .state = state,
};

}  // namespace

const tcpspec_adapter& reference_adapter() {
  return table;
}

}  // namespace tcpspec::adapter
