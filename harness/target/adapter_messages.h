/* The messages between tcpspec and an adapter in a process of its own, on file descriptor 3 (a
 * stream socket; the program is started with it and reads until its end), or between tcpspec and
 * the agent beside a stack on the wire. Each request stands for a function of adapter.h and has
 * one reply. All numbers are in network byte order.
 *
 *   request  u32 octets that follow | u8 operation | i32 socket | i64 a | i64 b | data
 *   reply    u32 octets that follow | u8 TCPSPEC_REPLY | i64 result | i64 deadline | items
 *   item     u8 kind | u32 octets | data
 *   notice   u32 octets that follow (5) | u8 TCPSPEC_NOTICE | i32 scope
 *
 * `result` is what the function returns, `deadline` what deadline() would return after it. The
 * items hold what the function sent and filled in, in the order in which it came about.
 *
 *   operation              socket  a          b            data
 *   TCPSPEC_OP_HELLO       -       abi        -            -
 *   TCPSPEC_OP_CREATE      -       -          -            u8 family, u8 prefix, u16 mtu, 16 octets local,
 *                                                          16 octets peer, u64 now, u64 seed, params (text)
 *   TCPSPEC_OP_DESTROY     -       -          -            -
 *   TCPSPEC_OP_INPUT       -       -          -            the datagram
 *   TCPSPEC_OP_ADVANCE     -       now        -            -
 *   TCPSPEC_OP_OPEN        -       -          -            -
 *   TCPSPEC_OP_LISTEN      s       port       backlog      -
 *   TCPSPEC_OP_CONNECT     s       local port remote port  the remote address, 4 or 16 octets
 *   TCPSPEC_OP_CONNECTED   s       -          -            -
 *   TCPSPEC_OP_ACCEPT      s       -          -            -
 *   TCPSPEC_OP_LOCAL_PORT  s       -          -            -
 *   TCPSPEC_OP_SEND        s       flags      -            the octets
 *   TCPSPEC_OP_RECEIVE     s       octets     flags        -          reply: item DATA
 *   TCPSPEC_OP_SHUTDOWN    s       direction  -            -
 *   TCPSPEC_OP_CLOSE       s       -          -            -
 *   TCPSPEC_OP_ABORT       s       -          -            -
 *   TCPSPEC_OP_SET_OPTION  s       value      -            the name
 *   TCPSPEC_OP_GET_OPTION  s       -          -            the name   reply: item NUMBER, i64
 *   TCPSPEC_OP_STATE       s       -          -            -
 *   TCPSPEC_OP_RUN         -       limit      -            -          reply: item NUMBER, i64
 *
 * RUN is an ADVANCE that goes from deadline to deadline, stops after the first at which something
 * was sent, and else at `limit`; NUMBER is the time at which it stopped. It spares days of
 * idling a message for each timer; a program that does not know it gets ADVANCEs instead.
 *
 * An agent is a program of its own that serves one tester at a time over TCP, and differs in this:
 *   - Many tests are in flight at once, each in a scope. CREATE makes one and returns its number;
 *     OPEN and DESTROY have it as `a`. Of CREATE's data only the family and the local address count.
 *     Sockets are numbered across all scopes; DESTROY aborts those of its scope, and the end of the
 *     connection all of them.
 *   - INPUT, ADVANCE and RUN are TCPSPEC_UNSUPPORTED: packets and time are not in its hands. The
 *     deadline is always -1.
 *   - A notice says that a call in this scope which was TCPSPEC_AGAIN may have become possible, once
 *     for each TCPSPEC_AGAIN. It may come before any reply. An adapter, where nothing happens between
 *     the requests, never sends one.
 *   - The reply to HELLO has a line more, "system: ", the kernel in its own words.
 *
 * The reply to HELLO has an item DATA of lines, "name: my-stack", "version: 1.0", "capabilities:
 * listen connect ipv4", "single-use: yes" (default no). An operation that a program does not
 * know has the result TCPSPEC_UNSUPPORTED.
 */
#ifndef TCPSPEC_ADAPTER_MESSAGES_H
#define TCPSPEC_ADAPTER_MESSAGES_H

enum {
  TCPSPEC_OP_HELLO = 1,
  TCPSPEC_OP_CREATE = 2,
  TCPSPEC_OP_DESTROY = 3,
  TCPSPEC_OP_INPUT = 4,
  TCPSPEC_OP_ADVANCE = 5,
  TCPSPEC_OP_OPEN = 6,
  TCPSPEC_OP_LISTEN = 7,
  TCPSPEC_OP_CONNECT = 8,
  TCPSPEC_OP_CONNECTED = 9,
  TCPSPEC_OP_ACCEPT = 10,
  TCPSPEC_OP_LOCAL_PORT = 11,
  TCPSPEC_OP_SEND = 12,
  TCPSPEC_OP_RECEIVE = 13,
  TCPSPEC_OP_SHUTDOWN = 14,
  TCPSPEC_OP_CLOSE = 15,
  TCPSPEC_OP_ABORT = 16,
  TCPSPEC_OP_SET_OPTION = 17,
  TCPSPEC_OP_GET_OPTION = 18,
  TCPSPEC_OP_STATE = 19,
  TCPSPEC_OP_RUN = 20
};

enum { TCPSPEC_REPLY = 0, TCPSPEC_NOTICE = 1 };                               /* messages of the adapter */
enum { TCPSPEC_ITEM_PACKET = 1, TCPSPEC_ITEM_DATA = 2, TCPSPEC_ITEM_NUMBER = 3, TCPSPEC_ITEM_LOG = 4 }; /* LOG: text */

/* No message may be longer; what is, ends the adapter. */
enum { TCPSPEC_MESSAGE_MOST_OCTETS = 268435456 };

#endif
