#include "reference/initial_sequence_number.hh"

#include <algorithm>
#include <boost/uuid/name_generator_md5.hpp>
#include <chrono>
#include <ratio>
#include <vector>

#include "reference/mutants.hh"

namespace tcpspec::reference {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): spreads a seed that may be as small as 1 over all bits of a key.
std::uint64_t spread(std::uint64_t seed) {
  seed += 0x9e3779b97f4a7c15;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
  return seed ^ (seed >> 31);
}

template <class Integer>
void write(std::vector<std::uint8_t>& name, Integer value) {
  for (std::size_t octet = 0; octet < sizeof value; ++octet)
    name.push_back(static_cast<std::uint8_t>(value >> 8 * octet));
}

void write(std::vector<std::uint8_t>& name, const packet::Endpoint& endpoint) {
  write(name, static_cast<std::uint8_t>(endpoint.address.family));
  name.insert(name.end(), endpoint.address.bytes.begin(), endpoint.address.bytes.end());
  write(name, endpoint.port);
}

}  // namespace

SecretFunction::SecretFunction(std::uint64_t seed) {
  std::vector<std::uint8_t> key;
  key.reserve(key_.size());
  write(key, spread(seed));
  write(key, spread(~seed));
  std::ranges::copy(key, key_.begin());
}

std::uint32_t SecretFunction::operator()(const packet::Endpoint& local, const packet::Endpoint& remote,
                                         Purpose purpose) const {
  // RFC 6528 section 3: F is MD5 over the key and the ends. A name-based UUID (RFC 4122
  // section 4.3) is MD5 over a namespace of 16 octets and a name: the key is that namespace.
  // All parts have a fixed length, so that no two pairs of ends are written alike.
  std::vector<std::uint8_t> name;
  name.reserve(sizeof purpose + 2 * sizeof local);
  write(name, static_cast<std::uint8_t>(purpose));
  write(name, local);
  write(name, remote);
  const boost::uuids::uuid digest = boost::uuids::name_generator_md5(key_)(name.data(), name.size());

  // The first four octets: version and variant are written over parts of the seventh and ninth only.
  std::uint32_t result = 0;
  for (std::size_t octet = 0; octet < sizeof result; ++octet) result = result << 8 | digest.data[octet];
  return result;
}

packet::Seq32 SecretFunction::initial_sequence_number(const packet::Endpoint& local, const packet::Endpoint& remote,
                                                      packet::Instant now) const {
  // RFC 9293 section 3.4.1: M counts in about 4 microseconds, modulo 2^32.
  using Tick = std::chrono::duration<std::int64_t, std::ratio<4, 1'000'000>>;
  const auto m = static_cast<std::uint32_t>(std::chrono::floor<Tick>(now.time_since_epoch()).count());
  if (MUTANT(iss_without_secret)) return packet::Seq32(m);
  return packet::Seq32(m + (*this)(local, remote, Purpose::sequence));
}

}  // namespace tcpspec::reference
