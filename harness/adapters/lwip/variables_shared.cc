// The variables of lwIP where it is a shared library: what of it can be written once it is loaded.
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "adapters/lwip/memory.hh"

extern "C" {
#include <lwip/priv/tcp_priv.h>
}

namespace tcpspec::lwip {
namespace {

struct Search {
  std::uintptr_t inside;  // an address in the library
  std::vector<std::span<std::byte>> found;
};

std::span<const ElfW(Phdr)> segments_of(const dl_phdr_info& library) {
  return {library.dlpi_phdr, library.dlpi_phnum};
}

bool holds(const dl_phdr_info& library, std::uintptr_t address) {
  return std::ranges::any_of(segments_of(library), [&](const ElfW(Phdr) & segment) {
    const auto begin = library.dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && address >= begin && address < begin + segment.p_memsz;
  });
}

// Where the part ends that the loader has made read-only after relocation; it is whole pages.
std::uintptr_t end_of_read_only(const dl_phdr_info& library) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const auto& segment : segments_of(library))
    if (segment.p_type == PT_GNU_RELRO) return (library.dlpi_addr + segment.p_vaddr + segment.p_memsz) / page * page;
  return 0;
}

int look_at(dl_phdr_info* library, std::size_t /*size*/, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (!holds(*library, search.inside)) return 0;
  for (const auto& segment : segments_of(*library)) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0) continue;
    const auto begin = std::max(library->dlpi_addr + segment.p_vaddr, end_of_read_only(*library));
    const auto end = library->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    if (begin < end) search.found.emplace_back(reinterpret_cast<std::byte*>(begin), end - begin);
  }
  return 1;
}

}  // namespace

std::vector<std::span<std::byte>> lwip_variables() {
  Search search{reinterpret_cast<std::uintptr_t>(&tcp_ticks), {}};
  dl_iterate_phdr(look_at, &search);
  return search.found;
}

}  // namespace tcpspec::lwip
