#pragma once
// One ns-3 node with a TCP, and the application on it.

#include <ns3/internet-module.h>
#include <ns3/map-scheduler.h>
#include <ns3/node.h>
#include <ns3/socket.h>
#include <ns3/tcp-socket-base.h>
#include <ns3/virtual-net-device.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "target/adapter.h"

namespace tcpspec::ns3_adapter {

// The simulator is one of a process, and so is the host.
class Host {
 public:
  Host(const tcpspec_config& config, const tcpspec_host& host);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void input(std::span<const std::uint8_t> datagram);
  void advance(std::uint64_t now);
  [[nodiscard]] std::int64_t deadline() const;

  tcpspec_socket open();
  int listen(tcpspec_socket id, std::uint16_t port);
  int connect(tcpspec_socket id, std::uint16_t local_port, std::uint32_t remote, std::uint16_t remote_port);
  int connected(tcpspec_socket id);
  tcpspec_socket accept(tcpspec_socket id);
  int local_port(tcpspec_socket id);
  std::int64_t send(tcpspec_socket id, std::span<const std::uint8_t> data, std::uint32_t flags);
  std::int64_t receive(tcpspec_socket id, std::span<std::uint8_t> data, std::uint32_t flags);
  int shutdown(tcpspec_socket id, int direction);
  int close(tcpspec_socket id);
  int set_option(tcpspec_socket id, std::string_view name, std::int64_t value);
  int get_option(tcpspec_socket id, std::string_view name, std::int64_t& value);
  int state(tcpspec_socket id);

 private:
  struct Socket {
    Host* host = nullptr;
    ns3::Ptr<ns3::Socket> ns3;  // null: the application has closed it
    ns3::TcpSocket::TcpStates_t state = ns3::TcpSocket::CLOSED;
    bool peer_closed = false;  // its FIN has come in its order
    int ended = TCPSPEC_OK;    // an error to be told once
    std::uint16_t port = 0;
    std::deque<tcpspec_socket> arrivals;  // of a listener
  };

  [[nodiscard]] Socket* find(tcpspec_socket id);
  tcpspec_socket adopt(ns3::Ptr<ns3::Socket> ns3);
  void settle();
  bool datagram_out(ns3::Ptr<ns3::Packet> packet, const ns3::Address& from, const ns3::Address& to,
                    std::uint16_t protocol);

  // What ns-3 calls.
  static void state_changed(Socket* socket, ns3::TcpSocket::TcpStates_t before, ns3::TcpSocket::TcpStates_t now);
  static void failed(Socket* socket, ns3::Ptr<ns3::Socket> ns3);
  static void ended_in_error(Socket* socket, ns3::Ptr<ns3::Socket> ns3);
  static void arrived(Socket* listener, ns3::Ptr<ns3::Socket> ns3, const ns3::Address& from);

  tcpspec_host host_;
  std::uint64_t origin_;
  ns3::Ptr<ns3::Node> node_;
  ns3::Ptr<ns3::VirtualNetDevice> device_;
  std::map<tcpspec_socket, std::unique_ptr<Socket>> sockets_;  // never fewer: ns-3 still calls for closed ones
  tcpspec_socket next_socket_ = 0;
  bool silent_ = false;
};

}  // namespace tcpspec::ns3_adapter
