#pragma once
// Makes programs out of programs, on typed steps: a mutation is something that a peer, a network
// or an application could do. What it makes is sound to encode().

#include <cstdint>
#include <random>

#include "fuzz/program.hh"

namespace tcpspec::fuzz {

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Program create();
  // One to a few changes.
  void mutate(Program& program);
  // Begins as the first, goes on as the second.
  [[nodiscard]] Program cross(const Program& first, const Program& second);

 private:
  static constexpr std::size_t most_steps = 14;  // longer ones are cut: slow, and seldom news
  // What one call writes or reads: more is what suites do to fill the largest buffers, and takes the time of a
  // thousand programs. Three such calls fill most.
  static constexpr std::int64_t most_octets_of_a_call = 100'000;

  [[nodiscard]] std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_()) % bound; }
  [[nodiscard]] bool chance(std::uint32_t percent) { return below(100) < percent; }
  template <class List>
  [[nodiscard]] auto pick(const List& list) {
    return list[below(static_cast<std::uint32_t>(std::size(list)))];
  }

  void change(Program& program);
  static void keep_short(Program& program);
  void change_fixture(Program& program);
  void change_step(Step& step);
  void change_call(Call& call);
  void insert(Program& program, Step step);
  [[nodiscard]] std::size_t any_step(const Program& program);

  // mutator_segments.cc
  [[nodiscard]] Step new_step(const Program& program);
  [[nodiscard]] SendSegment new_segment();
  [[nodiscard]] packet::Flags new_flags();
  [[nodiscard]] Number near(std::initializer_list<Number::Base> bases);
  [[nodiscard]] std::int64_t distance();
  static void move(Number& number, std::int64_t by);
  [[nodiscard]] Number new_length();
  [[nodiscard]] OptionItem new_option();
  [[nodiscard]] std::vector<OptionItem> new_options();
  [[nodiscard]] Bytes new_octets(std::uint32_t most);
  [[nodiscard]] Call new_call(const Program& program);
  [[nodiscard]] Duration new_pause();
  void change_segment(SendSegment& segment);
  void change_options(std::vector<OptionItem>& options);
  void change_option(OptionItem& option);
  void break_segment(packet::Malformation& malformation);
  // A segment that was sent before: again, overlapping, in two parts, or in another order.
  void repeat(Program& program);
  void split(Program& program);

  std::minstd_rand random_;
};

}  // namespace tcpspec::fuzz
