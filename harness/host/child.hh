#pragma once
// A command that runs beside the stack, in the same namespaces and with our own standard
// input, output and error.

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "target/target.hh"

namespace tcpspec::host {

class Child {
 public:
  [[nodiscard]] static std::expected<Child, target::EnvironmentError> start(const std::vector<std::string>& words);
  ~Child();  // ends it where it has not ended
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;

  // Can be read when it has ended.
  [[nodiscard]] int descriptor() const;
  // Once it has ended: its exit code, or 128 and the number of the signal that ended it.
  [[nodiscard]] int wait();

 private:
  struct State;
  explicit Child(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tcpspec::host
