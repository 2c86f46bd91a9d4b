#pragma once
// What a fuzzer need not tell any more, in a data file (fuzz/known.yaml): differences between stacks
// that are no mistake, and findings that somebody has looked at. Each has an id and a reason.

#include <expected>
#include <string>
#include <vector>

#include "fuzz/difference.hh"
#include "script/diagnostic.hh"

namespace tcpspec::fuzz {

// In patterns `*`, `?` and `[...]` are as in file names, and `|` stands between alternatives; what an entry leaves
// out matches everything.

// Of differences, permitted ones and those that were found to be somebody's mistake.
struct Equivalence {
  std::string id;                                                     // "rst-with-ack"
  std::string reason;                                                 // why both are right, with the RFC
  std::string target;                                                 // pattern of a target's name
  std::string aspect, state, event, segment, call, reference, other;  // patterns of a Difference
  // `then: continue`: the two stand where they would without it, and are compared on. Else that is the
  // end of the comparison, for they may be in different states.
  bool goes_on = false;
};

// In the file an entry of `findings` has these keys, or those of an Equivalence.
struct KnownFinding {
  std::string id;
  std::string reason;
  std::string target;
  std::string oracle, place;  // patterns of a Suspicion
};

struct Known {
  std::vector<Equivalence> equivalences;
  std::vector<KnownFinding> findings;

  // The first rule that fits decides.
  [[nodiscard]] Judgment judge(const std::string& target, const Difference& difference) const;
  [[nodiscard]] bool covers(const std::string& target, const Suspicion& suspicion) const;
};

[[nodiscard]] std::expected<Known, script::Diagnostics> load_known(const std::string& path);

}  // namespace tcpspec::fuzz
