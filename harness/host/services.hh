#pragma once
// The small services of old, by their names: echo (RFC 862), discard (RFC 863), chargen
// (RFC 864; of our own pattern, so that it can be checked), and http.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "host/session.hh"

namespace tcpspec::host {

struct Service {
  std::string name;
  std::uint16_t port = 0;
  SessionFactory begin;
};

// "echo:7,http:80"; else what is wrong with it.
[[nodiscard]] std::expected<std::vector<Service>, std::string> parse_services(std::string_view text);

[[nodiscard]] std::unique_ptr<Session> make_echo();
[[nodiscard]] std::unique_ptr<Session> make_discard();
[[nodiscard]] std::unique_ptr<Session> make_chargen();

}  // namespace tcpspec::host
