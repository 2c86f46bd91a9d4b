// The plug-in: adapter.h over Host.

#include "target/adapter.h"

#include <cstring>

#include "adapters/ns3/host.hh"

using tcpspec::ns3_adapter::Host;

struct tcpspec_stack {
  Host host;
};

namespace {

int create(const tcpspec_config* config, const tcpspec_host* host, tcpspec_stack** stack) {
  if (config == nullptr || config->size < sizeof(tcpspec_config)) return TCPSPEC_INVALID;
  if (config->family != 4) return TCPSPEC_UNSUPPORTED;
  *stack = new tcpspec_stack{Host(*config, *host)};
  return TCPSPEC_OK;
}

void destroy(tcpspec_stack* stack) {
  delete stack;
}

int input(tcpspec_stack* stack, const uint8_t* datagram, size_t octets) {
  stack->host.input({datagram, octets});
  return TCPSPEC_OK;
}

int advance(tcpspec_stack* stack, uint64_t now) {
  stack->host.advance(now);
  return TCPSPEC_OK;
}

int64_t deadline(tcpspec_stack* stack) {
  return stack->host.deadline();
}

tcpspec_socket open_socket(tcpspec_stack* stack) {
  return stack->host.open();
}

// ns-3 completes every handshake: there is no backlog.
int listen_on(tcpspec_stack* stack, tcpspec_socket socket, uint16_t port, int /*backlog*/) {
  return stack->host.listen(socket, port);
}

int connect_to(tcpspec_stack* stack, tcpspec_socket socket, uint16_t local_port, const uint8_t* remote,
               uint16_t remote_port) {
  uint32_t address = 0;
  memcpy(&address, remote, sizeof address);
  return stack->host.connect(socket, local_port, address, remote_port);
}

int connected(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->host.connected(socket);
}

tcpspec_socket accept_from(tcpspec_stack* stack, tcpspec_socket listener) {
  return stack->host.accept(listener);
}

int local_port(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->host.local_port(socket);
}

int64_t send_octets(tcpspec_stack* stack, tcpspec_socket socket, const void* data, size_t octets, uint32_t flags) {
  return stack->host.send(socket, {static_cast<const uint8_t*>(data), octets}, flags);
}

int64_t receive_octets(tcpspec_stack* stack, tcpspec_socket socket, void* data, size_t octets, uint32_t flags) {
  return stack->host.receive(socket, {static_cast<uint8_t*>(data), octets}, flags);
}

int shut_down(tcpspec_stack* stack, tcpspec_socket socket, int direction) {
  return stack->host.shutdown(socket, direction);
}

int close_socket(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->host.close(socket);
}

int set_option(tcpspec_stack* stack, tcpspec_socket socket, const char* name, int64_t value) {
  return stack->host.set_option(socket, name, value);
}

int get_option(tcpspec_stack* stack, tcpspec_socket socket, const char* name, int64_t* value) {
  return stack->host.get_option(socket, name, *value);
}

int state(tcpspec_stack* stack, tcpspec_socket socket) {
  return stack->host.state(socket);
}

}  // namespace

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  static const tcpspec_adapter adapter = {
      .abi = TCPSPEC_ADAPTER_ABI,
      .size = sizeof(tcpspec_adapter),
      .name = "ns3",
      .version = TCPSPEC_NS3_VERSION,
      .capabilities =
          "listen accept connect local-port half-close simultaneous-open sack timestamps window-scale ipv4 "
          "socket-options tcp-info virtual-time",
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
      .abort = nullptr,
      .set_option = set_option,
      .get_option = get_option,
      .state = state,
  };
  return &adapter;
}
