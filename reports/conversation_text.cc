#include "reports/conversation_text.hh"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "reports/layout.hh"
#include "reports/paint.hh"

namespace tcpspec::reports {
namespace {

constexpr std::size_t kMostLines = 40;
constexpr std::size_t kLinesBefore = 25;  // of those, at most this many before the divergence
constexpr std::size_t kMinimumCell = 16;

struct Row {
  std::string number;
  std::string time;
  std::string direction;
  std::string expected;
  std::string observed;
  Tone tone = Tone::plain;
  const ConversationLine* line = nullptr;  // none for a row that stands for several lines
};

bool is_bad(const ConversationLine& line) {
  return line.first_divergence || line.mark == Mark::unexpected || line.mark == Mark::missing ||
         line.mark == Mark::mismatch || line.mark == Mark::invariant;
}

std::string_view direction_of(Lane lane) {
  switch (lane) {
    case Lane::to_target:
      return "→";
    case Lane::from_target:
      return "←";
    case Lane::call:
      return "call";
    case Lane::time:
      return "time";
    case Lane::note:
      return "note";
  }
  return "";
}

Tone tone_of_line(const ConversationLine& line) {
  if (is_bad(line)) return Tone::bad;
  if (line.mark == Mark::alternative || line.mark == Mark::tolerated) return Tone::notice;
  return line.fixture ? Tone::faint : Tone::plain;
}

// Marks that the two columns do not already show by their text.
std::string_view word_of(Mark mark) {
  switch (mark) {
    case Mark::alternative:
      return "  (alternative outcome)";
    case Mark::tolerated:
      return "  (tolerated)";
    case Mark::unexpected:
      return "  (unexpected)";
    case Mark::none:
    case Mark::matched:
    case Mark::missing:
    case Mark::mismatch:
    case Mark::invariant:
      return "";
  }
  return "";
}

Row row_of(const ConversationLine& line) {
  Row row{.number = fmt::format("{}", line.number),
          .time = relative_seconds(line.time_ns),
          .direction = std::string(direction_of(line.lane)),
          .expected = visible(line.expected),
          .observed = visible(line.observed),
          .tone = tone_of_line(line),
          .line = &line};
  if (line.lane == Lane::to_target && (row.expected.empty() || row.observed.empty())) {
    if (row.expected.empty()) row.expected = row.observed;
    row.observed = "sent";
  }
  if (!line.comment.empty() && line.mark != Mark::invariant) {
    (row.expected.empty() ? row.observed : row.expected) += fmt::format("  ({})", visible(line.comment));
  }
  if (line.mark == Mark::missing && row.observed.empty()) row.observed = "nothing";
  row.observed += word_of(line.mark);
  return row;
}

Row fixture_row(std::span<const ConversationLine> lines) {
  return Row{.number = lines.size() == 1 ? fmt::format("{}", lines.front().number)
                                         : fmt::format("{}-{}", lines.front().number, lines.back().number),
             .time = relative_seconds(lines.front().time_ns),
             .direction = "",
             .expected = fmt::format("given: {} of the fixture, as expected", counted(lines.size(), "line")),
             .observed = "",
             .tone = Tone::faint};
}

// As far as the times that are shown tell: what is matched only now may have come before lines above it.
bool came_earlier(const std::vector<ConversationLine>& lines, std::size_t at) {
  constexpr std::int64_t shown = 1'000'000;  // ns, as relative_seconds() has it
  if (lines[at].lane != Lane::from_target || lines[at].mark == Mark::missing) return false;
  return std::any_of(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(at),
                     [&](const auto& line) { return line.time_ns / shown > lines[at].time_ns / shown; });
}

// A fixture in which nothing went wrong is one row.
std::vector<Row> rows_of(const std::vector<ConversationLine>& lines, Detail detail) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < lines.size();) {
    std::size_t end = i;
    while (end < lines.size() && lines[end].fixture && !is_bad(lines[end])) ++end;
    if (detail == Detail::brief && end > i) {
      rows.push_back(fixture_row(std::span(lines).subspan(i, end - i)));
      i = end;
    } else {
      rows.push_back(row_of(lines[i]));
      if (came_earlier(lines, i)) rows.back().observed += "  (came earlier)";
      ++i;
    }
  }
  return rows;
}

struct Window {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Without a divergence the end is what matters.
Window window_of(const std::vector<Row>& rows, Detail detail) {
  if (detail == Detail::verbose || rows.size() <= kMostLines) return {0, rows.size()};
  const auto divergence =
      std::ranges::find_if(rows, [](const Row& row) { return row.line && row.line->first_divergence; });
  const auto at = static_cast<std::size_t>(divergence - rows.begin());
  const std::size_t begin = std::min(at > kLinesBefore ? at - kLinesBefore : 0, rows.size() - kMostLines);
  return {begin, begin + kMostLines};
}

struct Columns {
  std::size_t number = 4;
  std::size_t time = 7;
  std::size_t direction = 4;
  std::size_t expected = 8;
  std::size_t observed = 8;

