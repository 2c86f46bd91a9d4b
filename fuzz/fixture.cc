// provisional
#include "fuzz/fixture.hh"
#include <map>
namespace tcpspec::fuzz {
const std::vector<Step>& steps_of(const Fixture& f, packet::Family) {
  static std::map<std::string, std::vector<Step>> cache;
  std::string key{char('a' + int(f.state)), char('a' + int(f.role)), char('a' + f.sack), char('a' + f.timestamps),
                  char('a' + f.window_scale.value_or(20))};
  if (auto it = cache.find(key); it != cache.end()) return it->second;
  std::vector<Step> s;
  using F = packet::Flags;
  using S = script::State;
  using K = Call::Kind;
  auto call = [&](K k) {
    Call c;
    c.kind = k;
    c.socket = (k == K::listen || k == K::accept) ? 0 : 1;
    if (k == K::listen) c.number = 16;
    s.push_back({0, c});
  };
  auto seg = [&](F fl, auto tweak) {
    SendSegment x;
    x.flags = fl;
    tweak(x);
    s.push_back({0, x});
  };
  std::vector<OptionItem> o;
  OptionItem m;
  m.kind = OptionItem::Kind::mss;
  m.numbers = {{Number::Base::zero, 1460}};
  o.push_back(m);
  if (f.sack) {
    OptionItem i;
    i.kind = OptionItem::Kind::sack_permitted;
    o.push_back(i);
  }
  if (f.timestamps) {
    OptionItem i;
    i.kind = OptionItem::Kind::timestamps;
    o.push_back(i);
  }
  if (f.window_scale) {
    OptionItem i;
    i.kind = OptionItem::Kind::window_scale;
    i.numbers = {{Number::Base::zero, *f.window_scale}};
    o.push_back(i);
  }
  auto syn = [&](SendSegment& x) { x.options = o; };
  auto none = [](SendSegment&) {};
  auto st = f.state;
  if (st != S::closed) {
    if (f.role == script::Role::passive) {
      if (st != S::syn_sent) call(K::listen);
      if (st != S::listen && st != S::syn_sent) {
        seg(F::syn, syn);
        if (st != S::syn_received) {
          seg(F::ack, none);
          call(K::accept);
        }
      }
    } else {
      call(K::connect);
      if (st != S::syn_sent && st != S::listen) {
        if (st == S::syn_received)
          seg(F::syn, syn);
        else
          seg(F::syn | F::ack, syn);
      }
    }
    auto close = [&] { call(f.by_close ? K::close : K::shutdown_write); };
    if (st == S::fin_wait_1 || st == S::fin_wait_2 || st == S::closing || st == S::time_wait) close();
    if (st == S::fin_wait_2 || st == S::time_wait) seg(F::ack, none);
    if (st == S::closing) seg(F::fin | F::ack, [](SendSegment& x) { x.ack = Number{Number::Base::snd_nxt, -1}; });
    if (st == S::time_wait || st == S::close_wait || st == S::last_ack) seg(F::fin | F::ack, none);
    if (st == S::last_ack) close();
  }
  return cache.emplace(key, std::move(s)).first->second;
}
}  // namespace tcpspec::fuzz
