#include "fuzz/corpus.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>

namespace tcpspec::fuzz {

namespace fs = std::filesystem;

std::expected<Program, std::string> read_program(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return read_program(path + "/program.bin");
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("{}: it cannot be read: {}", path, std::strerror(errno)));
  const std::string octets{std::istreambuf_iterator<char>(file), {}};
  auto program = decode(std::as_bytes(std::span(octets)), Reading::prefix);
  if (program) return std::move(*program);
  return std::unexpected(fmt::format("{}: octet {}: {}", path, program.error().offset, program.error().message));
}

std::expected<std::vector<Program>, std::string> read_programs(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file(error)) names.push_back(at->path().string());
  if (error) return std::unexpected(fmt::format("{}: {}", folder, error.message()));
  std::ranges::sort(names);
  std::vector<Program> programs;
  for (const auto& name : names) {
    auto program = read_program(name);
    if (!program) return std::unexpected(program.error());
    programs.push_back(std::move(*program));
  }
  return programs;
}

std::expected<std::string, std::string> write_program(const Program& program, const std::string& folder) {
  const auto octets = encode(program);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const auto octet : octets) hash = (hash ^ static_cast<unsigned>(octet)) * 0x100000001b3ULL;
  const auto path = fmt::format("{}/{:016x}", folder, hash);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  file.close();
  if (file) return path;
  const auto number = errno;
  std::error_code ignored;
  fs::remove(path, ignored);
  return std::unexpected(fmt::format("{}: it cannot be written whole: {}", path, std::strerror(number)));
}

}  // namespace tcpspec::fuzz
