#include "adapters/lwip/port.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "adapters/lwip/memory.hh"

extern "C" {
#include <lwip/mem.h>
#include <lwip/sys.h>
#include <lwip/tcpip.h>
}

namespace tcpspec::lwip {
namespace {

u32_t clock_now = 0;
#if !NO_SYS
std::vector<std::pair<tcpip_callback_fn, void*>> deferred;
#endif

}  // namespace

void set_clock(std::uint64_t milliseconds) {
  clock_now = static_cast<u32_t>(milliseconds);
}

void run_deferred() {
#if !NO_SYS
  while (!deferred.empty())
    for (const auto& [function, argument] : std::exchange(deferred, {})) function(argument);
#endif
}

}  // namespace tcpspec::lwip

extern "C" {

u32_t sys_now() {
  return tcpspec::lwip::clock_now;
}

#if NO_SYS

// Named in arch/cc.h.
void* tcpspec_lwip_malloc(size_t octets) {
  return tcpspec::lwip::allocate(octets);
}
void* tcpspec_lwip_calloc(size_t count, size_t octets) {
  void* memory = tcpspec::lwip::allocate(count * octets);
  return memory != nullptr ? std::memset(memory, 0, count * octets) : nullptr;
}
void tcpspec_lwip_free(void* memory) {
  tcpspec::lwip::release(memory);
}
// As lwIP's own does it, but where the other words of a death are.
void tcpspec_lwip_assertion_failed(const char* words, int line, const char* file) {
  std::fprintf(stderr, "%s:%d: assertion \"%s\" failed\n", file, line, words);
  std::abort();
}

#else

// The library has all of these; as whoever loads it comes first, it calls ours in their stead.
void* mem_malloc(mem_size_t octets) {
  return tcpspec::lwip::allocate(octets);
}
void* mem_calloc(mem_size_t count, mem_size_t octets) {
  void* memory = tcpspec::lwip::allocate(count * octets);
  return memory != nullptr ? std::memset(memory, 0, count * octets) : nullptr;
}
void mem_free(void* memory) {
  tcpspec::lwip::release(memory);
}
void* mem_trim(void* memory, mem_size_t /*octets*/) {
  return memory;
}
u32_t sys_jiffies() {
  return tcpspec::lwip::clock_now;
}
err_t tcpip_try_callback(tcpip_callback_fn function, void* argument) {
  tcpspec::lwip::deferred.emplace_back(function, argument);
  return ERR_OK;
}

#endif
}
