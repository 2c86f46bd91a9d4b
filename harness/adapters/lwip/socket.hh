#pragma once
// A socket over a protocol control block (PCB) of lwIP's raw interface. lwIP frees a PCB when it
// likes and tells of it, or not: forget_freed() is called after all that may have done so.

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "target/adapter.h"

extern "C" {
#include <lwip/tcp.h>
}

namespace tcpspec::lwip {

// TCPSPEC_OK or an error of adapter.h.
[[nodiscard]] int outcome_of(err_t error);

class Socket {
 public:
  // Makes the socket of a connection that lwIP has opened for a listener.
  using Adopt = std::function<Socket&(tcp_pcb*)>;

  Socket(tcpspec_socket id, tcp_pcb* pcb);
  Socket(Socket&&) = delete;  // lwIP points to it

  [[nodiscard]] tcpspec_socket id() const { return id_; }

  [[nodiscard]] int listen(std::uint16_t port, int backlog, Adopt adopt);
  [[nodiscard]] int connect(std::uint16_t local_port, const ip_addr_t& remote, std::uint16_t remote_port);
  [[nodiscard]] int connected();
  [[nodiscard]] tcpspec_socket accept();
  [[nodiscard]] int local_port() const;
  [[nodiscard]] std::int64_t send(const void* data, std::size_t octets, std::uint32_t flags);
  [[nodiscard]] std::int64_t receive(void* data, std::size_t octets, std::uint32_t flags);
  [[nodiscard]] int shutdown(int direction);
  // Both give the PCB away: nothing may be asked of the socket any more.
  void close();
  void abort();
  [[nodiscard]] int set_option(std::string_view name, std::int64_t value);
  [[nodiscard]] int get_option(std::string_view name, std::int64_t& value);
  [[nodiscard]] int state() const;

  void forget_freed();

 private:
  enum class Phase : std::uint8_t { fresh, listening, connecting, open };

  void attend();  // has lwIP call us about the PCB
  void leave();   // has it call nobody
  void adopt(tcp_pcb* pcb);
  [[nodiscard]] int take_error() { return std::exchange(error_, TCPSPEC_OK); }
  [[nodiscard]] std::size_t readable() const;

  static err_t on_accept(void* socket, tcp_pcb* pcb, err_t error);
  static err_t on_connected(void* socket, tcp_pcb* pcb, err_t error);
  static err_t on_receive(void* socket, tcp_pcb* pcb, pbuf* data, err_t error);
  static void on_end(void* socket, err_t error);

  tcpspec_socket id_;
  tcp_pcb* pcb_;
  Phase phase_ = Phase::fresh;
  std::uint16_t local_port_ = 0;
  bool sends_ = true;  // until shutdown()
  bool ended_by_peer_ = false, reads_ = true;
  int error_ = TCPSPEC_OK;  // to be told once

  // Not yet read. lwIP opens the window for it when it is.
  std::deque<pbuf*> received_;
  std::size_t read_of_first_ = 0;

  // Of a listener.
  Adopt adopt_;
  std::deque<Socket*> waiting_;
  std::vector<std::pair<std::string_view, std::int64_t>> options_;  // set before listen(), for those that it accepts
};

}  // namespace tcpspec::lwip
