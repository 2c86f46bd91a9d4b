#include "target/adapter_target.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include "packet/segment.hh"
#include "packet/segment_view.hh"

namespace tcpspec::target {
namespace {

using packet::Flags;
using ::testing::HasSubstr;

AdapterOptions plug_in(const std::string& name, AdapterOptions::Isolation isolation) {
  setenv("TCPSPEC_ADAPTER_HOST", TCPSPEC_ADAPTER_HOST, 1);
  AdapterOptions options;
  options.plug_in = TCPSPEC_ADAPTERS "/" + name + ".so";
  options.isolation = isolation;
  return options;
}

// A client's handshake, some data, and what the target sent and completed meanwhile, in words.
std::string converse(Target& target) {
  std::string seen;
  const auto attachment = target.attach({.seed = 7});
  if (!attachment) return attachment.error().what;
  const auto began = target.now();
  std::vector<Event> events;
  packet::Segment sent;
  sent.source = {attachment->tester, 1234};
  sent.destination = {attachment->target, attachment->port};
  const auto look = [&](Duration patience) {
    target.wait(target.now() + patience, events);
    for (const auto& event : events) {
      if (const auto* packet = std::get_if<PacketArrival>(&event)) {
        const packet::SegmentView segment{BytesView(packet->datagram)};
        seen += "<" + to_string(segment.flags()) + " " + std::to_string((packet->not_after - began).count()) + ">";
        sent.ack = segment.seq() + segment.length();
      } else if (const auto* call = std::get_if<CallCompletion>(&event)) {
        seen += "(" + std::to_string(call->result.id) + ":" + std::to_string(call->result.error) + "," +
                std::to_string(call->result.value) + call->result.text + ")";
      } else {
        seen += std::get<TargetFailure>(event).what;
      }
    }
    events.clear();
  };
  const auto send = [&](Flags flags, std::uint32_t seq) {
    sent.flags = flags;
    sent.seq = packet::Seq32(seq);
    target.inject(attachment->id, packet::serialize(sent));
    look(Duration{});
  };
  std::uint32_t calls = 0;
  const auto call = [&](SocketId socket, Operation operation) {
    target.start(attachment->id, {.id = ++calls, .socket = socket, .operation = std::move(operation)});
    look(Duration{});
  };
  call(1, Listen{.port = attachment->port});
  call(1, Accept{.accepted = 2});
  send(Flags::syn, 100);
  look(std::chrono::seconds(2));  // the SYN-ACK comes again
  send(Flags::ack, 101);
  call(2, State{});
  call(2, Receive{.count = 3});
  sent.payload = {std::byte{1}, std::byte{2}, std::byte{3}};
  send(Flags::ack | Flags::psh, 101);
  call(2, SetOption{.name = "NO_SUCH_OPTION", .value = 1});
  call(2, GetOption{.name = "TCP_MAXSEG"});
  call(2, Close{});
  call(9, Close{});
  look(std::chrono::seconds(5));  // the FIN, again and again
  target.detach(attachment->id);
  return seen;
}

TEST(AdapterTarget, APlugInDoesTheSameHereAndInAProcess) {
  auto here = open_adapter_target(plug_in("reference", AdapterOptions::Isolation::in_process));
  auto apart = open_adapter_target(plug_in("reference", AdapterOptions::Isolation::process));
  ASSERT_TRUE(here) << here.error().what;
  ASSERT_TRUE(apart) << apart.error().what;
  const auto seen = converse(**here);
  EXPECT_THAT(seen, HasSubstr("ESTABLISHED"));
  EXPECT_EQ(converse(**apart), seen);
  EXPECT_EQ(converse(**apart), seen) << "the second stack in the process differs";
  EXPECT_EQ((*here)->description().capabilities, (*apart)->description().capabilities);
}

TEST(AdapterTarget, AStackThatCanBeMadeOnceGetsAProcessEachTime) {
  auto target = open_adapter_target(plug_in("once", AdapterOptions::Isolation::process));
  ASSERT_TRUE(target) << target.error().what;
  const auto first = converse(**target);
  EXPECT_THAT(first, HasSubstr("ESTABLISHED"));
  EXPECT_EQ(converse(**target), first);
}

TEST(AdapterTarget, OneThatCanBeMadeOnceIsNotLoadedHere) {
  const auto target = open_adapter_target(plug_in("once", AdapterOptions::Isolation::in_process));
  ASSERT_FALSE(target);
  EXPECT_THAT(target.error().what, HasSubstr("once in a process"));
}

TEST(AdapterTarget, CapabilitiesCanBeDenied) {
  auto options = plug_in("reference", AdapterOptions::Isolation::process);
  options.without = {"sack"};
  const auto target = open_adapter_target(options);
  ASSERT_TRUE(target);
  EXPECT_FALSE((*target)->description().capabilities.contains("sack"));
  EXPECT_TRUE((*target)->description().capabilities.contains("virtual-time"));
}

}  // namespace
}  // namespace tcpspec::target
