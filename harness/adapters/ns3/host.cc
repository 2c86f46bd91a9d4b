#include "adapters/ns3/host.hh"

#include <ns3/boolean.h>
#include <ns3/config.h>
#include <ns3/global-value.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace tcpspec::ns3_adapter {
namespace {

constexpr std::uint16_t ipv4 = 0x0800;
constexpr std::uint32_t headers = 40;  // of IPv4 and TCP, without options

// ns-3 keeps its scheduler to itself, but lets us say of which type it is.
class OpenScheduler : public ns3::MapScheduler {
 public:
  static ns3::TypeId GetTypeId() {
    static const auto type = ns3::TypeId("tcpspec::OpenScheduler")
                                 .SetParent<ns3::MapScheduler>()
                                 .SetGroupName("tcpspec")
                                 .AddConstructor<OpenScheduler>();
    return type;
  }
  OpenScheduler() { current = this; }
  ~OpenScheduler() override {
    if (current == this) current = nullptr;
  }
  static const OpenScheduler* current;
};
const OpenScheduler* OpenScheduler::current = nullptr;

std::optional<std::uint64_t> next_event() {
  const auto* events = OpenScheduler::current;
  if (events == nullptr || events->IsEmpty()) return std::nullopt;
  return events->PeekNext().key.m_ts;
}

std::uint64_t simulated_now() {
  return static_cast<std::uint64_t>(ns3::Simulator::Now().GetNanoSeconds());
}

// Adapter addresses are in network order, ns-3 takes them as numbers.
ns3::Ipv4Address address_of(const std::uint8_t* octets) {
  return ns3::Ipv4Address::Deserialize(octets);
}

struct NamedAttribute {
  std::string_view option;
  const char* attribute;
};
constexpr std::array attributes = {NamedAttribute{"SO_RCVBUF", "RcvBufSize"}, NamedAttribute{"SO_SNDBUF", "SndBufSize"},
                                   NamedAttribute{"TCP_MAXSEG", "SegmentSize"}};

const char* attribute_of(std::string_view option) {
  const auto* found = std::ranges::find(attributes, option, &NamedAttribute::option);
  return found == attributes.end() ? nullptr : found->attribute;
}

int state_number(ns3::TcpSocket::TcpStates_t state) {
  switch (state) {
    case ns3::TcpSocket::LISTEN:
      return TCPSPEC_LISTEN;
    case ns3::TcpSocket::SYN_SENT:
      return TCPSPEC_SYN_SENT;
    case ns3::TcpSocket::SYN_RCVD:
      return TCPSPEC_SYN_RECEIVED;
    case ns3::TcpSocket::ESTABLISHED:
      return TCPSPEC_ESTABLISHED;
    case ns3::TcpSocket::CLOSE_WAIT:
      return TCPSPEC_CLOSE_WAIT;
    case ns3::TcpSocket::LAST_ACK:
      return TCPSPEC_LAST_ACK;
    case ns3::TcpSocket::FIN_WAIT_1:
      return TCPSPEC_FIN_WAIT_1;
    case ns3::TcpSocket::FIN_WAIT_2:
      return TCPSPEC_FIN_WAIT_2;
    case ns3::TcpSocket::CLOSING:
      return TCPSPEC_CLOSING;
    case ns3::TcpSocket::TIME_WAIT:
      return TCPSPEC_TIME_WAIT;
    default:
      return TCPSPEC_CLOSED;
  }
}

}  // namespace

