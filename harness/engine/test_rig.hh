#pragma once
// A play with the test in the place of the target: segments and completions are made by
// hand, at instants that the test chooses, and what the play does is kept.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/play.hh"
#include "packet/segment_view.hh"
#include "script/loader.hh"

namespace tcpspec::engine::test {

using namespace std::chrono_literals;

// The keys of one test, e.g. "given: ESTABLISHED\nsteps: ...".
inline script::Suite load(std::string_view keys) {
  std::string text = "suite: s\ntests:\n  - id: t\n    about: a test\n    requirement: R\n    ";
  for (const char c : keys) {
    text += c;
    if (c == '\n') text += "    ";
  }
  auto file = std::make_shared<script::SourceFile>(script::SourceFile{"s.yaml", text});
  auto suite = script::load_suite(file);
  if (suite) return std::move(*suite);
  for (const auto& diagnostic : suite.error()) ADD_FAILURE() << script::to_string(diagnostic);
  return {};
}

// A segment of the target; numbers relative to the two ISS.
struct Reply {
  std::string_view flags;
  std::uint32_t seq = 0, ack = 0;
  std::size_t len = 0;
  std::uint16_t win = 65000;
  std::vector<packet::Option> options = {};
  std::size_t shifted = 0;  // the payload is what belongs so many octets further on
};

class Rig final : public Commands {
 public:
  static constexpr std::uint32_t target_iss = 0xfffffff0u;  // wraps soon

  explicit Rig(std::string_view keys, Setup setup = {}) : suite_(load(keys)) {
    setup.attachment.target = packet::Address::ipv4(10, 0, 0, 1);
    setup.attachment.tester = packet::Address::ipv4(10, 1, 0, 1);
    setup.attachment.port = 5000;
    setup.seed = 7;
    play_ = std::make_unique<Play>(suite_.tests.at(0), setup, *this);
    play_->start(now);
  }

  void inject(packet::BytesView datagram) override {
    injected.emplace_back(datagram.begin(), datagram.end());
    const packet::SegmentView view{datagram};
    if (!view.has_tcp_header()) return;
    tester_port = view.source_port();
    if (view.flags().has(packet::Flags::syn)) iss[tester_port] = view.seq().raw();
  }
  void start(const target::CallRequest& request) override {
    calls.push_back(request);
    if (const auto* connect = std::get_if<target::Connect>(&request.operation)) tester_port = connect->remote.port;
  }

  // ---- what the target does; nothing is looked at before advance().
  packet::Segment make(const Reply& reply) const {
    packet::Segment out;
    out.source = {packet::Address::ipv4(10, 0, 0, 1), target_port};
    out.destination = {packet::Address::ipv4(10, 1, 0, 1), tester_port};
    out.flags = packet::Flags::parse(reply.flags).value();
    out.seq = packet::Seq32(target_iss + reply.seq);
    const auto known = iss.find(tester_port);
    if (out.flags.has(packet::Flags::ack))
      out.ack = packet::Seq32((known == iss.end() ? 0 : known->second) + reply.ack);
    out.window = reply.win;
    out.options = reply.options;
    for (std::size_t i = 0; i < reply.len; ++i)
      out.payload.push_back(pattern_octet(Stream::from_target, reply.seq - 1 + i + reply.shifted));
    return out;
  }
  void arrive(const Reply& reply) { arrive(reply, now, now); }
  void arrive(const Reply& reply, Instant not_before, Instant not_after) {
    arrive(packet::serialize(make(reply)), not_before, not_after);
  }
  void arrive(Bytes datagram, Instant not_before, Instant not_after) {
    play_->on_packet({0, std::move(datagram), not_before, not_after});
  }
  void complete(target::CallResult result) { play_->on_call(std::move(result), now, now); }
  void complete_last(std::int64_t value = 0, int error = 0) {
    target::CallResult result;
    result.id = calls.back().id;
    result.value = value;
    result.error = error;
    complete(std::move(result));
  }
  void fail(target::TargetFailure::Kind kind) { play_->on_failure({0, kind, "it died"}, now); }

  // ---- time
  void go() { play_->advance(now); }
  void reply(const Reply& segment) {
    arrive(segment);
    go();
  }
  void pass(Duration duration) {
    now += duration;
    go();
  }
  void to_the_end() {
    while (!play_->finished()) {
      now = std::max(now, play_->deadline().value());
      go();
    }
  }

  // `given: ESTABLISHED`, as a conforming target plays it.
  void establish() {
    complete_last();
    go();
    reply({"SA", 0, 1, 0, 65000, {packet::Mss{1460}}});
    complete_last();
    go();
  }

  [[nodiscard]] packet::SegmentView sent(std::size_t from_the_end = 0) const {
    return packet::SegmentView{packet::BytesView(injected.at(injected.size() - 1 - from_the_end))};
  }
  [[nodiscard]] std::uint32_t sent_seq() const { return sent().seq().raw() - iss.at(sent().source_port()); }
  [[nodiscard]] std::uint32_t sent_ack() const { return sent().ack().raw() - target_iss; }
  [[nodiscard]] bool finished() const { return play_->finished(); }
  [[nodiscard]] Play& play() { return *play_; }
  // Plays to the end and takes the outcome, once.
  [[nodiscard]] const Outcome& outcome() {
    to_the_end();
    if (!outcome_) outcome_ = play_->take_outcome();
    return *outcome_;
  }
  [[nodiscard]] Verdict verdict() { return outcome().verdict; }
  [[nodiscard]] std::size_t count(Mark mark) {
    std::size_t n = 0;
    for (const auto& entry : outcome().trace) n += entry.mark == mark;
    return n;
  }
  [[nodiscard]] bool found(std::string_view invariant) {
    for (const auto& finding : outcome().findings)
      if (finding.name == invariant) return true;
    return false;
  }
  [[nodiscard]] const TraceEntry* divergence() {
    for (const auto& entry : outcome().trace)
      if (entry.divergence) return &entry;
    return nullptr;
  }

  Instant now{1h};
  std::vector<Bytes> injected;
  std::vector<target::CallRequest> calls;
  std::map<std::uint16_t, std::uint32_t> iss;  // by the tester's port
  std::uint16_t tester_port = 0;
  std::uint16_t target_port = 5000;

 private:
  script::Suite suite_;
  std::unique_ptr<Play> play_;
  std::optional<Outcome> outcome_;
};

}  // namespace tcpspec::engine::test
