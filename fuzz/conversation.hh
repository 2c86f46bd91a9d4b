#pragma once
// For tests: what is said either way while a test plays on the reference stack, or while a program did.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/play.hh"
#include "fuzz/player.hh"
#include "packet/wire.hh"
#include "runner/reference_peer.hh"
#include "script/loader.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz::test {

// A line for each thing; instants count from the beginning.
struct Conversation {
  std::vector<std::string> sent, answered, called, completed;
  engine::Verdict verdict = engine::Verdict::pass;
  std::string reason;
  std::set<std::string> broken;  // invariants
};

inline std::string hex(BytesView octets) {
  std::string out;
  for (const auto octet : octets) out += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  return out;
}

// A peer counts its identification fields by itself; no program says them.
inline Bytes without_identification(BytesView datagram) {
  Bytes out(datagram.begin(), datagram.end());
  if (out.size() < packet::wire::ipv4_header_octets || std::to_integer<unsigned>(out[0] >> 4) != 4) return out;
  packet::wire::store16(out, 4, 0);
  packet::wire::store16(out, 10, 0);
  return out;
}

inline std::string completion(std::int64_t at, std::size_t call, const target::CallResult& result) {
  return fmt::format("{} call {} gives {} {} {} {}", at, call, result.error, result.value, result.text,
                     hex(result.data));
}

class Recording final : public engine::Commands {
 public:
  Recording(const script::Test& test, std::uint64_t seed)
      : test_(test), seed_(seed), target_(target::open_reference_target()) {}

  Conversation play() {
    const auto place = target_->attach({.family = test_.family, .seed = seed_});
    if (!place) throw std::logic_error(place.error().what);
    place_ = *place;
    engine::Setup setup;
    setup.attachment = place_;
    setup.seed = seed_;
    setup.make_peer = runner::make_reference_peer;
    play_ = std::make_unique<engine::Play>(test_, setup, *this);
    started_ = target_->now();
    play_->start(target_->now());
    while (!play_->finished()) turn();
    take_outcome();
    return std::move(out_);
  }

 private:
  void inject(BytesView datagram) override {
    if (play_->finished()) {  // the engine cleans up
      target_->inject(place_.id, datagram);
      return;
    }
    sent_.emplace_back(target_->now() - started_, Bytes(datagram.begin(), datagram.end()));
    target_->inject(place_.id, datagram);
  }
  void start(const target::CallRequest& request) override {
    out_.called.push_back(fmt::format("{} call {} on {}: kind {} {}", at(), request.id, request.socket,
                                      request.operation.index(), arguments(request.operation)));
    target_->start(place_.id, request);
  }

  static std::string arguments(const target::Operation& operation) {
    if (const auto* listen = std::get_if<target::Listen>(&operation)) return std::to_string(listen->backlog);
    if (const auto* connect = std::get_if<target::Connect>(&operation))
      return fmt::format("{} from {}", connect->remote.port, connect->local_port);
    if (const auto* accept = std::get_if<target::Accept>(&operation)) return std::to_string(accept->accepted);
    if (const auto* send = std::get_if<target::Send>(&operation))
      return fmt::format("{} {}", send->urgent, hex(send->data));
    if (const auto* receive = std::get_if<target::Receive>(&operation))
      return fmt::format("{} {}", receive->urgent, receive->count);
    if (const auto* shutdown = std::get_if<target::Shutdown>(&operation))
      return std::to_string(static_cast<int>(shutdown->direction));
    if (const auto* set = std::get_if<target::SetOption>(&operation))
      return fmt::format("{} {}", set->name, set->value);
    if (const auto* get = std::get_if<target::GetOption>(&operation)) return get->name;
    return {};
  }

