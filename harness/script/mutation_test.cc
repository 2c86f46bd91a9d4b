// Random edits of real suites and of the loader's own bad examples: whatever comes out,
// load_suite returns, and what it complains about can be shown. Deterministic;
// TCPSPEC_SEED in the environment chooses other edits, TCPSPEC_MUTATIONS how many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "script/golden.hh"
#include "script/loader.hh"

namespace tcpspec::script {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> good, std::vector<std::string> bad)
      : random_(seed), good_(std::move(good)), bad_(std::move(bad)) {
    for (const auto& text : good_) add_words(text);
    for (const auto& text : bad_) add_words(text);
  }

  std::string next() {
    auto text = some_file(below(4) != 0 ? good_ : bad_);
    // Whole suites are long; the first tests of one are a suite too.
    if (text.size() > 4'000 && below(8) != 0) text = text.substr(0, text.find("\n  - id:", 500 + below(3'000)));
    for (auto edits = 1 + below(4) * below(2); edits > 0; --edits) edit(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(random_() % limit); }

  const std::string& some_file(const std::vector<std::string>& files) { return files[below(files.size())]; }

  void add_words(const std::string& text) {
    std::string word;
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '$')
        word += c;
      else if (!word.empty() && words_.size() < 20'000)
        words_.push_back(std::move(word)), word.clear();
      else
        word.clear();
    }
  }

  // Where a word of the text begins, and how long it is.
  std::pair<std::size_t, std::size_t> some_word(const std::string& text) {
    const auto is_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '$';
    };
    auto at = below(text.size());
    while (at < text.size() && !is_word(text[at])) ++at;
    while (at > 0 && at < text.size() && is_word(text[at - 1])) --at;
    auto end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    return {at, end - at};
  }

  std::string some_line(const std::string& text) {
    const auto begin = text.rfind('\n', below(text.size()));
    const auto from = begin == std::string::npos ? 0 : begin + 1;
    const auto end = text.find('\n', from);
    return text.substr(from, end == std::string::npos ? end : end + 1 - from);
  }

  void edit(std::string& text) {
    static const std::vector<std::string> kSyntax = {"[",
                                                     "]",
                                                     "{",
                                                     "}",
                                                     ": ",
                                                     ", ",
                                                     "- ",
                                                     "\n",
                                                     "  ",
                                                     "\t",
                                                     "\"",
                                                     "'",
                                                     "$",
                                                     "$state",
                                                     "&a ",
                                                     "*a",
                                                     "#",
                                                     "|",
                                                     ">",
                                                     "..",
                                                     ">= ",
                                                     "~",
                                                     "null",
                                                     "!!x ",
                                                     "<<: ",
                                                     "? ",
                                                     "\\",
                                                     "0x",
                                                     "99999999999999999999",
                                                     "-1",
                                                     "1e9",
                                                     "nan",
                                                     "(",
                                                     ")",
                                                     "%",
                                                     "\r",
                                                     std::string(1, '\0'),
                                                     "\xff",
                                                     "\xc3\xa9",
                                                     "---\n",
                                                     "...\n"};
    if (text.empty()) text = "a";
    const auto at = below(text.size());
    const auto [word, length] = some_word(text);
    switch (below(9)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, kSyntax[below(kSyntax.size())]);
        break;
      case 3:
        text.replace(word, length, words_[below(words_.size())]);
        break;
      case 4:
        text.replace(word, length, kSyntax[below(kSyntax.size())]);
        break;
      case 5:
        text.insert(std::min(text.size(), text.rfind('\n', at) + 1), some_line(text));
        break;
      case 6:
        text.insert(std::min(text.size(), text.rfind('\n', at) + 1),
                    some_line(some_file(below(2) != 0 ? good_ : bad_)));
        break;
      case 7:
        text.erase(at, text.find('\n', at) - at);
        break;
      default:
        text.insert(word, words_[below(words_.size())] + ": ");
        break;
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> good_, bad_, words_;
};

TEST(Mutation, WhateverTheFileIsLoadingEndsWithTestsOrComplaints) {
  std::vector<std::string> suites, mistakes;
  for (const auto& folder : {std::filesystem::path(TCPSPEC_SOURCE_DIR) / "suites", testdata() / "good"})
    for (const auto& file : yaml_files(folder)) suites.push_back(contents(file));
  for (const auto& file : yaml_files(testdata() / "diagnostics")) mistakes.push_back(contents(file));
  ASSERT_FALSE(suites.empty());
  ASSERT_FALSE(mistakes.empty());
  const auto seed = setting("TCPSPEC_SEED", 9293);
  Mutator mutator(seed, std::move(suites), std::move(mistakes));
  std::size_t good = 0, bad = 0;
  for (auto left = setting("TCPSPEC_MUTATIONS", 2'000); left > 0; --left) {
    const auto text = mutator.next();
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << left << " left:\n" << text);
    try {
      const auto loaded = load_suite(std::make_shared<SourceFile>(SourceFile{"mutated.yaml", text}));
      if (loaded) {
        ++good;
        continue;
      }
      ++bad;
      ASSERT_FALSE(loaded.error().empty());
      for (const auto& diagnostic : loaded.error()) {
        ASSERT_FALSE(to_string(diagnostic).empty());
        ASSERT_FALSE(diagnostic.message.empty());
        ASSERT_TRUE(diagnostic.where.file);
        ASSERT_EQ(diagnostic.where.file->path, "mutated.yaml") << diagnostic.message;
      }
    } catch (const std::exception& error) {
      FAIL() << "thrown: " << error.what();
    }
  }
  // Edits that never hurt, or always, would prove nothing.
  EXPECT_GT(good, 100u);
  EXPECT_GT(bad, good);
}

}  // namespace
}  // namespace tcpspec::script
