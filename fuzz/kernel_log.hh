#pragma once
// What a kernel complains of while it is fuzzed: /dev/kmsg, as Documentation/ABI/testing/dev-kmsg of
// the kernel has it: a record for each read, "6,339,5140900,-;text".

#include <expected>
#include <optional>
#include <string>

namespace tcpspec::fuzz {

class KernelLog {
 public:
  // From its end on; the error is errno.
  [[nodiscard]] static std::expected<KernelLog, int> open(const std::string& path = "/dev/kmsg");
  KernelLog(KernelLog&& other) noexcept;
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;
  ~KernelLog();

  // The first complaint since the last look, without the numbers of its processor and process.
  [[nodiscard]] std::optional<std::string> complaint();

 private:
  explicit KernelLog(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Of one record's text; nullopt: it is no complaint.
[[nodiscard]] std::optional<std::string> complaint_in(const std::string& text);

}  // namespace tcpspec::fuzz
