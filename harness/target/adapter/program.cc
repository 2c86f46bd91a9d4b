#include "target/adapter/program.hh"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "target/adapter/launch.hh"
#include "target/clock.hh"
#include "target/linux/failure.hh"

namespace tcpspec::target {

namespace {

constexpr std::size_t most_last_words = 4096;  // octets

std::string_view operation_words(std::uint8_t operation) {
  switch (operation) {
    case TCPSPEC_OP_HELLO:
      return "it was asked for its name";
    case TCPSPEC_OP_CREATE:
      return "it made a stack";
    case TCPSPEC_OP_DESTROY:
      return "it ended a stack";
    case TCPSPEC_OP_INPUT:
      return "it took a datagram";
    case TCPSPEC_OP_ADVANCE:
    case TCPSPEC_OP_RUN:
      return "its clock went on";
    case TCPSPEC_OP_LISTEN:
      return "its application called listen";
    case TCPSPEC_OP_CONNECT:
    case TCPSPEC_OP_CONNECTED:
      return "its application called connect";
    case TCPSPEC_OP_ACCEPT:
      return "its application called accept";
    case TCPSPEC_OP_SEND:
      return "its application called send";
    case TCPSPEC_OP_RECEIVE:
      return "its application called receive";
    case TCPSPEC_OP_SHUTDOWN:
      return "its application called shutdown";
    case TCPSPEC_OP_CLOSE:
      return "its application called close";
    case TCPSPEC_OP_ABORT:
      return "its application called abort";
    default:
      return "its application made a call";
  }
}

// Blank lines and control characters of a dying program are nobody's business.
std::string tidy(std::string text) {
  if (text.size() > most_last_words) text = "..." + text.substr(text.size() - most_last_words);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string status_words(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("it was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("it exited with status {}", WEXITSTATUS(status));
}

}  // namespace

struct AdapterProgram::Process {
  boost::asio::io_context context;
  boost::process::v2::process child{context};
  Descriptor channel;
  Descriptor words;  // a file without a name: its standard output and error
  Duration hang_after{};

  [[nodiscard]] bool ends_within(Duration patience) const {
    const Descriptor ended(static_cast<int>(syscall(SYS_pidfd_open, child.id(), 0)));
    auto poller = Poller::open();
    if (!ended || !poller || !poller->watch(ended.get(), Poller::Trigger::level, 0)) return false;
    return poller->wait(monotonic_now() + patience).reason == Poller::Reason::ready;
  }
  // Once it is dead or about to die.
  int wait() {
    boost::system::error_code ignored;
    child.wait(ignored);
    return child.native_exit_code();
  }
  void end() {
    boost::system::error_code ignored;
    if (child.is_open() && child.running(ignored)) child.terminate(ignored);
    wait();
  }
};

AdapterProgram::AdapterProgram(std::unique_ptr<Process> process) : process_(std::move(process)) {}

AdapterProgram::~AdapterProgram() {
  process_->channel.reset();
  process_->end();
}

int AdapterProgram::process_id() const {
  return static_cast<int>(process_->child.id());
}

std::expected<std::unique_ptr<AdapterProgram>, EnvironmentError> AdapterProgram::start(const ProgramOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return std::unexpected(target::failure("socketpair", errno, "are there too many open files?"));
  auto process = std::make_unique<Process>();
  process->channel = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  process->words = Descriptor(memfd_create("adapter", MFD_CLOEXEC));
  process->hang_after = options.hang_after;
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(options.hang_after);
  const timeval patience{whole.count(),
                         std::chrono::duration_cast<std::chrono::microseconds>(options.hang_after - whole).count()};
  setsockopt(process->channel.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(process->channel.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  boost::system::error_code error;
  process->child = launch_adapter(process->context, options.command, theirs.get(), process->words.get(), error);
  if (error)
    return std::unexpected(EnvironmentError{.what = fmt::format("{}: {}", options.command.front(), error.message()),
                                            .hint = "is it there, and executable?"});
  return std::unique_ptr<AdapterProgram>(new AdapterProgram(std::move(process)));
}

std::optional<ProgramReply> AdapterProgram::ask(const adapter::Request& request, std::vector<Bytes>& packets) {
  if (failure_ || !send(request) || !receive(request)) return std::nullopt;
  return parse(request, packets);
}

bool AdapterProgram::send(const adapter::Request& request) {
  out_.clear();
  adapter::write_request(out_, request);
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const auto more = ::send(process_->channel.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (more > 0) {
      sent += static_cast<std::size_t>(more);
    } else if (more < 0 && errno == EINTR) {
      continue;
    } else {
      if (more < 0 && errno == EAGAIN)
        hangs(request);
      else
        died(request);
      return false;
    }
  }
  return true;
}

// One whole message into in_. Most answers come with one read; only what drips needs a clock.
bool AdapterProgram::receive(const adapter::Request& request) {
  in_size_ = 0;
  std::optional<Instant> deadline;
  for (;;) {
    const auto size = adapter::message_size(adapter::OctetsView(in_).first(in_size_));
    if (size && *size > TCPSPEC_MESSAGE_MOST_OCTETS) {
      garbled(request, fmt::format("a message of {} octets; the longest has {}", *size, TCPSPEC_MESSAGE_MOST_OCTETS));
      return false;
    }
    if (size && in_size_ == *size) return true;
    if (size && in_size_ > *size) {
      garbled(request, "more than one message");
      return false;
    }
    if (in_size_ > 0) {
      const auto now = monotonic_now();
      if (!deadline) deadline = now + process_->hang_after;
      if (now > *deadline) {
        hangs(request);
        return false;
      }
    }
    if (!receive_more(request)) return false;
  }
}

bool AdapterProgram::receive_more(const adapter::Request& request) {
  constexpr std::size_t piece = 65'536;
  if (in_.size() < in_size_ + piece) in_.resize(std::max(in_size_ + piece, in_.size() * 2));
  for (;;) {
    const auto got = ::recv(process_->channel.get(), in_.data() + in_size_, in_.size() - in_size_, 0);
    if (got > 0) {
      in_size_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      hangs(request);
    else
      died(request);
    return false;
  }
}

std::optional<ProgramReply> AdapterProgram::parse(const adapter::Request& request, std::vector<Bytes>& packets) {
  adapter::MessageReader reader(adapter::OctetsView(in_).first(in_size_));
  reader.u32();
  const auto kind = reader.u8();
  ProgramReply reply;
  reply.result = reader.i64();
  const auto deadline = reader.i64();
  if (!reader.ok() || kind != TCPSPEC_REPLY) {
    garbled(request, fmt::format("a message of {} octets that is no reply", in_size_));
    return std::nullopt;
  }
  if (deadline >= 0) reply.deadline = Instant{} + Duration(deadline);
  while (!reader.rest().empty()) {
    const auto item = reader.u8();
    const auto data = reader.octets(reader.u32());
    adapter::MessageReader number(data);
    if (reader.ok() && item == TCPSPEC_ITEM_PACKET)
      packets.emplace_back(data.begin(), data.end());
    else if (reader.ok() && item == TCPSPEC_ITEM_DATA)
      reply.data = data;
    else if (reader.ok() && item == TCPSPEC_ITEM_NUMBER && data.size() == sizeof reply.number)
      reply.number = number.i64();
    else if (reader.ok() && item == TCPSPEC_ITEM_LOG)
      log_.append(reinterpret_cast<const char*>(data.data()), data.size()).append("\n");
    else {
      garbled(request, fmt::format("an item of kind {} that is cut short or unknown", item));
      return std::nullopt;
    }
  }
  if (log_.size() > most_last_words * 2) log_.erase(0, log_.size() - most_last_words);
  return reply;
}

std::string AdapterProgram::last_words() const {
  std::string text;
  struct stat file {};
  if (fstat(process_->words.get(), &file) == 0) {
    const auto keep = std::min<off_t>(file.st_size, most_last_words);
    text.resize(static_cast<std::size_t>(keep));
    const auto got = pread(process_->words.get(), text.data(), text.size(), file.st_size - keep);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  text = tidy(tidy(log_) + (log_.empty() || text.empty() ? "" : "\n") + text);
  return text.empty() ? "" : ". It said:\n" + text;
}

// The channel came to its end. That is a death, or a program that closed it and lives on.
void AdapterProgram::died(const adapter::Request& request) {
  process_->channel.reset();
  if (!process_->ends_within(std::chrono::seconds(1)))
    return garbled(request, "nothing, closed its descriptor 3, and ran on");
  const auto* who = request.operation == TCPSPEC_OP_HELLO ? "program" : "target";
  failure_ = TargetFailure{.kind = TargetFailure::Kind::crash,
                           .what = fmt::format("the {} died while {}: {}{}", who, operation_words(request.operation),
                                               status_words(process_->wait()), last_words())};
}

void AdapterProgram::hangs(const adapter::Request& request) {
  process_->channel.reset();
  process_->end();
  failure_ = TargetFailure{.kind = TargetFailure::Kind::hang,
                           .what = fmt::format("the target gave no answer for {} s while {}, and was ended{}",
                                               std::chrono::duration<double>(process_->hang_after).count(),
                                               operation_words(request.operation), last_words())};
}

void AdapterProgram::garbled(const adapter::Request& request, std::string_view what) {
  process_->channel.reset();
  process_->end();
  failure_ = TargetFailure{
      .kind = TargetFailure::Kind::garbled,
      .what = fmt::format("the adapter does not speak the messages of adapter_messages.h: while {} it answered {}{}",
                          operation_words(request.operation), what, last_words())};
}

}  // namespace tcpspec::target
