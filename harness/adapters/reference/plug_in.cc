#include "reference_adapter/adapter.hh"

extern "C" const tcpspec_adapter* tcpspec_get_adapter() {
  return &tcpspec::adapter::reference_adapter();
}
