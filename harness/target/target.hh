#pragma once
// What the engine needs of an implementation under test: packets in and out, the
// application's calls (the upper tester), and a clock to wait on. Everything that
// a target does to the outside world goes through here, so that the same engine
// drives a kernel in real time and a library stack on a virtual clock.
//
// A target serves many tests at once. Each test attaches, and gets addresses of its
// own: no two tests in flight share a tester address, because kernels keep metrics,
// path MTU and TIME-WAIT state per peer.

#include <cstdint>
#include <expected>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "packet/address.hh"
#include "packet/segment.hh"
#include "packet/time.hh"
#include "target/call.hh"

namespace tcpspec::target {

using packet::Bytes;
using packet::BytesView;
using packet::Duration;
using packet::Instant;

struct Description {
  std::string name;     // "linux"
  std::string version;  // "6.18.44"
  // simulated: wait() makes the clock jump to what happens next, so that a timer of hours
  // costs nothing and nobody is ever late.
  enum class Clock : std::uint8_t { real, simulated } clock = Clock::real;
  // How many tests can be in flight at once, for want of addresses or ports.
  std::size_t most_attachments = std::numeric_limits<std::size_t>::max();
  // What it can do, by the names that a test's `needs:` uses: "listen", "connect",
  // "half-close", "tcp-info", "urgent", "keep-alive", "sack", "timestamps",
  // "window-scale", "ipv4", "ipv6", "sysctl", "linger", "icmp" ...
  std::set<std::string> capabilities;
  // For the report: link, kernel release, pinned settings ...; ordered by key.
  std::map<std::string, std::string> provenance;
};

// The environment failed us (not the test, not the user's file): which call, why,
// and what the user can do about it.
struct EnvironmentError {
  std::string what;  // "open /dev/net/tun: Permission denied"
  std::string hint;  // "run as root, or ..."
};

enum class Isolation : std::uint8_t { shared, alone };

struct AttachmentRequest {
  packet::Family family = packet::Family::ipv4;
  std::map<std::string, std::string> sysctls = {};  // "net.ipv4.tcp_syncookies" -> "0"; others keep the pinned value
  Isolation isolation = Isolation::shared;          // alone: no other test in the same kernel namespace
  std::uint64_t seed = 0;                           // of whatever the target chooses at random, where it can be told
};

using AttachmentId = std::uint32_t;

struct Attachment {
  AttachmentId id = 0;
  packet::Address target;  // the implementation's address
  packet::Address tester;  // ours, used by no other attachment in flight
  std::uint16_t port = 0;  // a port that this test may listen on; port+1 .. port+3 are its own too
  std::uint16_t mtu = 1500;
};

// A datagram that the target sent to the attachment's tester address. It was sent
// at some instant in (not_before, not_after]: after the last moment at which the
// link was seen empty, and no later than it was read.
struct PacketArrival {
  AttachmentId attachment = 0;
  Bytes datagram;  // from the IP header
  Instant not_before;
  Instant not_after;
};

struct CallCompletion {
  AttachmentId attachment = 0;
  CallResult result;
};

// The target itself died or stopped answering, with what is known about it. garbled: what stands
// between us and it, its adapter, does not keep to the rules, so nothing is known of the target.
struct TargetFailure {
  enum class Kind : std::uint8_t { crash, hang, garbled };
  AttachmentId attachment = 0;
  Kind kind = Kind::crash;
  std::string what;
};

using Event = std::variant<PacketArrival, CallCompletion, TargetFailure>;

class Target {
 public:
  virtual ~Target() = default;

  [[nodiscard]] virtual const Description& description() const = 0;
  [[nodiscard]] virtual Instant now() const = 0;

  [[nodiscard]] virtual std::expected<Attachment, EnvironmentError> attach(const AttachmentRequest& request) = 0;
  // Aborts and forgets every socket and pending call of the test, and drops what is
  // still sent to its address. No event of this attachment is delivered afterwards.
  virtual void detach(AttachmentId attachment) = 0;

  // Puts a datagram on the wire towards the target. Never blocks, never judges.
  virtual void inject(AttachmentId attachment, BytesView datagram) = 0;
  // Starts a call. It never blocks; its completion is an event, even when immediate.
  virtual void start(AttachmentId attachment, const CallRequest& request) = 0;

  // Appends what has happened. Returns as soon as there is at least one event, or when
  // `until` has come (nullopt: only for an event), or early when a signal arrived.
  // Everything that was ready before the return is in `events`: a test that asks
  // "has nothing come by now?" may conclude so when wait() has returned at or after now.
  virtual void wait(std::optional<Instant> until, std::vector<Event>& events) = 0;
};

}  // namespace tcpspec::target
