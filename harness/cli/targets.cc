#include "cli/targets.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <sstream>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/fuzz_child.hh"
#include "cli/suites.hh"
#include "runner/acceptance.hh"
#include "target/adapter_target.hh"
#include "target/doctor.hh"
#include "target/linux_target.hh"
#include "target/reference_target.hh"
#include "target/remote_target.hh"

namespace tcpspec::cli {

namespace {

namespace fs = std::filesystem;
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
  std::string_view file;  // of its numbers, without .yaml
  Opened (*open)();
};

constexpr std::array<Known, 4> kTargets = {{
    {"linux", "this machine's kernel, over a TUN device where it may be opened, else over a veth pair", "linux",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::automatic)); }},
    {"linux-tun", "this machine's kernel, over a TUN device", "linux",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::tun)); }},
    {"linux-veth", "this machine's kernel, over a veth pair", "linux",
     [] { return target::open_linux_target(linux_options(LinuxOptions::Link::veth)); }},
    {"reference", "the reference stack of tcpspec, in this process, on a simulated clock; needs no privilege",
     "reference", []() -> Opened { return target::open_reference_target(); }},
}};

constexpr std::string_view mutant_prefix = "mutant:";

const Known* find_known(std::string_view name) {
  const auto* found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const auto& each) { return each.name == name; });
  return found == kTargets.end() ? nullptr : found;
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

fs::path targets_folder(const std::string& suites_folder) {
  return fs::path(suites_folder) / "targets";
}

// Files of targets that tcpspec does not know by itself, in the order of their names.
std::vector<std::string> described_targets(const std::string& suites_folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(targets_folder(suites_folder), error)) {
    const auto name = entry.path().stem().string();
    if (entry.path().extension() == ".yaml" && name != "defaults" && find_known(name) == nullptr) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string target_names(const std::string& suites_folder) {
  std::string out;
  for (const auto& known : kTargets) out += (out.empty() ? "" : ", ") + std::string(known.name);
  for (const auto& name : described_targets(suites_folder)) out += ", " + name;
  return out;
}

// Among the adapters that were built with this program.
fs::path built_adapter(const std::string& written) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / "adapters" / written;
}

// Where it is written, or among those that were built.
std::string resolve(const std::string& written, const fs::path& beside) {
  if (fs::path(written).is_absolute()) return written;
  // With a slash: what has none is looked up in PATH.
  if (const auto near = (beside.empty() ? fs::path(".") : beside) / written; is_file(near)) return near.string();
  if (const auto built = built_adapter(written); is_file(built)) return built.string();
  return written.find('/') == std::string::npos ? written : (beside / written).string();
}

bool is_in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return false;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_file(fs::path(folder) / program)) return true;
  return false;
}

// A target without a file: the values are the default ones.
std::expected<TargetChoice, int> bare(const std::string& word, const std::string& name, const fs::path& folder) {
  TargetChoice choice{.word = word, .file = {}};
  choice.file.name = name;
  auto values = runner::default_values(folder.string());
  if (!values) {
    print(values.error());
    return std::unexpected(kUsage);
  }
  choice.file.values = std::move(*values);
  return choice;
}

std::expected<TargetChoice, int> from_file(const std::string& word, const fs::path& path, const fs::path& folder) {
  auto file = runner::load_target_file(path.string(), folder.string());
  if (!file) {
    print(file.error());
    return std::unexpected(kUsage);
  }
  TargetChoice choice{.word = word, .file = std::move(*file)};
  const auto beside = path.parent_path();
  if (!choice.file.plug_in.empty()) choice.file.plug_in = resolve(choice.file.plug_in, beside);
  if (!choice.file.program.empty()) choice.file.program.front() = resolve(choice.file.program.front(), beside);
  return choice;
}

std::expected<TargetChoice, int> from_adapter(const std::string& word, const std::string& path,
                                              const fs::path& folder) {
  auto choice = bare(word, fs::path(word).stem().string(), folder);
  if (!choice) return choice;
  if (word.ends_with(".so"))
    choice->file.plug_in = path;
  else
    choice->file.program = {path};
  return choice;
}

// The reference stack with a named mistake: a program of the fuzzers' build, under their sanitizers.
std::expected<TargetChoice, int> from_mutant(const std::string& word, const fs::path& folder) {
  const auto program = fuzzers_folder().parent_path() / "tcpspec-fuzz-mutant-stack";
  if (!is_file(program))
    return std::unexpected(
        fuzz_fails(kEnvironment, "the reference stack with mistakes is not there", how_to_build_fuzzers()));
  const auto path = folder / "reference.yaml";
  auto choice = is_file(path) ? from_file(word, path, folder) : bare(word, word, folder);
  if (!choice) return choice;
  choice->file.name = word;
  choice->file.program = {program.string(), word.substr(mutant_prefix.size())};
  return choice;
}

