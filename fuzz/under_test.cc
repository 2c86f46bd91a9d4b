#include "fuzz/under_test.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reference/mutants.hh"
#include "reference_adapter/adapter.hh"
#include "target/adapter/plug_in.hh"
#include "target/packet_target.hh"
#include "target/reference_target.hh"

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

#ifdef TCPSPEC_MUTANTS

namespace mutants = reference::mutants;

// The mistake is made while this stack runs, and by no other that is in the process.
class Mistaken {
 public:
  explicit Mistaken(mutants::Mutant mutant) { mutants::switch_on(mutant); }
  ~Mistaken() { mutants::switch_on(mutants::Mutant::none); }
  Mistaken(const Mistaken&) = delete;
};

class MutantStack final : public target::PacketStack {
 public:
  MutantStack(mutants::Mutant mutant, std::unique_ptr<target::PacketStack> stack)
      : mutant_(mutant), stack_(std::move(stack)) {}
  MutantStack(MutantStack&&) = delete;
  ~MutantStack() override {
    const Mistaken now(mutant_);
    stack_.reset();
  }

  void advance(target::Instant now) override {
    on([&] { stack_->advance(now); });
  }
  [[nodiscard]] target::Instant run(target::Instant limit) override {
    return on([&] { return stack_->run(limit); });
  }
  [[nodiscard]] std::optional<target::Instant> deadline() const override {
    return on([&] { return stack_->deadline(); });
  }
  void input(target::BytesView datagram) override {
    on([&] { stack_->input(datagram); });
  }
  [[nodiscard]] std::vector<target::Bytes> take_output() override { return stack_->take_output(); }
  [[nodiscard]] const std::optional<target::TargetFailure>& failure() const override { return stack_->failure(); }

  [[nodiscard]] std::int64_t open() override {
    return on([&] { return stack_->open(); });
  }
  [[nodiscard]] std::int64_t listen(Handle socket, std::uint16_t port, int backlog) override {
    return on([&] { return stack_->listen(socket, port, backlog); });
  }
  [[nodiscard]] std::int64_t connect(Handle socket, const packet::Endpoint& remote, std::uint16_t port) override {
    return on([&] { return stack_->connect(socket, remote, port); });
  }
  [[nodiscard]] std::int64_t connected(Handle socket) override {
    return on([&] { return stack_->connected(socket); });
  }
  [[nodiscard]] std::int64_t accept(Handle listener) override {
    return on([&] { return stack_->accept(listener); });
  }
  [[nodiscard]] std::int64_t local_port(Handle socket) override {
    return on([&] { return stack_->local_port(socket); });
  }
  [[nodiscard]] std::int64_t send(Handle socket, target::BytesView data, bool urgent) override {
    return on([&] { return stack_->send(socket, data, urgent); });
  }
  [[nodiscard]] std::int64_t receive(Handle socket, std::span<std::byte> data, bool urgent) override {
    return on([&] { return stack_->receive(socket, data, urgent); });
  }
  [[nodiscard]] std::int64_t shutdown(Handle socket, target::Direction direction) override {
    return on([&] { return stack_->shutdown(socket, direction); });
  }
  [[nodiscard]] std::int64_t close(Handle socket) override {
    return on([&] { return stack_->close(socket); });
  }
  [[nodiscard]] std::int64_t abort(Handle socket) override {
    return on([&] { return stack_->abort(socket); });
  }
  [[nodiscard]] std::int64_t set_option(Handle socket, std::string_view name, std::int64_t value) override {
    return on([&] { return stack_->set_option(socket, name, value); });
  }
  [[nodiscard]] std::int64_t get_option(Handle socket, std::string_view name, std::int64_t& value) override {
    return on([&] { return stack_->get_option(socket, name, value); });
  }
  [[nodiscard]] std::int64_t state(Handle socket, std::string& text) override {
    return on([&] { return stack_->state(socket, text); });
  }

 private:
  template <class Function>
  std::invoke_result_t<Function> on(Function function) const {
    const Mistaken now(mutant_);
    return function();
  }

  mutants::Mutant mutant_;
  std::unique_ptr<target::PacketStack> stack_;
};

Opened open_mutant(std::string_view name) {
  const auto all = mutants::all();
  const auto found = std::ranges::find(all, name, &mutants::Description::name);
  if (found == all.end())
    return std::unexpected(EnvironmentError{.what = fmt::format("there is no mutant `{}`", name),
                                            .hint = "`scripts/mutants --list` lists them"});
  const auto& adapter = tcpspec::adapter::reference_adapter();
  auto description = describe(adapter, fmt::format("{}{}", mutant_prefix, name));
  return target::make_packet_target(std::move(description),
                                    [&adapter, mutant = found->mutant](const target::Seating& seating)
                                        -> std::expected<std::unique_ptr<target::PacketStack>, EnvironmentError> {
                                      const Mistaken now(mutant);
                                      auto stack = target::make_plug_in_stack(adapter, seating, "");
                                      if (!stack) return stack;
                                      return std::make_unique<MutantStack>(mutant, std::move(*stack));
                                    });
}

#else

Opened open_mutant(std::string_view name) {
  return std::unexpected(EnvironmentError{.what = fmt::format("mutant `{}`: this program has none built in", name),
                                          .hint = "tcpspec-fuzz-mutants of the preset fuzz has"});
}

#endif

Opened open_adapter(const tcpspec_adapter& adapter) {
  return target::make_packet_target(describe(adapter, adapter.name), [&adapter](const target::Seating& seating) {
    return target::make_plug_in_stack(adapter, seating, "");
  });
}

}  // namespace

Opened open_under_test(std::string words) {
  if (words.empty())
    if (const char* said = std::getenv("TCPSPEC_FUZZ_TARGET"); said != nullptr) words = said;
  if (words.empty() || words == "reference") return target::open_reference_target();
  if (words.starts_with(mutant_prefix)) return open_mutant(std::string_view(words).substr(mutant_prefix.size()));
  const auto adapter = target::load_plug_in(words);
  if (!adapter) return std::unexpected(adapter.error());
  return open_adapter(**adapter);
}

}  // namespace tcpspec::fuzz
