#include "fuzz/kernel_log.hh"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <regex>
#include <string_view>
#include <utility>

namespace tcpspec::fuzz {

std::expected<KernelLog, int> KernelLog::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return std::unexpected(errno);
  KernelLog log(descriptor);
  // SEEK_END: behind the last record that there is.
  if (lseek(descriptor, 0, SEEK_END) < 0) return std::unexpected(errno);
  return log;
}

KernelLog::KernelLog(KernelLog&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

KernelLog::~KernelLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::optional<std::string> complaint_in(const std::string& text) {
  constexpr std::array<std::string_view, 6> words = {
      "WARNING:", "BUG:", "Oops", "general protection", "refcount_t: underflow", "kernel BUG"};
  bool complains = false;
  for (const auto word : words) complains = complains || text.find(word) != std::string::npos;
  if (!complains) return std::nullopt;
  static const std::regex numbers("(CPU|PID): [0-9]+ |\\[#[0-9]+\\]|0x[0-9a-f]{8,}|/0x[0-9a-f]+|\\+0x[0-9a-f]+");
  return std::regex_replace(text, numbers, "");
}

std::optional<std::string> KernelLog::complaint() {
  std::optional<std::string> first;
  std::array<char, 8192> buffer;  // records are shorter
  for (;;) {
    const auto got = read(descriptor_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EPIPE)) continue;  // EPIPE: records were lost, and the next is there
    if (got <= 0) return first;
    const std::string record(buffer.data(), static_cast<std::size_t>(got));
    const auto text = record.find(';');
    if (first || text == std::string::npos) continue;
    first = complaint_in(record.substr(text + 1, record.find('\n', text) - text - 1));
  }
}

}  // namespace tcpspec::fuzz
