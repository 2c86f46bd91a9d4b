#include "fuzz/isolated.hh"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <regex>
#include <thread>
#include <utility>

#include "fuzz/fixture.hh"

namespace tcpspec::fuzz {
namespace {

// ---- what goes through the pipe: 'E' an entry, 'S' a suspicion; numbers as they lie in memory, for both
// ends are one program.

class Writer {
 public:
  template <class Number>
  void number(Number value) {
    octets_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view text) {
    number(text.size());
    octets_.append(text);
  }
  void octets(BytesView octets) { text({reinterpret_cast<const char*>(octets.data()), octets.size()}); }
  void send(int descriptor) const {
    for (std::size_t at = 0; at < octets_.size();) {
      const auto sent = write(descriptor, octets_.data() + at, octets_.size() - at);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) _exit(98);
      at += static_cast<std::size_t>(sent);
    }
  }

 private:
  std::string octets_;
};

class Reader {
 public:
  explicit Reader(const std::string& octets) : octets_(octets) {}
  [[nodiscard]] bool at_end() const { return at_ >= octets_.size(); }
  template <class Number>
  Number number() {
    Number value{};
    const auto count = std::min(sizeof value, octets_.size() - at_);
    std::memcpy(&value, octets_.data() + at_, count);
    at_ += count;
    return value;
  }
  std::string text() {
    const auto count = std::min(number<std::size_t>(), octets_.size() - at_);
    at_ += count;
    return octets_.substr(at_ - count, count);
  }
  Bytes octets() {
    const auto words = text();
    const auto* first = reinterpret_cast<const std::byte*>(words.data());
    return {first, first + words.size()};
  }

