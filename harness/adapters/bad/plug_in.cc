// Adapters that do what a stack under test may do to its tester. Each is the reference stack but
// for one fault, which the parameter `fault` names, and which segments with the urgent pointer
// 0xbad call forth; all other tests must not notice. With `urgent-` before the fault's name any urgent
// pointer does, so that chance finds it.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "reference_adapter/adapter.hh"

namespace {

tcpspec_host host;
std::string_view fault;
bool any_urgent = false;
bool restless = false;  // the clock: something is to be done at once, for ever

bool calls_fault_forth(const std::uint8_t* datagram, std::size_t octets) {
  constexpr std::size_t urgent_pointer = 20 + 18;
  if (octets < urgent_pointer + 2 || datagram[0] >> 4 != 4) return false;
  const auto pointer = datagram[urgent_pointer] << 8 | datagram[urgent_pointer + 1];
  return any_urgent ? pointer != 0 : pointer == 0xbad;
}

[[noreturn]] void hang() {
  for (volatile bool forever = true; forever;) {
  }
  std::abort();
}

int input(tcpspec_stack* stack, const std::uint8_t* datagram, std::size_t octets) {
  const auto& sound = tcpspec::adapter::reference_adapter();
  if (!calls_fault_forth(datagram, octets)) return sound.input(stack, datagram, octets);
  if (fault == "crash") {
    std::fputs("stack: assertion `urg == 0' failed\n", stderr);
    std::fflush(stderr);
    std::abort();
  }
  if (fault == "exit") std::exit(0);
  if (fault == "hang") hang();
  if (fault == "flood") {
    // Its own segment, there and back: a million times, or just beyond what a fuzzer bears, who asks often.
    const int times = any_urgent ? 25'000 : 1'000'000;
    for (int i = 0; i < times; ++i) host.packet_out(host.context, datagram, octets);
  }
  if (fault == "restless") restless = true;
  return sound.input(stack, datagram, octets);
}

std::int64_t deadline(tcpspec_stack* stack) {
  const auto due = tcpspec::adapter::reference_adapter().deadline(stack);
  constexpr std::int64_t third_of_a_second = 333'333'333;
  if (restless) return 0;
  if (fault == "no-clock") return -1;
  return due >= 0 && fault == "late" ? due + third_of_a_second : due;
}

int advance(tcpspec_stack* stack, std::uint64_t now) {
  return fault == "no-clock" ? TCPSPEC_OK : tcpspec::adapter::reference_adapter().advance(stack, now);
}

int set_option(tcpspec_stack* stack, tcpspec_socket socket, const char* name, std::int64_t value) {
  if (fault == "boast" && std::string_view(name) == "SO_KEEPALIVE") return TCPSPEC_OK;
  if (fault == "wrong-error") return TCPSPEC_NOT_CONNECTED;
  return tcpspec::adapter::reference_adapter().set_option(stack, socket, name, value);
}

int create(const tcpspec_config* config, const tcpspec_host* theirs, tcpspec_stack** stack) {
  host = *theirs;
  restless = false;
  constexpr std::string_view key = "fault=";
  static char kept[64];
  std::snprintf(kept, sizeof kept, "%s",
                std::strncmp(config->params, key.data(), key.size()) == 0 ? config->params + key.size() : "");
  fault = kept;
  constexpr std::string_view urgent = "urgent-";
  any_urgent = fault.starts_with(urgent);
  if (any_urgent) fault.remove_prefix(urgent.size());
  if (fault == "no-stack") return TCPSPEC_NO_RESOURCES;
  static std::uint64_t stacks = 0;
  auto own = *config;
  own.params = "";  // the fault, which means nothing to the stack
  if (fault == "memory") own.seed += ++stacks;
  if (fault == "chance") own.seed += static_cast<std::uint64_t>(getpid());
  return tcpspec::adapter::reference_adapter().create(&own, theirs, stack);
}

}  // namespace

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  static const tcpspec_adapter bad = [] {
    auto table = tcpspec::adapter::reference_adapter();
    table.name = "bad";
    table.create = create;
    table.input = input;
    table.deadline = deadline;
    table.advance = advance;
    table.set_option = set_option;
    return table;
  }();
  return &bad;
}
