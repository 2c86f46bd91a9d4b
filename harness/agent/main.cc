// tcpspec-agent: makes an application's calls beside a TCP that is tested on the wire, as a tester
// asks over the control connection (harness/target/adapter_messages.h). It needs nothing but
// sockets, and no privilege. Whoever can reach it can make this machine listen and connect: it
// belongs on a network of its own.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "agent/session.hh"

namespace tcpspec::agent {
namespace {

constexpr auto usage =
    "usage: tcpspec-agent --listen ADDRESS:PORT\n"
    "  makes an application's calls beside a TCP under test, as tcpspec asks over this connection\n"
    "  example: tcpspec-agent --listen 10.8.0.2:7777, or [fd08::2]:7777\n";
constexpr int wrong_usage = 2;
constexpr int no_environment = 4;

struct Place {
  sockaddr_storage name{};
  socklen_t size = 0;
};

std::optional<Place> parse_place(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.begin(), port_text.end(), port);
  if (error != std::errc{} || end != port_text.end()) return std::nullopt;
  auto address = std::string(text.substr(0, colon));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  Place place;
  auto& v4 = reinterpret_cast<sockaddr_in&>(place.name);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(place.name);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    place.size = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    place.size = sizeof v6;
  } else {
    return std::nullopt;
  }
  return place;
}

void set(const Descriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof value);
}

// A tester that is gone without a word must not keep the next one away for hours.
void watch_for_silence(const Descriptor& control) {
  set(control, SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined TCP_KEEPIDLE && defined TCP_KEEPINTVL && defined TCP_KEEPCNT
  set(control, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(control, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(control, IPPROTO_TCP, TCP_KEEPCNT, 4);
#endif
}

// Hundreds of tests at once have several sockets each.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int fail(const char* what) {
  std::fprintf(stderr, "tcpspec-agent: %s: %s\n", what, std::strerror(errno));
  return no_environment;
}

int serve(const Place& place, std::string_view words) {
  const Descriptor listener{socket(place.name.ss_family, SOCK_STREAM, 0)};
  if (!listener) return fail("socket");
  set(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&place.name), place.size) != 0) return fail("bind");
  if (listen(listener.get(), 4) != 0) return fail("listen");
  std::printf("listening on %.*s\n", static_cast<int>(words.size()), words.data());
  for (;;) {
    Descriptor control{accept(listener.get(), nullptr, nullptr)};
    if (!control && errno != EINTR && errno != ECONNABORTED) return fail("accept");
    if (!control) continue;
    set(control, IPPROTO_TCP, TCP_NODELAY, 1);
    watch_for_silence(control);
    std::puts("a tester has come");
    Session(std::move(control)).run(listener.get());
    std::puts("the tester has gone");
  }
}

int run(int count, char** words) {
  // Whoever reads our words wants each line at once.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const bool listens = count == 3 && std::string_view(words[1]) == "--listen";
  const auto place = listens ? parse_place(words[2]) : std::nullopt;
  if (!place) {
    std::fputs(usage, stderr);
    return wrong_usage;
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return serve(*place, words[2]);
}

}  // namespace
}  // namespace tcpspec::agent

int main(int count, char** words) {
  return tcpspec::agent::run(count, words);
}
