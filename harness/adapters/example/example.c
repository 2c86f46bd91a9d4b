/* An adapter to begin with, around a toy of a TCP: IPv4, one connection at a time, which the peer opens, one segment in
 * flight, nothing out of order. In yours the table at the end stays, and the functions in it call your stack. */
#include <arpa/inet.h>
#include <string.h>
#include "target/adapter.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, most_window = 8192, most_queued = 65536, most_mss = 1460, most_tries = 8 };
static const uint64_t second = 1000000000;
struct segment {
  uint32_t from, ports, seq, ack, flags, window, mss, octets, length; /* length: SYN and FIN counted */
  const uint8_t *data;
};
static struct tcpspec_stack {
  tcpspec_config config;
  tcpspec_host host;
  tcpspec_socket last, listener, accepted; /* 0: none */
  int port, state, error, tries;
  struct segment peer; /* its SYN */
  uint32_t snd_una, snd_nxt, snd_wnd, rcv_nxt, unread; /* unread: octets in `received` */
  uint32_t queued, octets, control; /* in `sent`; of these in flight; SYN or FIN behind them */
  int64_t due; /* what is in flight goes again, a closed window is probed, or TIME-WAIT ends; -1: never */
  uint8_t sent[most_queued], received[most_window];
} only;
/* RFC 9293 figure 5, the arrows out of each state: CLOSE, the ACK of our SYN or FIN, the peer's FIN. */
static const int after_close[] = {0, 0, 0, 0, TCPSPEC_FIN_WAIT_1, 0, 0, TCPSPEC_LAST_ACK, 0, 0, 0};
static const int after_ack[] = {0, 0, 0, TCPSPEC_ESTABLISHED, 0, TCPSPEC_FIN_WAIT_2, 0, 0, TCPSPEC_TIME_WAIT, 0, 0};
static const int after_fin[] = {0, 0, 0, 0, TCPSPEC_CLOSE_WAIT, TCPSPEC_CLOSING, TCPSPEC_TIME_WAIT, 0, 0, 0, 0};
static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t get(const uint8_t *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }
static uint32_t sum(const void *at, uint32_t octets, uint32_t total) {
  for (uint32_t i = 0; i < octets; ++i) total += (uint32_t)((const uint8_t *)at)[i] << (i % 2 ? 0 : 8);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}
