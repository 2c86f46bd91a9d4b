#pragma once
// For calls of the reference stack that cannot fail in a bench.

#include <stdexcept>
#include <type_traits>

#include "reference/stack.hh"

namespace tcpspec::bench {

template <class T>
T must(reference::Result<T> result) {
  if (!result) throw std::runtime_error("the reference stack refused a call of the bench");
  if constexpr (!std::is_void_v<T>) return *result;
}

}  // namespace tcpspec::bench
