#include "adapters/slirp/address_rewriting.hh"

#include <array>
#include <cstddef>
#include <cstring>

namespace tcpspec::slirp {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t ip_checksum = 10;
constexpr std::size_t ip_source = 12;
constexpr std::size_t ip_destination = 16;
constexpr std::size_t tcp_checksum = 16;
constexpr std::size_t tcp_source = 0;
constexpr std::size_t tcp_destination = 2;

std::uint16_t word_at(Octets octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}
void set_word(std::span<std::uint8_t> octets, std::size_t at, std::uint16_t value) {
  octets[at] = static_cast<std::uint8_t>(value >> 8);
  octets[at + 1] = static_cast<std::uint8_t>(value);
}
std::size_t header_size(Octets datagram) {
  return std::size_t{4} * (datagram[0] & 0x0f);
}

Endpoint endpoint_at(Octets datagram, std::size_t address_at, std::size_t port_at) {
  Endpoint endpoint;
  std::memcpy(&endpoint.address, datagram.data() + address_at, sizeof endpoint.address);
  endpoint.port = word_at(datagram, header_size(datagram) + port_at);
  return endpoint;
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
void adjust(std::span<std::uint8_t> datagram, std::size_t checksum_at, std::uint16_t from, std::uint16_t to) {
  std::uint32_t sum = static_cast<std::uint16_t>(~word_at(datagram, checksum_at));
  sum += static_cast<std::uint16_t>(~from);
  sum += to;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  set_word(datagram, checksum_at, static_cast<std::uint16_t>(~sum));
}

// The addresses count in both checksums (RFC 9293 section 3.1: the pseudo-header).
void replace(std::span<std::uint8_t> datagram, std::size_t address_at, std::size_t port_at, const Endpoint& endpoint) {
  const auto tcp = header_size(datagram);
  std::array<std::uint8_t, 4> address{};
  std::memcpy(address.data(), &endpoint.address, address.size());
  for (const std::size_t half : {0, 2}) {
    const auto from = word_at(datagram, address_at + half);
    const auto to = word_at(address, half);
    adjust(datagram, ip_checksum, from, to);
    adjust(datagram, tcp + tcp_checksum, from, to);
    set_word(datagram, address_at + half, to);
  }
  adjust(datagram, tcp + tcp_checksum, word_at(datagram, tcp + port_at), endpoint.port);
  set_word(datagram, tcp + port_at, endpoint.port);
}

}  // namespace

std::optional<Endpoints> tcp_endpoints(Octets datagram) {
  constexpr std::size_t least_ip_header = 20;
  constexpr std::size_t up_to_checksum = 18;
  constexpr std::uint8_t tcp = 6;
  if (datagram.size() < least_ip_header || datagram[0] >> 4 != 4 || datagram[9] != tcp) return std::nullopt;
  if (header_size(datagram) < least_ip_header) return std::nullopt;
  if (datagram.size() < header_size(datagram) + up_to_checksum) return std::nullopt;
  constexpr std::uint16_t fragment_offset = 0x1fff;
  if ((word_at(datagram, 6) & fragment_offset) != 0) return std::nullopt;
  return Endpoints{endpoint_at(datagram, ip_source, tcp_source),
                   endpoint_at(datagram, ip_destination, tcp_destination)};
}

void replace_source(std::span<std::uint8_t> datagram, const Endpoint& source) {
  replace(datagram, ip_source, tcp_source, source);
}

void replace_destination(std::span<std::uint8_t> datagram, const Endpoint& destination) {
  replace(datagram, ip_destination, tcp_destination, destination);
}

}  // namespace tcpspec::slirp