  [[nodiscard]] std::size_t before_expected() const { return number + 2 + time + 2 + direction + 1; }
  [[nodiscard]] std::size_t before_observed() const { return before_expected() + expected + 2; }
};

Columns columns_for(std::span<const Row> rows, const Style& style) {
  Columns columns;
  for (const Row& row : rows) {
    columns.number = std::max(columns.number, display_width(row.number));
    columns.time = std::max(columns.time, display_width(row.time));
    if (!row.line) continue;  // spans both columns
    columns.expected = std::max(columns.expected, display_width(row.expected));
    columns.observed = std::max(columns.observed, display_width(row.observed));
  }
  const auto width = static_cast<std::size_t>(std::max(style.width, 60));
  const std::size_t room = width - std::min(width, columns.before_expected() + 2);
  const std::size_t half = std::max(room / 2, kMinimumCell);
  if (columns.expected + columns.observed > room) {
    // The narrower column keeps its width, the other takes what is left.
    if (columns.observed <= half) {
      columns.expected = std::max(room - std::min(room, columns.observed), half);
    } else if (columns.expected <= half) {
      columns.observed = std::max(room - std::min(room, columns.expected), half);
    } else {
      columns.expected = columns.observed = half;
    }
  }
  return columns;
}

std::string line_of(const Columns& columns, std::string_view number, std::string_view time, std::string_view direction,
                    std::string_view expected, std::string_view observed) {
  std::string line = pad_left(number, columns.number) + "  " + pad_right(time, columns.time) + "  " +
                     pad_right(direction, columns.direction) + " " + pad_right(expected, columns.expected) + "  " +
                     std::string(observed);
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

struct Carets {
  std::size_t begin = 0;  // columns from the start of the observed cell
  std::size_t end = 0;
};

// Below the tokens that differ ("seq 999"), where the text of the cell shows them;
// else below the first word or two.
Carets carets_for(const ConversationLine& line, const std::string& cell) {
  Carets carets{cell.size(), 0};
  for (const FieldDifference& difference : line.differences) {
    const std::string token = difference.field + " " + difference.observed;
    std::size_t at = cell.find(token);
    std::size_t length = token.size();
    if (at == std::string::npos && difference.field == "flags" && cell.starts_with(difference.observed)) {
      at = 0;
      length = difference.observed.size();
    }
    if (at == std::string::npos || length == 0) continue;
    carets.begin = std::min(carets.begin, display_width(cell.substr(0, at)));
    carets.end = std::max(carets.end, display_width(cell.substr(0, at + length)));
  }
  if (carets.end > carets.begin) return carets;
  const std::size_t word = cell.find(' ');
  return {0, std::max<std::size_t>(1, display_width(cell.substr(0, word)))};
}

std::string caret_line(const ConversationLine& line, const std::string& cell) {
  const Carets carets = carets_for(line, cell);
  return std::string(carets.begin, ' ') + std::string(carets.end - carets.begin, '^') + " first divergence";
}

void add_details(std::string& out, const Columns& columns, const ConversationLine& line, const Style& style) {
  const std::string indent(columns.before_expected(), ' ');
  for (const FieldDifference& difference : line.differences) {
    out += indent + paint(visible(difference_text(difference)), Tone::bad, style) + "\n";
  }
  if (line.mark == Mark::invariant && !line.comment.empty()) {
    const std::size_t width = columns.expected + 2 + columns.observed;
    for (const std::string& text : wrap("breaks: " + visible(line.comment), std::max(width, kMinimumCell))) {
      out += indent + paint(text, Tone::bad, style) + "\n";
    }
  }
}

void add_row(std::string& out, const Columns& columns, const Row& row, const Style& style) {
  if (!row.line) {
    out += paint(line_of(columns, row.number, row.time, row.direction, row.expected, ""), row.tone, style) + "\n";
    return;
  }
  const auto expected = wrap(row.expected, columns.expected);
  auto observed = wrap(row.observed, columns.observed);
  if (row.line->first_divergence) observed.push_back(caret_line(*row.line, observed.back()));
  for (std::size_t i = 0; i < std::max(expected.size(), observed.size()); ++i) {
    const bool first = i == 0;
    const std::string text =
        line_of(columns, first ? row.number : "", first ? row.time : "", first ? row.direction : "",
                i < expected.size() ? expected[i] : "", i < observed.size() ? observed[i] : "");
    out += paint(text, row.tone, style) + "\n";
  }
  add_details(out, columns, *row.line, style);
}

void add_left_out(std::string& out, std::size_t count, std::string_view where, const Style& style) {
  if (count == 0) return;
  out += paint(fmt::format("   …  {} left out {}", counted(count, "line"), where), Tone::faint, style) + "\n";
}

}  // namespace

std::string conversation_text(const std::vector<ConversationLine>& lines, const Style& style) {
  if (lines.empty()) return "";
  const std::vector<Row> rows = rows_of(lines, style.detail);
  const Window window = window_of(rows, style.detail);
  const auto shown = std::span(rows).subspan(window.begin, window.end - window.begin);
  const Columns columns = columns_for(shown, style);
  std::string out = paint(line_of(columns, "#", "time", "dir", "expected", "observed"), Tone::faint, style) + "\n";
  add_left_out(out, window.begin, "before", style);
  for (const Row& row : shown) add_row(out, columns, row, style);
  add_left_out(out, rows.size() - window.end, "after", style);
  return out;
}

}  // namespace tcpspec::reports