static int emit(tcpspec_stack *s, const struct segment *to, uint32_t seq, uint32_t ack, uint32_t flags, uint32_t data) {
  const uint32_t header = flags & SYN ? 24 : 20, size = 20 + header + data, window = most_window - s->unread;
  uint32_t ip[11 + most_mss / 4] = {0x45000000 | size, 0x4000, 0x40060000, get(s->config.local), to->from,
                                    to->ports << 16 | to->ports >> 16, seq, ack, header << 26 | flags << 16 | window};
  ip[10] = 0x02040000 | most_mss; /* an option of the SYN; data takes its place */
  for (int i = 0; i <= 10; ++i) ip[i] = htonl(ip[i]);
  memcpy(ip + 10, s->sent, data);
  ip[2] |= htonl(~sum(ip, 20, 0) & 0xffff);
  ip[9] = htonl(~sum(ip + 3, size - 12, size - 14) << 16); /* with the pseudo header: addresses, protocol 6, length */
  s->host.packet_out(s->host.context, (const uint8_t *)ip, size); /* is queued: nothing comes in meanwhile */
  return TCPSPEC_OK;
}
static int acknowledge(tcpspec_stack *s) { return emit(s, &s->peer, s->snd_nxt, s->rcv_nxt, ACK, 0); }
static int reset(tcpspec_stack *s, const struct segment *g) {
  return g->flags & ACK ? emit(s, g, g->ack, 0, RST, 0) : emit(s, g, 0, g->seq + g->length, RST | ACK, 0);
}
static int end(tcpspec_stack *s, int error) { return s->due = -1, s->error = error, s->state = TCPSPEC_CLOSED; }
static int transmit(tcpspec_stack *s, uint32_t probe) { /* what is next; or, by the clock, what is in flight again */
  const int in_flight = s->snd_nxt != s->snd_una;
  if (in_flight ? !probe : !s->queued && !s->control) return TCPSPEC_OK;
  if (!in_flight) s->octets = least(least(s->queued, s->peer.mss), s->snd_wnd ? s->snd_wnd : probe);
  const uint32_t control = s->octets == s->queued ? s->control : 0;
  s->snd_nxt = s->snd_una + s->octets + (control != 0);
  s->due = (int64_t)(s->config.now + (second << s->tries));
  if (s->snd_nxt == s->snd_una) return TCPSPEC_OK; /* the window is closed: until the clock probes it */
  return emit(s, &s->peer, s->snd_una, s->rcv_nxt, ACK | control, s->octets);
}
static int opens(tcpspec_stack *s, const struct segment *g) { /* a newer SYN is worth more than half a connection */
  if (!(g->flags & SYN) || s->state > TCPSPEC_SYN_RECEIVED) return TCPSPEC_OK;
  s->peer = *g, s->state = TCPSPEC_SYN_RECEIVED, s->accepted = 0, s->rcv_nxt = g->seq + 1, s->snd_wnd = g->window;
  s->snd_una = s->snd_nxt = (uint32_t)(s->config.now / 4000 + s->config.seed); /* all chance comes from the seed */
  s->control = SYN, s->queued = s->unread = 0, s->tries = s->error = 0;
  return transmit(s, 0);
}
static int arrives(tcpspec_stack *s, const struct segment *g) { /* section 3.10.7.4, in its order */
  if (g->flags & RST) return g->seq == s->rcv_nxt ? end(s, TCPSPEC_RESET) : TCPSPEC_OK;
  if (g->seq != s->rcv_nxt || g->flags & SYN) return acknowledge(s);
  if (!(g->flags & ACK)) return TCPSPEC_OK;
  if (s->state == TCPSPEC_SYN_RECEIVED && g->ack != s->snd_nxt) return reset(s, g);
  s->snd_wnd = g->window;
  if (g->ack == s->snd_nxt && s->snd_una != s->snd_nxt) { /* a part is as good as nothing to this one */
    if (s->snd_nxt - s->snd_una > s->octets) s->state = after_ack[s->state], s->control = 0;
    memmove(s->sent, s->sent + s->octets, s->queued -= s->octets);
    s->snd_una = s->snd_nxt, s->tries = 0, s->due = -1;
  }
  transmit(s, 0);
  if (after_fin[s->state]) {
    const uint32_t taken = least(g->octets, most_window - s->unread);
    memcpy(s->received + s->unread, g->data, taken), s->unread += taken, s->rcv_nxt += taken;
    if (g->flags & FIN && taken == g->octets) s->state = after_fin[s->state], ++s->rcv_nxt;
  }
  if (s->state == TCPSPEC_TIME_WAIT) s->due = (int64_t)(s->config.now + 60 * second);
  return g->length > 0 ? acknowledge(s) : TCPSPEC_OK;
}
static int input(tcpspec_stack *s, const uint8_t *ip, size_t octets) {
  const uint32_t size = octets < 40 ? 0 : get(ip) & 0xffff, data = size ? 20u + (ip[32] >> 4 << 2) : 0;
  if (data < 40 || size > octets || size < data || ip[0] != 0x45 || ip[9] != 6 || get(ip + 4) & 0x3fff ||
      memcmp(ip + 16, s->config.local, 4) != 0 || sum(ip, 20, 0) + sum(ip + 12, size - 12, size - 14) != 2 * 0xffff)
    return TCPSPEC_OK;
  struct segment g = {get(ip + 12), get(ip + 20), get(ip + 24), get(ip + 28), ip[33], get(ip + 32) & 0xffff, 536,
                      size - data, size - data + (ip[33] & SYN ? 1 : 0) + (ip[33] & FIN ? 1 : 0), ip + data};
  for (uint32_t at = 40; at + 4 <= data && ip[at] != 0 && ip[at + 1] != 0; at += ip[at] == 1 ? 1 : ip[at + 1])
    if (ip[at] == 2) g.mss = least(get(ip + at) & 0xffff, most_mss);
  if (s->state != TCPSPEC_CLOSED && g.from == s->peer.from && g.ports == s->peer.ports) return arrives(s, &g);
  if (g.flags & RST) return TCPSPEC_OK; /* sections 3.10.7.1 and 3.10.7.2 */
  return g.flags & ACK || !s->listener || (int)(g.ports & 0xffff) != s->port ? reset(s, &g) : opens(s, &g);
}
static int64_t deadline(tcpspec_stack *s) { return s->due; }
static int advance(tcpspec_stack *s, uint64_t now) {
  while (s->due >= 0 && (s->config.now = (uint64_t)s->due) <= now)
    s->state == TCPSPEC_TIME_WAIT ? end(s, 0) : ++s->tries < most_tries ? transmit(s, 1) : end(s, TCPSPEC_TIMED_OUT);
  return s->config.now = now, TCPSPEC_OK;
}
static int create(const tcpspec_config *config, const tcpspec_host *host, tcpspec_stack **stack) {
  return *(*stack = &only) = (struct tcpspec_stack){.config = *config, .host = *host, .due = -1}, TCPSPEC_OK;
}
static void destroy(tcpspec_stack *s) { (void)s; }
static tcpspec_socket open_one(tcpspec_stack *s) { return ++s->last; }
static int listen_on(tcpspec_stack *s, tcpspec_socket socket, uint16_t port, int backlog) {
  return s->listener = socket, s->port = port, backlog < 0 ? TCPSPEC_INVALID : TCPSPEC_OK;
}
static tcpspec_socket accept_one(tcpspec_stack *s, tcpspec_socket socket) {
  const int none = socket != s->listener || s->accepted != 0 || s->state < TCPSPEC_ESTABLISHED;
  return none ? TCPSPEC_AGAIN : (s->accepted = ++s->last);
}
static int64_t send_some(tcpspec_stack *s, tcpspec_socket socket, const void *data, size_t octets, uint32_t flags) {
  const uint32_t taken = least((uint32_t)octets, most_queued - s->queued);
  if (socket != s->accepted || flags != 0 || !after_close[s->state]) return TCPSPEC_BROKEN_PIPE;
  memcpy(s->sent + s->queued, data, taken), s->queued += taken;
  return transmit(s, 0), taken > 0 ? (int64_t)taken : TCPSPEC_AGAIN;
}
static int64_t receive_some(tcpspec_stack *s, tcpspec_socket socket, void *data, size_t octets, uint32_t flags) {
  const uint32_t taken = least((uint32_t)octets, s->unread), full = s->unread == most_window;
  const int nothing = s->error ? s->error : after_fin[s->state] ? TCPSPEC_AGAIN : 0; /* 0: the end of the stream */
  if (socket != s->accepted || flags != 0) return TCPSPEC_BAD_SOCKET;
  if (taken == 0) return s->error = 0, nothing;
  memcpy(data, s->received, taken);
  memmove(s->received, s->received + taken, s->unread -= taken);
  return full ? acknowledge(s), taken : taken;
}
static int close_one(tcpspec_stack *s, tcpspec_socket socket) {
  if (socket == s->listener) s->listener = 0;
  if (socket != s->accepted || !after_close[s->state]) return TCPSPEC_OK;
  return s->state = after_close[s->state], s->control = FIN, transmit(s, 0);
}
static int shut(tcpspec_stack *s, tcpspec_socket socket, int way) {
  return way == TCPSPEC_READ ? TCPSPEC_UNSUPPORTED : close_one(s, socket);
}
static const tcpspec_adapter adapter = {
    .abi = TCPSPEC_ADAPTER_ABI, .size = sizeof(tcpspec_adapter), .name = "example", .version = "1.0",
    .capabilities = "ipv4 listen accept half-close",
    .create = create, .destroy = destroy, .input = input, .advance = advance, .deadline = deadline,
    .open = open_one, .listen = listen_on, .accept = accept_one, .send = send_some, .receive = receive_some,
    .shutdown = shut, .close = close_one};
const tcpspec_adapter *tcpspec_get_adapter(void) { return &adapter; }
