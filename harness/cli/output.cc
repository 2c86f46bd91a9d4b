#include "cli/output.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "reports/html.hh"
#include "reports/json.hh"
#include "reports/junit.hh"
#include "reports/layout.hh"

namespace tcpspec::cli {

std::vector<std::string>& command_line() {
  static std::vector<std::string> words;
  return words;
}

namespace {

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60) return size.ws_col;
  return 110;
}

}  // namespace

Screen::Screen(bool verbose, bool quiet) : verbose_(verbose), quiet_(quiet), terminal_(isatty(STDOUT_FILENO) == 1) {
  const char* no_colour = std::getenv("NO_COLOR");
  style_.colour = terminal_ && !(no_colour && *no_colour) ? reports::Colour::on : reports::Colour::off;
  style_.width = std::min(terminal_width(), 140);
  style_.detail = verbose ? reports::Detail::verbose : reports::Detail::brief;
}

void Screen::begin(std::size_t tests, const target::Description& target, std::uint64_t seed) {
  if (quiet_) return;
  const auto found = target.provenance.find("link");
  const std::string link = found == target.provenance.end() ? "" : found->second;
  // A stack in a process has no link: then the word says where it is.
  constexpr std::string_view none = "none: ";
  const auto where = link.empty() ? "" : link.starts_with(none) ? ", " + link.substr(none.size()) : " over " + link;
  fmt::print("{} test{} against {} {}{}, seed {:#x}\n", tests, tests == 1 ? "" : "s", target.name, target.version,
             where, seed);
  std::fflush(stdout);
}

void Screen::progress(std::size_t done, std::size_t in_flight, std::size_t waiting, std::size_t unexpected) {
  if (!terminal_ || quiet_) return;
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const auto now = duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  if (now - last_progress_ms_ < 100) return;
  last_progress_ms_ = now;
  progress_shown_ = true;
  fmt::print("\r\033[K{} done, {} in flight, {} to come{}", done, in_flight, waiting,
             unexpected > 0 ? fmt::format(", {} unexpected", unexpected) : "");
  std::fflush(stdout);
}

void Screen::end_progress() {
  if (progress_shown_) fmt::print("\r\033[K");
  progress_shown_ = false;
}

void Screen::result(const reports::TestResult& result, const std::vector<reports::Requirement>& catalogue,
                    const std::string& version) {
  // A warning that no entry explains turns no run red, but nobody should have to look for it.
  const bool unexplained = result.verdict == reports::Verdict::warn && result.overlay == reports::Overlay::none;
  const bool notable = result.overlay == reports::Overlay::unexpected || (unexplained && !quiet_);
  if (!notable && !verbose_) return;
  // A stack that does little right would fill the terminal with what nobody reads to its end, and with variants of
  // one test, which deviate for one reason.
  constexpr std::size_t most_shown = 25;
  const auto test = fmt::format("{} {} {}", result.target, reports::to_string(result.verdict),
                                result.id.substr(0, result.id.find_first_of(":#")));
  if (const auto variants = shown_as_.find(test); !verbose_ && variants != shown_as_.end()) {
    ++variants->second;
    return;
  }
  if (!verbose_ && shown_ == most_shown) {
    ++not_shown_;
    return;
  }
  ++shown_;
  shown_as_.emplace(test, 0);
  end_progress();
  fmt::print("{}\n", reports::failure_text(result, catalogue, style_, version));
  std::fflush(stdout);
}

// What deviates and was not shown.
void Screen::tell_the_rest() {
  std::vector<std::string> variants;
  for (const auto& [test, count] : shown_as_)
    if (count > 0) variants.push_back(fmt::format("{} ({})", test.substr(test.rfind(' ') + 1), count));
  if (!variants.empty()) {
    const auto text = fmt::format("more variants of the tests above deviate: {}", fmt::join(variants, ", "));
    for (const auto& line : reports::wrap(text, static_cast<std::size_t>(style_.width))) fmt::print("{}\n", line);
  }
  if (not_shown_ > 0) fmt::print("{} more deviate\n", not_shown_);
  if (!variants.empty() || not_shown_ > 0)
    fmt::print("-v shows all with their conversations, --report html=FILE lets you choose\n\n");
}

void Screen::summary(const reports::Run& run) {
  tell_the_rest();
  fmt::print("{}", reports::summary_text(run, style_));
  std::fflush(stdout);
}

namespace {

namespace fs = std::filesystem;

// A file by that name is whole or is not touched.
bool write_file(const std::string& path, std::string_view text, std::string_view what) {
  const auto complain = [&](const char* call, int number) {
    fmt::print(stderr,
               "tcpspec: the {} could not be written: {} {}: {}\n  make room or name another place; the other results "
               "are not affected\n",
               what, call, path, std::strerror(number));
    return false;
  };
  std::error_code error;
  const auto parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) return complain("create the folder of", error.value());
  const bool plain = !fs::exists(path, error) || fs::is_regular_file(path, error);  // not /dev/full, not a pipe
  const auto temporary = plain ? path + ".part" : path;
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (!file) return complain("open", errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
  const int number = errno;
  if (std::fclose(file) != 0 || !written) {
    if (plain) fs::remove(temporary, error);
    return complain("write", written ? errno : number);
  }
  if (plain) fs::rename(temporary, path, error);
  return error ? complain("rename", error.value()) : true;
}

std::pair<std::string, std::string> split(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos) return {word, ""};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

// Ids hold slashes and colons; a folder for each, without surprises.
std::string folder_name(const std::string& id) {
  std::string out = id;
  for (char& c : out)
    if (c == ':' || c == ',' || c == '=' || c == '#') c = '_';
  constexpr std::size_t kLongest = 180;
  if (out.size() > kLongest) out.resize(kLongest);
  return out;
}

}  // namespace

std::string report_formats() {
  return "html, json, junit";
}

bool is_report(const std::string& word) {
  const auto [format, path] = split(word);
  return !path.empty() && (format == "html" || format == "json" || format == "junit");
}

bool write_report(const std::string& word, const reports::Run& run) {
  const auto [format, path] = split(word);
  const auto text = format == "html"   ? reports::to_html(run)
                    : format == "json" ? reports::to_json(run)
                                       : reports::to_junit(run);
  if (!write_file(path, text, format + " report")) return false;
  fmt::print("{} report: {}\n", format, path);
  return true;
}

std::optional<std::string> write_capture(const std::string& folder, const std::string& id,
                                         const packet::Bytes& capture) {
  const auto path = fmt::format("{}/{}/trace.pcapng", folder, folder_name(id));
  const std::string_view text(reinterpret_cast<const char*>(capture.data()), capture.size());
  if (!write_file(path, text, "capture")) return std::nullopt;
  return path;
}

}  // namespace tcpspec::cli