int list_targets(const std::string& folder) {
  const auto show = [](std::string_view name, std::string_view about, const Opened& opened) {
    fmt::print("{:<12} {}\n", name, about);
    // The automatic one says what it found; a link that is not to be had says what to do.
    if (!opened) {
      fmt::print("{:<12} not available: {}\n{:<12} {}\n", "", opened.error().what, "", opened.error().hint);
      return;
    }
    const auto& description = (*opened)->description();
    fmt::print("{:<12} version {}; can: {}\n", "", description.version, fmt::join(description.capabilities, ", "));
  };
  for (const auto& known : kTargets) show(known.name, known.about, known.open());
  for (const auto& name : described_targets(folder)) {
    const auto choice = find_target(name, folder);
    if (!choice) return choice.error();
    show(name, choice->file.about, open_target(*choice));
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

int doctor_of(const std::string& word, const std::string& folder) {
  const auto choice = find_target(word, folder);
  if (!choice) return choice.error();
  constexpr std::uint64_t seed = 1;  // any: what is asked holds for each
  bool accepted = true;
  for (const auto& check : runner::examine_target([&] { return open_target(*choice); }, seed)) {
    using Status = runner::AcceptanceCheck::Status;
    const std::string_view status = check.status == Status::ok      ? "ok"
                                    : check.status == Status::noted ? "note"
                                                                    : "failed";
    accepted = accepted && check.status != Status::failed;
    fmt::print("{:<9} {:<24} {}\n", status, check.name, check.detail);
  }
  return accepted ? kAsExpected : kUnexpected;
}

}  // namespace

std::vector<std::string> target_words(const std::string& option) {
  std::vector<std::string> out;
  std::istringstream words(option);
  for (std::string word; std::getline(words, word, ',');)
    if (!word.empty() && std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  return out;
}

std::expected<TargetChoice, int> find_target(const std::string& word, const std::string& suites_folder) {
  const auto folder = targets_folder(suites_folder);
  if (const auto* known = find_known(word)) {
    const auto path = folder / fmt::format("{}.yaml", known->file);
    auto choice = is_file(path) ? from_file(word, path, folder) : bare(word, word, folder);
    if (!choice) return choice;
    choice->file.name = word;
    choice->built_in = true;
    return choice;
  }
  if (word.starts_with(mutant_prefix)) return from_mutant(word, folder);
  if (const auto path = folder / (word + ".yaml"); word.find('/') == std::string::npos && is_file(path))
    return from_file(word, path, folder);
  if (is_file(word) && (word.ends_with(".yaml") || word.ends_with(".yml"))) return from_file(word, word, folder);
  if (is_file(word)) return from_adapter(word, fs::absolute(word).string(), folder);
  if (const auto built = built_adapter(word); word.find('/') == std::string::npos && is_file(built))
    return from_adapter(word, built.string(), folder);
  fmt::print(
      stderr,
      "tcpspec: unknown target `{}`\n  one of: {}\n  or the path of a target's YAML file, of an adapter (.so), or of a "
      "program that is one{}\n",
      word, target_names(suites_folder), word.find('/') == std::string::npos ? "" : "; there is no such file");
  return std::unexpected(kUsage);
}

std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> open_target(const TargetChoice& choice) {
  if (choice.built_in) return find_known(choice.word)->open();
  const auto& file = choice.file;
  if (file.remote) {
    auto remote = *file.remote;
    remote.without = file.without;
    return target::open_remote_target(remote);
  }
  if (file.plug_in.empty() && file.program.empty())
    return std::unexpected(target::EnvironmentError{
        .what = fmt::format("{} does not say how the target is attached", file.path),
        .hint = "adapter: my-stack.so, program: [./my-stack], or remote: {...}; see harness/target/README.md"});
  const auto& path = file.plug_in.empty() ? file.program.front() : file.plug_in;
  const bool elsewhere = file.plug_in.empty() && is_in_path(path);
  if (!file.package.empty() && !is_file(path) && !elsewhere)
    return std::unexpected(target::EnvironmentError{.what = fmt::format("the adapter `{}` was not built", path),
                                                    .hint = fmt::format("needs {}", file.package)});
  target::AdapterOptions options;
  options.plug_in = file.plug_in;
  options.program = file.program;
  options.params = file.params;
  options.without = file.without;
  if (file.hang_after) options.hang_after = *file.hang_after;
  auto opened = target::open_adapter_target(options);
  if (!opened && !file.package.empty()) opened.error().hint += fmt::format("; it needs {}", file.package);
  return opened;
}

Action add_targets(CLI::App& app) {
  auto* command = app.add_subcommand("targets", "List the targets, and what each can do here");
  command->footer("Example: tcpspec targets");
  auto options = std::make_shared<SuiteOptions>();
  command->add_option("--suites", options->suites, "Folder of the suites")->type_name("DIR")->envname("TCPSPEC_SUITES");
  return [command, options] { return command->parsed() ? list_targets(suites_folder(*options)) : -1; };
}

Action add_doctor(CLI::App& app) {
  auto* command =
      app.add_subcommand("doctor", "Check what this machine allows, or whether a target keeps to the rules");
  command->footer("Example: tcpspec doctor --target my-stack.so");
  struct Options {
    SuiteOptions suite;
    std::string target;
  };
  auto options = std::make_shared<Options>();
  command->add_option("--target", options->target,
                      "Examine this target: determinism, reset, clock, and what it declares against what it does");
  command->add_option("--suites", options->suite.suites, "Folder of the suites")
      ->type_name("DIR")
      ->envname("TCPSPEC_SUITES");
  return [command, options] {
    if (!command->parsed()) return -1;
    return options->target.empty() ? doctor() : doctor_of(options->target, suites_folder(options->suite));
  };
}

}  // namespace tcpspec::cli
