#pragma once
// From YAML steps to the model. Internal to the loader.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "script/expression.hh"
#include "script/model.hh"
#include "script/value.hh"

namespace tcpspec::script {

// What is known at a point of a test: grows as steps declare captures, sockets, marks.
struct TestContext {
  Names names;
  std::set<std::string> marks;
  std::set<std::string> sockets;         // that some call has created or may have
  std::map<std::string, int> started;    // calls started with `as:` and not yet completed, by how often
  std::optional<State> state;            // of the fixture; what a bare `alive` means
  bool in_fixture = false;
  bool opening = false;                  // the fixture left a connect pending
  Complaints* complaints = nullptr;

  [[nodiscard]] int connection(const Value& name);  // complains when unknown
  int declare_capture(const std::string& name);
};

[[nodiscard]] Steps load_steps(const Value& list, TestContext& context);

// `given:` or `reach:`; the fixture's steps, marked as such.
[[nodiscard]] Steps load_fixture(const Value& value, int connection, TestContext& context);
// The liveness probe of a state, as one Block.
[[nodiscard]] Step load_alive(const Value& value, int connection, TestContext& context);
[[nodiscard]] State parse_state(const Value& value);

[[nodiscard]] SendSegment load_send(const Value& value, const Names& names);
[[nodiscard]] SendIcmp load_icmp(const Value& value, const Names& names);
[[nodiscard]] ExpectSegment load_expect(const Value& value, const Names& names);

[[nodiscard]] Call load_call(const Value& step, const Value& call, int connection, TestContext& context);
[[nodiscard]] ResultMatch load_result_match(const Value& value, const Names& names);
[[nodiscard]] std::vector<ResultAlternative> load_result_alternatives(const Value& value, const Names& names);
[[nodiscard]] Outcome load_outcome(const Value& map);

// "SA", "A!P": letters that must be set; after `!` one that must be absent.
struct FlagsMatch {
  packet::Flags flags, cared;
};
[[nodiscard]] std::optional<FlagsMatch> parse_flags_match(std::string_view text);

}  // namespace tcpspec::script
