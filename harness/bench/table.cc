#include "bench/table.hh"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace tcpspec::bench {
namespace {

void print_row(std::string_view name, std::string_view value, std::string_view note) {
  fmt::print("  {:<58} {:>9}{}{}\n", name, value, note.empty() ? "" : "   ", note);
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double median_ratio(const std::vector<double>& of, const std::vector<double>& to) {
  std::vector<double> ratios(of.size());
  std::ranges::transform(of, to, ratios.begin(), std::divides{});
  return median(std::move(ratios));
}

void print_figure(std::string_view name, double value, std::string_view note) {
  print_row(name, fmt::format("{:.0f}", value), note);
}

void print_ratio(std::string_view name, double value, std::string_view note) {
  print_row(name, fmt::format("{:.2f}", value), note);
}

}  // namespace tcpspec::bench
