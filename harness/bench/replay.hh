#pragma once
// What a fuzzer does to a target, recorded, and done once more by a loop that knows nothing of it: the
// datagrams are written, the calls are made, what comes is thrown away.

#include <cstddef>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "target/linux/stage.hh"
#include "target/target.hh"

namespace tcpspec::bench {

struct Begun {
  target::Attachment attachment;
};
struct Ended {};
using Action = std::variant<Begun, packet::Bytes, target::CallRequest, Ended>;

// Passes everything on, and writes down what is done.
[[nodiscard]] std::unique_ptr<target::Target> recorded(std::unique_ptr<target::Target> target,
                                                       std::vector<Action>& actions);

enum class Calls : std::uint8_t { made, left_out };
// Seconds that it takes, within a stage like the target's.
[[nodiscard]] double seconds_to_replay(target::Stage& stage, const std::vector<Action>& actions, Calls calls);

}  // namespace tcpspec::bench
