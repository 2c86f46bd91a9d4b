#pragma once
// `remote:` of a target's file: a stack on the wire.

#include "script/value.hh"
#include "target/remote_target.hh"

namespace tcpspec::runner {

// Complains about what is wrong.
[[nodiscard]] target::RemoteOptions read_remote(const script::Value& section);

}  // namespace tcpspec::runner
