#pragma once
// From a program and the record of its play to a suite of one test, which `tcpspec run` plays: the
// conversation, step by step, with what the target answered as what is expected. Played against the
// stack that the record is from, with the same seed, it sends the same octets at the same instants.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/player.hh"
#include "fuzz/program.hh"
#include "script/model.hh"

namespace tcpspec::fuzz {

struct Telling {
  std::string suite = "found";
  std::string id = "program";
  std::string about = "What a program drew from a stack.";
  std::vector<std::string> requirements = {"none"};  // of the catalogue
  std::optional<script::Level> level = script::Level::practice;
  std::vector<std::string> comments;  // above everything
  std::uint64_t seed = 1;             // that the program was played with
  // Of a record in real time: less than this is no time, and what is more is told as a multiple.
  Duration grain{};

  // The answers from this entry on are expected as another stack's, up to the end of the step in which
  // the two part. `tolerate: nothing` lets nothing else pass.
  struct Parting {
    const Played* other = nullptr;
    std::size_t entry = 0;         // the first that differs
    std::size_t others_entry = 0;  // what stands in its place there; its number of entries: nothing
    // The last step whose answers are expected, where that is behind the one in which the two part: a rest,
    // in which delayed acknowledgments come.
    std::uint32_t until = 0;
    // What differs decides what must be said beside flags, numbers and lengths.
    bool windows = false, options = false;
    // What the other answers at once, at its stimulus, must come at once: a delayed acknowledgment would do, too.
    bool at_once = false;
  };
  std::optional<Parting> parting;
  // At the end the target must still take a SYN on a second connection: answer it where it listens,
  // refuse it else.
  bool alive = false;
};

[[nodiscard]] std::string to_yaml(const Program& program, const Played& played, const Telling& telling);

}  // namespace tcpspec::fuzz
