#pragma once
// The record of one play: everything that was sent, came, was called or waited for, in
// order, with what is needed to put it into words later. Words cost more than packets:
// most traces are never read.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oracle/match.hh"
#include "oracle/notation.hh"
#include "packet/segment.hh"
#include "packet/time.hh"
#include "script/model.hh"
#include "target/call.hh"

namespace tcpspec::engine {

using packet::Bytes;
using packet::Duration;
using packet::Instant;

// The values of the RFC's variables at one instant, for expressions in words.
struct Snapshot final : script::Scope {
  std::vector<oracle::ConnectionView::Variables> connections;
  std::vector<std::int64_t> captures;
  int current = 0;

  [[nodiscard]] std::int64_t variable(script::Variable variable, int connection) const override {
    return connections[static_cast<std::size_t>(connection < 0 ? current : connection)]
                      [static_cast<std::size_t>(variable)];
  }
  [[nodiscard]] std::int64_t capture(int index) const override { return captures[static_cast<std::size_t>(index)]; }
};

enum class EntryKind : std::uint8_t { sent, received, missing, call, completion, time, note };
enum class Mark : std::uint8_t { none, matched, alternative, tolerated, unexpected, missing, mismatch, invariant };

struct TraceEntry {
  EntryKind kind = EntryKind::note;
  Mark mark = Mark::none;
  bool fixture = false;
  bool by_peer = false;     // sent by the peer that plays the tester's side, and by no step
  bool divergence = false;  // the first one
  Instant at;
  const script::Step* step = nullptr;               // null: no step asked for it
  const script::ExpectSegment* expected = nullptr;  // what it was held against
  int connection = 0;
  oracle::Bases bases;
  Bytes packet;
  std::optional<Snapshot> scope;  // with `expected`
  std::string text;               // calls, times, notes: in words already
  std::string expected_text;      // where words were made anyway
  std::string comment;
  std::vector<oracle::FieldDifference> differences;
};

using Trace = std::vector<TraceEntry>;

}  // namespace tcpspec::engine