Host::Host(const tcpspec_config& config, const tcpspec_host& host) : host_(host), origin_(config.now) {
  ns3::ObjectFactory scheduler;
  scheduler.SetTypeId(OpenScheduler::GetTypeId());
  ns3::Simulator::SetScheduler(scheduler);
  ns3::RngSeedManager::SetSeed(static_cast<std::uint32_t>(config.seed % 0x7fffffff) + 1);
  ns3::GlobalValue::Bind("ChecksumEnabled", ns3::BooleanValue(true));
  ns3::Config::SetDefault("ns3::TcpSocket::SegmentSize", ns3::UintegerValue(config.mtu - headers));

  node_ = ns3::CreateObject<ns3::Node>();
  ns3::InternetStackHelper internet;
  internet.SetIpv6StackInstall(false);
  internet.Install(node_);
  device_ = ns3::CreateObject<ns3::VirtualNetDevice>();
  device_->SetMtu(config.mtu);
  device_->SetIsPointToPoint(true);
  device_->SetNeedsArp(false);
  device_->SetSendCallback(ns3::MakeCallback(&Host::datagram_out, this));
  node_->AddDevice(device_);

  const auto ip = node_->GetObject<ns3::Ipv4>();
  ip->SetAttribute("IpForward", ns3::BooleanValue(false));
  const auto interface = ip->AddInterface(device_);
  const ns3::Ipv4Mask mask(config.prefix == 0 ? 0 : 0xffffffffU << (32 - config.prefix));
  ip->AddAddress(interface, ns3::Ipv4InterfaceAddress(address_of(config.local), mask));
  ip->SetUp(interface);
  ns3::Ipv4StaticRoutingHelper().GetStaticRouting(ip)->SetDefaultRoute(address_of(config.peer), interface);
  settle();
}

Host::~Host() {
  silent_ = true;
  for (auto& [id, socket] : sockets_) socket->ns3 = nullptr;
  device_ = nullptr;
  node_ = nullptr;
  ns3::Simulator::Destroy();
}

bool Host::datagram_out(ns3::Ptr<ns3::Packet> packet, const ns3::Address& /*from*/, const ns3::Address& /*to*/,
                        std::uint16_t protocol) {
  if (silent_ || protocol != ipv4) return true;
  std::vector<std::uint8_t> datagram(packet->GetSize());
  packet->CopyData(datagram.data(), packet->GetSize());
  host_.packet_out(host_.context, datagram.data(), datagram.size());
  return true;
}

// What is due at this very instant, and what comes of it at the same one.
void Host::settle() {
  while (next_event() && *next_event() <= simulated_now()) {
    ns3::Simulator::Stop(ns3::NanoSeconds(0));
    ns3::Simulator::Run();
  }
}

void Host::input(std::span<const std::uint8_t> datagram) {
  const auto packet = ns3::Create<ns3::Packet>(datagram.data(), static_cast<std::uint32_t>(datagram.size()));
  device_->Receive(packet, ipv4, device_->GetAddress(), device_->GetAddress(), ns3::NetDevice::PACKET_HOST);
  settle();
}

void Host::advance(std::uint64_t now) {
  const auto until = now - origin_;
  if (until > simulated_now()) {
    ns3::Simulator::Stop(ns3::NanoSeconds(static_cast<std::int64_t>(until - simulated_now())));
    ns3::Simulator::Run();
  }
  settle();
}

std::int64_t Host::deadline() const {
  const auto next = next_event();
  return next ? static_cast<std::int64_t>(origin_ + *next) : -1;
}

// --- what ns-3 calls

void Host::state_changed(Socket* socket, ns3::TcpSocket::TcpStates_t /*before*/, ns3::TcpSocket::TcpStates_t now) {
  socket->state = now;
  const auto number = state_number(now);
  if (number == TCPSPEC_CLOSE_WAIT || number == TCPSPEC_CLOSING || number == TCPSPEC_TIME_WAIT)
    socket->peer_closed = true;
}

// ns-3 has sent its last SYN in vain.
void Host::failed(Socket* socket, ns3::Ptr<ns3::Socket> /*ns3*/) {
  socket->ended = TCPSPEC_TIMED_OUT;
}

void Host::ended_in_error(Socket* socket, ns3::Ptr<ns3::Socket> /*ns3*/) {
  socket->state = ns3::TcpSocket::CLOSED;
  if (socket->ended == TCPSPEC_OK) socket->ended = TCPSPEC_ABORTED;
}