  // As the runner does.
  void turn() {
    const auto before = target_->now();
    const auto wake = play_->deadline().value_or(before);
    events_.clear();
    target_->wait(wake, events_);
    const auto now = target_->now();
    if (now >= wake) target_->wait(now, events_);
    for (auto& event : events_) {
      if (auto* arrival = std::get_if<target::PacketArrival>(&event)) {
        out_.answered.push_back(fmt::format("{} {}", at(), hex(arrival->datagram)));
        play_->on_packet(std::move(*arrival));
      } else if (auto* call = std::get_if<target::CallCompletion>(&event)) {
        const auto& result = call->result;
        out_.completed.push_back(completion(at(), result.id, result));
        play_->on_call(std::move(call->result), seen_, now);
      } else {
        play_->on_failure(std::get<target::TargetFailure>(event), now);
      }
    }
    play_->advance(now);
    seen_ = now >= wake ? now : before;
  }

  [[nodiscard]] std::int64_t at() const { return (target_->now() - started_).count(); }

  void take_outcome() {
    const auto outcome = play_->take_outcome();
    for (const auto& [when, datagram] : sent_)
      out_.sent.push_back(fmt::format("{} {}", when.count(), hex(without_identification(datagram))));
    out_.verdict = outcome.verdict;
    out_.reason = outcome.reason;
    for (const auto& finding : outcome.findings)
      if (!finding.name.empty()) out_.broken.insert(finding.name);
  }

  const script::Test& test_;
  std::uint64_t seed_;
  std::unique_ptr<target::Target> target_;
  target::Attachment place_;
  std::unique_ptr<engine::Play> play_;
  Instant started_, seen_;
  std::vector<std::pair<Duration, Bytes>> sent_;
  std::vector<target::Event> events_;
  Conversation out_;
};

// Where the one ends before the other, that is one too.
inline std::string first_difference(std::vector<std::string> a, std::vector<std::string> b, const char* what) {
  a.resize(std::max(a.size(), b.size()), "nothing");
  b.resize(a.size(), "nothing");
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end()) return {};
  return fmt::format("{} {} of {}:\n    {}\n    {}\n", what, left - a.begin(), a.size(), left->substr(0, 300),
                     right->substr(0, 300));
}

// A play that met what the stack cannot do ends there, and the program goes on to the end of its drain.
inline void cut(std::vector<std::string>& longer, const std::vector<std::string>& shorter) {
  longer.resize(std::min(longer.size(), shorter.size()));
}

inline std::string difference(const Conversation& first, Conversation again) {
  if (first.verdict == engine::Verdict::unsupported) {
    cut(again.sent, first.sent);
    cut(again.answered, first.answered);
    cut(again.called, first.called);
    cut(again.completed, first.completed);
  }
  return first_difference(first.sent, again.sent, "sent") +
         first_difference(first.answered, again.answered, "answered") +
         first_difference(first.called, again.called, "called") +
         first_difference(first.completed, again.completed, "completed");
}

// The octets and instants of a record; its calls by their numbers, as the engine counts them.
inline Conversation conversation_of(const Played& played) {
  Conversation out;
  std::map<std::uint32_t, std::size_t> calls;
  for (const auto& entry : played.entries) {
    const auto at = (entry.at - played.started).count();
    switch (entry.kind) {
      case Entry::Kind::sent:
        out.sent.push_back(fmt::format("{} {}", at, hex(without_identification(entry.datagram))));
        break;
      case Entry::Kind::answered:
        out.answered.push_back(fmt::format("{} {}", at, hex(entry.datagram)));
        break;
      case Entry::Kind::called:
        calls.try_emplace(entry.call, calls.size());
        break;
      case Entry::Kind::completed:
        out.completed.push_back(completion(at, calls.at(entry.call), entry.result));
        break;
      case Entry::Kind::paused:
        break;
    }
  }
  return out;
}

inline script::Suite load(std::string yaml) {
  auto source = std::make_shared<script::SourceFile>(script::SourceFile{"told.yaml", std::move(yaml)});
  script::Limits limits;
  limits.octets = 64 << 20;
  limits.nodes = 10'000'000;
  limits.steps_per_test = 1'000'000;
  auto suite = script::load_suite(source, limits);
  if (!suite) throw std::runtime_error(script::to_string(suite.error().front()));
  return std::move(*suite);
}

}  // namespace tcpspec::fuzz::test
