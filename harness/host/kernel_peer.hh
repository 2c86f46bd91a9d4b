#pragma once
// The other end in the tests: blocking sockets of this machine's kernel, in threads of
// their own. What goes wrong is thrown.

#include <cstdint>
#include <string>

#include "packet/address.hh"
#include "target/linux/descriptor.hh"

namespace tcpspec::host::test {

using packet::Endpoint;
using target::Descriptor;

[[nodiscard]] Descriptor connect_to(const Endpoint& server);
// On every address of the family.
[[nodiscard]] Descriptor listen_on(packet::Family family, std::uint16_t port);
[[nodiscard]] Descriptor accept_from(const Descriptor& listener);

// The pattern from position 0 on, and then a FIN.
void send_pattern(const Descriptor& socket, std::uint64_t octets);
// Exactly so much of the pattern, and then end of file.
void check_pattern(const Descriptor& socket, std::uint64_t octets);
// Both at once, of the same length or not.
void exchange_pattern(const Descriptor& socket, std::uint64_t send, std::uint64_t expect);

void send_text(const Descriptor& socket, const std::string& text);
// Up to and with `end`.
[[nodiscard]] std::string receive_text(const Descriptor& socket, const std::string& end);

}  // namespace tcpspec::host::test
