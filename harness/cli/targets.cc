#include "cli/targets.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <memory>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "target/doctor.hh"
#include "target/linux_target.hh"
#include "target/reference_target.hh"

namespace tcpspec::cli {

namespace {

using target::LinuxOptions;

using Opened = std::expected<std::unique_ptr<target::Target>, target::EnvironmentError>;

LinuxOptions linux_options(LinuxOptions::Link link) {
  LinuxOptions options;
  options.link = link;
  // For trying what happens where the device is missing.
  if (const char* device = std::getenv("TCPSPEC_TUN_DEVICE")) options.tun_device = device;
  return options;
}

struct Known {
  std::string_view name;
  std::string_view about;
  Opened (*open)();
};

constexpr std::array<Known, 4> kTargets = {{
    {"linux", "this machine's kernel, over a TUN device where it may be opened, else over a veth pair",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::automatic)); }},
    {"linux-tun", "this machine's kernel, over a TUN device",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::tun)); }},
    {"linux-veth", "this machine's kernel, over a veth pair",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::veth)); }},
    {"reference", "the reference stack of tcpspec, in this process, on a simulated clock; needs no privilege",
     []() -> Opened { return target::open_reference_target(); }},
}};

const Known* find(const std::string& name) {
  for (const auto& known : kTargets)
    if (known.name == name) return &known;
  return nullptr;
}

int list_targets() {
  for (const auto& known : kTargets) {
    fmt::print("{:<12} {}\n", known.name, known.about);
    // The automatic one says what it found; a link that is not to be had says what to do.
    auto opened = open_target(std::string(known.name));
    if (!opened) {
      fmt::print("{:<12} not available: {}\n{:<12} {}\n", "", opened.error().what, "", opened.error().hint);
      continue;
    }
    const auto& description = (*opened)->description();
    fmt::print("{:<12} version {}; can: {}\n", "", description.version, fmt::join(description.capabilities, ", "));
  }
  return kAsExpected;
}

int doctor() {
  bool usable = true;
  for (const auto& check : target::examine_environment(linux_options(LinuxOptions::Link::automatic))) {
    using Status = target::Check::Status;
    const std::string_view word = check.status == Status::ok         ? "ok"
                                  : check.status == Status::degraded ? "degraded"
                                                                     : "missing";
    usable = usable && check.status != Status::missing;
    fmt::print("{:<9} {:<24} {}\n", word, check.name, check.detail);
    if (!check.hint.empty() && check.status != Status::ok) fmt::print("{:<9} {:<24} {}\n", "", "", check.hint);
  }
  return usable ? kAsExpected : kEnvironment;
}

}  // namespace

bool is_target(const std::string& name) {
  return find(name) != nullptr;
}

std::string target_names() {
  std::string out;
  for (const auto& known : kTargets) out += (out.empty() ? "" : ", ") + std::string(known.name);
  return out;
}

std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> open_target(const std::string& name) {
  return find(name)->open();
}

Action add_targets(CLI::App& app) {
  auto* command = app.add_subcommand("targets", "List the targets, and what each can do here");
  command->footer("Example: tcpspec targets");
  return [command] { return command->parsed() ? list_targets() : -1; };
}

Action add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "Check what this machine allows, and say what to do where it does not");
  command->footer("Example: tcpspec doctor");
  return [command] { return command->parsed() ? doctor() : -1; };
}

}  // namespace tcpspec::cli
