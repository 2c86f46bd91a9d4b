#pragma once
// The session that a fuzz target's environment asks for (sequence.cc). What is wrong with it ends
// the process with exit code 2 and words.

#include <memory>

#include "fuzz/session.hh"

namespace tcpspec::fuzz {

[[nodiscard]] std::unique_ptr<Session> open_session_of_environment(bool compares);

}  // namespace tcpspec::fuzz
