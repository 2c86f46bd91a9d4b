#pragma once
// Tests through the whole engine: one trivial conversation many times, and all suites.

#include <cstdint>
#include <memory>
#include <string>

#include "script/loader.hh"
#include "target/target.hh"

namespace tcpspec::bench {

// A test that opens, accepts and closes.
[[nodiscard]] script::Suite open_close_suite();

enum class Results : std::uint8_t { dropped, converted };  // to what reports are written from

struct EngineRun {
  int count = 0;  // conversations
  int jobs = 1;   // tests in flight
  Results results = Results::dropped;
};
// Per CPU second where the target's clock is simulated: nothing ever waits then. Says so on
// stderr where some did not pass.
[[nodiscard]] double engine_conversations_per_second(target::Target& target, const script::Suite& suite,
                                                     const EngineRun& run);

struct SuitesSpeed {
  int tests = 0;     // that were played; those that the target lacks a capability for are not
  int deviated = 0;  // of them: what a baseline may expect
  double tests_per_second = 0;
};
// All suites of `folder`; throws where they cannot be loaded.
class Suites {
 public:
  explicit Suites(const std::string& folder);
  ~Suites();
  [[nodiscard]] SuitesSpeed play(target::Target& target) const;

 private:
  struct Chosen;
  std::unique_ptr<Chosen> chosen_;
};

}  // namespace tcpspec::bench
