// main() of an adapter that is linked into a program of its own.

#include "program/serve.hh"

int main() {
  constexpr int channel = 3;  // adapter_messages.h
  return tcpspec::adapter::serve(*tcpspec_get_adapter(), channel);
}
