// Programs that are no adapters, or bad ones: `bad-program FAULT`. What is no fault of the
// channel is served by the reference stack.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "program/serve.hh"
#include "reference_adapter/adapter.hh"

namespace {

constexpr int channel = 3;

void say(std::initializer_list<unsigned char> octets) {
  const std::vector<unsigned char> all(octets);
  if (write(channel, all.data(), all.size()) < 0) std::exit(3);
}

void await_request() {
  std::array<char, 4096> request{};
  if (read(channel, request.data(), request.size()) <= 0) std::exit(0);
}

// An honest hello, then this at the first stack.
tcpspec_adapter sabotaged;
std::string_view fault;

int create(const tcpspec_config*, const tcpspec_host*, tcpspec_stack**) {
  if (fault == "garbage") say({0, 0, 0, 3, 'w', 'a', 't'});
  if (fault == "huge") say({0xff, 0xff, 0xff, 0xff, 0});
  if (fault == "unknown-item") say({0, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77, 0, 0, 0, 1, 5});
  if (fault == "close-channel") {
    shutdown(channel, SHUT_RDWR);
    pause();
  }
  if (fault == "drip") {
    // Never a whole message, and never silent for long.
    say({0, 0, 1, 0});
    for (;;) {
      say({0});
      usleep(20'000);
    }
  }
  await_request();
  return TCPSPEC_FAILED;
}

}  // namespace

int main(int argc, char** argv) {
  fault = argc > 1 ? argv[1] : "";
  if (fault == "exit-at-once") {
    std::fputs("no license for today\n", stderr);
    return 7;
  }
  if (fault == "babble") {
    say({'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '4', '0', '0', '\r', '\n'});
    pause();
  }
  sabotaged = tcpspec::adapter::reference_adapter();
  if (!fault.empty()) sabotaged.create = create;
  return tcpspec::adapter::serve(sabotaged, channel);
}
