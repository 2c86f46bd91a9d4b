#include <chrono>
#include <stdexcept>

#include "bench/client_segment.hh"
#include "bench/cpu_watch.hh"
#include "bench/server.hh"
#include "packet/segment_view.hh"

namespace tcpspec::bench {
namespace {

using packet::Flags;
using packet::Seq32;

class Client {
 public:
  explicit Client(Server& server) : server_(server) {}

  void conversation(std::uint16_t port, Seq32 iss) {
    server_.advance(std::chrono::milliseconds(1));
    server_.input(syn_.with(port, iss, Seq32(0)));
    const Seq32 next = answer(Flags::syn, iss + 1U);
    server_.input(ack_.with(port, iss + 1U, next));
    server_.accept();
    server_.input(fin_.with(port, iss + 1U, next));
    server_.close();
    server_.input(ack_.with(port, iss + 2U, answer(Flags::fin, iss + 2U)));
    if (!server_.output().empty()) throw std::runtime_error("a server answered the last ACK of a conversation");
  }

 private:
  // Takes what the server sent, up to the segment that has `wanted` and must acknowledge
  // `ack`; returns the sequence number behind it.
  Seq32 answer(Flags::Bit wanted, Seq32 ack) {
    for (auto datagram = server_.output(); !datagram.empty(); datagram = server_.output()) {
      const packet::SegmentView segment(datagram);
      if (segment.flags().has(wanted) && segment.ack() == ack) return segment.seq() + segment.length();
    }
    throw std::runtime_error("a server did not answer as a conversation needs it");
  }

  Server& server_;
  ClientSegment syn_{server_.listening_at(), Flags::syn, {packet::Mss{1460}}};
  ClientSegment ack_{server_.listening_at(), Flags::ack, {}};
  ClientSegment fin_{server_.listening_at(), Flags::fin | Flags::ack, {}};
};

}  // namespace

double conversations_per_second(Server& server, packet::Duration duration) {
  Client client(server);
  const CpuWatch watch;
  std::uint64_t count = 0;
  while (watch.elapsed() < duration)
    for (int i = 0; i < 64; ++i, ++count)
      client.conversation(static_cast<std::uint16_t>(1024 + count % 60'000),
                          Seq32(static_cast<std::uint32_t>(count * 64'000)));
  return watch.per_second(static_cast<double>(count));
}

}  // namespace tcpspec::bench
