#include "adapters/lwip/socket.hh"

#include <algorithm>
#include <limits>
#include <ranges>

extern "C" {
#include <lwip/priv/tcp_priv.h>
}

namespace tcpspec::lwip {
namespace {

bool is_listed(const tcp_pcb* pcb, const tcp_pcb* list) {
  for (; list != nullptr; list = list->next)
    if (list == pcb) return true;
  return false;
}

}  // namespace

int outcome_of(err_t error) {
  switch (error) {
    case ERR_OK:
      return TCPSPEC_OK;
    case ERR_MEM:
    case ERR_BUF:
      return TCPSPEC_NO_RESOURCES;
    case ERR_TIMEOUT:
      return TCPSPEC_TIMED_OUT;
    case ERR_RTE:
      return TCPSPEC_UNREACHABLE;
    case ERR_INPROGRESS:
    case ERR_ALREADY:
      return TCPSPEC_IN_PROGRESS;
    case ERR_VAL:
    case ERR_ARG:
      return TCPSPEC_INVALID;
    case ERR_WOULDBLOCK:
      return TCPSPEC_AGAIN;
    case ERR_USE:
      return TCPSPEC_ADDRESS_IN_USE;
    case ERR_ISCONN:
      return TCPSPEC_IS_CONNECTED;
    case ERR_CONN:
    case ERR_CLSD:
      return TCPSPEC_NOT_CONNECTED;
    // Whatever lwIP gives up by itself: its own sockets say ECONNABORTED as well.
    case ERR_ABRT:
      return TCPSPEC_ABORTED;
    case ERR_RST:
      return TCPSPEC_RESET;
    default:
      return TCPSPEC_FAILED;
  }
}

Socket::Socket(tcpspec_socket id, tcp_pcb* pcb) : id_(id), pcb_(pcb) {
  attend();
}

void Socket::attend() {
  tcp_arg(pcb_, this);
  tcp_err(pcb_, on_end);
  tcp_recv(pcb_, on_receive);
}

void Socket::leave() {
  tcp_arg(pcb_, nullptr);
  tcp_err(pcb_, nullptr);
  tcp_recv(pcb_, nullptr);
}

// The end of TIME-WAIT, and of a connection that is shut down both ways, comes without a word.
void Socket::forget_freed() {
  if (pcb_ == nullptr || phase_ == Phase::fresh || phase_ == Phase::listening) return;
  if (!is_listed(pcb_, tcp_active_pcbs) && !is_listed(pcb_, tcp_tw_pcbs)) pcb_ = nullptr;
}

int Socket::listen(std::uint16_t port, int backlog, Adopt adopt) {
  if (phase_ == Phase::listening) return TCPSPEC_OK;
  if (phase_ != Phase::fresh) return TCPSPEC_INVALID;
  const auto* any = IP_IS_V6_VAL(pcb_->local_ip) ? IP6_ADDR_ANY : IP4_ADDR_ANY;
  if (const auto bound = tcp_bind(pcb_, any, port); bound != ERR_OK) return outcome_of(bound);
  err_t error = ERR_OK;
  auto* listening = tcp_listen_with_backlog_and_err(
      pcb_, static_cast<u8_t>(std::clamp(backlog, 1, int{std::numeric_limits<u8_t>::max()})), &error);
  if (listening == nullptr) return outcome_of(error);
  pcb_ = listening;
  phase_ = Phase::listening;
  local_port_ = port;
  adopt_ = std::move(adopt);
  tcp_arg(pcb_, this);
  tcp_accept(pcb_, on_accept);
  return TCPSPEC_OK;
}

err_t Socket::on_accept(void* socket, tcp_pcb* pcb, err_t error) {
  if (error != ERR_OK || pcb == nullptr) return ERR_VAL;
  static_cast<Socket*>(socket)->adopt(pcb);
  return ERR_OK;
}

// lwIP counts it as one more of the backlog until the application takes it. It inherits little
// from the listener, less than users of sockets are used to.
void Socket::adopt(tcp_pcb* pcb) {
  auto& connection = adopt_(pcb);
  connection.phase_ = Phase::open;
  connection.local_port_ = pcb->local_port;
  for (const auto& [name, value] : options_) (void)connection.set_option(name, value);
  tcp_backlog_delayed(pcb);
  waiting_.push_back(&connection);
}

tcpspec_socket Socket::accept() {
  if (phase_ != Phase::listening) return TCPSPEC_INVALID;
  if (waiting_.empty()) return TCPSPEC_AGAIN;
  auto* connection = waiting_.front();
  waiting_.pop_front();
  if (connection->pcb_ != nullptr) {
    tcp_backlog_accepted(connection->pcb_);
  }
  return connection->id_;
}

int Socket::connect(std::uint16_t local_port, const ip_addr_t& remote, std::uint16_t remote_port) {
  if (phase_ == Phase::connecting) return TCPSPEC_IN_PROGRESS;
  if (phase_ == Phase::open) return TCPSPEC_IS_CONNECTED;
  if (phase_ == Phase::listening) return TCPSPEC_INVALID;
  if (local_port != 0) {
    const auto* any = IP_IS_V6(&remote) ? IP6_ADDR_ANY : IP4_ADDR_ANY;
    if (const auto bound = tcp_bind(pcb_, any, local_port); bound != ERR_OK) return outcome_of(bound);
  }
  const auto error = tcp_connect(pcb_, &remote, remote_port, on_connected);
  if (error != ERR_OK) return outcome_of(error);
  phase_ = Phase::connecting;
  local_port_ = pcb_->local_port;
  return TCPSPEC_OK;
}

err_t Socket::on_connected(void* socket, tcp_pcb* /*pcb*/, err_t /*error*/) {
  static_cast<Socket*>(socket)->phase_ = Phase::open;
  return ERR_OK;
}

int Socket::connected() {
  if (error_ != TCPSPEC_OK) return take_error();
  switch (phase_) {
    case Phase::connecting:
      return TCPSPEC_AGAIN;
    case Phase::open:
      return TCPSPEC_OK;
    default:
      return TCPSPEC_NOT_CONNECTED;
  }
}

int Socket::local_port() const {
  return local_port_ != 0 ? int{local_port_} : TCPSPEC_NOT_CONNECTED;
}

// The PCB is gone when this is called. A RST before the connection was one is a refusal; an end
// that comes when both sides have sent a FIN is no error.
void Socket::on_end(void* socket, err_t error) {
  auto& self = *static_cast<Socket*>(socket);
  self.pcb_ = nullptr;
  if (error == ERR_CLSD) return;
  self.error_ = error == ERR_RST && self.phase_ == Phase::connecting ? TCPSPEC_REFUSED : outcome_of(error);
  self.phase_ = Phase::open;
}

err_t Socket::on_receive(void* socket, tcp_pcb* /*pcb*/, pbuf* data, err_t /*error*/) {
  auto& self = *static_cast<Socket*>(socket);
  if (data == nullptr)
    self.ended_by_peer_ = true;
  else
    self.received_.push_back(data);
  return ERR_OK;
}

// lwIP takes what is written to a connection that is being opened, too. It refuses a whole write
// when it would need more segments than are allowed: then less may go.
std::int64_t Socket::send(const void* data, std::size_t octets, std::uint32_t flags) {
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  if (error_ != TCPSPEC_OK) return take_error();
  if (phase_ == Phase::fresh || phase_ == Phase::listening) return TCPSPEC_NOT_CONNECTED;
  if (!sends_ || pcb_ == nullptr) return TCPSPEC_BROKEN_PIPE;
  const std::size_t room = std::min<std::size_t>(tcp_sndbuf(pcb_), std::numeric_limits<u16_t>::max());
  for (auto part = std::min(octets, room); part > 0; part /= 2) {
    const auto more = part < octets ? TCP_WRITE_FLAG_MORE : 0;
    const auto error = tcp_write(pcb_, data, static_cast<u16_t>(part), static_cast<u8_t>(TCP_WRITE_FLAG_COPY | more));
    if (error == ERR_MEM) continue;
    if (error != ERR_OK) return outcome_of(error);
    tcp_output(pcb_);
    return static_cast<std::int64_t>(part);
  }
  return TCPSPEC_AGAIN;
}

std::size_t Socket::readable() const {
  std::size_t octets = 0;
  for (const auto* data : received_) octets += data->tot_len;
  return octets - read_of_first_;
}

std::int64_t Socket::receive(void* data, std::size_t octets, std::uint32_t flags) {
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  if (phase_ == Phase::fresh || phase_ == Phase::listening) return TCPSPEC_NOT_CONNECTED;
  if (!received_.empty()) {
    auto* first = received_.front();
    const auto most = static_cast<u16_t>(std::min<std::size_t>(octets, first->tot_len - read_of_first_));
    const auto got = pbuf_copy_partial(first, data, most, static_cast<u16_t>(read_of_first_));
    read_of_first_ += got;
    if (read_of_first_ == first->tot_len) {
      received_.pop_front();
      read_of_first_ = 0;
      pbuf_free(first);
    }
    if (pcb_ != nullptr) tcp_recved(pcb_, got);
    return got;
  }
  if (error_ != TCPSPEC_OK) return take_error();
  return ended_by_peer_ || !reads_ || pcb_ == nullptr ? 0 : TCPSPEC_AGAIN;
}

int Socket::shutdown(int direction) {
  if (phase_ == Phase::fresh || phase_ == Phase::listening || pcb_ == nullptr) return TCPSPEC_NOT_CONNECTED;
  const bool reading = (direction & TCPSPEC_READ) != 0, writing = (direction & TCPSPEC_WRITE) != 0;
  const auto error = tcp_shutdown(pcb_, reading ? 1 : 0, writing ? 1 : 0);
  if (error != ERR_OK) return outcome_of(error);
  if (reading) reads_ = false;
  if (writing) sends_ = false;
  forget_freed();
  return TCPSPEC_OK;
}

// What was not read stays unacknowledged as such, so that lwIP sends a RST in place of a FIN
// (RFC 9293 section 3.6.1). What was never accepted, nobody will ever close.
void Socket::close() {
  for (auto* connection : waiting_) connection->abort();
  for (auto* data : std::exchange(received_, {})) pbuf_free(data);
  if (pcb_ == nullptr) return;
  if (phase_ != Phase::listening) leave();
  auto* pcb = std::exchange(pcb_, nullptr);
  if (tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

void Socket::abort() {
  if (phase_ == Phase::listening || pcb_ == nullptr) return close();
  for (auto* data : std::exchange(received_, {})) pbuf_free(data);
  leave();
  tcp_abort(std::exchange(pcb_, nullptr));
}

int Socket::state() const {
  static_assert(int{LISTEN} == TCPSPEC_LISTEN && int{SYN_RCVD} == TCPSPEC_SYN_RECEIVED &&
                int{CLOSE_WAIT} == TCPSPEC_CLOSE_WAIT && int{TIME_WAIT} == TCPSPEC_TIME_WAIT);
  return pcb_ != nullptr ? int{pcb_->state} : TCPSPEC_CLOSED;
}

}  // namespace tcpspec::lwip
