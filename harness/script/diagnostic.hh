#pragma once
// What is wrong with a user's file: where, what, and what to do about it. A loader
// returns all the diagnostics it can find, not only the first.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tcpspec::script {

// A file that was read, kept so that diagnostics can show its lines.
struct SourceFile {
  std::string path;  // as the user wrote it
  std::string text;
  // Without its line end; empty when there is no such line. 1-based.
  [[nodiscard]] std::string_view line(int number) const;
};

struct Location {
  std::shared_ptr<const SourceFile> file;
  int line = 0;    // 1-based; 0: the file as a whole
  int column = 0;  // 1-based; octets of the line, shown to users as characters
};

struct Diagnostic {
  Location where;
  std::string message;  // "unknown key `sqe`"
  std::string hint;     // "did you mean `seq`?"; may be empty
};
using Diagnostics = std::vector<Diagnostic>;

// file:line:col: error: message, the offending line with a caret, the hint.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

// The length of the UTF-8 sequence at text[at] (RFC 3629 section 4); 0 when there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text, std::size_t at);

// The candidate that `word` was probably meant to be; empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace tcpspec::script
