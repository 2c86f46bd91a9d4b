#pragma once
// What lwIP asks of the system that it runs on.

#include <cstdint>

namespace tcpspec::lwip {

// The clock that lwIP reads, in milliseconds since its start.
void set_clock(std::uint64_t milliseconds);

// What lwIP has left to a thread that does not exist here: datagrams to its own address.
void run_deferred();

}  // namespace tcpspec::lwip
