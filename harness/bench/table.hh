#pragma once
// Figures as they are printed.

#include <string_view>
#include <vector>

namespace tcpspec::bench {

[[nodiscard]] double median(std::vector<double> values);
// Of the values round by round, not of their medians.
[[nodiscard]] double median_ratio(const std::vector<double>& of, const std::vector<double>& to);

void print_figure(std::string_view name, double value, std::string_view note = "");
void print_ratio(std::string_view name, double value, std::string_view note = "");

}  // namespace tcpspec::bench
