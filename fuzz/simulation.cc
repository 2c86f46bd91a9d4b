#include "fuzz/simulation.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "packet/segment_view.hh"

namespace tcpspec::fuzz {
namespace {

using reference::Direction;
using reference::Error;
using reference::SendKind;
using reference::SocketId;
using reference::Stack;

constexpr std::array<std::uint16_t, 2> listening_ports = {80, 7777};
constexpr Duration epoch_length = std::chrono::seconds(700);
constexpr Duration longest_end = std::chrono::hours(6);  // until the last connection must be gone
constexpr std::size_t most_complaints = 10;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  [[nodiscard]] bool chance(unsigned per_mille) { return below(1000) < per_mille; }

 private:
  std::mt19937_64 engine_;
};

// What an epoch's link does, per mille and in time.
struct Weather {
  unsigned lost = 0, repeated = 0, damaged = 0;
  Duration delay{}, jitter{};

  [[nodiscard]] static Weather roll(Dice& dice) {
    constexpr std::array<unsigned, 6> rates = {0, 0, 10, 50, 100, 250};
    Weather weather;
    weather.lost = rates[dice.below(rates.size())];
    weather.repeated = rates[dice.below(rates.size() - 1)];
    weather.damaged = rates[dice.below(rates.size() - 2)];
    weather.delay = std::chrono::microseconds(dice.below(200'000));
    weather.jitter = dice.chance(500) ? Duration{} : std::chrono::microseconds(1 + dice.below(300'000));
    return weather;
  }
};

// Octet `at` of what flows from one end of a connection to the other.
std::byte octet_of(std::uint64_t stream, std::uint64_t at) {
  const std::uint64_t x = (stream * 0x9e3779b97f4a7c15ULL) ^ (at * 0xc2b2ae3d27d4eb4fULL);
  return static_cast<std::byte>((x >> 29) ^ (x >> 53));
}

// What one side wrote and how it ended, by the pair of ends: the other side reads against it.
struct Stream {
  std::uint64_t id = 0;
  std::uint64_t written = 0;
  bool closed = false;   // in order: everything written must arrive, then the end of file
  bool aborted = false;  // by either side, or given up: anything may be missing
};
using Ends = std::pair<packet::Endpoint, packet::Endpoint>;  // writer, reader

// An application's end of a connection.
struct Open {
  SocketId socket = 0;
  Ends writing, reading;
  std::uint64_t read = 0;
  bool shut = false;  // it has sent its FIN
  bool reads = true;
  bool at_end = false;  // it has read the end of file
};

struct Side {
  explicit Side(const reference::Settings& settings) : stack(settings) {}
  Stack stack;
  oracle::InvariantMonitor monitor;
  std::vector<SocketId> listeners;
  std::vector<SocketId> connecting;
  std::vector<Open> open;
};

class Epoch {
 public:
  Epoch(std::uint64_t seed, Instant start, SimulationResult& result)
      : dice_(seed), weather_(Weather::roll(dice_)), now_(start), end_(start + epoch_length), result_(result) {
    for (int i = 0; i < 2; ++i) {
      reference::Settings settings;
      settings.ipv4 = packet::Address::ipv4(10, 0, 0, static_cast<std::uint8_t>(i + 1));
      settings.ipv6 = *packet::Address::parse(i == 0 ? "fd00::1" : "fd00::2");
      settings.mtu = dice_.chance(300) ? 576 : 1500;
      if (settings.mtu == 576 && dice_.chance(500)) settings.mtu = 1280;
      settings.seed = dice_.below(~0ULL);
      settings.times.r2 = settings.times.user_timeout;
      const auto offer = [&] {
        return dice_.chance(700) ? reference::Offers::Choice::yes : reference::Offers::Choice::no;
      };
      settings.offers = {.window_scale = offer(), .timestamps = offer(), .sack = offer()};
      sides_.push_back(std::make_unique<Side>(settings));
    }
  }

  // Returns when its last connection is gone.
  Instant run() {
    for (auto& side : sides_) listen(*side);
    next_call_ = now_;
    while (result_.complaints.size() < most_complaints) {
      const auto next = next_instant();
      if (!next) break;
      if (*next > end_ + longest_end) {
        complain("connections are left over six hours after the last call");
        describe_open();
        break;
      }
      now_ = std::max(now_, *next);
      step();
    }
    check_nothing_left();
    return now_;
  }

 private:
  struct InFlight {
    Bytes datagram;
    std::size_t to = 0;
  };

  void complain(std::string what) {
    if (result_.complaints.size() < most_complaints)
      result_.complaints.push_back(
          fmt::format("at {:.6f} s: {}", std::chrono::duration<double>(now_.time_since_epoch()).count(), what));
  }

  [[nodiscard]] std::optional<Instant> next_instant() const {
    std::optional<Instant> next;
    const auto consider = [&next](std::optional<Instant> at) {
      if (at && (!next || *at < *next)) next = at;
    };
    for (const auto& side : sides_) consider(side->stack.deadline());
    if (!link_.empty()) consider(link_.begin()->first.first);
    if (now_ < end_) consider(next_call_);
    return next;
  }

  // At one instant: timers, then arrivals, then calls.
  void step() {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      sides_[i]->stack.advance(now_);
      collect(i);
    }
    while (!link_.empty() && link_.begin()->first.first <= now_) {
      const auto arriving = std::move(link_.begin()->second);
      link_.erase(link_.begin());
      sides_[arriving.to]->monitor.sent(arriving.datagram);
      sides_[arriving.to]->stack.input(arriving.datagram, now_);
      collect(arriving.to);
    }
    if (now_ >= next_call_ && now_ < end_) {
      for (std::size_t i = 0; i < sides_.size(); ++i) call_something(i);
      next_call_ = now_ + std::chrono::milliseconds(1 + dice_.below(busy_ ? 400 : 60'000));
      if (dice_.chance(50)) busy_ = !busy_;
      if (next_call_ >= end_) end_everything();
    }
    for (std::size_t i = 0; i < sides_.size(); ++i) serve(i);
  }

  // Everything that a stack has sent goes onto the link, or is lost there.
  void collect(std::size_t from) {
    for (auto& datagram : sides_[from]->stack.take_output()) {
      ++result_.datagrams;
      fingerprint(datagram);
      for (const auto& violation : sides_[from]->monitor.received(datagram))
        complain(fmt::format("side {}: {}: {}", from, violation.invariant->name, violation.what));
      if (dice_.chance(weather_.lost)) {
        ++result_.lost;
        continue;
      }
      if (dice_.chance(weather_.repeated)) put_on_link(1 - from, datagram);
      put_on_link(1 - from, std::move(datagram));
    }
  }

  void put_on_link(std::size_t to, Bytes datagram) {
    if (dice_.chance(weather_.damaged)) {
      // One bit: what the checksums must find.
      const auto at = dice_.below(datagram.size());
      datagram[at] ^= static_cast<std::byte>(1U << dice_.below(8));
    }
    Duration delay = weather_.delay;
    if (weather_.jitter > Duration{})
      delay += std::chrono::nanoseconds(dice_.below(static_cast<std::uint64_t>(weather_.jitter.count())));
    link_.emplace(std::pair(now_ + delay, ++serial_), InFlight{std::move(datagram), to});
  }

  void fingerprint(BytesView datagram) {
    auto& hash = result_.fingerprint;
    const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3ULL; };
    mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    for (const auto octet : datagram) mix(std::to_integer<std::uint64_t>(octet));
  }

  // ---- applications

  void listen(Side& side) {
    for (const auto port : listening_ports) {
      const auto family = port == listening_ports[0] ? packet::Family::ipv4 : packet::Family::ipv6;
      const auto socket = side.stack.open(family).value();
      if (!side.stack.listen(socket, port, 8)) complain("listen failed");
      side.listeners.push_back(socket);
    }
  }

  Stream& stream(const Ends& ends) {
    auto& found = streams_[ends];
    if (found.id == 0) found.id = ++last_stream_;
    return found;
  }

  void opened(Side& side, SocketId socket) {
    const auto status = side.stack.status(socket).value();
    Open open{.socket = socket, .writing = {status.local, status.remote}, .reading = {status.remote, status.local}};
    open.reads = !dice_.chance(100);
    if (dice_.chance(300)) (void)side.stack.set(socket, reference::Option::no_delay, 1);
    if (dice_.chance(200)) (void)side.stack.set(socket, reference::Option::keep_alive, 1);
    if (dice_.chance(200)) (void)side.stack.set(socket, reference::Option::receive_buffer, 4096);
    (void)stream(open.writing);
    side.open.push_back(open);
  }

  void call_something(std::size_t index) {
    auto& side = *sides_[index];
    if (side.open.size() + side.connecting.size() < 6 && dice_.chance(busy_ ? 200 : 500)) connect(index);
    for (auto& open : side.open) {
      if (!open.shut && dice_.chance(500)) write(side, open);
      if (dice_.chance(100)) open.reads = !open.reads;
      if (!open.shut && dice_.chance(80)) shut(side, open);
    }
    if (!side.open.empty() && dice_.chance(40)) finish(side, dice_.below(side.open.size()), dice_.chance(300));
    collect(index);
  }

  void connect(std::size_t index) {
    auto& side = *sides_[index];
    const auto& other = sides_[1 - index]->stack.settings();
    const bool ipv4 = dice_.chance(500);
    const auto socket = side.stack.open(ipv4 ? packet::Family::ipv4 : packet::Family::ipv6);
    if (!socket) return complain("no socket");
    const packet::Endpoint remote{ipv4 ? other.ipv4 : other.ipv6, listening_ports[ipv4 ? 0 : 1]};
    if (!side.stack.connect(*socket, remote, 0, now_)) return complain("connect failed at once");
    side.connecting.push_back(*socket);
    ++result_.connections;
  }

  void write(Side& side, Open& open) {
    auto& writing = stream(open.writing);
    Bytes octets(1 + dice_.below(dice_.chance(100) ? 200'000 : 3000));
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = octet_of(writing.id, writing.written + i);
    const auto kind = dice_.chance(20) ? SendKind::urgent : dice_.chance(100) ? SendKind::more : SendKind::pushed;
    const auto taken = side.stack.send(open.socket, octets, kind, now_);
    if (taken)
      writing.written += *taken;
    else if (taken.error() != Error::would_block)
      broken(open);
  }

  void shut(Side& side, Open& open) {
    open.shut = true;
    if (side.stack.shutdown(open.socket, Direction::send, now_))
      stream(open.writing).closed = true;
    else
      broken(open);
  }

  // The connection came to a bad end: what had not arrived may never do.
  void broken(const Open& open) {
    stream(open.writing).aborted = true;
    stream(open.reading).aborted = true;
  }

  // close() with data that nobody reads any more resets the connection (SHLD-3), and so it is
  // an orderly end only where the other side's stream has been read to its end.
  void finish(Side& side, std::size_t which, bool by_abort) {
    auto& open = side.open[which];
    if (by_abort || !open.at_end) {
      broken(open);
      ++result_.aborted;
    }
    stream(open.writing).closed = true;
    if (by_abort)
      (void)side.stack.abort(open.socket, now_);
    else
      (void)side.stack.close(open.socket, now_);
    side.open.erase(side.open.begin() + static_cast<std::ptrdiff_t>(which));
  }

  // What does not wait for the dice: connections that came about, and octets to read.
  void serve(std::size_t index) {
    auto& side = *sides_[index];
    if (side.stack.take_changed().empty()) return;
    for (const auto listener : side.listeners)
      for (auto accepted = side.stack.accept(listener); accepted; accepted = side.stack.accept(listener))
        opened(side, *accepted);
    for (auto waiting = side.connecting.begin(); waiting != side.connecting.end();) {
      const auto connected = side.stack.connected(*waiting);
      if (!connected && connected.error() == Error::would_block) {
        ++waiting;
        continue;
      }
      if (connected)
        opened(side, *waiting);
      else
        (void)side.stack.close(*waiting, now_);
      waiting = side.connecting.erase(waiting);
    }
    read_all(side);
    collect(index);
  }

  void read_all(Side& side) {
    std::array<std::byte, 8192> into;
    for (auto& open : side.open) {
      if (!open.reads && now_ < end_) continue;
      while (!open.at_end) {
        const auto got = side.stack.receive(open.socket, into, now_);
        if (!got && got.error() == Error::would_block) break;
        if (!got) {
          broken(open);
          open.at_end = true;
        } else if (*got == 0) {
          reached_end(open);
        } else {
          check_octets(open, BytesView(into).first(*got));
        }
      }
    }
    if (now_ < end_) return;
    // The last calls are over: whoever has read everything closes.
    for (std::size_t i = side.open.size(); i-- > 0;)
      if (side.open[i].at_end) finish(side, i, false);
  }

  void check_octets(Open& open, BytesView octets) {
    const auto& written = stream(open.reading);
    for (const auto octet : octets) {
      if (open.read >= written.written && !written.aborted) return complain("octets arrived that nobody wrote");
      if (octet != octet_of(written.id, open.read))
        return complain("an octet arrived that is not the one that was written");
      ++open.read;
    }
    result_.octets += octets.size();
  }

  void reached_end(Open& open) {
    open.at_end = true;
    const auto& written = stream(open.reading);
    if (written.aborted) return;
    if (!written.closed) complain("an end of file, and the other side has not closed");
    if (open.read != written.written)
      complain(fmt::format("an end of file after {} octets of {}", open.read, written.written));
  }

  void end_everything() {
    end_ = now_;
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      auto& side = *sides_[i];
      for (const auto socket : std::exchange(side.connecting, {})) (void)side.stack.abort(socket, now_);
      for (auto& open : side.open) {
        if (!open.shut) shut(side, open);
        // A RST that was lost leaves the other side half open for ever, if nobody asks.
        (void)side.stack.set(open.socket, reference::Option::keep_alive_idle, 60);
        (void)side.stack.set(open.socket, reference::Option::keep_alive, 1);
      }
      read_all(side);
      collect(i);
    }
  }

  void describe_open() {
    for (std::size_t i = 0; i < sides_.size(); ++i)
      for (const auto& open : sides_[i]->open) {
        const auto status = sides_[i]->stack.status(open.socket);
        if (!status) continue;
        complain(fmt::format("side {}: {} {} > {}: {} readable, {} not acknowledged, window {}, rto {} ms", i,
                             to_string(status->state), to_string(status->local), to_string(status->remote),
                             status->readable, status->unsent_and_unacknowledged, status->send_window,
                             std::chrono::duration_cast<std::chrono::milliseconds>(status->rto).count()));
      }
  }

  void check_nothing_left() {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      auto& side = *sides_[i];
      for (const auto listener : std::exchange(side.listeners, {})) (void)side.stack.close(listener, now_);
      const auto statistics = side.stack.statistics();
      result_.retransmissions += statistics.retransmissions;
      if (!result_.complaints.empty()) continue;
      if (statistics.sockets != 0) complain(fmt::format("side {} has {} sockets left", i, statistics.sockets));
      if (statistics.octets_held != 0) complain(fmt::format("side {} holds {} octets", i, statistics.octets_held));
    }
  }

  Dice dice_;
  Weather weather_;
  Instant now_, end_, next_call_;
  SimulationResult& result_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::map<std::pair<Instant, std::uint64_t>, InFlight> link_;
  std::uint64_t serial_ = 0;
  std::map<Ends, Stream> streams_;
  std::uint64_t last_stream_ = 0;
  bool busy_ = true;
};

}  // namespace

SimulationResult simulate(const SimulationOptions& options) {
  SimulationResult result;
  std::mt19937_64 seeds(options.seed);
  Instant now = Instant{} + options.begins;
  do {
    const auto seed = options.epoch.value_or(seeds());
    const auto begins = now - Instant{};
    now = Epoch(seed, now, result).run();
    ++result.epochs;
    if (!result.complaints.empty())
      result.complaints.push_back(
          fmt::format("in epoch {}: seed {:#x}, begins at {} ns", result.epochs, seed, begins.count()));
  } while (now - Instant{} < options.length && result.complaints.empty() && !options.epoch);
  result.simulated = now - Instant{};
  return result;
}

}  // namespace tcpspec::fuzz
