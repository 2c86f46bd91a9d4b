// The plug-in: adapter.h over Stack.

#include "target/adapter.h"

#include <new>
#include <string>

#include "adapters/slirp/stack.hh"

using tcpspec::slirp::Endpoint;
using tcpspec::slirp::Stack;

struct tcpspec_stack {
  std::unique_ptr<Stack> slirp;
};

namespace {

int create(const tcpspec_config* config, const tcpspec_host* host, tcpspec_stack** stack) {
  if (config == nullptr || config->size < sizeof(tcpspec_config)) return TCPSPEC_INVALID;
  // slirp serves passive opens on IPv4 only ("TODO: IPv6" in its tcp_input.c).
  if (config->family != 4) return TCPSPEC_UNSUPPORTED;
  auto slirp = Stack::create(*config, *host);
  if (!slirp) return TCPSPEC_INVALID;
  *stack = new tcpspec_stack{std::move(slirp)};
  return TCPSPEC_OK;
}

void destroy(tcpspec_stack* stack) {
  delete stack;
}

int input(tcpspec_stack* stack, const uint8_t* datagram, size_t octets) {
  stack->slirp->input({datagram, octets});
  return TCPSPEC_OK;
}

int advance(tcpspec_stack* stack, uint64_t now) {
  stack->slirp->advance(now);
  return TCPSPEC_OK;
}

int64_t deadline(tcpspec_stack* stack) {
  return stack->slirp->deadline();
}

tcpspec_socket open_socket(tcpspec_stack* stack) {
  return stack->slirp->open();
}

// slirp completes every handshake: there is no backlog.
int listen_on(tcpspec_stack* stack, tcpspec_socket socket, uint16_t port, int /*backlog*/) {
  return stack->slirp->listen(socket, port);
}

int connect_to(tcpspec_stack* stack, tcpspec_socket socket, uint16_t local_port, const uint8_t* remote,
               uint16_t remote_port) {
  Endpoint endpoint{.address = 0, .port = remote_port};
  memcpy(&endpoint.address, remote, sizeof endpoint.address);
  return stack->slirp->connect(socket, local_port, endpoint);
}

int connected(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->slirp->connected(socket);
}

tcpspec_socket accept_from(tcpspec_stack* stack, tcpspec_socket listener) {
  return stack->slirp->accept(listener);
}

int local_port(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->slirp->local_port(socket);
}

int64_t send_octets(tcpspec_stack* stack, tcpspec_socket socket, const void* data, size_t octets, uint32_t flags) {
  return stack->slirp->send(socket, {static_cast<const uint8_t*>(data), octets}, flags);
}

int64_t receive_octets(tcpspec_stack* stack, tcpspec_socket socket, void* data, size_t octets, uint32_t flags) {
  return stack->slirp->receive(socket, {static_cast<uint8_t*>(data), octets}, flags);
}

int shut_down(tcpspec_stack* stack, tcpspec_socket socket, int direction) {
  return stack->slirp->shutdown(socket, direction);
}

int close_socket(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->slirp->close(socket);
}

int abort_socket(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->slirp->abort(socket);
}

int set_option(tcpspec_stack* stack, tcpspec_socket socket, const char* name, int64_t value) {
  return stack->slirp->set_option(socket, name, value);
}

int get_option(tcpspec_stack* stack, tcpspec_socket socket, const char* name, int64_t* value) {
  return stack->slirp->get_option(socket, name, *value);
}

int state(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->slirp->state(socket);
}

// Of the options of sockets it has those that are so in any case; the only option of TCP that slirp
// knows is the maximum segment size. ICMP errors are handed to it, and it does nothing with them.
std::string capabilities() {
  std::string words = "listen accept half-close ipv4 icmp socket-options tcp-info virtual-time";
  if (tcpspec::slirp::has_loopback()) words += " connect local-port simultaneous-open";
  if (tcpspec::slirp::has_urgent_data()) words += " urgent";
  return words;
}

}  // namespace

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  static const std::string words = capabilities();
  static const tcpspec_adapter adapter = {
      .abi = TCPSPEC_ADAPTER_ABI,
      .size = sizeof(tcpspec_adapter),
      .name = "slirp",
      .version = slirp_version_string(),
      .capabilities = words.c_str(),
      .single_use = 0,
      .create = create,
      .destroy = destroy,
      .input = input,
      .advance = advance,
      .deadline = deadline,
      .open = open_socket,
      .listen = listen_on,
      .connect = connect_to,
      .connected = connected,
      .accept = accept_from,
      .local_port = local_port,
      .send = send_octets,
      .receive = receive_octets,
      .shutdown = shut_down,
      .close = close_socket,
      .abort = abort_socket,
      .set_option = set_option,
      .get_option = get_option,
      .state = state,
  };
  return &adapter;
}
