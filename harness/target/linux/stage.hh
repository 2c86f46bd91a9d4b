#pragma once
// A stage: a network namespace with its settings, and the link into it. All tests
// that want the same settings share one; a test that must be alone has its own.

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "target/linux/link.hh"
#include "target/linux/namespace.hh"
#include "target/linux/sysctl.hh"
#include "target/linux_target.hh"

namespace tcpspec::target {

[[nodiscard]] packet::Address target_address(packet::Family family);

class Stage {
 public:
  // The calling thread is inside the stage's namespace when this returns well.
  [[nodiscard]] static std::expected<std::unique_ptr<Stage>, EnvironmentError> create(const LinuxOptions& options,
                                                                                      const Sysctls& sysctls);

  [[nodiscard]] const Namespace& space() const { return space_; }
  [[nodiscard]] Link& link() { return *link_; }
  [[nodiscard]] bool has_ipv6() const { return has_ipv6_; }
  // The algorithm to set on each socket; empty: the namespace's default is right.
  [[nodiscard]] const std::string& congestion_control() const { return congestion_control_; }
  // "link", and where veth had to stand in "link.why"; "sysctl.<name>" for each setting.
  [[nodiscard]] const std::map<std::string, std::string>& provenance() const { return provenance_; }
  // What is slow to close. The stage is unusable afterwards.
  [[nodiscard]] std::vector<Descriptor> dismantle();

  // The stage as the target's loop sees it.
  std::uint32_t serial = 0;  // unique within the target, from 1
  Instant empty_at;          // a moment at which nothing was left to read
  enum class Touched : std::uint8_t { no, yes };
  Touched touched = Touched::no;  // something was done since that may have drawn an answer

 private:
  explicit Stage(Namespace space) : space_(std::move(space)) {}
  [[nodiscard]] std::expected<void, EnvironmentError> apply(const Sysctls& sysctls);
  [[nodiscard]] std::expected<void, EnvironmentError> open_link(const LinuxOptions& options);
  [[nodiscard]] std::expected<void, EnvironmentError> configure_link();

  Namespace space_;
  std::unique_ptr<Link> link_;
  bool has_ipv6_ = false;
  std::string congestion_control_;
  std::map<std::string, std::string> provenance_;
};

}  // namespace tcpspec::target
