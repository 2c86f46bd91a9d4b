#include "reference/initial_sequence_number.hh"

#include <algorithm>
#include <array>
#include <boost/uuid/name_generator_md5.hpp>
#include <chrono>
#include <ratio>
#include <span>

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

// Octets in a row, of which there is a fixed number.
template <std::size_t most>
class Name {
 public:
  template <class Integer>
  void write(Integer value) {
    for (std::size_t octet = 0; octet < sizeof value; ++octet)
      octets_[size_++] = static_cast<std::uint8_t>(value >> 8 * octet);
  }
  void write(const packet::Endpoint& endpoint) {
    write(static_cast<std::uint8_t>(endpoint.address.family));
    for (const auto octet : endpoint.address.bytes) octets_[size_++] = octet;
    write(endpoint.port);
  }
  [[nodiscard]] std::span<const std::uint8_t> octets() const { return std::span(octets_).first(size_); }

 private:
  std::array<std::uint8_t, most> octets_{};
  std::size_t size_ = 0;
};

}  // namespace

SecretFunction::SecretFunction(std::uint64_t seed) {
  Name<decltype(key_)::static_size()> key;
  key.write(spread(seed));
  key.write(spread(~seed));
  std::ranges::copy(key.octets(), key_.begin());
}

std::uint32_t SecretFunction::operator()(const packet::Endpoint& local, const packet::Endpoint& remote,
                                         Purpose purpose) const {
  // RFC 6528 section 3: F is MD5 over the key and the ends. A name-based UUID (RFC 4122
  // section 4.3) is MD5 over a namespace of 16 octets and a name: the key is that namespace.
  // All parts have a fixed length, so that no two pairs of ends are written alike.
  Name<sizeof purpose + 2 * sizeof local> name;
  name.write(static_cast<std::uint8_t>(purpose));
  name.write(local);
  name.write(remote);
  const auto octets = name.octets();
  const boost::uuids::uuid digest = boost::uuids::name_generator_md5(key_)(octets.data(), octets.size());

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
