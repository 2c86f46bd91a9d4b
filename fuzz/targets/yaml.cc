// Any text as a suite: it loads, or there are diagnostics, not too many, each of which can be
// shown and says where. How much memory that takes is the engine's to watch (yaml.options).

#include <algorithm>
#include <memory>
#include <string>

#include "fuzz/targets/require.hh"
#include "script/loader.hh"

namespace {

using namespace tcpspec;
using fuzz::require;

// Below what users get, for the sake of speed: what multiplies must be stopped at any bound.
const script::Limits limits = {
    .octets = 1 << 18, .nodes = 20'000, .depth = 64, .tests_per_test = 500, .steps_per_test = 2'000};
// More than any file needs to be repaired.
constexpr std::size_t most_diagnostics = 101;
constexpr std::size_t most_shown = 1 << 16;  // octets of one, beside the line that it shows

const script::TargetValues& target_values() {
  static const script::TargetValues values = {
      {"msl", "2min"},           {"initial_rto", "1s"},    {"least_rto", "1s"}, {"r2", "1h"},
      {"greatest_rto", "60s"},   {"delayed_ack", "500ms"}, {"r2_syn", "15min"}, {"receive_buffer", "65535"},
      {"keep_alive_idle", "2h"}, {"send_buffer", "65535"}};
  return values;
}

void look_at(const script::Diagnostic& diagnostic, const script::SourceFile& file) {
  require(!diagnostic.message.empty(), "a diagnostic says something");
  require(diagnostic.where.line >= 0 && diagnostic.where.column >= 0, "a diagnostic has its place");
  const auto shown = script::to_string(diagnostic);
  require(shown.size() <= most_shown + 4 * file.text.size(), "a diagnostic can be read");
}

void look_at(const script::Suite& suite) {
  require(!suite.name.empty() && !suite.tests.empty(), "a suite has a name and tests");
  for (const auto& test : suite.tests) {
    require(test.id.starts_with(suite.name + "/") && test.id.starts_with(test.base_id), "a test's id");
    require(!test.requirements.empty() && !test.about.empty() && !test.connections.empty(), "a test is complete");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = std::make_shared<script::SourceFile>();
  file->path = "fuzz.yaml";
  file->text.assign(reinterpret_cast<const char*>(data), size);
  const auto suite = script::load_suite(file, limits, target_values());
  if (suite) {
    look_at(*suite);
    return 0;
  }
  require(!suite.error().empty() && suite.error().size() <= most_diagnostics, "a number of diagnostics");
  for (const auto& diagnostic : suite.error()) look_at(diagnostic, *file);
  return 0;
}
