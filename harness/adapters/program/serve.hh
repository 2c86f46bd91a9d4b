#pragma once
// An adapter as a program: answers the messages of adapter_messages.h by calling the functions
// of adapter.h.

#include "target/adapter.h"

namespace tcpspec::adapter {

// Until the other end closes the descriptor. Returns the program's exit code.
int serve(const tcpspec_adapter& adapter, int descriptor);

}  // namespace tcpspec::adapter
