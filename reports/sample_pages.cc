// Writes pages with invented results: reports_sample_pages <folder>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "reports/html.hh"
#include "reports/sample_run.hh"

int main(int argc, char** argv) {
  using namespace tcpspec::reports;
  if (argc != 2) {
    fmt::print(stderr, "usage: reports_sample_pages <folder>\n");
    return 2;
  }
  const std::array<std::pair<std::string, Run>, 3> runs = {
      {{"sample.html", sample_run()}, {"large.html", large_run(2000, 5)}, {"hostile.html", hostile_run()}}};
  for (const auto& [name, run] : runs) {
    const std::string path = fmt::format("{}/{}", argv[1], name);
    std::ofstream out(path, std::ios::binary);
    out << to_html(run);
    if (!out.flush()) {
      fmt::print(stderr, "cannot write {}: {}\n", path, std::strerror(errno));
      return 4;
    }
  }
  return 0;
}
