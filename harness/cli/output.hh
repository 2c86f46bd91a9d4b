#pragma once
// What `run` prints and writes.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "packet/segment.hh"
#include "reports/result.hh"
#include "reports/text.hh"
#include "target/target.hh"

namespace tcpspec::cli {

// The words of the command line behind the program's name; set once by main.
[[nodiscard]] std::vector<std::string>& command_line();

// The terminal, or what stands in for it.
class Screen {
 public:
  Screen(bool verbose, bool quiet);
  void begin(std::size_t tests, const target::Description& target, std::uint64_t seed);
  void progress(std::size_t done, std::size_t in_flight, std::size_t waiting, std::size_t unexpected);
  void end_progress();
  void result(const reports::TestResult& result, const std::vector<reports::Requirement>& catalogue,
              const std::string& version);
  void summary(const reports::Run& run);

 private:
  void tell_the_rest();

  bool verbose_, quiet_, terminal_;
  reports::Style style_;
  std::size_t shown_ = 0, not_shown_ = 0;        // results with their conversations
  std::map<std::string, std::size_t> shown_as_;  // further variants of the tests that were shown, by base id
  bool progress_shown_ = false;
  std::int64_t last_progress_ms_ = 0;
};

// "html=FILE" and the like.
[[nodiscard]] bool is_report(const std::string& word);
[[nodiscard]] std::string report_formats();
// Prints what went wrong, and returns false, when the file cannot be written whole.
// A report that is there already is replaced only by a whole one.
bool write_report(const std::string& word, const reports::Run& run);
// out/<id>/trace.pcapng; the path, or nullopt after a message.
std::optional<std::string> write_capture(const std::string& folder, const std::string& id,
                                         const packet::Bytes& capture);

}  // namespace tcpspec::cli
