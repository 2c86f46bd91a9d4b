// `list` and `show`: what there is, without playing it.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/suites.hh"

namespace tcpspec::cli {

namespace {

struct ListOptions {
  SuiteOptions suite;
  bool base = false;
  bool requirements = false;
};

int list(const ListOptions& options) {
  const auto chosen = choose(options.suite);
  if (!chosen) return chosen.error();
  std::set<std::string> seen, requirements;
  for (const auto* test : (*chosen)->tests) {
    requirements.insert(test->requirements.begin(), test->requirements.end());
    const auto& id = options.base ? test->base_id : test->id;
    if (!seen.insert(id).second || options.requirements) continue;
    fmt::print("{:<58}  {:<8} {}\n", id, script::to_string(runner::level_of(*test, (*chosen)->loaded.catalogue)),
               fmt::join(test->requirements, " "));
  }
  if (options.requirements)
    for (const auto& id : requirements) fmt::print("{}\n", id);
  fmt::print(stderr, "{} tests, {} requirements\n", seen.size(), requirements.size());
  return kAsExpected;
}

int show(const SuiteOptions& options) {
  const auto chosen = choose(options);
  if (!chosen) return chosen.error();
  std::set<std::string> seen;
  for (const auto* test : (*chosen)->tests) {
    if (!seen.insert(test->base_id).second) continue;
    const auto variants = std::count_if((*chosen)->tests.begin(), (*chosen)->tests.end(),
                                        [&](const auto* other) { return other->base_id == test->base_id; });
    fmt::print("{}\n  {}\n", test->base_id, test->about);
    for (const auto& id : test->requirements) {
      const auto* requirement = (*chosen)->loaded.catalogue.find(id);
      if (requirement)
        fmt::print("  {} {} (RFC {} section {}): {}\n", requirement->level, id, requirement->rfc, requirement->section,
                   requirement->text);
    }
    fmt::print("  {}:{}, {} variant{}\n\n", test->where.file->path, test->where.line, variants,
               variants == 1 ? "" : "s");
    // The test as its author wrote it: from its dash to the next line that is indented no deeper.
    const auto& file = *test->where.file;
    const auto indent = file.line(test->where.line).find_first_not_of(' ');
    int last = test->where.line;
    for (int line = last + 1, blank = 0; blank < 3; ++line) {
      const auto own = file.line(line).find_first_not_of(' ');
      if (own == std::string_view::npos) {
        ++blank;
        continue;
      }
      if (own <= indent) break;
      last = line;
      blank = 0;
    }
    for (int line = test->where.line; line <= last; ++line) fmt::print("{:>6} | {}\n", line, file.line(line));
    fmt::print("\n");
  }
  return kAsExpected;
}

struct ExplainOptions {
  std::string id;
  std::string suites;
};

int explain(const ExplainOptions& options) {
  SuiteOptions all;
  all.suites = options.suites;
  const auto chosen = choose(all);
  if (!chosen) return chosen.error();
  const auto& catalogue = (*chosen)->loaded.catalogue;
  const auto* requirement = catalogue.find(options.id);
  if (!requirement) {
    const auto near = catalogue.nearest(options.id);
    fmt::print(stderr, "tcpspec: the catalogue has no requirement `{}`\n{}", options.id,
               near.empty() ? "" : fmt::format("  did you mean `{}`?\n", near));
    return kNothingSelected;
  }
  fmt::print("{}  RFC {} section {}  {}\n  {}\n\n", requirement->id, requirement->rfc, requirement->section,
             requirement->level, requirement->text);
  std::set<std::string> seen;
  for (const auto* test : (*chosen)->tests)
    if (std::find(test->requirements.begin(), test->requirements.end(), options.id) != test->requirements.end() &&
        seen.insert(test->base_id).second)
      fmt::print("  tested by {}\n            {}\n", test->base_id, test->about);
  if (seen.empty()) fmt::print("  no test checks it\n");
  return kAsExpected;
}

}  // namespace

Action add_list(CLI::App& app) {
  auto* command = app.add_subcommand("list", "List tests, with level and requirements");
  command->footer("Example: tcpspec list --tag seed --base");
  auto options = std::make_shared<ListOptions>();
  add_suite_options(*command, options->suite);
  command->add_flag("--base", options->base, "Each test once, without its matrix variants");
  command->add_flag("--requirements", options->requirements, "Only the ids of the requirements that the tests check");
  return [command, options] { return command->parsed() ? list(*options) : -1; };
}

Action add_show(CLI::App& app) {
  auto* command = app.add_subcommand("show", "Show tests as they are written, with what the RFC requires");
  command->footer("Example: tcpspec show handshake/passive-open");
  auto options = std::make_shared<SuiteOptions>();
  add_suite_options(*command, *options);
  return [command, options] { return command->parsed() ? show(*options) : -1; };
}

Action add_explain(CLI::App& app) {
  auto* command = app.add_subcommand("explain", "Say what a requirement means, and which tests check it");
  command->footer("Example: tcpspec explain MUST-14");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("requirement", options->id, "Id in the catalogue, e.g. MUST-14 or RFC7323-2.2-a")->required();
  command->add_option("--suites", options->suites, "Folder of the suites")->envname("TCPSPEC_SUITES");
  return [command, options] { return command->parsed() ? explain(*options) : -1; };
}

}  // namespace tcpspec::cli
