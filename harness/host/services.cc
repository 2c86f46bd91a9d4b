#include "host/services.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "host/http_server.hh"
#include "host/pattern.hh"

namespace tcpspec::host {
namespace {

using reference::Error;

constexpr std::size_t piece_octets = 64 * 1024;

// What comes goes back. What could not go back waits, and nothing more is read meanwhile:
// the windows hold whoever sends faster than he reads.
class Echo final : public Session {
 public:
  Next proceed(Channel& channel) override {
    for (;;) {
      if (sent_ < held_) {
        const auto taken = channel.send(BytesView(piece_).subspan(sent_, held_ - sent_));
        if (!taken) return taken.error() == Error::would_block ? Next::wait : Next::close;
        sent_ += *taken;
        continue;
      }
      const auto got = channel.receive(piece_);
      if (!got) return got.error() == Error::would_block ? Next::wait : Next::close;
      if (*got == 0) return Next::close;
      held_ = *got;
      sent_ = 0;
    }
  }

 private:
  Bytes piece_ = Bytes(4096);
  std::size_t held_ = 0, sent_ = 0;
};

class Discard final : public Session {
 public:
  Next proceed(Channel& channel) override {
    std::array<std::byte, piece_octets> piece;
    for (;;) {
      const auto got = channel.receive(piece);
      if (!got) return got.error() == Error::would_block ? Next::wait : Next::close;
      if (*got == 0) return Next::close;
    }
  }
};

// The pattern, until the peer has enough; what it sends is thrown away (RFC 864).
class Chargen final : public Session {
 public:
  Next proceed(Channel& channel) override {
    std::array<std::byte, piece_octets> piece;
    for (;;) {
      const auto got = channel.receive(piece);
      if (!got && got.error() == Error::would_block) break;
      if (!got || *got == 0) return Next::close;
    }
    for (;;) {
      const auto taken = channel.send(source_.at(position_));
      if (!taken) return taken.error() == Error::would_block ? Next::wait : Next::close;
      position_ += *taken;
    }
  }

 private:
  PatternSource source_;
  std::uint64_t position_ = 0;
};

struct Known {
  std::string_view name;
  std::unique_ptr<Session> (*begin)();
};
constexpr std::array<Known, 4> known_services = {
    {{"echo", make_echo}, {"discard", make_discard}, {"chargen", make_chargen}, {"http", make_http_server}}};

}  // namespace

std::unique_ptr<Session> make_echo() {
  return std::make_unique<Echo>();
}
std::unique_ptr<Session> make_discard() {
  return std::make_unique<Discard>();
}
std::unique_ptr<Session> make_chargen() {
  return std::make_unique<Chargen>();
}

std::expected<std::vector<Service>, std::string> parse_services(std::string_view text) {
  std::vector<Service> services;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(','));
    const auto colon = std::min(word.find(':'), word.size());
    const auto name = word.substr(0, colon);
    const auto digits = word.substr(std::min(colon + 1, word.size()));
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const auto* known = std::ranges::find(known_services, name, &Known::name);
    if (known == known_services.end() || error != std::errc() || end != digits.data() + digits.size() || port == 0)
      return std::unexpected(
          fmt::format("\"{}\" is no service: echo:7, discard:9, chargen:19, http:80, joined by commas", word));
    if (std::ranges::find(services, port, &Service::port) != services.end())
      return std::unexpected(fmt::format("port {} is served twice", port));
    services.push_back({std::string(name), port, known->begin});
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return services;
}

}  // namespace tcpspec::host
