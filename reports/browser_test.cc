// The page in a real browser, where one is installed: filters, keys, panel, views.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "reports/golden.hh"
#include "reports/html.hh"
#include "reports/sample_run.hh"

namespace tcpspec::reports {
namespace {

namespace fs = std::filesystem;

// A folder of its own for the page and the browser's profile, gone with the test.
class Browser {
 public:
  Browser() {
    std::string name = (fs::temp_directory_path() / "tcpspec-page-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Browser() { fs::remove_all(folder_); }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  // The document as it stands after the scripts have run.
  [[nodiscard]] std::string document_of(const std::string& html) const {
    std::ofstream(folder_ / "page.html", std::ios::binary) << html;
    const std::string command = std::string("timeout 60 ") + TCPSPEC_CHROMIUM +
                                " --headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
                                " --disable-background-networking --disable-component-update --disable-sync"
                                " --virtual-time-budget=10000 --dump-dom --user-data-dir=" +
                                (folder_ / "profile").string() + " file://" + (folder_ / "page.html").string() +
                                " 2>/dev/null";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string document;
    std::array<char, 65536> buffer{};
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
      document.append(buffer.data(), count);
    }
    return document;
  }

 private:
  fs::path folder_;
};

std::string driven(std::string html) {
  std::ifstream file(TCPSPEC_SOURCE_DIR "/reports/testdata/drive.js");
  const std::string script(std::istreambuf_iterator<char>(file), {});
  html.insert(html.rfind("</body>"), "<script>" + script + "</script>");
  return html;
}

std::string log_of(const std::string& document) {
  const std::string begin = "<pre id=\"log\">\n";
  const auto from = document.find(begin);
  if (from == std::string::npos) return "no log; the document begins: " + document.substr(0, 200);
  return document.substr(from + begin.size(), document.find("</pre>", from) - from - begin.size());
}

TEST(Page, AnswersItsReader) {
  if (std::string_view(TCPSPEC_CHROMIUM).empty()) GTEST_SKIP() << "chromium was not found by CMake";
  expect_golden("browser.golden", log_of(Browser().document_of(driven(to_html(sample_run())))));
}

TEST(Page, HostileTextStaysText) {
  if (std::string_view(TCPSPEC_CHROMIUM).empty()) GTEST_SKIP() << "chromium was not found by CMake";
  const std::string log = log_of(Browser().document_of(driven(to_html(hostile_run()))));
  EXPECT_THAT(log, testing::HasSubstr("pictures made of hostile text: 0"));
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("error:")));
}

}  // namespace
}  // namespace tcpspec::reports
