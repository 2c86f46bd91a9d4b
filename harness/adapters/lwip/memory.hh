#pragma once
// lwIP never frees its globals and cannot be started twice. So all that it ever writes to is
// ours: its heap is an arena here, and its variables are known by their place. Both can be put
// back as they were, which makes a stack as new in less than a microsecond.

#include <cstddef>
#include <span>
#include <vector>

namespace tcpspec::lwip {

// Null where there is no room left. Under AddressSanitizer what lies around it may not be touched.
[[nodiscard]] void* allocate(std::size_t octets);
void release(void* memory);
// Ends the process where lwIP has written behind the end of what it was given.
void check_memory();

// Keeps what lwIP's memory holds now, heap and variables; to be called once.
void remember_memory();
void restore_memory();

// Where lwIP's variables are. Defined in variables_shared.cc or variables_linked.cc.
[[nodiscard]] std::vector<std::span<std::byte>> lwip_variables();

}  // namespace tcpspec::lwip
