#include "cli/test_program.hh"

#include <signal.h>

#include <boost/asio.hpp>
#include <boost/process/v2.hpp>
#include <thread>

namespace tcpspec::cli {

namespace asio = boost::asio;
namespace process = boost::process::v2;

struct Running::State {
  asio::io_context context;
  asio::readable_pipe out{context}, err{context};
  std::unique_ptr<process::process> child;
  Finished finished;
  std::thread errors;  // drains standard error, so that the child cannot block on it
};

namespace {

void drain(asio::readable_pipe& pipe, std::string& into) {
  boost::system::error_code ended;
  asio::read(pipe, asio::dynamic_buffer(into), ended);
}

}  // namespace

Running::Running(const std::vector<std::string>& words, const std::string& folder) : state_(std::make_unique<State>()) {
  // env(1) looks the first word up in PATH.
  state_->child = std::make_unique<process::process>(state_->context, "/usr/bin/env", words,
                                                     process::process_stdio{nullptr, state_->out, state_->err},
                                                     process::process_start_dir(folder));
  state_->errors = std::thread([this] { drain(state_->err, state_->finished.err); });
}

Running::~Running() {
  if (state_->errors.joinable()) {
    boost::system::error_code ignored;
    state_->child->terminate(ignored);
    state_->errors.join();
  }
}

void Running::read_until(std::string_view text) {
  boost::system::error_code ended;
  asio::read_until(state_->out, asio::dynamic_buffer(state_->finished.out), text, ended);
}

void Running::signal(int number) {
  ::kill(state_->child->id(), number);
}

Finished Running::wait() {
  drain(state_->out, state_->finished.out);
  state_->errors.join();
  state_->finished.code = state_->child->wait();
  return std::move(state_->finished);
}

Finished run_program(const std::vector<std::string>& words, const std::string& folder) {
  return Running(words, folder).wait();
}

}  // namespace tcpspec::cli
