#include "fuzz/fixture.hh"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "fuzz/compile.hh"
#include "script/loader.hh"

namespace tcpspec::fuzz {

namespace {

bool can_offer(script::State state, script::Role role) {
  using script::State;
  return state != State::closed && state != State::listen &&
         (state != State::syn_sent || role == script::Role::passive);
}

// The default where there is nothing to say: an MSS of 1460.
std::string offer_of(const Fixture& fixture) {
  std::string out = "mss: 1460";
  if (fixture.sack) out += ", sack_permitted";
  if (fixture.timestamps) out += ", ts";
  if (fixture.window_scale) out += fmt::format(", wscale: {}", *fixture.window_scale);
  return out;
}

std::vector<Step> compile_fixture(const Fixture& fixture, packet::Family family) {
  if (fixture.state == script::State::closed) return {};
  auto text = fmt::format(
      "suite: fixture\n"
      "tests:\n"
      "  - id: given\n"
      "    about: Nothing but the state that it begins with.\n"
      "    requirement: none\n"
      "    family: {}\n"
      "    drain: 0s\n"
      "    given: {}\n"
      "    steps: []\n",
      family == packet::Family::ipv4 ? "ipv4" : "ipv6", given_of(fixture));
  auto source = std::make_shared<script::SourceFile>(script::SourceFile{"(built-in) given", std::move(text)});
  const auto suite = script::load_suite(std::move(source));
  if (!suite) throw std::logic_error(script::to_string(suite.error().front()));
  auto program = compile_whole(suite->tests.front(), {});
  if (!program) throw std::logic_error(fmt::format("given: {}: {}", given_of(fixture), program.error()));
  return std::move(program->steps);
}

}  // namespace

std::string given_of(const Fixture& fixture) {
  using script::Role;
  const auto state = script::to_string(fixture.state);
  const auto usual = fixture.state == script::State::syn_sent ? Role::active : Role::passive;
  std::string more;
  if (fixture.role != usual) more += fmt::format(", role: {}", script::to_string(fixture.role));
  if (can_offer(fixture.state, fixture.role) && (fixture.sack || fixture.timestamps || fixture.window_scale))
    more += fmt::format(", options: [{}]", offer_of(fixture));
  if (fixture.by_close) more += ", by: close";
  return more.empty() ? std::string(state) : fmt::format("{{state: {}{}}}", state, more);
}

namespace {

class Compiled {
 public:
  const std::vector<Step>& steps_of(const Fixture& fixture, packet::Family family) {
    const Key key{fixture.state,
                  fixture.role,
                  fixture.sack,
                  fixture.timestamps,
                  fixture.window_scale ? *fixture.window_scale : -1,
                  fixture.by_close,
                  family};
    const auto found = known_.find(key);
    return found != known_.end() ? found->second : known_.emplace(key, make(fixture, family)).first->second;
  }

 private:
  using Key = std::tuple<script::State, script::Role, bool, bool, int, bool, packet::Family>;

  // One for all shifts: to compile a fixture takes as long as to play ten programs.
  std::vector<Step> make(Fixture fixture, packet::Family family) {
    const auto shift =
        std::exchange(fixture.window_scale, fixture.window_scale ? std::optional(first_shift) : std::nullopt);
    if (!shift || *shift == first_shift) return compile_fixture(fixture, family);
    auto steps = steps_of(fixture, family);
    for (auto& step : steps) offer_shift(step, *shift);
    return steps;
  }
  static void offer_shift(Step& step, std::uint8_t shift) {
    auto* segment = std::get_if<SendSegment>(&step.action);
    if (segment == nullptr || !segment->options) return;
    for (auto& option : *segment->options)
      if (option.kind == OptionItem::Kind::window_scale) option.numbers = {{Number::Base::zero, shift}};
  }

  static constexpr std::uint8_t first_shift = 0;
  std::map<Key, std::vector<Step>> known_;
};

}  // namespace

const std::vector<Step>& steps_of(const Fixture& fixture, packet::Family family) {
  static Compiled compiled;
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  return compiled.steps_of(fixture, family);
}

}  // namespace tcpspec::fuzz
