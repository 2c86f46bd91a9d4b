#pragma once
// The requirement catalogue: suites/requirements/*.yaml.

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "reports/result.hh"
#include "script/diagnostic.hh"
#include "script/model.hh"

namespace tcpspec::runner {

class Catalogue {
 public:
  // Every *.yaml of the folder, in the order of their names. A folder that is not there is an empty catalogue.
  [[nodiscard]] static std::expected<Catalogue, script::Diagnostics> load(const std::string& folder);

  [[nodiscard]] const reports::Requirement* find(std::string_view id) const;
  [[nodiscard]] const std::vector<reports::Requirement>& all() const { return all_; }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::string nearest(std::string_view id) const;

 private:
  std::vector<reports::Requirement> all_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// The level that a test is judged by: its own, or that of its first requirement.
[[nodiscard]] script::Level level_of(const script::Test& test, const Catalogue& catalogue);

}  // namespace tcpspec::runner
