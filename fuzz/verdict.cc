#include "fuzz/verdict.hh"

#include <utility>
#include <vector>

#include "script/loader.hh"

namespace tcpspec::fuzz {
namespace {

class Direct final : public engine::Commands {
 public:
  Direct(target::Target& target, target::AttachmentId place) : target_(target), place_(place) {}
  void inject(packet::BytesView datagram) override { target_.inject(place_, datagram); }
  void start(const target::CallRequest& request) override { target_.start(place_, request); }

 private:
  target::Target& target_;
  target::AttachmentId place_;
};

void play_through(engine::Play& play, target::Target& target) {
  auto seen = target.now();
  play.start(seen);
  std::vector<target::Event> events;
  while (!play.finished()) {
    const auto wake = play.deadline();
    events.clear();
    target.wait(wake, events);
    const auto now = target.now();
    for (auto& event : events) {
      if (auto* arrival = std::get_if<target::PacketArrival>(&event))
        play.on_packet(std::move(*arrival));
      else if (auto* call = std::get_if<target::CallCompletion>(&event))
        play.on_call(std::move(call->result), seen, now);
      else
        play.on_failure(std::get<target::TargetFailure>(event), now);
    }
    play.advance(now);
    seen = now;
  }
}

}  // namespace

engine::Verdict verdict_of(const std::string& yaml, target::Target& target, std::uint64_t seed) {
  const auto suite = script::load_suite(std::make_shared<script::SourceFile>(script::SourceFile{"test.yaml", yaml}));
  if (!suite || suite->tests.empty()) return engine::Verdict::error;
  const auto& test = suite->tests.front();
  const auto place = target.attach({.family = test.family, .seed = seed});
  if (!place) return engine::Verdict::error;
  Direct commands(target, place->id);
  engine::Setup setup;
  setup.attachment = *place;
  setup.level = test.level.value_or(script::Level::must);
  setup.seed = seed;
  engine::Play play(test, setup, commands);
  play_through(play, target);
  target.detach(place->id);
  return play.take_outcome().verdict;
}

}  // namespace tcpspec::fuzz
