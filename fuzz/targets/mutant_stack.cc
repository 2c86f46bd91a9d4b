// tcpspec-fuzz-mutant-stack NAME: the reference stack with the mistake NAME of reference-stack/mutants.def, under
// the sanitizers, as a program that is an adapter (harness/target/README.md). `tcpspec run --target mutant:NAME`
// starts it: what only a sanitizer sees of a finding fails its test there, too.

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "program/serve.hh"
#include "reference/mutants.hh"
#include "reference_adapter/adapter.hh"

int main(int count, char** words) {
  namespace mutants = tcpspec::reference::mutants;
  const auto all = mutants::all();
  const auto found = std::ranges::find(all, std::string_view(count == 2 ? words[1] : ""), &mutants::Description::name);
  if (found == all.end()) {
    std::fputs("there is no such mutant; `scripts/mutants --list` lists them\n", stderr);
    return 2;
  }
  mutants::switch_on(found->mutant);
  constexpr int channel = 3;  // adapter_messages.h
  return tcpspec::adapter::serve(tcpspec::adapter::reference_adapter(), channel);
}
