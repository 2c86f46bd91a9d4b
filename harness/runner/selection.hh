#pragma once
// Which tests of which files.

#include <expected>
#include <string>
#include <vector>

#include "runner/catalogue.hh"
#include "script/loader.hh"

namespace tcpspec::runner {

// Whether the pattern is a glob on the id, or on what stands before its variant, `mss/tiny` of `mss/tiny:size=1`:
// so a word of the command line and an entry of a baseline take all variants.
[[nodiscard]] bool names_test(const std::string& pattern, const std::string& id);

struct Selection {
  std::vector<std::string> ids = {};      // as names_test() has it, or names of suites. Any of these
  std::vector<std::string> exclude = {};  // the same; none of these
  std::vector<std::string> rfcs = {};     // "5961" or "5961/3.2": some requirement of it. Any of these
  std::vector<std::string> tags = {};     // all of these
  std::vector<std::string> without_tags = {};
};

struct Loaded {
  std::vector<script::Suite> suites;
  Catalogue catalogue;
  std::string hash;  // over the files that were read, in order
};

// `paths` are files, or folders whose *.yaml are suites (not their sub-folders). The catalogue
// lies in `requirements/` beside the suites. Ids must be unique over all files, and every
// requirement that a test names must be in the catalogue, if there is one.
// $target.NAME in them stands for `values`.
[[nodiscard]] std::expected<Loaded, script::Diagnostics> load_suites(const std::vector<std::string>& paths,
                                                                     const std::string& catalogue_folder,
                                                                     const script::TargetValues& values);

// In the order of the files. The tests stay where they are: `loaded` must outlive the result.
[[nodiscard]] std::vector<const script::Test*> select(const Loaded& loaded, const Selection& selection);

}  // namespace tcpspec::runner
