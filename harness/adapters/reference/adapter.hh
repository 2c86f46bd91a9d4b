#pragma once
// The reference stack behind the functions of adapter.h: what holds for it as a target of its
// own must hold for it as an adapter, which tests both.

#include "target/adapter.h"

namespace tcpspec::adapter {

[[nodiscard]] const tcpspec_adapter& reference_adapter();

}  // namespace tcpspec::adapter
