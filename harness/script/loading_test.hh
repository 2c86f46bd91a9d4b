#pragma once
// What the loader's tests share: a suite from a few lines of its steps.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "script/loader.hh"

namespace tcpspec::script {

inline std::expected<Suite, Diagnostics> load_text(std::string text, const Limits& limits = {},
                                                   const TargetValues& values = {}) {
  return load_suite(std::make_shared<SourceFile>(SourceFile{"t.yaml", std::move(text)}), limits, values);
}

inline std::string messages(const std::expected<Suite, Diagnostics>& loaded) {
  std::string out;
  if (!loaded)
    for (const auto& diagnostic : loaded.error()) out += to_string(diagnostic);
  return out;
}

// One test `s/t`, `keys` beside its id, about and requirement: lines indented by four spaces.
inline std::string one_test(const std::string& keys, const std::string& suite_keys = "") {
  return "suite: s\n" + suite_keys + "tests:\n  - id: t\n    about: a\n    requirement: MUST-1\n" + keys;
}

inline std::vector<Test> load_tests(const std::string& text) {
  auto loaded = load_text(text);
  EXPECT_EQ(messages(loaded), "") << text;
  return loaded ? std::move(loaded->tests) : std::vector<Test>{};
}

inline Test load_one(const std::string& keys, const std::string& suite_keys = "") {
  auto tests = load_tests(one_test(keys, suite_keys));
  EXPECT_EQ(tests.size(), 1u);
  return tests.empty() ? Test{} : std::move(tests.front());
}

// The steps of a test, each a line without its `- `.
inline Test load_with_steps(const std::vector<std::string>& steps, const std::string& keys = "") {
  std::string text = keys + "    steps:\n";
  for (const auto& step : steps) text += "      - " + step + "\n";
  return load_one(text);
}

template <class T>
const T& action(const Steps& steps, std::size_t index) {
  static const T nothing{};
  const auto* found = index < steps.size() ? std::get_if<T>(&steps[index].action) : nullptr;
  EXPECT_TRUE(found) << "step " << index << " of " << steps.size();
  return found ? *found : nothing;
}

}  // namespace tcpspec::script
