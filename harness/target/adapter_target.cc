#include "target/adapter_target.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "target/adapter/plug_in.hh"
#include "target/adapter/program_stack.hh"
#include "target/packet_target.hh"

namespace tcpspec::target {
namespace {

namespace fs = std::filesystem;

// Programs that do not start: after so many in a row no further one is tried.
constexpr int most_failed_starts = 3;

Description describe(const ProgramHello& hello, const std::set<std::string>& without) {
  Description description;
  description.name = hello.name;
  description.version = hello.version;
  description.capabilities = hello.capabilities;
  // An adapter's clock is in our hands, whatever it says of itself.
  description.capabilities.insert("virtual-time");
  for (const auto& capability : without) description.capabilities.erase(capability);
  return description;
}

// The process that stacks are made in, one after the other.
class ProgramSupply {
 public:
  ProgramSupply(ProgramOptions options, std::string params)
      : options_(std::move(options)), params_(std::move(params)) {}

  [[nodiscard]] std::expected<ProgramHello, EnvironmentError> open() {
    if (auto started = start(); !started) return std::unexpected(started.error());
    return hello_;
  }

  [[nodiscard]] std::expected<std::unique_ptr<PacketStack>, EnvironmentError> make(const Seating& seating) {
    const bool used_up = program_ && hello_.single_use && used_;
    if (!program_ || program_->failure() || used_up) {
      if (failed_starts_ >= most_failed_starts) return std::unexpected(last_error_);
      if (auto started = start(); !started) return std::unexpected(started.error());
    }
    used_ = true;
    return make_program_stack(program_, seating, params_);
  }

 private:
  [[nodiscard]] std::expected<void, EnvironmentError> start() {
    program_.reset();
    used_ = false;
    auto started = AdapterProgram::start(options_);
    if (!started) return fail(started.error());
    auto hello = greet(**started);
    if (!hello) return fail(hello.error());
    hello_ = std::move(*hello);
    program_ = std::move(*started);
    failed_starts_ = 0;
    return {};
  }
  [[nodiscard]] std::expected<void, EnvironmentError> fail(const EnvironmentError& error) {
    ++failed_starts_;
    last_error_ = error;
    return std::unexpected(error);
  }

  ProgramOptions options_;
  std::string params_;
  ProgramHello hello_;
  std::shared_ptr<AdapterProgram> program_;
  bool used_ = false;
  int failed_starts_ = 0;
  EnvironmentError last_error_;
};

// Where tcpspec-adapter-host has not come so far as to call the plug-in, what it complains of is the error.
EnvironmentError of_plug_in(EnvironmentError error) {
  constexpr std::string_view begin = "tcpspec-adapter-host: ";
  const auto at = error.what.rfind(begin);
  if (at == std::string::npos) return error;
  return {.what = error.what.substr(at + begin.size()),
          .hint = "a plug-in is a shared object that is linked with all that it calls; see harness/target/README.md"};
}

std::expected<std::unique_ptr<Target>, EnvironmentError> open_program(const AdapterOptions& options) {
  ProgramOptions program{.command = options.program, .hang_after = options.hang_after};
  std::string link = fmt::format("none: {} in a process of its own", fmt::join(options.program, " "));
  if (!options.plug_in.empty()) {
    program.command = {adapter_host_program(), options.plug_in};
    link = "none: a plug-in in a process of its own";
  }
  auto supply = std::make_shared<ProgramSupply>(std::move(program), options.params);
  const auto hello = supply->open();
  if (!hello) return std::unexpected(options.plug_in.empty() ? hello.error() : of_plug_in(hello.error()));
  auto description = describe(*hello, options.without);
  description.provenance["link"] = link;
  if (!options.params.empty()) description.provenance["params"] = options.params;
  return make_packet_target(std::move(description), [supply](const Seating& seating) { return supply->make(seating); });
}

std::expected<std::unique_ptr<Target>, EnvironmentError> open_in_process(const AdapterOptions& options) {
  const auto adapter = load_plug_in(options.plug_in);
  if (!adapter) return std::unexpected(adapter.error());
  if ((*adapter)->single_use != 0)
    return std::unexpected(EnvironmentError{
        .what = fmt::format("{} can be made once in a process, and each test needs a new stack", options.plug_in),
        .hint = "let it have processes of its own"});
  ProgramHello hello;
  hello.name = (*adapter)->name;
  hello.version = (*adapter)->version;
  std::istringstream words((*adapter)->capabilities);
  for (std::string word; words >> word;) hello.capabilities.insert(word);
  auto description = describe(hello, options.without);
  description.provenance["link"] = "none: a plug-in in this process";
  return make_packet_target(std::move(description),
                            [adapter = *adapter, params = options.params](const Seating& seating) {
                              return make_plug_in_stack(*adapter, seating, params);
                            });
}

}  // namespace

std::string adapter_host_program() {
  if (const char* named = std::getenv("TCPSPEC_ADAPTER_HOST")) return named;
  std::error_code error;
  return (fs::read_symlink("/proc/self/exe", error).parent_path() / "tcpspec-adapter-host").string();
}

std::expected<std::unique_ptr<Target>, EnvironmentError> open_adapter_target(const AdapterOptions& options) {
  return options.isolation == AdapterOptions::Isolation::in_process ? open_in_process(options) : open_program(options);
}

}  // namespace tcpspec::target
