#include "host/http_client.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <optional>
#include <sstream>
#include <utility>

#include "host/pattern.hh"

namespace tcpspec::host {
namespace {

namespace http = boost::beast::http;
using reference::Error;

class HttpClient final : public Session {
 public:
  HttpClient(std::string authority, const std::vector<std::uint64_t>& resources, std::shared_ptr<TransferReport> report)
      : authority_(std::move(authority)), resources_(resources.begin(), resources.end()), report_(std::move(report)) {}

  Next proceed(Channel& channel) override {
    if (!open_) {
      const auto connected = channel.connected();
      if (!connected && connected.error() == Error::would_block) return Next::wait;
      if (!connected) return fail(to_string(connected.error()));
      open_ = true;
      ask();
    }
    for (;;) {
      while (!request_.empty()) {
        const auto taken = channel.send(std::as_bytes(std::span(request_)));
        if (!taken && taken.error() == Error::would_block) return Next::wait;
        if (!taken) return fail(to_string(taken.error()));
        report_->sent += *taken;
        request_.erase(0, *taken);
      }
      if (const auto next = receive(channel)) return *next;
      while (take_answer()) {
        if (report_->failure) return end(Next::abort);
        if (resources_.empty()) return end(Next::close);
        ask();
      }
      if (report_->failure) return end(Next::abort);
    }
  }

 private:
  void ask() {
    http::request<http::empty_body> request(http::verb::get, fmt::format("/octets/{}", resources_.front()), 11);
    request.set(http::field::host, authority_);
    request.keep_alive(resources_.size() > 1);
    std::ostringstream text;
    text << request.base();
    request_ = text.str();
    parser_.emplace();
    parser_->skip(true);  // the body is ours
    parser_->body_limit(boost::none);
    body_ = 0;
  }

  std::optional<Next> receive(Channel& channel) {
    std::array<char, 64 * 1024> piece;
    const auto got = channel.receive(std::as_writable_bytes(std::span(piece)));
    if (!got && got.error() == Error::would_block) return Next::wait;
    if (!got) return fail(to_string(got.error()));
    if (*got == 0) return fail("the end came before the whole answer");
    pending_.append(piece.data(), *got);
    return std::nullopt;
  }

  // Whether a whole one has come.
  bool take_answer() {
    if (!parser_->is_header_done()) {
      boost::system::error_code error;
      pending_.erase(0, parser_->put(boost::asio::buffer(pending_), error));
      if (error && error != http::error::need_more) report_->failure = error.message();
      if (error || !parser_->is_header_done()) return false;
      if (parser_->get().result() != http::status::ok || parser_->content_length() != resources_.front()) {
        report_->failure = fmt::format("the answer is {} of {} octets", parser_->get().result_int(),
                                       parser_->content_length().value_or(0));
        return false;
      }
    }
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(pending_.size(), resources_.front() - body_));
    if (const auto wrong = find_difference(body_, std::as_bytes(std::span(pending_)).first(take))) {
      report_->failure = fmt::format("octet {} is not what it should be", *wrong);
      return false;
    }
    body_ += take;
    report_->received += take;
    pending_.erase(0, take);
    if (body_ < resources_.front()) return false;
    resources_.pop_front();
    return true;
  }

  Next fail(std::string_view what) {
    report_->failure = what;
    return end(Next::abort);
  }
  Next end(Next next) {
    report_->over = true;
    return next;
  }

  std::string authority_;
  std::deque<std::uint64_t> resources_;  // still to come, the one that was asked for first
  std::shared_ptr<TransferReport> report_;
  std::string request_, pending_;
  std::optional<http::response_parser<http::empty_body>> parser_;
  std::uint64_t body_ = 0;
  bool open_ = false;
};

}  // namespace

std::unique_ptr<Session> make_http_client(const std::string& authority, const std::vector<std::uint64_t>& resources,
                                          std::shared_ptr<TransferReport> report) {
  return std::make_unique<HttpClient>(authority, resources, std::move(report));
}

}  // namespace tcpspec::host
