#pragma once
// For tests of a stack on the wire: two network namespaces with two cables between them, the wire
// and the one for the control connection, and an agent in the target's.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "target/linux/descriptor.hh"
#include "target/linux/namespace.hh"
#include "target/linux/netlink.hh"
#include "target/linux/packet_socket.hh"
#include "target/linux/sysctl.hh"
#include "target/remote_target.hh"

namespace tcpspec::target {

// `tcpspec-agent` in the namespace that the calling thread is in. Listens when this is made.
class AgentProcess {
 public:
  AgentProcess(const std::string& program, const std::string& place) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    output_ = Descriptor{ends[0]};
    const Descriptor theirs{ends[1]};
    process_ = fork();
    if (process_ == 0) {
      dup2(theirs.get(), STDOUT_FILENO);
      execl(program.c_str(), program.c_str(), "--listen", place.c_str(), nullptr);
      _exit(127);
    }
    if (const auto words = line(); !words.starts_with("listening"))
      throw std::runtime_error("the agent says: " + words);
  }
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;
  ~AgentProcess() { end(); }

  void end() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(std::exchange(process_, 0), nullptr, 0);
  }
  // What it says next.
  [[nodiscard]] std::string line() const {
    std::string words;
    for (char c = 0; read(output_.get(), &c, 1) == 1 && c != '\n';) words += c;
    return words;
  }

 private:
  Descriptor output_;
  pid_t process_ = 0;
};

class Ground {
 public:
  enum class Testers : std::uint8_t { behind_a_gateway, on_the_link };
  enum class Offloads : std::uint8_t { off, on };

  // Throws where this machine lets us make one and it does not work all the same.
  [[nodiscard]] static std::expected<Ground, EnvironmentError> make(Testers testers, Offloads offloads) {
    if (auto privilege = acquire_privilege(); !privilege) return std::unexpected(privilege.error());
    auto home = Namespace::current();
    auto target = Namespace::create();
    if (!home || !target) return std::unexpected(home ? target.error() : home.error());
    // Settings first: an interface takes its own from "conf.default" when it is made.
    must(apply_sysctls({}));
    auto tester = Namespace::create();
    if (!tester) return std::unexpected(tester.error());
    must(write_sysctl("net.ipv6.conf.default.addr_gen_mode", "1"));
    Ground ground(std::move(*home), std::move(*target), std::move(*tester), testers);
    ground.connect();
    ground.configure_target(offloads);
    ground.enter_tester();
    return ground;
  }
  Ground(Ground&&) = default;
  Ground& operator=(Ground&&) = delete;
  ~Ground() {
    if (home_.descriptor() >= 0) home_.enter();
  }

  void enter_target() const { target_.enter(); }
  void enter_tester() const { tester_.enter(); }
  [[nodiscard]] std::unique_ptr<AgentProcess> start_agent() const {
    enter_target();
    auto agent = std::make_unique<AgentProcess>(TCPSPEC_AGENT, agent_place);
    enter_tester();
    return agent;
  }

  static constexpr auto agent_place = "10.8.0.2:7777";
  [[nodiscard]] RemoteOptions options() const {
    RemoteOptions out;
    out.interface = "wire0";
    out.ipv4 = {.address = address("10.9.0.2"), .testers = *Network::parse("10.9.128.0/17"), .gateway = std::nullopt};
    out.ipv6 = {.address = address("fd09::2"), .testers = *Network::parse("fd09:0:0:1::/64"), .gateway = std::nullopt};
    if (testers_ == Testers::behind_a_gateway) {
      out.ipv4->gateway = address("10.9.0.3");
      out.ipv6->gateway = address("fd09::3");
    }
    out.agent = packet::Endpoint{address("10.8.0.2"), 7777};
    return out;
  }
  [[nodiscard]] static packet::Address address(const char* text) { return *packet::Address::parse(text); }
  template <class T>
  static T must(std::expected<T, EnvironmentError> result) {
    if (!result) throw std::runtime_error(result.error().what + "; " + result.error().hint);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

 private:
  Ground(Namespace home, Namespace target, Namespace tester, Testers testers)
      : home_(std::move(home)), target_(std::move(target)), tester_(std::move(tester)), testers_(testers) {}

  // In the tester's namespace, and there it ends.
  void connect() const {
    auto netlink = must(Netlink::open());
    const auto cable = [&](const char* name, std::uint8_t number) {
      must(netlink.create_veth({.name = name, .address = {0x02, 0, 0, 0, number, 1}},
                               {.name = name, .address = {0x02, 0, 0, 0, number, 2}}, target_.descriptor()));
      must(netlink.bring_up(name, 1500, 0));
    };
    cable("wire0", 9);
    cable("control0", 8);
    must(netlink.bring_up("lo", 0, 0));
    must(netlink.add_address("control0", address("10.8.0.1")));
    must(netlink.add_link_route("control0", address("10.8.0.0"), 24, address("10.8.0.1")));
  }

  void configure_target(Offloads offloads) const {
    enter_target();
    auto netlink = must(Netlink::open());
    for (const auto* name : {"lo", "wire0", "control0"}) must(netlink.bring_up(name, 0, 0));
    must(netlink.add_address("control0", address("10.8.0.2")));
    must(netlink.add_link_route("control0", address("10.8.0.0"), 24, address("10.8.0.2")));
    const auto sides = options();
    for (const auto& side : {*sides.ipv4, *sides.ipv6}) {
      must(netlink.add_address("wire0", side.address));
      if (side.gateway)
        must(netlink.add_default_route("wire0", *side.gateway));
      else
        must(netlink.add_link_route("wire0", side.testers.prefix, side.testers.length, side.address));
    }
    if (offloads == Offloads::off)
      must(turn_offloads_off("wire0", {Offload::transmit_checksum, Offload::receive_checksum, Offload::tcp_segmentation,
                                       Offload::generic_segmentation, Offload::generic_receive}));
  }

  Namespace home_;
  Namespace target_;
  Namespace tester_;
  Testers testers_;
};

}  // namespace tcpspec::target