void Host::arrived(Socket* listener, ns3::Ptr<ns3::Socket> ns3, const ns3::Address& /*from*/) {
  const auto id = listener->host->adopt(ns3);
  auto& connection = *listener->host->sockets_.at(id);
  connection.state = ns3::TcpSocket::ESTABLISHED;
  connection.port = listener->port;
  listener->arrivals.push_back(id);
}

// --- calls

Host::Socket* Host::find(tcpspec_socket id) {
  const auto found = sockets_.find(id);
  return found == sockets_.end() || found->second->ns3 == nullptr ? nullptr : found->second.get();
}

tcpspec_socket Host::adopt(ns3::Ptr<ns3::Socket> ns3) {
  auto socket = std::make_unique<Socket>();
  socket->host = this;
  socket->ns3 = ns3;
  auto* known = socket.get();
  ns3->TraceConnectWithoutContext("State", ns3::MakeBoundCallback(&Host::state_changed, known));
  ns3->SetConnectCallback(ns3::MakeNullCallback<void, ns3::Ptr<ns3::Socket>>(),
                          ns3::MakeBoundCallback(&Host::failed, known));
  ns3->SetCloseCallbacks(ns3::MakeNullCallback<void, ns3::Ptr<ns3::Socket>>(),
                         ns3::MakeBoundCallback(&Host::ended_in_error, known));
  sockets_.emplace(next_socket_, std::move(socket));
  return next_socket_++;
}

tcpspec_socket Host::open() {
  return adopt(ns3::Socket::CreateSocket(node_, ns3::TcpSocketFactory::GetTypeId()));
}

int Host::listen(tcpspec_socket id, std::uint16_t port) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->state != ns3::TcpSocket::CLOSED) return socket->port == port ? TCPSPEC_OK : TCPSPEC_INVALID;
  if (socket->ns3->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), port)) != 0) return TCPSPEC_ADDRESS_IN_USE;
  socket->ns3->SetAcceptCallback(ns3::MakeNullCallback<bool, ns3::Ptr<ns3::Socket>, const ns3::Address&>(),
                                 ns3::MakeBoundCallback(&Host::arrived, socket));
  socket->port = port;
  return socket->ns3->Listen() == 0 ? TCPSPEC_OK : TCPSPEC_INVALID;
}

int Host::connect(tcpspec_socket id, std::uint16_t local_port, std::uint32_t remote, std::uint16_t remote_port) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->state == ns3::TcpSocket::SYN_SENT) return TCPSPEC_IN_PROGRESS;
  if (socket->state != ns3::TcpSocket::CLOSED) return TCPSPEC_IS_CONNECTED;
  const int bound = local_port == 0 ? socket->ns3->Bind()
                                    : socket->ns3->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), local_port));
  if (bound != 0) return TCPSPEC_ADDRESS_IN_USE;
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &remote, octets.size());
  if (socket->ns3->Connect(ns3::InetSocketAddress(address_of(octets.data()), remote_port)) != 0) return TCPSPEC_INVALID;
  ns3::Address name;
  socket->ns3->GetSockName(name);
  socket->port = ns3::InetSocketAddress::ConvertFrom(name).GetPort();
  settle();
  return TCPSPEC_OK;
}

int Host::connected(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->ended != TCPSPEC_OK) return std::exchange(socket->ended, TCPSPEC_OK);
  switch (socket->state) {
    case ns3::TcpSocket::SYN_SENT:
    case ns3::TcpSocket::SYN_RCVD:
      return TCPSPEC_AGAIN;
    case ns3::TcpSocket::CLOSED:
      return TCPSPEC_ABORTED;
    default:
      return TCPSPEC_OK;
  }
}

tcpspec_socket Host::accept(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (socket->state != ns3::TcpSocket::LISTEN) return TCPSPEC_INVALID;
  if (socket->arrivals.empty()) return TCPSPEC_AGAIN;
  const auto accepted = socket->arrivals.front();
  socket->arrivals.pop_front();
  return accepted;
}

