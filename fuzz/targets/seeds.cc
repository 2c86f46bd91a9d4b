// Writes seeds out of the suites, FOLDER/0001 and so on:
//   tcpspec-fuzz-seeds options|segment|yaml|program SUITES FOLDER

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "fuzz/compile.hh"
#include "fuzz/program.hh"
#include "fuzz/targets/hosts.hh"
#include "packet/icmp.hh"
#include "packet/segment_view.hh"
#include "script/loader.hh"

namespace {

using namespace tcpspec;
using fuzz::Bytes;
using packet::Flags;
using script::Variable;
namespace fs = std::filesystem;

using Seeds = std::set<std::string>;

// The numbers of the connection of a fuzz::Host just after its handshake, relative to the ISSs.
class Numbers : public script::Scope {
 public:
  [[nodiscard]] std::int64_t variable(Variable variable, int) const override {
    static const std::map<Variable, std::int64_t> values = {
        {Variable::rcv_nxt, 1},        {Variable::snd_nxt, 3001},    {Variable::snd_una, 1},
        {Variable::rcv_wnd, 65535},    {Variable::snd_wnd, 20'000},  {Variable::snd_mss, 1000},
        {Variable::rcv_mss, 1460},     {Variable::mtu, 1500},        {Variable::snd_wind_shift, 2},
        {Variable::rcv_wind_shift, 2}, {Variable::ts_recent, 1'001}, {Variable::ts_val, 1}};
    return values.at(variable);
  }
  [[nodiscard]] std::int64_t capture(int) const override { return 0; }
};

packet::Option option_of(const script::SendOption& option, packet::Seq32 target_iss) {
  using Kind = script::SendOption::Kind;
  const Numbers numbers;
  const auto number = [&](std::size_t i) {
    return i < option.numbers.size() ? option.numbers[i].evaluate(numbers) : std::int64_t{1'001};
  };
  switch (option.kind) {
    case Kind::nop:
      return packet::Nop{};
    case Kind::end_of_list:
      return packet::EndOfList{};
    case Kind::mss:
      return packet::Mss{static_cast<std::uint16_t>(number(0))};
    case Kind::window_scale:
      return packet::WindowScale{static_cast<std::uint8_t>(number(0))};
    case Kind::sack_permitted:
      return packet::SackPermitted{};
    case Kind::sack: {
      packet::Sack sack;
      for (std::size_t i = 0; i + 1 < option.numbers.size(); i += 2)
        sack.blocks.emplace_back((target_iss + static_cast<std::uint32_t>(number(i))).raw(),
                                 (target_iss + static_cast<std::uint32_t>(number(i + 1))).raw());
      return sack;
    }
    case Kind::timestamps:
      return packet::Timestamps{static_cast<std::uint32_t>(number(0)), static_cast<std::uint32_t>(number(1))};
    case Kind::unknown:
      return packet::UnknownOption{static_cast<std::uint8_t>(number(0)), option.bytes};
    case Kind::raw:
      break;
  }
  return packet::RawBytes{option.bytes};
}

// As the engine sends it (harness/engine/sending.cc), on the connection of the host.
Bytes datagram_of(const script::SendSegment& send, const fuzz::Host& host) {
  constexpr std::int64_t longest_text = 1'400;
  const Numbers numbers;
  auto segment = host.next_segment(send.flags | Flags::ack);
  const auto tester_iss = segment.seq - 1U, target_iss = segment.ack - 1U;
  segment.flags = send.flags;
  if (!send.flags.has(Flags::ack)) segment.ack = packet::Seq32{};
  const auto low = [&](const script::Expression& expression) {
    return static_cast<std::uint32_t>(expression.evaluate(numbers));
  };
  if (send.seq) segment.seq = tester_iss + low(*send.seq);
  if (send.ack) segment.ack = target_iss + low(*send.ack);
  if (send.window) segment.window = static_cast<std::uint16_t>(low(*send.window));
  if (send.urgent) segment.urgent = static_cast<std::uint16_t>(low(*send.urgent));
  if (send.ttl) segment.ip.ttl = static_cast<std::uint8_t>(low(*send.ttl));
  if (send.traffic_class) segment.ip.traffic_class = static_cast<std::uint8_t>(low(*send.traffic_class));
  segment.payload = send.literal;
  if (send.length)
    segment.payload.resize(
        static_cast<std::size_t>(std::clamp<std::int64_t>(send.length->evaluate(numbers), 0, longest_text)),
        std::byte{'s'});
  if (send.options) {
    segment.options.clear();
    for (const auto& option : *send.options) segment.options.push_back(option_of(option, target_iss));
  }
  return packet::serialize(segment, send.malformation);
}

Bytes datagram_of(const script::SendIcmp& send, const fuzz::Host& host) {
  auto quoted = host.next_segment(Flags::ack);
  std::swap(quoted.source, quoted.destination);
  std::swap(quoted.seq, quoted.ack);
  const auto family = host.offer().family;
  const Numbers numbers;
  const auto rest = send.rest_of_header ? send.rest_of_header->evaluate(numbers) : 0;
  return packet::serialize(packet::IcmpError{.source = fuzz::tester_address(family),
                                             .destination = fuzz::host_address(family),
                                             .type = static_cast<std::uint8_t>(send.type),
                                             .code = static_cast<std::uint8_t>(send.code),
                                             .rest_of_header = static_cast<std::uint32_t>(rest),
                                             .quoted = packet::serialize(quoted)});
}

std::string text_of(fuzz::BytesView octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

using Sending = std::variant<const script::SendSegment*, const script::SendIcmp*>;

void each_sending(const script::Steps& steps, const std::function<void(Sending)>& use) {
  for (const auto& step : steps) {
    if (const auto* send = std::get_if<script::SendSegment>(&step.action)) use(send);
    if (const auto* send = std::get_if<script::SendIcmp>(&step.action)) use(send);
    if (const auto* repeat = std::get_if<script::Repeat>(&step.action)) each_sending(repeat->steps, use);
    if (const auto* block = std::get_if<script::Block>(&step.action)) each_sending(block->steps, use);
  }
}

class HostsOfAllKinds {
 public:
  [[nodiscard]] const fuzz::Host& operator()(const fuzz::Offer& offer) {
    const auto [place, fresh] = hosts_.try_emplace(offer);
    if (fresh) place->second = std::make_unique<fuzz::Host>(offer);
    return *place->second;
  }

 private:
  std::map<fuzz::Offer, std::unique_ptr<fuzz::Host>> hosts_;
};

void take_segments(const script::Suite& suite, Seeds& seeds) {
  HostsOfAllKinds hosts;
  for (const auto& test : suite.tests)
    each_sending(test.steps, [&](Sending sending) {
      for (const bool timestamps : {false, true}) {
        const auto& host = hosts({test.family, timestamps});
        seeds.insert(text_of(std::visit([&](const auto* send) { return datagram_of(*send, host); }, sending)));
      }
    });
}

void take_options(const script::Suite& suite, Seeds& seeds) {
  Seeds segments;
  take_segments(suite, segments);
  for (const auto& datagram : segments)
    seeds.insert(text_of(packet::SegmentView(std::as_bytes(std::span(datagram))).option_bytes()));
}

// Of each test its first variant, as long as it is short: what a mutator makes of a long one is slow.
void take_programs(const script::Suite& suite, Seeds& seeds) {
  constexpr std::size_t most_octets = 4'096;
  std::set<std::string> seen;
  for (const auto& test : suite.tests) {
    if (!seen.insert(test.base_id).second) continue;
    const auto program = fuzz::compile(test, {});
    if (!program) continue;  // a peer plays along
    if (const auto octets = fuzz::encode(*program); octets.size() <= most_octets) seeds.insert(text_of(octets));
  }
}

// Each test as a suite of its own: what stands before the first, and one.
void take_tests(const std::string& text, Seeds& seeds) {
  constexpr std::string_view begin = "\n  - id:";
  const auto first = text.find(begin);
  if (first == std::string::npos) return;
  for (auto at = first; at != std::string::npos;) {
    const auto next = text.find(begin, at + 1);
    seeds.insert(text.substr(0, first) + text.substr(at, next == std::string::npos ? next : next - at) + "\n");
    at = next;
  }
}

script::TargetValues default_values(const fs::path& suites) {
  script::TargetValues values;
  const auto file = YAML::LoadFile((suites / "targets/defaults.yaml").string());
  for (const auto& entry : file["values"]) values[entry.first.as<std::string>()] = entry.second.as<std::string>();
  return values;
}

int write(const Seeds& seeds, const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  int number = 0;
  for (const auto& seed : seeds) {
    std::ofstream file(folder / fmt::format("{:04}", ++number), std::ios::binary);
    file << seed;
    if (!file.flush()) {
      fmt::print(stderr, "tcpspec-fuzz-seeds: {} cannot be written\n", folder.string());
      return 4;
    }
  }
  fmt::print("{} seeds in {}\n", seeds.size(), folder.string());
  return number == 0 ? 1 : 0;
}

using Take = void (*)(const script::Suite& suite, Seeds& seeds);
const std::map<std::string, Take> takes = {
    {"options", take_options}, {"segment", take_segments}, {"program", take_programs}, {"yaml", nullptr}};

}  // namespace

int main(int argc, char** argv) try {
  const auto take = takes.find(argc == 4 ? argv[1] : "");
  if (take == takes.end()) {
    fmt::print(stderr, "usage: tcpspec-fuzz-seeds options|segment|yaml|program SUITES FOLDER\n");
    return 2;
  }
  const fs::path suites = argv[2];
  const auto values = default_values(suites);
  Seeds seeds;
  for (const auto& entry : fs::directory_iterator(suites)) {
    if (entry.path().extension() != ".yaml") continue;
    if (take->second == nullptr) {
      std::ifstream file(entry.path(), std::ios::binary);
      take_tests({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, seeds);
      continue;
    }
    const auto suite = script::load_suite_file(entry.path().string(), {}, values);
    if (!suite) {
      fmt::print(stderr, "{}\n", script::to_string(suite.error().front()));
      return 2;
    }
    take->second(*suite, seeds);
  }
  return write(seeds, argv[3]);
} catch (const std::exception& error) {
  fmt::print(stderr, "tcpspec-fuzz-seeds: {}\n", error.what());
  return 4;
}
