#pragma once
// An adapter in a process of its own, and the watchdog over it. The program speaks the messages
// of adapter_messages.h on its descriptor 3; what it writes to its standard output and error is
// kept, and stands in the words about its death.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/adapter_message.hh"
#include "target/target.hh"

namespace tcpspec::target {

struct ProgramOptions {
  std::vector<std::string> command;  // the first word is a path, or looked up in PATH
  // Of real time, for one answer. A stack that needs longer hangs.
  Duration hang_after = std::chrono::seconds(10);
};

// The answer to one request. The data lies in the program's buffer until the next request.
struct ProgramReply {
  std::int64_t result = 0;
  std::optional<Instant> deadline;
  adapter::OctetsView data = {};
  std::int64_t number = 0;
};

class AdapterProgram {
 public:
  // Starts it; whether it is an adapter shows at the first request.
  [[nodiscard]] static std::expected<std::unique_ptr<AdapterProgram>, EnvironmentError> start(
      const ProgramOptions& options);
  ~AdapterProgram();  // ends it
  AdapterProgram(AdapterProgram&&) = delete;

  // Datagrams that come with the answer are appended to `packets`. nullopt: it failed, and so
  // will all further requests.
  [[nodiscard]] std::optional<ProgramReply> ask(const adapter::Request& request, std::vector<Bytes>& packets);
  [[nodiscard]] const std::optional<TargetFailure>& failure() const { return failure_; }
  [[nodiscard]] int process_id() const;

 private:
  struct Process;
  explicit AdapterProgram(std::unique_ptr<Process> process);
  [[nodiscard]] bool send(const adapter::Request& request);
  [[nodiscard]] bool receive(const adapter::Request& request);
  [[nodiscard]] bool receive_more(const adapter::Request& request);
  [[nodiscard]] std::optional<ProgramReply> parse(const adapter::Request& request, std::vector<Bytes>& packets);
  void died(const adapter::Request& request);
  void hangs(const adapter::Request& request);
  void garbled(const adapter::Request& request, std::string_view what);
  [[nodiscard]] std::string last_words() const;

  std::unique_ptr<Process> process_;
  adapter::Octets out_;
  adapter::Octets in_;       // the answer, and what came behind it
  std::size_t in_size_ = 0;  // octets of it that are filled
  std::string log_;          // that came with answers
  std::optional<TargetFailure> failure_;
};

}  // namespace tcpspec::target
