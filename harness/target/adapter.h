/* How a TCP implementation is attached to tcpspec: a table of functions in C.
 *
 * The same table works in three ways:
 *   - a plug-in, a shared object that exports tcpspec_get_adapter(); `--target my-stack.so`. It
 *     is loaded into a process of its own, so that a crash is a verdict and not the end;
 *   - a program in C or C++ that links the static library tcpspec_adapter_program with the
 *     adapter; `--target ./my-stack`;
 *   - a program in any language that speaks the messages of adapter_messages.h on file
 *     descriptor 3, of which each stands for one of these functions.
 *
 * Rules
 *   1. Time stands still but for advance(): no thread, no signal, no clock of the system.
 *      All that a call brings about happens before it returns.
 *   2. The same configuration and the same calls give the same octets.
 *   3. create() gives a stack as new: nothing that an earlier one did may show.
 *   4. Nothing blocks. What cannot be done yet is TCPSPEC_AGAIN; it is asked for again after
 *      something has happened.
 *   5. packet_out() only puts the datagram into a queue; no answer to it comes before the call
 *      that made it has returned. Datagrams are IP without a link layer: ARP and neighbour
 *      discovery are the adapter's business, and no checksum may be repaired on the way.
 *   6. What a stack cannot do is TCPSPEC_UNSUPPORTED, or a null pointer in the table. It makes the
 *      test `unsupported`, which is no fault.
 *
 * Addresses are in network byte order, ports and all other numbers in the host's. Times are
 * nanoseconds since an origin of the tester's; they never go back.
 */
#ifndef TCPSPEC_ADAPTER_H
#define TCPSPEC_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCPSPEC_ADAPTER_ABI 1

typedef struct tcpspec_stack tcpspec_stack; /* the adapter's own; one lives at a time */
typedef int32_t tcpspec_socket;             /* >= 0, the adapter chooses; not used again within one stack */

/* What a function may return beside zero and counts. In messages the same numbers. */
enum {
  TCPSPEC_OK = 0,
  TCPSPEC_AGAIN = -1,
  TCPSPEC_UNSUPPORTED = -2,
  TCPSPEC_INVALID = -3,         /* EINVAL */
  TCPSPEC_NO_RESOURCES = -4,    /* ENOBUFS */
  TCPSPEC_BAD_SOCKET = -5,      /* EBADF */
  TCPSPEC_REFUSED = -6,         /* ECONNREFUSED: a RST answered the SYN */
  TCPSPEC_RESET = -7,           /* ECONNRESET: a RST ended the connection */
  TCPSPEC_TIMED_OUT = -8,       /* ETIMEDOUT: the stack gave up (R2, user timeout, keep-alive) */
  TCPSPEC_UNREACHABLE = -9,     /* EHOSTUNREACH: an ICMP error that ended it */
  TCPSPEC_NOT_CONNECTED = -10,  /* ENOTCONN */
  TCPSPEC_IS_CONNECTED = -11,   /* EISCONN */
  TCPSPEC_IN_PROGRESS = -12,    /* EALREADY: a connect() runs already */
  TCPSPEC_BROKEN_PIPE = -13,    /* EPIPE: send after shutdown or after the connection's end */
  TCPSPEC_ADDRESS_IN_USE = -14, /* EADDRINUSE */
  TCPSPEC_ABORTED = -15,        /* ECONNABORTED: ended, and the stack does not say how */
  TCPSPEC_FAILED = -16          /* EIO: anything else */
};

enum { TCPSPEC_URGENT = 1 };                                     /* flag of send() and receive() */
enum { TCPSPEC_READ = 1, TCPSPEC_WRITE = 2, TCPSPEC_BOTH = 3 };  /* of shutdown() */

/* RFC 9293 section 3.3.2, what state() returns. */
enum {
  TCPSPEC_CLOSED,
  TCPSPEC_LISTEN,
  TCPSPEC_SYN_SENT,
  TCPSPEC_SYN_RECEIVED,
  TCPSPEC_ESTABLISHED,
  TCPSPEC_FIN_WAIT_1,
  TCPSPEC_FIN_WAIT_2,
  TCPSPEC_CLOSE_WAIT,
  TCPSPEC_CLOSING,
  TCPSPEC_LAST_ACK,
  TCPSPEC_TIME_WAIT
};

typedef struct {
  uint32_t size;      /* of this structure, as the tester knows it */
  uint8_t family;     /* 4 or 6 */
  uint8_t prefix;     /* bits of the network that both addresses lie in */
  uint16_t mtu;       /* octets of a datagram */
  uint8_t local[16];  /* the stack's address; IPv4: the first four octets */
  uint8_t peer[16];   /* the tester's, directly reachable, and the gateway to all others */
  uint64_t now;       /* ns; the stack's clock begins here */
  uint64_t seed;      /* of whatever the stack chooses at random: sequence numbers, ports ... */
  const char *params; /* "key=value key=value" from the target's file; "" if none */
} tcpspec_config;

