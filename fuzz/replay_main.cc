// Runs files, and all files of folders, through a fuzz target: for compilers without libFuzzer,
// and for debuggers. Ends with 77 at the first that fails, as libFuzzer does, and names it.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) __attribute__((weak));
// There where a sanitizer is.
extern "C" void __sanitizer_set_death_callback(void (*callback)())  // NOLINT(bugprone-reserved-identifier)
    __attribute__((weak));

namespace {

namespace fs = std::filesystem;

constexpr int failed = 77;
std::string current;  // the input that is running

void say(std::string_view text) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}
// Both run while anything may be broken: no allocation, no lock.
void name_it() {
  if (current.empty()) return;
  say("replay: failed on ");
  say(current);
  say("\n");
}
void on_signal(int) {
  name_it();
  _exit(failed);
}
void on_death() {
  name_it();
  _exit(failed);
}

void watch_for_crashes() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGABRT, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) return __sanitizer_set_death_callback(on_death);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigaction(signal, &action, nullptr);
}

bool find_inputs(const fs::path& path, std::vector<fs::path>& inputs) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    inputs.push_back(path);
    return true;
  }
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_regular_file(error)) inputs.push_back(entry->path());
  return !error;
}

bool run(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  std::vector<char> octets{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  octets.shrink_to_fit();  // a sanitizer sees a read behind the last octet
  current = path.string();
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  current.clear();
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  watch_for_crashes();
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  std::vector<fs::path> inputs;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;  // an option of libFuzzer
    if (!find_inputs(argv[i], inputs)) {
      std::fprintf(stderr, "replay: %s cannot be read\n", argv[i]);
      return 4;
    }
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
    return 2;
  }
  std::ranges::sort(inputs);
  for (const auto& input : inputs) {
    if (run(input)) continue;
    std::fprintf(stderr, "replay: %s cannot be read: %s\n", input.c_str(), std::strerror(errno));
    return 4;
  }
  std::printf("%zu inputs\n", inputs.size());
  return 0;
}