int Host::local_port(tcpspec_socket id) {
  const auto* socket = find(id);
  return socket == nullptr ? int{TCPSPEC_BAD_SOCKET} : int{socket->port};
}

std::int64_t Host::send(tcpspec_socket id, std::span<const std::uint8_t> data, std::uint32_t flags) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  if (socket->ended != TCPSPEC_OK) return std::exchange(socket->ended, TCPSPEC_OK);
  const auto octets = std::min<std::size_t>(data.size(), socket->ns3->GetTxAvailable());
  if (octets == 0) return TCPSPEC_AGAIN;
  const int taken = socket->ns3->Send(ns3::Create<ns3::Packet>(data.data(), static_cast<std::uint32_t>(octets)), 0);
  settle();
  if (taken >= 0) return taken;
  return socket->ns3->GetErrno() == ns3::Socket::ERROR_SHUTDOWN || socket->state != ns3::TcpSocket::CLOSED
             ? TCPSPEC_BROKEN_PIPE
             : TCPSPEC_NOT_CONNECTED;
}

std::int64_t Host::receive(tcpspec_socket id, std::span<std::uint8_t> data, std::uint32_t flags) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if ((flags & TCPSPEC_URGENT) != 0) return TCPSPEC_UNSUPPORTED;
  const auto packet = socket->ns3->Recv(static_cast<std::uint32_t>(data.size()), 0);
  settle();
  if (packet != nullptr && packet->GetSize() > 0) return packet->CopyData(data.data(), packet->GetSize());
  if (socket->ended != TCPSPEC_OK) return std::exchange(socket->ended, TCPSPEC_OK);
  return socket->peer_closed || socket->state == ns3::TcpSocket::CLOSED ? 0 : int{TCPSPEC_AGAIN};
}

int Host::shutdown(tcpspec_socket id, int direction) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if ((direction & TCPSPEC_WRITE) != 0) socket->ns3->ShutdownSend();
  if ((direction & TCPSPEC_READ) != 0) socket->ns3->ShutdownRecv();
  settle();
  return TCPSPEC_OK;
}

int Host::close(tcpspec_socket id) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  socket->ns3->Close();
  socket->ns3 = nullptr;
  settle();
  return TCPSPEC_OK;
}

int Host::set_option(tcpspec_socket id, std::string_view name, std::int64_t value) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (name == "TCP_NODELAY") {
    socket->ns3->SetAttribute("TcpNoDelay", ns3::BooleanValue(value != 0));
    return TCPSPEC_OK;
  }
  const auto* attribute = attribute_of(name);
  if (attribute == nullptr) return TCPSPEC_UNSUPPORTED;
  const bool done = socket->ns3->SetAttributeFailSafe(attribute, ns3::UintegerValue(static_cast<std::uint64_t>(value)));
  return done ? TCPSPEC_OK : TCPSPEC_INVALID;
}

int Host::get_option(tcpspec_socket id, std::string_view name, std::int64_t& value) {
  auto* socket = find(id);
  if (socket == nullptr) return TCPSPEC_BAD_SOCKET;
  if (name == "TCP_NODELAY") {
    ns3::BooleanValue flag;
    socket->ns3->GetAttribute("TcpNoDelay", flag);
    value = flag.Get() ? 1 : 0;
    return TCPSPEC_OK;
  }
  const auto* attribute = attribute_of(name);
  if (attribute == nullptr) return TCPSPEC_UNSUPPORTED;
  ns3::UintegerValue number;
  socket->ns3->GetAttribute(attribute, number);
  value = static_cast<std::int64_t>(number.Get());
  return TCPSPEC_OK;
}

int Host::state(tcpspec_socket id) {
  const auto* socket = find(id);
  return socket == nullptr ? int{TCPSPEC_BAD_SOCKET} : state_number(socket->state);
}

}  // namespace tcpspec::ns3_adapter
