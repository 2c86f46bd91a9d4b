#include "cli/fuzz_child.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/process/v2.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/exit_code.hh"

namespace tcpspec::cli {

namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;
namespace fs = std::filesystem;

// Ctrl-C is for us: a fuzzer that is interrupted must not look like one that found something.
struct Apart {
  process::error_code on_exec_setup(process::posix::default_launcher&, const process::filesystem::path&,
                                    const char* const*) const {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return {};
  }
};

class Fuzzer {
 public:
  Fuzzer(const std::vector<std::string>& words, const std::vector<std::string>& environment, const FuzzerEvents& events)
      : events_(events) {
    // env(1) sets the variables.
    auto all = environment;
    all.insert(all.end(), words.begin(), words.end());
    boost::system::error_code error;
    child_ = process::default_process_launcher()(context_, error, "/usr/bin/env", all,
                                                 process::process_stdio{nullptr, out_, err_}, Apart{});
    if (error) ended_.err = fmt::format("/usr/bin/env: {}", error.message());
    started_ = !error;
  }

  FuzzerEnded run() {
    if (!started_) return std::move(ended_);
    read_out();
    read_line();
    wait_tick();
    context_.run();
    boost::system::error_code ignored;
    child_.wait(ignored);
    const int status = child_.native_exit_code();
    ended_.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return std::move(ended_);
  }

 private:
  void read_out() {
    asio::async_read(out_, asio::dynamic_buffer(ended_.out),
                     [this](boost::system::error_code, std::size_t) { ended_.out += rest_of(out_); });
  }
  void read_line() {
    asio::async_read_until(err_, asio::dynamic_buffer(line_), '\n',
                           [this](boost::system::error_code error, std::size_t octets) {
                             if (error) return take_last_lines();
                             take_line(octets);
                             read_line();
                           });
  }
  void take_line(std::size_t octets) {
    ended_.err.append(line_, 0, octets);
    // The end is where the words are that count.
    constexpr std::size_t most = 1 << 18;
    if (ended_.err.size() > 2 * most) ended_.err.erase(0, ended_.err.size() - most);
    const auto line = std::string_view(line_).substr(0, octets);
    if (events_.line && !line.empty()) events_.line(line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0)));
    line_.erase(0, octets);
  }
  void take_last_lines() {
    line_ += rest_of(err_);
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) take_line(end + 1);
    take_line(line_.size());
    timer_.cancel();
  }
  // What is there without waiting.
  static std::string rest_of(asio::readable_pipe& pipe) {
    const int descriptor = pipe.native_handle();
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    std::string out;
    std::array<char, 65'536> part;
    for (ssize_t got = 0; (got = read(descriptor, part.data(), part.size())) > 0;)
      out.append(part.data(), static_cast<std::size_t>(got));
    return out;
  }
  void wait_tick() {
    timer_.expires_after(std::chrono::milliseconds(100));
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      if (events_.tick) events_.tick();
      if (fuzz_interrupted() && !std::exchange(told_, true)) ::kill(child_.id(), SIGINT);
      // Its pipes do not end with it where a child of its own, a symbolizer, still has them, and the news
      // of their end has been seen to get lost.
      boost::system::error_code ignored;
      if (!child_.running(ignored)) {
        out_.cancel(ignored);
        err_.cancel(ignored);
        return;
      }
      wait_tick();
    });
  }

  const FuzzerEvents& events_;
  asio::io_context context_;
  asio::readable_pipe out_{context_}, err_{context_};
  asio::steady_timer timer_{context_};
  process::process child_{context_};
  FuzzerEnded ended_;
  std::string line_;
  bool started_ = false, told_ = false;
};

bool is_program(const fs::path& path) {
  return access(path.c_str(), X_OK) == 0;
}

fs::path find_in_path(const char* name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_program(fs::path(folder) / name)) return fs::path(folder) / name;
  return {};
}

// So that a sanitizer has names for its addresses.
void add_symbolizer(std::vector<std::string>& environment) {
  if (std::getenv("ASAN_SYMBOLIZER_PATH") != nullptr) return;
  for (const char* name : {"llvm-symbolizer-19", "llvm-symbolizer"})
    if (const auto path = find_in_path(name); !path.empty())
      return environment.push_back("ASAN_SYMBOLIZER_PATH=" + path.string());
}

}  // namespace

fs::path fuzzers_folder() {
  if (const char* said = std::getenv("TCPSPEC_FUZZERS"); said != nullptr) return said;
  std::error_code error;
  // build/dev/tcpspec, and beside it build/fuzz
  return fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "fuzz" / "fuzzers";
}

FuzzerEnded run_fuzzer(const std::vector<std::string>& words, const std::vector<std::string>& environment,
                       const FuzzerEvents& events) {
  return Fuzzer(words, environment, events).run();
}

std::expected<std::optional<FoundLine>, std::string> investigate_by(const Fuzzers& fuzzers, const std::string& artifact,
                                                                    const std::string& folder) {
  const auto ended = run_fuzzer({fuzzers.finding, artifact, folder}, fuzzers.environment);
  const auto json = nlohmann::json::parse(ended.out, nullptr, false);
  if (ended.code == 0 && json.is_object() && json.value("known", false)) {
    FoundLine known;
    known.known = true;
    return known;
  }
  if (ended.code == 0) return std::nullopt;
  if (ended.code != kFinding || !json.is_object())
    return std::unexpected(fmt::format("{} {}: exit code {}: {}", fuzzers.finding, artifact, ended.code, ended.err));
  return FoundLine{json.value("id", ""),
                   json.value("oracle", ""),
                   json.value("place", ""),
                   json.value("folder", ""),
                   json.value("steps", std::size_t{0}),
                   false};
}

bool is_for_fuzzers(const std::string& target) {
  return target == "reference" || target.starts_with("mutant:") || target.ends_with(".so");
}

std::string how_to_build_fuzzers() {
  return "apt-get install clang-19 libclang-rt-19-dev llvm-19, then\n"
         "  cmake --preset fuzz && cmake --build --preset fuzz\n"
         "  (they lie beside this build, or where TCPSPEC_FUZZERS says)";
}

std::optional<Fuzzers> find_fuzzers(const FuzzOptions& options) {
  if (!is_for_fuzzers(options.target)) return std::nullopt;
  const bool mutant = options.target.starts_with("mutant:");
  const auto folder = fuzzers_folder();
  Fuzzers out;
  out.program = (mutant ? folder.parent_path() / "tcpspec-fuzz-mutants" : folder / "sequence").string();
  out.finding = (folder.parent_path() / (mutant ? "tcpspec-fuzz-finding-mutants" : "tcpspec-fuzz-finding")).string();
  if (!is_program(out.program) || !is_program(out.finding)) return std::nullopt;
  auto target = options.target;
  if (target.ends_with(".so")) {  // as find_target looks for it: where it is written, or among those that were built
    std::error_code error;
    const auto built = fs::read_symlink("/proc/self/exe", error).parent_path() / "adapters" / target;
    target = (fs::exists(target, error) ? fs::absolute(target) : built).string();
    if (!fs::exists(target, error)) return std::nullopt;
  }
  out.environment = {"TCPSPEC_FUZZ_TARGET=" + target, "TCPSPEC_FUZZ_COMPARE=" + options.compare,
                     "TCPSPEC_FUZZ_KNOWN=" + options.known};
  add_symbolizer(out.environment);
  return out;
}

}  // namespace tcpspec::cli
