// lwIP as a table of functions (target/adapter.h). One source for the library as Debian ships it
// and for lwIP built from its source package.

#include <new>

#include "adapters/lwip/stack.hh"

extern "C" {
#include <lwip/init.h>
#include <lwip/opt.h>
}

namespace {

using tcpspec::lwip::Socket;
using tcpspec::lwip::Stack;

bool alive = false;

Stack& stack_of(tcpspec_stack* stack) {
  return *reinterpret_cast<Stack*>(stack);
}

// A call on a socket, and what it may have brought about.
template <class Call>
auto on(tcpspec_stack* opaque, tcpspec_socket id, Call call)
    -> decltype(call(std::declval<Stack&>(), std::declval<Socket&>())) {
  auto& stack = stack_of(opaque);
  auto* socket = stack.find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  const auto result = call(stack, *socket);
  stack.settle();
  return result;
}

int create(const tcpspec_config* config, const tcpspec_host* host, tcpspec_stack** stack) {
  if (alive || (config->family != 4 && config->family != 6)) return TCPSPEC_INVALID;
  alive = true;
  *stack = reinterpret_cast<tcpspec_stack*>(new Stack(*config, *host));
  return TCPSPEC_OK;
}
void destroy(tcpspec_stack* stack) {
  delete &stack_of(stack);
  alive = false;
}
int input(tcpspec_stack* stack, const uint8_t* datagram, size_t octets) {
  stack_of(stack).input(datagram, octets);
  return TCPSPEC_OK;
}
int advance(tcpspec_stack* stack, uint64_t now) {
  stack_of(stack).advance(now);
  return TCPSPEC_OK;
}
int64_t deadline(tcpspec_stack* stack) {
  return stack_of(stack).deadline();
}

tcpspec_socket open(tcpspec_stack* stack) {
  const auto* socket = stack_of(stack).open();
  return socket != nullptr ? socket->id() : TCPSPEC_NO_RESOURCES;
}
int listen(tcpspec_stack* stack, tcpspec_socket id, uint16_t port, int backlog) {
  return on(stack, id, [=](Stack& self, Socket& socket) { return self.listen(socket, port, backlog); });
}
int connect(tcpspec_stack* stack, tcpspec_socket id, uint16_t local_port, const uint8_t* remote, uint16_t remote_port) {
  return on(stack, id,
            [=](Stack& self, Socket& socket) { return self.connect(socket, local_port, remote, remote_port); });
}
int connected(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [](Stack&, Socket& socket) { return socket.connected(); });
}
tcpspec_socket accept(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [](Stack&, Socket& socket) { return socket.accept(); });
}
int local_port(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [](Stack&, Socket& socket) { return socket.local_port(); });
}
int64_t send(tcpspec_stack* stack, tcpspec_socket id, const void* data, size_t octets, uint32_t flags) {
  return on(stack, id, [=](Stack&, Socket& socket) { return socket.send(data, octets, flags); });
}
int64_t receive(tcpspec_stack* stack, tcpspec_socket id, void* data, size_t octets, uint32_t flags) {
  return on(stack, id, [=](Stack&, Socket& socket) { return socket.receive(data, octets, flags); });
}
int shutdown(tcpspec_stack* stack, tcpspec_socket id, int direction) {
  return on(stack, id, [=](Stack&, Socket& socket) { return socket.shutdown(direction); });
}
int close(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [=](Stack& self, Socket& socket) {
    socket.close();
    self.forget(id);
    return int{TCPSPEC_OK};
  });
}
int abort(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [=](Stack& self, Socket& socket) {
    socket.abort();
    self.forget(id);
    return int{TCPSPEC_OK};
  });
}
int set_option(tcpspec_stack* stack, tcpspec_socket id, const char* name, int64_t value) {
  return on(stack, id, [=](Stack&, Socket& socket) { return socket.set_option(name, value); });
}
int get_option(tcpspec_stack* stack, tcpspec_socket id, const char* name, int64_t* value) {
  return on(stack, id, [=](Stack&, Socket& socket) { return socket.get_option(name, *value); });
}
int state(tcpspec_stack* stack, tcpspec_socket id) {
  return on(stack, id, [](Stack&, Socket& socket) { return socket.state(); });
}

// What lwIP has not is not here: no urgent data, no simultaneous open (it does not answer a SYN in
// SYN-SENT), no SO_LINGER below its sockets, no user timeout, no use of ICMP errors.
constexpr const char* capabilities =
    "listen accept connect local-port half-close keep-alive ipv4 ipv6 socket-options tcp-info virtual-time"
#if LWIP_WND_SCALE
    " window-scale"
#endif
#if LWIP_TCP_TIMESTAMPS
    " timestamps"
#endif
#if LWIP_TCP_SACK_OUT
    " sack"
#endif
#if TCP_LISTEN_BACKLOG
    " backlog"
#endif
    ;

constexpr tcpspec_adapter adapter = {
    .abi = TCPSPEC_ADAPTER_ABI,
    .size = sizeof(tcpspec_adapter),
    .name = TCPSPEC_LWIP_NAME,
    .version = LWIP_VERSION_STRING,
    .capabilities = capabilities,
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

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  return &adapter;
}
