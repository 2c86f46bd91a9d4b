#include "bench/bulk.hh"

#include "bench/cpu_watch.hh"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>

namespace tcpspec::bench {
namespace {

// A prime: no length of a segment, a buffer or a window divides it.
constexpr std::size_t kPeriod = 65'521;
constexpr int kMostIdleTurns = 1000;

}  // namespace

Pattern::Pattern() : octets_(kPeriod + kMost) {
  std::minstd_rand random;
  std::generate_n(octets_.begin(), kPeriod, [&] { return static_cast<std::byte>(random() >> 8); });
  for (std::size_t i = kPeriod; i < octets_.size(); ++i) octets_[i] = octets_[i - kPeriod];
}

packet::BytesView Pattern::at(std::uint64_t position, std::size_t count) const {
  return packet::BytesView(octets_).subspan(position % kPeriod, std::min(count, kMost));
}

void Pattern::check(std::uint64_t position, packet::BytesView octets, std::string_view whose) const {
  if (std::memcmp(at(position, octets.size()).data(), octets.data(), octets.size()) != 0)
    throw std::runtime_error(std::string(whose) + " delivered other octets than were sent");
}

double megabytes_per_second(Transfer& transfer, packet::Duration duration) {
  const CpuWatch watch;
  std::uint64_t octets = 0;
  while (watch.elapsed() < duration) {
    const std::uint64_t before = octets;
    for (int i = 0; i < kMostIdleTurns && octets - before < Pattern::kMost * 16; ++i) octets += transfer.turn();
    if (octets == before) throw std::runtime_error("a bulk transfer does not go on");
  }
  return watch.per_second(static_cast<double>(octets)) / 1e6;
}

}  // namespace tcpspec::bench
