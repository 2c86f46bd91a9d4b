// A stack that can be made once in a process, and says so: no fault, but the tester has to start
// a process for each test.

#include "reference_adapter/adapter.hh"

namespace {

int create(const tcpspec_config* config, const tcpspec_host* host, tcpspec_stack** stack) {
  static bool used = false;
  if (used) return TCPSPEC_INVALID;
  used = true;
  return tcpspec::adapter::reference_adapter().create(config, host, stack);
}

}  // namespace

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  static const tcpspec_adapter once = [] {
    auto table = tcpspec::adapter::reference_adapter();
    table.name = "once";
    table.single_use = 1;
    table.create = create;
    return table;
  }();
  return &once;
}
