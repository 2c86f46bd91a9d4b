#pragma once
// The stack that a fuzzer holds, by its name, in this process.

#include <expected>
#include <memory>
#include <string>

#include "target/target.hh"

namespace tcpspec::fuzz {

//   reference      the reference stack
//   mutant:NAME    the same with a mistake (reference-stack/mutants.def); only in programs that are
//                  built with them
//   linux          this machine's kernel over a TUN device
//   PATH.so        an adapter
// Where `words` is empty: what the environment's TCPSPEC_FUZZ_TARGET says, else the reference stack.
[[nodiscard]] std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> open_under_test(
    std::string words);

}  // namespace tcpspec::fuzz
