#pragma once
// Network namespaces of the calling thread. A thread is in one namespace at a time,
// and a socket belongs for ever to the namespace that its thread was in when it was made.

#include <cstdint>
#include <expected>
#include <string>

#include "target/linux/descriptor.hh"
#include "target/target.hh"

namespace tcpspec::target {

class Namespace {
 public:
  // A fresh one. The calling thread is inside it when this returns.
  [[nodiscard]] static std::expected<Namespace, EnvironmentError> create();
  // The one that the calling thread is in.
  [[nodiscard]] static std::expected<Namespace, EnvironmentError> current();

  // Free when the thread is there already.
  void enter() const;
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] Descriptor release() { return std::move(descriptor_); }

 private:
  Namespace(Descriptor descriptor, std::uint64_t serial) : descriptor_(std::move(descriptor)), serial_(serial) {}
  Descriptor descriptor_;
  std::uint64_t serial_ = 0;
};

enum class Privilege : std::uint8_t {
  own,             // CAP_SYS_ADMIN where we started
  user_namespace,  // root inside a user namespace of our own, which cannot be left again
};
[[nodiscard]] std::string to_string(Privilege privilege);

// Makes sure that this process may create network namespaces, by way of a user
// namespace if need be; that works only while the process has one thread.
[[nodiscard]] std::expected<Privilege, EnvironmentError> acquire_privilege();

}  // namespace tcpspec::target
