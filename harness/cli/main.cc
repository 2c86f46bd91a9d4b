// tcpspec(1)

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "cli/commands.hh"
#include "cli/exit_code.hh"
#include "cli/output.hh"

namespace {

int run_program(int argc, char** argv) {
  using namespace tcpspec::cli;  // NOLINT(google-build-using-namespace): the verbs, in one function
  command_line().assign(argv + std::min(argc, 1), argv + argc);
  CLI::App app{"tcpspec tests TCP implementations against the RFCs.", "tcpspec"};
  app.set_version_flag("--version", "tcpspec " TCPSPEC_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 all as expected, 1 unexpected results, 2 wrong usage or a wrong file,\n"
      "3 nothing selected, 4 the environment, 5 a bug of tcpspec, 77 a fuzzing finding, 130 interrupted.\n"
      "Example: tcpspec run --target linux --report html=report.html");
  const Action actions[] = {add_run(app),     add_list(app),   add_show(app),  add_lint(app), add_explain(app),
                            add_targets(app), add_doctor(app), add_stack(app), add_fuzz(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kAsExpected : kUsage;
  }
  for (const auto& action : actions)
    if (const int code = action(); code >= 0) return code;
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "tcpspec: a bug of tcpspec, not of your stack: {}\n  please report it with the command line\n",
               bug.what());
    return tcpspec::cli::kInternal;
  }
}
