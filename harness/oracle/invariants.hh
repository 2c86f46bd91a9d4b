#pragma once
// The invariant monitor: what every segment of a TCP must satisfy, whatever the test
// is about. It watches both directions of all connections of one attachment and
// assumes the most permissive history: any segment that the tester sent may have been
// accepted, may have been ignored, and may not have arrived yet. A violation is
// therefore a claim that holds for every history. It relies on three things: it sees
// every datagram of its connections from their first on, sent() comes before the target
// can answer, and neither direction reorders.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "packet/segment_view.hh"
#include "packet/time.hh"

namespace tcpspec::oracle {

struct Invariant {
  std::string_view name;       // "acks-only-what-was-sent"
  std::string_view statement;  // one sentence, as the failure text shows it
  std::string_view reference;  // "RFC 9293 section 3.10.7.4"
};

// All that the monitor checks, ordered by name.
[[nodiscard]] std::span<const Invariant> invariants();

struct Violation {
  const Invariant* invariant = nullptr;  // into invariants()
  std::string what;                      // this case, with numbers relative to the ISS
};

class InvariantMonitor {
 public:
  InvariantMonitor();
  ~InvariantMonitor();
  InvariantMonitor(InvariantMonitor&&) noexcept;
  InvariantMonitor& operator=(InvariantMonitor&&) noexcept;

  // A datagram that the tester sends; any bytes.
  void sent(packet::BytesView datagram);
  // One that the target sent. Returns what it violates, usually nothing.
  [[nodiscard]] std::vector<Violation> received(packet::BytesView datagram);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tcpspec::oracle
