#pragma once
// A program examined in a process of its own, so that what kills the stack is a result.

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/session.hh"

namespace tcpspec::fuzz {

struct IsolatedResult {
  std::optional<Suspicion> suspicion;
  bool died = false;           // the process, and with it the record but for its entries
  std::vector<Entry> entries;  // with Record::entries: the last one may have killed it
  std::string words;           // what it said on its standard error, sanitizers above all
};

enum class Record : std::uint8_t { none, entries };

// More than `patience` of processor time is a hang; so is ten times as much of real time.
[[nodiscard]] IsolatedResult examine_isolated(Session& session, const Program& program, Record record,
                                              Duration patience);

enum class Death : std::uint8_t { crash, hang };
// Runs `action` in a process of its own; what it returns, 0 or 2 to 97, or how it died.
[[nodiscard]] std::expected<int, Death> run_isolated(const std::function<int()>& action, Duration patience);

// Of a sanitizer's words: kind and place, "heap-buffer-overflow in tcpspec::reference::f".
[[nodiscard]] std::optional<Suspicion> sanitizer_suspicion(const std::string& words);

}  // namespace tcpspec::fuzz
