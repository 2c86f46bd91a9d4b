#include "fuzz/targets/session_of_environment.hh"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/under_test.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

std::string said(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  fmt::print(stderr, "fuzz: {}\n      {}\n", what, hint);
  std::exit(2);
}

}  // namespace

std::unique_ptr<Session> open_session_of_environment(bool compares) {
  SessionOptions options;
  const auto comparison = said("TCPSPEC_FUZZ_COMPARE");
  if (comparison == "exact")
    options.comparison = Comparison::exact;
  else if (comparison == "quiescent" || (comparison.empty() && compares))
    options.comparison = Comparison::quiescent;
  else if (!comparison.empty())
    refuse(fmt::format("TCPSPEC_FUZZ_COMPARE is `{}`", comparison), "exact, quiescent, or not set");
  if (const auto path = said("TCPSPEC_FUZZ_KNOWN"); !path.empty()) {
    auto known = load_known(path);
    if (!known) refuse(script::to_string(known.error().front()), "fuzz/known.hh says what such a file looks like");
    options.known = std::move(*known);
  }
  auto target = open_under_test("");
  if (!target) refuse(target.error().what, target.error().hint);
  if (const auto name = said("TCPSPEC_FUZZ_TARGET"); name.ends_with(".so"))
    options.most_pauses = pauses_of_ticking_clocks;
  std::unique_ptr<target::Target> reference;
  if (options.comparison) reference = target::open_reference_target();
  return std::make_unique<Session>(std::move(*target), std::move(reference), std::move(options));
}

}  // namespace tcpspec::fuzz
