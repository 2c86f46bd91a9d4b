#include "adapters/slirp/stack.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <utility>

namespace tcpspec::slirp {
namespace {

using Octets = std::span<const std::uint8_t>;

// The gateway is outside of the network that slirp believes to be in, which is the stack's address
// alone; nobody may have these addresses (RFC 7600, RFC 7723).
constexpr std::array<std::uint8_t, 4> gateway = {192, 0, 0, 8};
constexpr std::array<std::uint8_t, 4> name_server = {192, 0, 0, 9};

constexpr std::size_t ethernet_header = 14;
constexpr std::array<std::uint8_t, 6> tester_mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
constexpr std::array<std::uint8_t, 6> everybody = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_arp = 0x0806;

constexpr std::uint64_t nanoseconds_in_a_millisecond = 1'000'000;
// slirp takes 0 for "never": its clock begins far from it.
constexpr Milliseconds first_millisecond = 1'000'000;

Ipv4Address address_of(const std::array<std::uint8_t, 4>& octets) {
  Ipv4Address address = 0;
  std::memcpy(&address, octets.data(), sizeof address);
  return address;
}

Stack* stack_in(void* opaque);

struct StateName {
  std::string_view name;
  int state;
};
constexpr std::array state_names = {
    StateName{"CLOSED", TCPSPEC_CLOSED},           StateName{"LISTEN", TCPSPEC_LISTEN},
    StateName{"SYN_SENT", TCPSPEC_SYN_SENT},       StateName{"SYN_RCVD", TCPSPEC_SYN_RECEIVED},
    StateName{"ESTABLISHED", TCPSPEC_ESTABLISHED}, StateName{"CLOSE_WAIT", TCPSPEC_CLOSE_WAIT},
    StateName{"FIN_WAIT_1", TCPSPEC_FIN_WAIT_1},   StateName{"CLOSING", TCPSPEC_CLOSING},
    StateName{"LAST_ACK", TCPSPEC_LAST_ACK},       StateName{"FIN_WAIT_2", TCPSPEC_FIN_WAIT_2},
    StateName{"TIME_WAIT", TCPSPEC_TIME_WAIT},
};

// slirp_connection_info(): a line for each connection, "  TCP[ESTABLISHED]   17 ...", with slirp's descriptor.
std::string connections_of(Slirp* slirp) {
  const std::unique_ptr<char, decltype(&std::free)> text(slirp_connection_info(slirp), &std::free);
  return text.get();
}

struct PollName {
  int slirp;
  short poll;
};
constexpr std::array poll_names = {PollName{SLIRP_POLL_IN, POLLIN}, PollName{SLIRP_POLL_OUT, POLLOUT},
                                   PollName{SLIRP_POLL_PRI, POLLPRI}, PollName{SLIRP_POLL_ERR, POLLERR},
                                   PollName{SLIRP_POLL_HUP, POLLHUP}};

Stack* stack_in(void* opaque) {
  return static_cast<Stack*>(opaque);
}

}  // namespace

const SlirpCb Stack::callbacks = {
    .send_packet = [](const void* frame, size_t octets, void* opaque) -> ssize_t {
      stack_in(opaque)->frame_from_slirp({static_cast<const std::uint8_t*>(frame), octets});
      return static_cast<ssize_t>(octets);
    },
    .guest_error =
        [](const char* message, void* opaque) {
          const auto& host = stack_in(opaque)->host_;
          if (host.log != nullptr) host.log(host.context, message);
        },
    .clock_get_ns = [](void* opaque) -> std::int64_t {
      const auto* stack = stack_in(opaque);
      return static_cast<std::int64_t>(stack->now_ - stack->origin_ + first_millisecond * nanoseconds_in_a_millisecond);
    },
    // Router advertisements, of IPv6, are all that has such a timer.
    .timer_new = [](SlirpTimerCb, void*, void*) -> void* { return nullptr; },
    .timer_free = [](void*, void*) {},
    .timer_mod = [](void*, std::int64_t, void*) {},
    .register_poll_fd = [](int fd, void* opaque) { stack_in(opaque)->stack_end_opened(fd); },
    .unregister_poll_fd = [](int fd, void* opaque) { stack_in(opaque)->stack_end_closed(fd); },
    .notify = [](void*) {},
    .init_completed = nullptr,
    .timer_new_opaque = nullptr,
};

std::unique_ptr<Stack> Stack::create(const tcpspec_config& config, const tcpspec_host& host) {
  std::unique_ptr<Stack> stack(new Stack(config, host));
  return stack->slirp_ != nullptr ? std::move(stack) : nullptr;
}

Stack::Stack(const tcpspec_config& config, const tcpspec_host& host)
    : host_(host), origin_(config.now), now_(config.now) {
  constexpr std::uint16_t first_dynamic_port = 49'152;
  constexpr std::uint16_t dynamic_ports = 16'384;
  next_port_ = static_cast<std::uint16_t>(first_dynamic_port + config.seed % dynamic_ports);
  std::memcpy(&local_, config.local, sizeof local_);

  SlirpConfig settings{};
  settings.version = 4;
  settings.restricted = 1;
  settings.in_enabled = true;
  settings.vnetwork.s_addr = local_;
  settings.vnetmask.s_addr = 0xffffffff;
  settings.vhost.s_addr = address_of(gateway);
  settings.vnameserver.s_addr = address_of(name_server);
  settings.if_mtu = config.mtu;
  settings.if_mru = config.mtu;
  settings.disable_host_loopback = true;
  settings.disable_dns = true;
  settings.disable_dhcp = true;
  slirp_ = slirp_new(&settings, &callbacks, this);
  if (slirp_ != nullptr) advance(now_);
}

Stack::~Stack() {
  silent_ = true;
  if (slirp_ != nullptr) slirp_cleanup(slirp_);
}

// --- the link

void Stack::frame_to_slirp(std::uint16_t type, Octets payload) {
  std::vector<std::uint8_t> frame;
  frame.reserve(ethernet_header + payload.size());
  frame.insert(frame.end(), everybody.begin(), everybody.end());
  frame.insert(frame.end(), tester_mac.begin(), tester_mac.end());
  frame.push_back(static_cast<std::uint8_t>(type >> 8));
  frame.push_back(static_cast<std::uint8_t>(type));
  frame.insert(frame.end(), payload.begin(), payload.end());
  slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
}

void Stack::frame_from_slirp(Octets frame) {
  sent_ = true;
  if (silent_ || frame.size() < ethernet_header) return;
  const auto type = static_cast<std::uint16_t>(frame[12] << 8 | frame[13]);
  const auto payload = frame.subspan(ethernet_header);
  if (type == type_arp) answer_arp(payload);
  if (type == type_ipv4) datagram_from_slirp(payload);
}

// Everybody is at the tester. slirp only notes the answer; the datagram that waits for it goes
// out in the next turn.
void Stack::answer_arp(Octets request) {
  constexpr std::size_t octets = 28;
  constexpr std::size_t operation = 6, sender = 8, sender_address = 14, target = 18, target_address = 24;
  if (request.size() < octets || request[operation + 1] != 1) return;
  std::array<std::uint8_t, octets> reply{};
  std::ranges::copy(request.first(operation), reply.begin());
  reply[operation + 1] = 2;
  std::ranges::copy(tester_mac, reply.begin() + sender);
  std::ranges::copy(request.subspan(target_address, 4), reply.begin() + sender_address);
  std::ranges::copy(request.subspan(sender, 6), reply.begin() + target);
  std::ranges::copy(request.subspan(sender_address, 4), reply.begin() + target_address);
  frame_to_slirp(type_arp, reply);
}

void Stack::datagram_from_slirp(Octets payload) {
  std::vector<std::uint8_t> datagram(payload.begin(), payload.end());
  address_outgoing(datagram);
  host_.packet_out(host_.context, datagram.data(), datagram.size());
}

void Stack::address_outgoing(std::span<std::uint8_t> datagram) {
  const auto ends = tcp_endpoints(datagram);
  if (!ends || ends->source.address != address_of(gateway)) return;
  if (connecting_ != nullptr && !connecting_->written) connecting_->written = ends->source;
  for (const auto& [id, socket] : sockets_)
    if (socket.written == ends->source) return replace_source(datagram, {local_, socket.port});
}

void Stack::address_incoming(std::span<std::uint8_t> datagram) const {
  const auto ends = tcp_endpoints(datagram);
  if (!ends || ends->destination.address != local_) return;
  for (const auto& [id, socket] : sockets_)
    if (socket.written && socket.remote == ends->source && socket.port == ends->destination.port)
      return replace_destination(datagram, *socket.written);
}

void Stack::input(Octets octets) {
  std::vector<std::uint8_t> datagram(octets.begin(), octets.end());
  address_incoming(datagram);
  frame_to_slirp(type_ipv4, datagram);
  settle();
}

// --- the descriptors

void Stack::stack_end_opened(int fd) {
  keep_urgent_in_line(fd);
  hold_little(fd);
  if (connecting_ != nullptr) {
    connecting_->stack_end = fd;
    return;
  }
  for (auto& [id, listener] : sockets_) {
    if (listener.role != Socket::Role::listener) continue;
    auto application = take_connection(listener.passive);
    if (!application) continue;
    keep_urgent_in_line(application.get());
    Socket connection;
    connection.role = Socket::Role::connection;
    connection.port = listener.port;
    connection.application = std::move(application);
    connection.stack_end = fd;
    listener.arrivals.push_back(add(std::move(connection)));
    return;
  }
}

void Stack::stack_end_closed(int fd) {
  if (fd < 0) return;
  for (auto& [id, socket] : sockets_)
    if (socket.stack_end == fd) socket.stack_end = -1;
}

int Stack::add_descriptor(int fd, int wanted) {
  pollfd entry{.fd = fd, .events = 0, .revents = 0};
  for (const auto& name : poll_names)
    if ((wanted & name.slirp) != 0) entry.events = static_cast<short>(entry.events | name.poll);
  descriptors_.push_back(entry);
  return static_cast<int>(descriptors_.size()) - 1;
}

// No more than was asked for, though poll(2) always tells of hang-ups: slirp asks for these, too,
// where it wants them, and reads an end of file again and again where it does not.
int Stack::ready(int index) const {
  const auto& entry = descriptors_.at(static_cast<std::size_t>(index));
  int events = 0;
  for (const auto& name : poll_names)
    if ((entry.revents & entry.events & name.poll) != 0) events |= name.slirp;
  return events;
}

// --- time

Milliseconds Stack::clock() const {
  return first_millisecond + static_cast<Milliseconds>((now_ - origin_) / nanoseconds_in_a_millisecond);
}

// The instant at which slirp's clock of milliseconds is `left` further.
std::uint64_t Stack::due_in(Milliseconds left) const {
  const auto passed = (now_ - origin_) / nanoseconds_in_a_millisecond;
  return std::max(now_, origin_ + (passed + left) * nanoseconds_in_a_millisecond);
}

bool Stack::has_connections() const {
  return connections_of(slirp_).find("TCP[") != std::string::npos;
}

void Stack::fill() {
  descriptors_.clear();
  std::uint32_t interval = UINT32_MAX;
  const auto add = [](int fd, int wanted, void* opaque) { return stack_in(opaque)->add_descriptor(fd, wanted); };
  slirp_pollfds_fill(slirp_, &interval, add, this);
  timers_.filled(interval, [this] { return has_connections(); });
}

bool Stack::poll_descriptors() {
  if (descriptors_.empty() || ::poll(descriptors_.data(), descriptors_.size(), 0) <= 0) return false;
  return std::ranges::any_of(descriptors_, [](const pollfd& entry) { return (entry.revents & entry.events) != 0; });
}

void Stack::turn() {
  const auto look = [](int index, void* opaque) { return stack_in(opaque)->ready(index); };
  slirp_pollfds_poll(slirp_, 0, look, this);
  timers_.polled(clock());
}

// Until no descriptor is ready, nothing is due, and nothing waits to be sent: slirp sends one
// datagram of each connection a turn when they had to wait for an address.
void Stack::settle() {
  constexpr int most_turns = 100'000;
  for (int turns = 0;; ++turns) {
    fill();
    const bool some_ready = poll_descriptors();
    if (!some_ready && !std::exchange(sent_, false) && timers_.due(clock()) != 0) break;
    if (turns == most_turns) {
      if (host_.log != nullptr) host_.log(host_.context, "slirp does not come to rest");
      break;
    }
    turn();
  }
  forget_connections();
}

// Not as soon as slirp forgets them: it may answer with a RST what ended them, from the addresses
// that it knew them by.
void Stack::forget_connections() {
  for (auto& [id, socket] : sockets_) {
    if (socket.role != Socket::Role::connection || socket.stack_end >= 0) continue;
    socket.remote.reset();
    socket.written.reset();
  }
  std::erase_if(sockets_, [](const auto& entry) {
    const Socket& socket = entry.second;
    return socket.role == Socket::Role::connection && !socket.application && socket.stack_end < 0;
  });
}

// At one instant what is due comes before what the caller does next.
void Stack::advance(std::uint64_t now) {
  for (auto left = timers_.due(clock()); left; left = timers_.due(clock())) {
    if (due_in(*left) > now) break;
    now_ = due_in(*left);
    turn();
    fill();
    if (sent_) settle();
  }
  now_ = std::max(now_, now);
  turn();
  settle();
}

std::int64_t Stack::deadline() const {
  const auto left = timers_.due(clock());
  return left ? static_cast<std::int64_t>(due_in(*left)) : -1;
}

// --- what slirp knows of a connection

int Stack::state_of(const Socket& socket) const {
  if (socket.stack_end < 0) return TCPSPEC_CLOSED;
  std::istringstream lines(connections_of(slirp_));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    int fd = -1;
    if (!(words >> name >> fd) || fd != socket.stack_end) continue;
    for (const auto& known : state_names)
      if (name == "TCP[" + std::string(known.name) + "]") return known.state;
  }
  return TCPSPEC_CLOSED;
}

}  // namespace tcpspec::slirp