/* What the adapter may call, from inside its functions only. */
typedef struct {
  void *context; /* first argument of the functions */
  void (*packet_out)(void *context, const uint8_t *datagram, size_t octets);
  void (*log)(void *context, const char *line); /* told when the stack dies */
} tcpspec_host;

typedef struct {
  uint32_t abi;  /* TCPSPEC_ADAPTER_ABI */
  uint32_t size; /* of this structure, as the adapter knows it */
  const char *name;
  const char *version;
  /* Words of the `needs:` of tests, with spaces between: harness/target/README.md lists them. A
   * test that makes these calls needs "listen" or "connect", whether it says so or not. */
  const char *capabilities;
  /* Not zero: create() works once in a process; the tester starts a process for each test. */
  uint32_t single_use;

  /* --- must be there */
  int (*create)(const tcpspec_config *config, const tcpspec_host *host, tcpspec_stack **stack);
  void (*destroy)(tcpspec_stack *stack); /* and whatever it was doing: it sends nothing more */
  /* A datagram arrives. Its octets are the caller's again after the return. */
  int (*input)(tcpspec_stack *stack, const uint8_t *datagram, size_t octets);
  /* The clock goes to `now`; everything that is due by then is done, in its order. */
  int (*advance)(tcpspec_stack *stack, uint64_t now);
  /* When the stack next does something by itself (a time that is past: at once); -1: never. */
  int64_t (*deadline)(tcpspec_stack *stack);

  /* --- calls of the application; each may be null */
  tcpspec_socket (*open)(tcpspec_stack *stack); /* a stream socket of the configured family, or an error */
  int (*listen)(tcpspec_stack *stack, tcpspec_socket socket, uint16_t port, int backlog);
  /* Sends the SYN and returns; local_port 0: the stack chooses. */
  int (*connect)(tcpspec_stack *stack, tcpspec_socket socket, uint16_t local_port, const uint8_t *remote,
                 uint16_t remote_port);
  int (*connected)(tcpspec_stack *stack, tcpspec_socket socket); /* TCPSPEC_AGAIN while connect() runs, or how it ended */
  tcpspec_socket (*accept)(tcpspec_stack *stack, tcpspec_socket listener); /* the oldest ESTABLISHED connection */
  int (*local_port)(tcpspec_stack *stack, tcpspec_socket socket);          /* of a connection */
  /* How many octets were taken, at least one, or TCPSPEC_AGAIN. */
  int64_t (*send)(tcpspec_stack *stack, tcpspec_socket socket, const void *data, size_t octets, uint32_t flags);
  /* How many octets were got, at most `octets`; 0 at the end of the stream; TCPSPEC_AGAIN; or an
   * error, told once, behind the octets that came before it. Opens the window. */
  int64_t (*receive)(tcpspec_stack *stack, tcpspec_socket socket, void *data, size_t octets, uint32_t flags);
  int (*shutdown)(tcpspec_stack *stack, tcpspec_socket socket, int direction);
  /* RFC 9293 section 3.9.1.5; the socket is gone after it, but after TCPSPEC_AGAIN (SO_LINGER). */
  int (*close)(tcpspec_stack *stack, tcpspec_socket socket);
  int (*abort)(tcpspec_stack *stack, tcpspec_socket socket); /* section 3.9.1.6: a RST; the socket is gone */
  /* By the names of the sockets interface: "TCP_MAXSEG", "SO_RCVBUF", "TCP_NODELAY", "SO_KEEPALIVE",
   * "TCP_KEEPIDLE" (seconds), "SO_LINGER" (seconds, -1 is off), "TCP_USER_TIMEOUT" (ms) ... Before
   * listen() or connect(), or on a connection. get also "SO_ERROR", as a number of the list above. */
  int (*set_option)(tcpspec_stack *stack, tcpspec_socket socket, const char *name, int64_t value);
  int (*get_option)(tcpspec_stack *stack, tcpspec_socket socket, const char *name, int64_t *value);
  int (*state)(tcpspec_stack *stack, tcpspec_socket socket); /* TCPSPEC_CLOSED ... TCPSPEC_TIME_WAIT */
} tcpspec_adapter;

/* What a plug-in exports. It is asked once, before anything else. */
const tcpspec_adapter *tcpspec_get_adapter(void);

#ifdef __cplusplus
}
#endif
#endif
