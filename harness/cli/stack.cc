// `stack`: the reference stack as a host on a TUN device.

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <random>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "host/stack_command.hh"

namespace tcpspec::cli {

namespace {

struct StackWords {
  std::string tun = "tun0";
  std::string address = "10.0.0.2/24";
  std::string address6 = "fd00::2/64";
  int mtu = 1500;
  std::string serve = "echo:7,discard:9,chargen:19,http:80";
  std::string impair;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> lifetime_ms;
  bool own_namespace = false;
  std::vector<std::string> command;
};

std::atomic<int> g_interrupt{0};

void on_signal(int number) {
  g_interrupt.store(number);
  std::signal(number, SIG_DFL);
}

// Standard output is the command's.
void say(const std::string& line) {
  fmt::print(stderr, "tcpspec stack: {}\n", line);
}

std::expected<host::StackOptions, std::string> read(const StackWords& words) {
  host::StackOptions options;
  options.network.interface = words.tun;
  // For trying what happens where the device is missing.
  if (const char* device = std::getenv("TCPSPEC_TUN_DEVICE")) options.network.device = device;
  if (words.tun.empty() || words.tun.size() > 15 || words.tun.find_first_of("/% \t") != std::string::npos)
    return std::unexpected(fmt::format("--tun {}: an interface has a name of 1 to 15 characters", words.tun));
  using packet::Family;
  for (const auto& [option, text, family] :
       {std::tuple{"--address", words.address, Family::ipv4}, std::tuple{"--address6", words.address6, Family::ipv6}}) {
    const auto address = host::parse_network_address(text);
    if (!address || address->address.family != family)
      return std::unexpected(
          fmt::format("{} {}: say it as {}", option, text, family == Family::ipv4 ? "10.0.0.2/24" : "fd00::2/64"));
    options.network.stack.push_back(*address);
  }
  options.network.mtu = static_cast<std::uint16_t>(words.mtu);
  auto services = host::parse_services(words.serve);
  if (!services) return std::unexpected("--serve: " + services.error());
  options.services = std::move(*services);
  const auto odds = host::parse_odds(words.impair);
  if (!odds) return std::unexpected("--impair: " + odds.error());
  options.odds = *odds;
  options.seed = words.seed ? *words.seed : std::random_device{}();
  if (words.lifetime_ms) options.lifetime = std::chrono::milliseconds(*words.lifetime_ms);
  if (words.own_namespace) options.place = host::StackOptions::Place::own_namespace;
  options.command = words.command;
  return options;
}

int stack(const StackWords& words) {
  const auto options = read(words);
  if (!options) {
    say(options.error());
    return kUsage;
  }
  std::signal(SIGTERM, on_signal);
  // With a command it is as with a shell: the command gets Ctrl-C too, and decides. (A handler
  // that does nothing, since the command would inherit that a signal is ignored.)
  std::signal(
      SIGINT, options->command.empty() ? on_signal : [](int) {});
  const auto ending = host::run_stack(
      *options, [] { return g_interrupt.load() != 0; }, say);
  if (!ending) {
    const auto& [what, hint] = ending.error();
    say(hint.empty() ? what : fmt::format("{}: {}", what, hint));
    return kEnvironment;
  }
  if (ending->exit_code) return *ending->exit_code;
  return ending->kind == host::StackEnding::Kind::interrupted ? kInterrupted : kAsExpected;
}

}  // namespace

Action add_stack(CLI::App& app) {
  auto* command = app.add_subcommand("stack", "Run the reference stack as a host that real programs can talk to");
  auto words = std::make_shared<StackWords>();
  command->add_option("--tun", words->tun, "The TUN interface: made anew and brought up, or attached to as it is")
      ->capture_default_str();
  command
      ->add_option("--address", words->address,
                   "The stack's IPv4 address and its network; the kernel takes the first address of it")
      ->capture_default_str();
  command->add_option("--address6", words->address6, "The same for IPv6")->capture_default_str();
  command->add_option("--mtu", words->mtu, "Of the interface, in octets")
      ->check(CLI::Range(1280, 65'535))
      ->capture_default_str();
  command->add_option("--serve", words->serve, "Services and their ports")->capture_default_str();
  command->add_option(
      "--impair", words->impair,
      "What the wire does to datagrams, each way: drop=1%,duplicate=1%,reorder=1%,corrupt=1%,delay=0..20ms");
  command->add_option("--seed", words->seed,
                      "Of the impairments and of the stack's secret; random if not given, and always printed");
  command
      ->add_option("--for", words->lifetime_ms,
                   "End after so long, as 60s (without it: at a signal, or with the command)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::uint64_t>{{"ms", 1}, {"s", 1000}, {"min", 60'000}},
                                        CLI::AsNumberWithUnit::UNIT_REQUIRED, "DURATION"));
  command->add_flag("--netns", words->own_namespace,
                    "In a network namespace of its own, which needs no root where user namespaces are allowed");
  command->add_option("command", words->command, "Behind --: a program to run beside the stack, in the same namespace");
  command->footer(
      "/octets/N of the http service is N octets. What `stack` has to say goes to standard error.\n"
      "Exit code: the command's; without one 0 after --for, and 130 after Ctrl-C; 2 for wrong usage, 4 where\n"
      "no TUN device or no namespace is to be had, and 127 for a command that is not there.\n"
      "Example: tcpspec stack --netns -- curl -s http://10.0.0.2/octets/1000000");
  return [command, words] { return command->parsed() ? stack(*words) : -1; };
}

}  // namespace tcpspec::cli
