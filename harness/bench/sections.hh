#pragma once
// What the bench prints, part by part. Within a part everything that is compared is measured
// in turn, round after round, so that a drift of the machine's speed meets all of it.

namespace tcpspec::bench {

// Over a TUN: the engine beside the raw limit. 0, or 4 where the kernel cannot be tested here.
[[nodiscard]] int measure_kernel(int rounds);
// Over a TUN: the fuzzer beside a loop that writes its datagrams and reads what comes.
[[nodiscard]] int measure_fuzz(int rounds);

// In this process, on virtual clocks, where nothing ever waits: per second of CPU time, as
// other work on the machine is none of theirs. The reference stack beside lwIP.
void measure_conversations(int rounds);
void measure_bulk(int rounds);
// Beside nothing but the goal.
void measure_suites(int rounds);

}  // namespace tcpspec::bench
