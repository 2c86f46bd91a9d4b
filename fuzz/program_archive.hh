#pragma once
// Octets out and in for program_codec.cc: what describes a thing once does for both.
//
// Numbers are varints of seven bits an octet, the least significant first. Fields are a mask of those
// that are there, then those. There is one way only to write a thing: a varint with idle octets, and a
// field that is there and says the default, are faults.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

// ---- out: what does not fit becomes the nearest that does

class Writer {
 public:
  static constexpr bool reads = false;

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) octets_.push_back(static_cast<std::byte>(value | 0x80));
    octets_.push_back(static_cast<std::byte>(value));
  }
  template <class T>
  void number(const T& value, std::uint64_t most, std::string_view /*what*/) {
    varint(std::min(static_cast<std::uint64_t>(value), most));
  }
  void octets(const Bytes& octets, std::size_t most) {
    const auto count = std::min(octets.size(), most);
    varint(count);
    octets_.insert(octets_.end(), octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void letters(const std::string& letters, std::size_t /*most*/) {
    varint(letters.size());
    for (const char letter : letters) octets_.push_back(static_cast<std::byte>(letter));
  }
  // Before what was written behind `at`.
  void insert_varint(std::size_t at, std::uint64_t value) {
    const auto end = octets_.size();
    varint(value);
    std::rotate(octets_.begin() + static_cast<std::ptrdiff_t>(at), octets_.begin() + static_cast<std::ptrdiff_t>(end),
                octets_.end());
  }
  void cut_to(std::size_t size) { octets_.resize(size); }
  void reserve(std::size_t size) { octets_.reserve(size); }
  [[nodiscard]] std::size_t size() const { return octets_.size(); }
  [[nodiscard]] Bytes take() { return std::move(octets_); }

 private:
  Bytes octets_;
};

class WrittenFields {
 public:
  explicit WrittenFields(Writer& out) : out_(out), begin_(out.size()) {}
  template <class T, class Describe>
  void optional(const std::optional<T>& field, Describe describe) {
    if (mark(field.has_value())) describe(out_, *field);
  }
  template <class T, class Describe>
  void differing(const T& field, const T& usual, Describe describe) {
    if (mark(!(field == usual))) describe(out_, field);
  }
  void flag(const bool& field) { static_cast<void>(mark(field)); }
  // Which are there is known behind the last, and stands before the first.
  void finish() const { out_.insert_varint(begin_, mask_); }

 private:
  bool mark(bool there) {
    mask_ |= static_cast<std::uint64_t>(there) << next_++;
    return there;
  }

  Writer& out_;
  std::size_t begin_;
  std::uint64_t mask_ = 0;
  unsigned next_ = 0;
};

// ---- in: behind the first fault everything reads as nothing

class Reader {
 public:
  static constexpr bool reads = true;

  explicit Reader(BytesView octets) : octets_(octets) {}

  [[nodiscard]] bool ok() const { return !fault_; }
  [[nodiscard]] bool at_end() const { return at_ == octets_.size(); }
  [[nodiscard]] const ProgramError& fault() const { return *fault_; }
  void fail(std::string message) { fail_at(at_, std::move(message)); }
  void fail_at(std::size_t offset, std::string message) {
    if (!fault_) fault_ = ProgramError{offset, std::move(message)};
  }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    const auto begin = at_;
    for (unsigned shift = 0; ok(); shift += 7) {
      if (at_end()) return fail("the octets end within a number"), 0;
      const auto octet = std::to_integer<std::uint64_t>(octets_[at_++]);
      if (shift == 63 && octet > 1) return fail_at(begin, "a number of more than 64 bits"), 0;
      value |= (octet & 0x7f) << shift;
      if (octet >= 0x80) continue;
      if (octet == 0 && shift > 0) return fail_at(begin, "a number with idle octets"), 0;
      return value;
    }
    return 0;
  }
  template <class T>
  void number(T& value, std::uint64_t most, std::string_view what) {
    const auto begin = at_;
    const auto read = varint();
    if (read > most) return fail_at(begin, fmt::format("{} is {}, more than {}", what, read, most));
    if (ok()) value = static_cast<T>(read);
  }
  void octets(Bytes& octets, std::size_t most) {
    const auto count = this->count(most, "octets");
    const auto from = octets_.subspan(at_, count);
    octets.assign(from.begin(), from.end());
    at_ += count;
  }
  void letters(std::string& letters, std::size_t most) {
    const auto count = this->count(most, "letters");
    letters.clear();
    for (std::size_t i = 0; i < count; ++i) letters += static_cast<char>(octets_[at_++]);
  }
  // Of things that take an octet each at least: so few octets cannot make a large one.
  std::size_t count(std::size_t most, std::string_view what) {
    const auto begin = at_;
    const auto read = varint();
    if (read > most) return fail_at(begin, fmt::format("{} {}, more than {}", read, what, most)), 0;
    if (read > octets_.size() - at_) return fail_at(begin, fmt::format("{} {}, and the octets end", read, what)), 0;
    return ok() ? read : 0;
  }

 private:
  BytesView octets_;
  std::size_t at_ = 0;
  std::optional<ProgramError> fault_;
};

class ReadFields {
 public:
  explicit ReadFields(Reader& in) : in_(in), begin_(in.at()), mask_(in.varint()) {}
  template <class T, class Describe>
  void optional(std::optional<T>& field, Describe describe) {
    if (next()) describe(in_, field.emplace());
  }
  template <class T, class Describe>
  void differing(T& field, const T& usual, Describe describe) {
    if (!next()) return;
    describe(in_, field);
    if (in_.ok() && field == usual) in_.fail_at(begin_, "a field that says what it would be without");
  }
  void flag(bool& field) { field = next(); }
  void finish() const {
    if (in_.ok() && (mask_ >> next_) != 0) in_.fail_at(begin_, "a field that there is not");
  }

 private:
  bool next() { return ((in_.ok() ? mask_ : 0) >> next_++ & 1) != 0; }

  Reader& in_;
  std::size_t begin_;
  std::uint64_t mask_;
  unsigned next_ = 0;
};

template <class Archive>
using Fields = std::conditional_t<Archive::reads, ReadFields, WrittenFields>;

}  // namespace tcpspec::fuzz
