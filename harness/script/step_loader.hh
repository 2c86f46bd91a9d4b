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
  std::map<std::string, int> started;  // calls started with `as:` and not yet completed, by how often
  std::map<int, State> states;         // of connections whose fixture said it; what a bare `alive` means
  std::set<int> peers;                 // connections whose tester's side a peer plays
  std::set<int> closed_peers;          // of those: whose application has shut down or aborted
  std::set<std::string> needs;         // of the fixtures that the test goes through
  bool in_fixture = false;
  Complaints* complaints = nullptr;

  [[nodiscard]] int connection(const Value& name);  // complains when unknown
  // The number of the capture that `name` calls so; complains when it cannot be a name.
  [[nodiscard]] int declare_capture(const Value& name);
  [[nodiscard]] bool is_pending(const std::string& call) const;
};

// What names of captures, connections and marks look like, so that expressions can use them.
[[nodiscard]] bool is_identifier(std::string_view name);

[[nodiscard]] Steps load_steps(const Value& list, TestContext& context);

// `given:` or `reach:`; the fixture's steps, marked as such.
[[nodiscard]] Steps load_fixture(const Value& value, int connection, TestContext& context);
// The liveness probe of a state, as one Block.
[[nodiscard]] Step load_alive(const Value& value, int connection, TestContext& context);
[[nodiscard]] State parse_state(const Value& value);

// `peer:` as a step; and the step that begins a peer.
[[nodiscard]] PlayPeer load_peer_step(const Value& value, int connection, TestContext& context);
[[nodiscard]] Step begin_peer(const Location& where, int connection, TestContext& context);

[[nodiscard]] SendSegment load_send(const Value& value, const Names& names);
[[nodiscard]] PeerSend load_peer_send(const Value& value, int connection, TestContext& context);
[[nodiscard]] const std::vector<std::string_view>& segment_keys();  // of a segment to send
[[nodiscard]] packet::Bytes text_bytes(std::string_view text);
[[nodiscard]] SendIcmp load_icmp(const Value& value, const Names& names);
[[nodiscard]] ExpectSegment load_expect(const Value& value, const Names& names);

[[nodiscard]] bool is_call(std::string_view word);  // a call's name
[[nodiscard]] Call load_call(const Value& step, const Value& call, int connection, TestContext& context);
[[nodiscard]] ResultMatch load_result_match(const Value& value, const Names& names);
[[nodiscard]] std::vector<ResultAlternative> load_result_alternatives(const Value& value, const Names& names);
[[nodiscard]] Outcome load_outcome(const Value& map);
// Which options there are is the target's to say; that this is the name of one is not.
void check_socket_option(const Value& place, std::string_view name);

// "SA", "A!P": letters that must be set; after `!` one that must be absent.
struct FlagsMatch {
  packet::Flags flags, cared;
};
[[nodiscard]] std::optional<FlagsMatch> parse_flags_match(std::string_view text);

}  // namespace tcpspec::script
