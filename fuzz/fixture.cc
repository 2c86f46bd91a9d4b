#include "fuzz/fixture.hh"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>

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

const std::vector<Step>& steps_of(const Fixture& fixture, packet::Family family) {
  using Key = std::tuple<script::State, script::Role, bool, bool, int, bool, packet::Family>;
  static std::map<Key, std::vector<Step>> known;
  static std::mutex mutex;
  const Key key{fixture.state,
                fixture.role,
                fixture.sack,
                fixture.timestamps,
                fixture.window_scale ? *fixture.window_scale : -1,
                fixture.by_close,
                family};
  const std::scoped_lock lock(mutex);
  const auto found = known.find(key);
  return found != known.end() ? found->second : known.emplace(key, compile_fixture(fixture, family)).first->second;
}

}  // namespace tcpspec::fuzz