 private:
  const std::string& octets_;
  std::size_t at_ = 0;
};

void send_entry(int descriptor, const Entry& entry) {
  Writer out;
  out.number('E');
  out.number(entry.kind);
  out.number(entry.step);
  out.number(entry.call);
  out.number(entry.connection);
  out.number(entry.at);
  out.number(entry.state);
  out.number(entry.place);
  out.octets(entry.datagram);
  out.number(entry.result.error);
  out.number(entry.result.value);
  out.octets(entry.result.data);
  out.text(entry.result.text);
  out.send(descriptor);
}

Entry read_entry(Reader& in) {
  Entry entry;
  entry.kind = in.number<Entry::Kind>();
  entry.step = in.number<std::uint32_t>();
  entry.call = in.number<std::uint32_t>();
  entry.connection = in.number<std::int32_t>();
  entry.at = in.number<Instant>();
  entry.state = in.number<script::State>();
  entry.place = in.number<std::uint32_t>();
  entry.datagram = in.octets();
  entry.result.error = in.number<int>();
  entry.result.value = in.number<std::int64_t>();
  entry.result.data = in.octets();
  entry.result.text = in.text();
  return entry;
}

void send_suspicion(int descriptor, const Suspicion& suspicion) {
  Writer out;
  out.number('S');
  out.number(suspicion.oracle);
  out.text(suspicion.place);
  out.text(suspicion.what);
  out.text(suspicion.reference);
  out.number(suspicion.entry);
  out.send(descriptor);
}

Suspicion read_suspicion(Reader& in) {
  Suspicion out;
  out.oracle = in.number<Oracle>();
  out.place = in.text();
  out.what = in.text();
  out.reference = in.text();
  out.entry = in.number<std::size_t>();
  return out;
}

std::string read_all(int descriptor) {
  std::string out;
  std::array<char, 65'536> part;
  for (;;) {
    const auto got = read(descriptor, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(part.data(), static_cast<std::size_t>(got));
  }
  close(descriptor);
  return out;
}

// The kernel ends who loops, SIGPROF, and who sleeps, SIGALRM, whatever the process does about time: a stack may
// take the signals for its own, but not SIGXCPU.
void limit_time(Duration patience) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  const auto within = [](int clock, Duration time) {
    const auto whole = std::max(ceil<std::chrono::microseconds>(time).count(), std::int64_t{1});
    const itimerval timer{{}, {whole / 1'000'000, whole % 1'000'000}};
    setitimer(clock, &timer, nullptr);
    std::signal(clock == ITIMER_PROF ? SIGPROF : SIGALRM, SIG_DFL);
  };
  within(ITIMER_PROF, patience);
  within(ITIMER_REAL, std::max<Duration>(10 * patience, seconds(10)));
  const auto whole = static_cast<rlim_t>(ceil<seconds>(patience).count()) + 1;
  const rlimit limit{whole, whole + 1};
  setrlimit(RLIMIT_CPU, &limit);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

bool ran_out_of_time(int status) {
  constexpr std::array signals = {SIGPROF, SIGALRM, SIGXCPU, SIGKILL};
  return WIFSIGNALED(status) && std::ranges::find(signals, WTERMSIG(status)) != signals.end();
}

// What the stack itself held to be impossible: `assert` of the C library ("f.c:7: main: Assertion `x' failed.") and
// others that say it likewise.
std::optional<Suspicion> assertion(const std::string& words) {
  static const std::regex said("([A-Za-z0-9_.-]+):(\\d+): [^\n]*[Aa]ssertion [`\"']([^\n]*)\n?['\"] failed");
  std::smatch found;
  if (!std::regex_search(words, found, said)) return std::nullopt;
  return Suspicion{Oracle::crash, fmt::format("assertion in {}: {}", found[1].str(), found[3].str()),
                   fmt::format("the stack ended its process: assertion \"{}\" failed at {}:{}", found[3].str(),
                               found[1].str(), found[2].str()),
                   "", 0};
}

Suspicion death(int status, const std::string& words) {
  if (auto said = sanitizer_suspicion(words)) return *said;
  if (auto said = assertion(words)) return *said;
  if (ran_out_of_time(status)) return {Oracle::hang, "endless loop", "the stack does not come back", "", 0};
  const auto how =
      WIFSIGNALED(status) ? std::string(sigabbrev_np(WTERMSIG(status))) : fmt::format("exit {}", WEXITSTATUS(status));
  return {Oracle::crash, how, fmt::format("the stack ended its process: {}", how), "", 0};
}

}  // namespace

std::optional<Suspicion> sanitizer_suspicion(const std::string& words) {
  // The first frame that is no run-time library's says where.
  static const std::regex kind("ERROR: (?:Address|Leak)Sanitizer: ([a-zA-Z-]+)");
  static const std::regex undefined("([A-Za-z0-9_./-]+):(\\d+):\\d+: runtime error: ([^\n]*)");
  static const std::regex frame("#\\d+ 0x[0-9a-f]+ in ([^ (]+)[^\n]*?/([A-Za-z0-9_.-]+):(\\d+)");
  std::smatch found;
  if (std::regex_search(words, found, undefined)) {
    const auto file = found[1].str();
    return Suspicion{Oracle::sanitizer,
                     fmt::format("undefined behaviour in {}:{}", file.substr(file.rfind('/') + 1), found[2].str()),
                     found[3].str(), "", 0};
  }
  if (!std::regex_search(words, found, kind)) return std::nullopt;
  const auto what = found[1].str();
  std::string place = what;
  // Without symbols (they take a second): the places of two frames in the program, which tell as much
  // for as long as the program is the same.
  static const std::regex offset("#\\d+ 0x[0-9a-f]+  ?\\([^\n]*?\\+(0x[0-9a-f]+)\\)");
  int frames = 0;
  for (std::sregex_iterator at(words.begin(), words.end(), offset), end; at != end && frames < 2; ++at, ++frames)
    place = fmt::format("{} {} {}", place, frames == 0 ? "at" : "of", (*at)[1].str());
  for (std::sregex_iterator at(words.begin(), words.end(), frame), end; at != end; ++at) {
    const auto function = (*at)[1].str();
    const auto file = (*at)[2].str();
    if (function.starts_with("__") || function.starts_with("std::") || file.find("sanitizer") != std::string::npos)
      continue;
    if (file.ends_with(".h") && function.starts_with("operator")) continue;
    place = fmt::format("{} in {}", what, function);
    break;
  }
  return Suspicion{Oracle::sanitizer, place, fmt::format("AddressSanitizer: {}", place), "", 0};
}

IsolatedResult examine_isolated(Session& session, const Program& program, Record record, Duration patience) {
  std::array<int, 2> results{}, words{};
  if (pipe(results.data()) != 0 || pipe(words.data()) != 0) std::abort();
  (void)steps_of(program.fixture, program.family);  // compiled once, and not in each process
  std::fflush(nullptr);
  const auto child = fork();
  if (child == 0) {
    dup2(words[1], STDERR_FILENO);
    limit_time(patience);
    const auto out = results[1];
    if (record == Record::entries) session.set_witness([out](const Entry& entry) { send_entry(out, entry); });
    const auto examined = session.examine(program, Session::Care::thorough);
    if (examined && examined->suspicion) send_suspicion(out, *examined->suspicion);
    _exit(0);
  }
  close(results[1]);
  close(words[1]);
  IsolatedResult out;
  std::thread listening([&] { out.words = read_all(words[0]); });  // libc++ 19 has no jthread
  const std::string octets = read_all(results[0]);
  listening.join();
  const auto status = wait_for(child);
  for (Reader in(octets); !in.at_end();) {
    if (in.number<char>() == 'E')
      out.entries.push_back(read_entry(in));
    else
      out.suspicion = read_suspicion(in);
  }
  out.died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  if (out.died) {
    out.suspicion = death(status, out.words);
    out.suspicion->entry = out.entries.empty() ? 0 : out.entries.size() - 1;
  }
  return out;
}

std::expected<int, Death> run_isolated(const std::function<int()>& action, Duration patience) {
  std::fflush(nullptr);
  const auto child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(98);
    limit_time(patience);
    _exit(action());
  }
  const auto status = wait_for(child);
  if (ran_out_of_time(status)) return std::unexpected(Death::hang);
  // What a sanitizer ends exits with 1: that is not the action's.
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 1 || WEXITSTATUS(status) > 97) return std::unexpected(Death::crash);
  return WEXITSTATUS(status);
}

}  // namespace tcpspec::fuzz
