// Prints how fast the engine plays against a library stack behind adapter.h, beside a bare loop over
// the same functions.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/engine.hh"
#include "bench/server.hh"
#include "bench/table.hh"
#include "target/adapter/plug_in.hh"
#include "target/adapter_target.hh"

namespace {

using namespace tcpspec;  // NOLINT(google-build-using-namespace): a program of one file

constexpr packet::Duration kRound = std::chrono::milliseconds(400);

std::unique_ptr<target::Target> open(const std::string& plug_in, target::AdapterOptions::Isolation isolation) {
  target::AdapterOptions options;
  options.plug_in = plug_in;
  options.isolation = isolation;
  auto opened = target::open_adapter_target(options);
  if (!opened) throw std::runtime_error(opened.error().what);
  return std::move(*opened);
}

void measure(const std::string& name, const std::string& plug_in, int rounds) {
  using Isolation = target::AdapterOptions::Isolation;
  const auto adapter = target::load_plug_in(plug_in);
  if (!adapter) throw std::runtime_error(adapter.error().what);
  const auto suite = bench::open_close_suite();
  const bench::Suites suites(TCPSPEC_SUITES_FOLDER);
  std::vector<double> bare, here, apart, played;
  for (int round = 0; round < rounds; ++round) {
    // One stack at a time lives in a process: the bare loop's ends before the engine's begins.
    bare.push_back(bench::conversations_per_second(*bench::make_plug_in_server(**adapter), kRound));
    here.push_back(
        bench::engine_conversations_per_second(*open(plug_in, Isolation::in_process), suite, {.count = 10'000}));
    const auto child = open(plug_in, Isolation::process);
    const auto began = std::chrono::steady_clock::now();
    (void)bench::engine_conversations_per_second(*child, suite, {.count = 2'000});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    apart.push_back(2'000 / took.count());
    const auto began_suites = std::chrono::steady_clock::now();
    const auto speed = suites.play(*child);
    const std::chrono::duration<double> suites_took = std::chrono::steady_clock::now() - began_suites;
    played.push_back(speed.tests / suites_took.count());
  }
  fmt::print("{} behind adapter.h, handshake + close, a new stack for each conversation, median of {} rounds\n", name,
             rounds);
  bench::print_figure("bare loop over its functions, per CPU second", bench::median(bare));
  bench::print_figure("engine, in process, per CPU second", bench::median(here));
  bench::print_ratio("ratio, engine to bare loop", bench::median_ratio(here, bare), "goal 0.25");
  bench::print_figure("engine, stack in a process of its own, per second", bench::median(apart));
  bench::print_figure("tests of all suites so, per second", bench::median(played));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints how fast the engine plays against library stacks, beside a bare loop.", "scripts/bench");
  int rounds = 5;
  app.add_option("ROUNDS", rounds, "How often each figure is measured; the median is printed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  setenv("TCPSPEC_ADAPTER_HOST", TCPSPEC_ADAPTER_HOST, 1);
  try {
    for (const auto* name : {"reference", "lwip"}) {
      const auto plug_in = fmt::format("{}/{}.so", TCPSPEC_ADAPTERS, name);
      if (std::filesystem::exists(plug_in))
        measure(name, plug_in, rounds);
      else
        fmt::print("{}: not built, as its library was not there (scripts/setup --adapters)\n", name);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 5;
  }
}
