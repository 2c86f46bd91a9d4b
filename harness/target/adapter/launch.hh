#pragma once
// How the process of an adapter is started: Boost.Process, with what a program under suspicion
// needs beside.

#include <boost/asio/io_context.hpp>
#include <boost/process/v2.hpp>
#include <string>
#include <vector>

#include "target/linux/descriptor.hh"

namespace tcpspec::target {

// With `channel` as its descriptor 3, and `words` for what it says. It gets no signal of our
// terminal, ends when we end, and has its memory at the same addresses each time.
[[nodiscard]] boost::process::v2::process launch_adapter(boost::asio::io_context& context,
                                                         const std::vector<std::string>& command, int channel,
                                                         int words, boost::system::error_code& error);

}  // namespace tcpspec::target
