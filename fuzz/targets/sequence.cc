// A program (fuzz/program.hh) against a stack in this process, under all oracles that need no second
// stack; as `differential` beside the reference stack. The environment sets:
//
//   TCPSPEC_FUZZ_TARGET   reference (the default), PATH.so, mutant:NAME (in tcpspec-fuzz-mutants), linux
//   TCPSPEC_FUZZ_COMPARE  exact or quiescent: compare with the reference stack
//   TCPSPEC_FUZZ_KNOWN    a file of what is known (fuzz/known.yaml)
//   TCPSPEC_FUZZ_REACHED  a file for the heat map, written at the end
//
// Whatever an oracle says ends the process with abort(), as engines want it; the line that begins
// with "finding:" says what it was.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <fstream>
#include <utility>

#include "fuzz/harness_memory.hh"
#include "fuzz/mutator.hh"
#include "fuzz/session.hh"
#include "fuzz/targets/require.hh"
#include "fuzz/targets/session_of_environment.hh"
#include "fuzz/transitions.hh"

namespace {

using namespace tcpspec;
using namespace tcpspec::fuzz;

// libFuzzer's extra counters: (state, event, answer) is coverage, too.
constexpr std::uint32_t counters = 1U << 13;
__attribute__((section("__libfuzzer_extra_counters"), used)) std::uint8_t reached[counters];

struct Run {
  std::unique_ptr<Session> session = open_session_of_environment(TCPSPEC_FUZZ_COMPARES);
  HeatMap heat;
  std::vector<std::uint32_t> features;
  std::uint64_t inputs = 0, segments = 0;
  ~Run() {
    write_heat();
    if (inputs > 0)
      fmt::print(stderr, "played: {} inputs, {:.1f} segments each\n", inputs,
                 static_cast<double>(segments) / static_cast<double>(inputs));
  }
  void write_heat() const {
    if (const char* path = std::getenv("TCPSPEC_FUZZ_REACHED"); path != nullptr)
      std::ofstream(path) << heat.to_json() << '\n';
  }
};
Run& run() {
  static Run one;
  return one;
}

BytesView octets_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// An input is read thrice otherwise: when it is made, played, and changed again.
class LastMade {
 public:
  std::size_t put(Program program, std::uint8_t* data, std::size_t most) {
    auto octets = encode(program);
    while (octets.size() > most && !program.steps.empty()) {
      program.steps.pop_back();
      octets = encode(program);
    }
    if (octets.size() > most) return 0;
    std::memcpy(data, octets.data(), octets.size());
    octets_ = std::move(octets);
    program_ = std::move(program);
    return octets_.size();
  }
  // nullptr: another one.
  [[nodiscard]] const Program* find(BytesView octets) const {
    const bool same = !octets.empty() && octets.size() == octets_.size() &&
                      std::memcmp(octets.data(), octets_.data(), octets.size()) == 0;
    return same ? &program_ : nullptr;
  }

 private:
  Bytes octets_;
  Program program_;
};
LastMade last_made;

// What nobody could read becomes a new program.
Program program_of(const std::uint8_t* data, std::size_t size, Mutator& mutator) {
  if (const auto* made = last_made.find(octets_of(data, size))) return *made;
  auto program = decode(octets_of(data, size), Reading::prefix);
  return program ? std::move(*program) : mutator.create();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)run();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const HarnessMemory harness;
  std::expected<Program, ProgramError> read;
  const auto* program = last_made.find(octets_of(data, size));
  if (program == nullptr) {
    read = decode(octets_of(data, size), Reading::prefix);
    if (!read) return -1;
    program = &*read;
  }
  auto& [session, heat, features, inputs, segments] = run();
  const auto examined = session->examine(*program, Session::Care::sampled);
  if (!examined) broken(examined.error().what);
  ++inputs;
  segments += static_cast<std::uint64_t>(std::ranges::count(examined->played.entries, Entry::Kind::sent, &Entry::kind));
  const auto met = transitions(examined->played);
  heat.add(met);
  features.clear();
  for (const auto& transition : met) tcpspec::fuzz::features(transition, counters, features);
  for (const auto feature : features) reached[feature] = 1;
  if (examined->suspicion) {
    const auto& found = *examined->suspicion;
    fmt::print(stderr, "finding: {}: {}: {}\n", to_string(found.oracle), found.place, found.what);
    run().write_heat();  // nobody is asked after an abort()
    std::abort();
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  const HarnessMemory harness;
  Mutator mutator(seed);
  auto program = program_of(data, size, mutator);
  mutator.mutate(program);
  return last_made.put(std::move(program), data, most);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second, std::size_t second_size, std::uint8_t* out,
                                                 std::size_t most, unsigned seed) {
  const HarnessMemory harness;
  Mutator mutator(seed);
  return last_made.put(mutator.cross(program_of(first, first_size, mutator), program_of(second, second_size, mutator)),
                       out, most);
}
