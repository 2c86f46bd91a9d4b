#pragma once
// The exit codes of tcpspec(1); the README documents them. A count is never one.

namespace tcpspec::cli {

enum ExitCode : int {
  kAsExpected = 0,
  kUnexpected = 1,  // some result is not what the baseline, or none, expects
  kUsage = 2,       // wrong options, or a wrong file
  kNothingSelected = 3,
  kEnvironment = 4,    // the target could not start, a privilege is missing, a report could not be written
  kInternal = 5,       // a bug of ours
  kFinding = 77,       // fuzzing found something
  kInterrupted = 130,  // Ctrl-C; finished results were written
};

}  // namespace tcpspec::cli
