#include "host/http_server.hh"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "host/pattern.hh"

namespace tcpspec::host {
namespace {

namespace http = boost::beast::http;
using reference::Error;
using reference::SendKind;

constexpr std::uint64_t greatest_resource = std::uint64_t{1} << 40;

// N of "/octets/N".
std::optional<std::uint64_t> octets_of(std::string_view path) {
  constexpr std::string_view folder = "/octets/";
  if (!path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), count);
  if (error != std::errc() || end != path.data() + path.size() || count > greatest_resource) return std::nullopt;
  return count;
}

// What is to be sent of one answer.
struct Answer {
  std::string head;
  std::size_t head_sent = 0;
  std::uint64_t body = 0;  // octets of the pattern
  std::uint64_t body_sent = 0;
  enum class Then : std::uint8_t { next_request, close } then = Then::next_request;

  [[nodiscard]] bool sent() const { return head_sent == head.size() && body_sent == body; }
};

Answer answer(const http::request<http::empty_body>& request) {
  const auto octets = octets_of({request.target().data(), request.target().size()});
  const bool known_method = request.method() == http::verb::get || request.method() == http::verb::head;
  const auto status = !known_method ? http::status::not_implemented  // RFC 9110 section 9.1
                      : octets      ? http::status::ok
                                    : http::status::not_found;
  http::response<http::empty_body> response(status, request.version());
  response.set(http::field::server, "tcpspec");
  response.set(http::field::content_type, "application/octet-stream");
  response.keep_alive(request.keep_alive() && known_method);
  response.content_length(status == http::status::ok ? *octets : 0);
  std::ostringstream head;
  head << response.base();
  return {.head = head.str(),
          .body = status == http::status::ok && request.method() == http::verb::get ? *octets : 0,
          .then = response.keep_alive() ? Answer::Then::next_request : Answer::Then::close};
}

Answer bad_request(http::error error) {
  const auto status =
      error == http::error::header_limit ? http::status::request_header_fields_too_large : http::status::bad_request;
  http::response<http::empty_body> response(status, 11);
  response.keep_alive(false);
  response.content_length(0);
  std::ostringstream head;
  head << response.base();
  return {.head = head.str(), .then = Answer::Then::close};
}

class HttpServer final : public Session {
 public:
  Next proceed(Channel& channel) override {
    for (;;) {
      if (answer_) {
        if (!send(channel)) return failed_ ? Next::close : Next::wait;
        const auto then = answer_->then;
        answer_.reset();
        // RFC 9112 section 9.6: first our side alone, so that what the peer may still be
        // sending draws no RST that would destroy the answer.
        if (then == Answer::Then::close) {
          closing_ = true;
          channel.finish();
        }
      }
      if (!closing_ && take_request()) continue;
      if (const auto next = receive(channel)) return *next;
    }
  }

 private:
  // False: not all of it could be sent.
  bool send(Channel& channel) {
    while (!answer_->sent()) {
      const bool head = answer_->head_sent < answer_->head.size();
      const auto octets = head ? std::as_bytes(std::span(answer_->head)).subspan(answer_->head_sent)
                               : source_.at(answer_->body_sent, answer_->body - answer_->body_sent);
      const auto taken = channel.send(octets, head && answer_->body > 0 ? SendKind::more : SendKind::pushed);
      if (!taken) {
        failed_ = taken.error() != Error::would_block;
        return false;
      }
      (head ? answer_->head_sent : answer_->body_sent) += *taken;
    }
    return true;
  }

  // nullopt: something came.
  std::optional<Next> receive(Channel& channel) {
    std::array<char, 4096> piece;
    const auto got = channel.receive(std::as_writable_bytes(std::span(piece)));
    if (!got) return got.error() == Error::would_block ? Next::wait : Next::close;
    if (*got == 0) return Next::close;
    if (!closing_) pending_.append(piece.data(), *got);
    return std::nullopt;
  }

  // Whether there is one, good or bad.
  bool take_request() {
    if (pending_.empty()) return false;
    boost::system::error_code error;
    const auto used = parser_->put(boost::asio::buffer(pending_), error);
    pending_.erase(0, used);
    if (error == http::error::need_more) return false;
    if (error) {
      answer_ = bad_request(static_cast<http::error>(error.value()));
    } else if (!parser_->is_done()) {
      return false;
    } else {
      answer_ = answer(parser_->get());
    }
    parser_.emplace();
    return true;
  }

  std::string pending_;
  std::optional<http::request_parser<http::empty_body>> parser_{std::in_place};
  std::optional<Answer> answer_;
  PatternSource source_;
  bool failed_ = false;
  bool closing_ = false;  // what comes now is read and forgotten
};

}  // namespace

std::unique_ptr<Session> make_http_server() {
  return std::make_unique<HttpServer>();
}

}  // namespace tcpspec::host
