#include "target/reference_target.hh"

#include <sstream>

#include "reference_adapter/adapter.hh"
#include "target/adapter/plug_in.hh"
#include "target/packet_target.hh"

namespace tcpspec::target {

std::unique_ptr<Target> open_reference_target() {
  const auto& adapter = adapter::reference_adapter();
  Description description;
  description.name = adapter.name;
  description.version = adapter.version;
  std::istringstream words(adapter.capabilities);
  for (std::string word; words >> word;) description.capabilities.insert(word);
  description.capabilities.insert("virtual-time");
  description.provenance["link"] = "none: in this process";
  return make_packet_target(std::move(description),
                            [&adapter](const Seating& seating) { return make_plug_in_stack(adapter, seating, ""); });
}

}  // namespace tcpspec::target
