// Reading files, and the YAML in them, within the limits.

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include <yaml-cpp/eventhandler.h>

#include "script/loader.hh"

namespace tcpspec::script {

namespace {

std::unexpected<Diagnostics> refuse(Location where, std::string message, std::string hint = {}) {
  Diagnostics out;
  out.push_back({std::move(where), std::move(message), std::move(hint)});
  return std::unexpected(std::move(out));
}

}  // namespace

std::expected<std::shared_ptr<const SourceFile>, Diagnostics> read_source(const std::string& path,
                                                                          std::size_t most_octets) {
  const Location whole{std::make_shared<SourceFile>(SourceFile{path, {}}), 0, 0};
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown))
    return refuse(whole, "this is a directory, not a file", "name the files in it: DIRECTORY/*.yaml");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return refuse(whole, fmt::format("cannot be opened: {}", std::strerror(errno)),
                  "check the path and its permissions");
  std::string text(most_octets + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return refuse(whole, fmt::format("cannot be read: {}", std::strerror(errno)));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > most_octets)
    return refuse(whole, fmt::format("the file is larger than {} octets", most_octets),
                  "a suite is written by people: split it by topic");
  return std::make_shared<const SourceFile>(SourceFile{path, std::move(text)});
}

namespace {

// Before yaml-cpp sees the text: it ends a file silently at an octet 04, and guesses
// encodings. What would load only half must not load.
std::expected<void, Diagnostics> check_octets(const std::shared_ptr<const SourceFile>& file) {
  const std::string_view text = file->text;
  int line = 1;
  std::size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  for (std::size_t at = begin; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const Location here{file, line, static_cast<int>(at - begin) + 1};
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
      return refuse(here, fmt::format("the file holds a control character (octet {:02x})", c),
                    "a suite is plain text; in a quoted value write \\xNN");
    const auto length = utf8_length(text, at);
    if (length == 0)
      return refuse(here, fmt::format("this is not UTF-8 text (octet {:02x})", c), "save the file as UTF-8");
    at += length;
    if (c == '\n') {
      ++line;
      begin = at;
    }
  }
  return {};
}

struct Refusal {
  YAML::Mark mark;
  std::string message, hint;
};

// Walks the document before it is built, with aliases followed: a few lines of anchors
// can stand for more values than there are atoms.
class Survey final : public YAML::EventHandler {
 public:
  explicit Survey(const Limits& limits) : limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw Refusal{mark, "a second YAML document begins here", "one file, one document: remove the `---`"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string&) override {
    leaf(mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    for (const auto& frame : open_)
      if (frame.anchor == anchor)
        throw Refusal{mark, "this alias stands inside of what it names", "a value cannot contain itself"};
    const auto& named = anchors_[anchor];
    count(mark, named.nodes, named.height);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Size {
    std::size_t nodes = 0, height = 0;
  };
  struct Frame {
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::size_t nodes_before = 0, height = 0;
  };

  void count(const YAML::Mark& mark, std::size_t nodes, std::size_t height) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes)
      throw Refusal{mark, fmt::format("more than {} values, with aliases followed", limits_.nodes),
                    "no honest file needs that many: split it by topic"};
    if (open_.size() + height > limits_.depth)
      throw Refusal{mark, fmt::format("nested more than {} levels deep", limits_.depth),
                    "no honest file needs that many: look for brackets that are not closed"};
    if (!open_.empty()) open_.back().height = std::max(open_.back().height, height);
  }
  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor) {
    count(mark, 1, 1);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {1, 1};
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const auto before = nodes_;
    count(mark, 1, 1);
    open_.push_back({anchor, before, 0});
  }
  void close() {
    const auto frame = open_.back();
    open_.pop_back();
    const Size size{nodes_ - frame.nodes_before, frame.height + 1};
    if (frame.anchor != YAML::NullAnchor) anchors_[frame.anchor] = size;
    if (!open_.empty()) open_.back().height = std::max(open_.back().height, size.height);
  }

  const Limits& limits_;
  int documents_ = 0;
  std::size_t nodes_ = 0;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Size> anchors_;
};

// What to do about the mistakes that people make most, in words that are not a parser's.
struct Advice {
  std::string_view symptom, hint;
};
const std::array<Advice, 14> kAdvice = {{
    {YAML::ErrorMsg::TAB_IN_INDENTATION, "indent with spaces: YAML allows no tabs there"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "quote values that begin with a tab, `@`, `%` or a backquote"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "a `{` is not closed, or a `,` is missing"},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a `[` is not closed, or a `,` is missing"},
    {YAML::ErrorMsg::FLOW_END, "there is a `]` or `}` too many"},
    {YAML::ErrorMsg::END_OF_MAP, "check the indentation: this line fits no key above it"},
    {YAML::ErrorMsg::END_OF_SEQ, "check the indentation: this line fits no `- ` above it"},
    {YAML::ErrorMsg::MAP_VALUE, "a text with `: ` in it wants quotes; else check the indentation"},
    {YAML::ErrorMsg::MAP_KEY, "check the indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list begins on a line of its own"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "a quote is not closed"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "a quote is not closed"},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, "name it before with `&`, or quote a text that begins with `*`"},
    {YAML::ErrorMsg::INVALID_ESCAPE, "in double quotes `\\` begins an escape: use single quotes"},
}};

std::string advice(std::string_view message, std::string_view line) {
  if (line.substr(0, line.find_first_not_of(" \t")).contains('\t'))
    return "indent with spaces: YAML allows no tabs there";
  for (const auto& [symptom, hint] : kAdvice)
    if (message.starts_with(symptom)) return std::string(hint);
  return {};
}

Location at(const std::shared_ptr<const SourceFile>& file, const YAML::Mark& mark) {
  return mark.is_null() ? Location{file, 0, 0} : Location{file, mark.line + 1, mark.column + 1};
}

}  // namespace

std::expected<YAML::Node, Diagnostics> parse_document(const std::shared_ptr<const SourceFile>& file,
                                                      const Limits& limits) {
  if (const auto sound = check_octets(file); !sound) return std::unexpected(sound.error());
  try {
    Survey survey(limits);
    std::istringstream text(file->text);
    YAML::Parser parser(text);
    while (parser.HandleNextDocument(survey)) {
    }
    return YAML::Load(file->text);
  } catch (const Refusal& refusal) {
    return refuse(at(file, refusal.mark), refusal.message, refusal.hint);
  } catch (const YAML::Exception& error) {
    return refuse(at(file, error.mark), fmt::format("not YAML: {}", error.msg),
                  advice(error.msg, file->line(error.mark.line + 1)));
  }
}

}  // namespace tcpspec::script
