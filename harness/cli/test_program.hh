#pragma once
// Starts programs and reads what they print, by Boost.Process.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tcpspec::cli {

struct Finished {
  int code = -1;
  std::string out, err;
};

// A program that is still running.
class Running {
 public:
  // The first word is looked up in PATH unless it holds a slash.
  Running(const std::vector<std::string>& words, const std::string& folder);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Blocks until standard output holds the text, or ends.
  void read_until(std::string_view text);
  void signal(int number);
  [[nodiscard]] Finished wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Finished run_program(const std::vector<std::string>& words, const std::string& folder);

}  // namespace tcpspec::cli
