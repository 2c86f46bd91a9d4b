#include "fuzz/under_test.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fuzz/enclosed_stack.hh"
#include "fuzz/fenced_room.hh"
#include "fuzz/harness_memory.hh"
#include "reference/mutants.hh"
#include "reference_adapter/adapter.hh"
#include "target/adapter/plug_in.hh"
#include "target/packet_target.hh"

namespace tcpspec::fuzz {
namespace {

using target::EnvironmentError;
using target::Target;
using Opened = std::expected<std::unique_ptr<Target>, EnvironmentError>;

constexpr std::string_view mutant_prefix = "mutant:";

target::Description describe(const tcpspec_adapter& adapter, std::string name) {
  target::Description description;
  description.name = std::move(name);
  description.version = adapter.version;
  std::istringstream words(adapter.capabilities);
  for (std::string word; words >> word;) description.capabilities.insert(word);
  return description;
}

template <class Enter>
Opened open_enclosed(target::Description description, const tcpspec_adapter& adapter, Enter enter) {
  return target::make_packet_target(
      std::move(description),
      [&adapter, enter, room = std::make_shared<FencedRoom>()](
          const target::Seating& seating) -> std::expected<std::unique_ptr<target::PacketStack>, EnvironmentError> {
        auto stack = [&] {
          [[maybe_unused]] const auto inside = enter();
          return target::make_plug_in_stack(adapter, seating, "");
        }();
        if (!stack) return stack;
        return std::make_unique<EnclosedStack<Enter>>(enter, std::move(*stack), room);
      });
}

Opened open_adapter(const tcpspec_adapter& adapter) {
  return open_enclosed(describe(adapter, adapter.name), adapter, [] { return WatchedMemory(); });
}

#ifdef TCPSPEC_MUTANTS

namespace mutants = reference::mutants;

// The mistake is made while this stack runs, and by no other that is in the process.
class Mistaken {
 public:
  explicit Mistaken(mutants::Mutant mutant) { mutants::switch_on(mutant); }
  ~Mistaken() { mutants::switch_on(mutants::Mutant::none); }
  Mistaken(const Mistaken&) = delete;

 private:
  WatchedMemory watched_;
};

Opened open_mutant(std::string_view name) {
  const auto all = mutants::all();
  const auto found = std::ranges::find(all, name, &mutants::Description::name);
  if (found == all.end())
    return std::unexpected(EnvironmentError{.what = fmt::format("there is no mutant `{}`", name),
                                            .hint = "`scripts/mutants --list` lists them"});
  const auto& adapter = tcpspec::adapter::reference_adapter();
  auto description = describe(adapter, fmt::format("{}{}", mutant_prefix, name));
  return open_enclosed(std::move(description), adapter, [mutant = found->mutant] { return Mistaken(mutant); });
}

#else

Opened open_mutant(std::string_view name) {
  return std::unexpected(EnvironmentError{.what = fmt::format("mutant `{}`: this program has none built in", name),
                                          .hint = "tcpspec-fuzz-mutants of the preset fuzz has"});
}

#endif

}  // namespace

Opened open_under_test(std::string words) {
  if (words.empty())
    if (const char* said = std::getenv("TCPSPEC_FUZZ_TARGET"); said != nullptr) words = said;
  if (words.empty() || words == "reference") return open_adapter(tcpspec::adapter::reference_adapter());
  if (words.starts_with(mutant_prefix)) return open_mutant(std::string_view(words).substr(mutant_prefix.size()));
  const auto adapter = target::load_plug_in(words);
  if (!adapter) return std::unexpected(adapter.error());
  return open_adapter(**adapter);
}

}  // namespace tcpspec::fuzz
