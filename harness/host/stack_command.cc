#include "host/stack_command.hh"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "host/child.hh"
#include "host/host.hh"
#include "host/loop.hh"

namespace tcpspec::host {
namespace {

using target::EnvironmentError;

reference::Settings settings_of(const StackOptions& options) {
  reference::Settings settings;
  settings.mtu = options.network.mtu;
  settings.seed = options.seed;
  for (const auto& [address, length] : options.network.stack)
    (address.family == packet::Family::ipv4 ? settings.ipv4 : settings.ipv6) = address;
  return settings;
}

struct Wire {
  std::optional<target::Namespace> space;
  std::unique_ptr<target::Link> link;
};

std::expected<Wire, EnvironmentError> open_wire(const StackOptions& options) {
  if (options.place == StackOptions::Place::here) {
    auto link = open_network(options.network);
    if (!link)
      return std::unexpected(EnvironmentError{
          .what = link.error().what,
          .hint = "run as root, or with --netns, which needs neither root nor the device where user namespaces are "
                  "allowed (`tcpspec doctor` tells)"});
    return Wire{std::nullopt, std::move(*link)};
  }
  if (const auto privilege = target::acquire_privilege(); !privilege) return std::unexpected(privilege.error());
  auto network = open_private_network(options.network);
  if (!network) return std::unexpected(network.error());
  return Wire{std::move(network->space), std::move(network->link)};
}

std::string introduction(const StackOptions& options, const target::Link& link) {
  std::string text;
  for (const auto& stack : options.network.stack)
    text += fmt::format("{}{}", text.empty() ? "" : " and ", to_string(stack.address));
  text += fmt::format(" on {}, serves", link.interface());
  for (const auto& service : options.services) text += fmt::format(" {}:{}", service.name, service.port);
  if (options.services.empty()) text += " nothing";
  return text + fmt::format("; seed {}", options.seed);
}

std::string conclusion(const Host::Statistics& statistics, const Odds& odds) {
  auto text = fmt::format(
      "{} connections accepted, {} octets received, {} sent; {} datagrams in, {} out, {} of them "
      "retransmissions; {} sockets left",
      statistics.accepted, statistics.traffic.received, statistics.traffic.sent, statistics.stack.datagrams_in,
      statistics.stack.datagrams_out, statistics.stack.retransmissions, statistics.stack.sockets);
  if (odds == Odds{}) return text;
  const auto both = [&](std::uint64_t Impairment::Counters::*which) {
    return statistics.in.*which + statistics.out.*which;
  };
  using Counters = Impairment::Counters;
  return text + fmt::format("; on the wire {} dropped, {} duplicated, {} reordered, {} corrupted",
                            both(&Counters::dropped), both(&Counters::duplicated), both(&Counters::reordered),
                            both(&Counters::corrupted));
}

}  // namespace

std::expected<StackEnding, EnvironmentError> run_stack(const StackOptions& options,
                                                       const std::function<bool()>& interrupted,
                                                       const std::function<void(const std::string&)>& say) {
  auto wire = open_wire(options);
  if (!wire) return std::unexpected(wire.error());
  Host host(settings_of(options), {.odds = options.odds, .seed = options.seed});
  for (const auto& service : options.services)
    if (const auto served = host.serve(service.port, service.begin); !served)
      return std::unexpected(EnvironmentError{
          .what = fmt::format("{}:{}: {}", service.name, service.port, to_string(served.error())), .hint = ""});
  auto loop = Loop::open(host, *wire->link);
  if (!loop) return std::unexpected(loop.error());
  say(introduction(options, *wire->link));

  std::optional<Child> child;
  if (!options.command.empty()) {
    auto started = Child::start(options.command);
    if (!started) return std::unexpected(started.error());
    child.emplace(std::move(*started));
    if (auto done = loop->watch(child->descriptor()); !done) return std::unexpected(done.error());
  }
  std::optional<Instant> until;
  if (options.lifetime) until = target::monotonic_now() + *options.lifetime;
  Loop::Ending ending{};
  do ending = loop->run(interrupted, until);
  while (ending == Loop::Ending::interrupted && !interrupted());

  say(conclusion(host.statistics(), options.odds));
  StackEnding result;
  if (ending == Loop::Ending::readable) result.exit_code = child->wait();
  if (ending == Loop::Ending::done || ending == Loop::Ending::interrupted) result.kind = StackEnding::Kind::interrupted;
  return result;
}

}  // namespace tcpspec::host
