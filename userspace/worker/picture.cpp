// SPDX-License-Identifier: Apache-2.0
#include "worker/picture.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

namespace meshd::worker {

namespace {

constexpr std::size_t most_questions = 32;                      // at a time
constexpr std::size_t longest_answer = std::size_t{64} << 20U;  // bytes
constexpr std::string_view late = R"({"error":{"message":"the agent did not answer in time","remedy":"try again"}})";
constexpr std::string_view busy = R"({"error":{"message":"too many questions wait for the agent","remedy":"try again"}})";
constexpr std::string_view long_answer =
    R"({"error":{"message":"the answer is longer than the page takes","remedy":"ask the control socket"}})";

http::Response json(unsigned status, std::string_view text) { return {status, std::string(text) + "\n", "application/json", {}}; }

}  // namespace

// Answers to a worker before this one have other numbers.
Picture::Picture(boost::asio::io_context& context, PictureHooks hooks, PictureTimes times)
    : hooks_(std::move(hooks)),
      times_(times),
      site_({[this](const http::Request& request, http::Respond respond) { ask(request, std::move(respond)); },
             [this] { hooks_.on_change(); }}),
      listener_(
          context, {"the picture is served at", "/"},
          [this](const http::Request& request, http::Respond respond) { site_.handle(request, std::move(respond)); },
          [this] { hooks_.on_change(); }, times.listen_retry),
      next_id_(std::uint64_t{std::random_device()()} << 20U),
      timeout_(context) {}

void Picture::configure(const std::optional<model::PictureSettings>& settings) {
    if (settings) {
        site_.configure(*settings);
        listener_.listen_at(settings->listen);
    } else {
        site_.configure({});
        listener_.listen_at(std::nullopt);
    }
}

void Picture::ask(const http::Request& request, http::Respond respond) {
    const auto same = std::find_if(questions_.begin(), questions_.end(), [&](const auto& one) {
        return one.second.request.path == request.path && one.second.request.query == request.query;
    });
    if (same != questions_.end()) {
        same->second.waiting.push_back(std::move(respond));
        return;
    }
    if (questions_.size() >= most_questions) return respond(json(503, busy));
    const auto id = next_id_++;
    auto& question = questions_[id];
    question.request = {id, request.path, request.query};
    question.asked_at = std::chrono::steady_clock::now();
    question.waiting.push_back(std::move(respond));
    if (questions_.size() == 1) wait_for_oldest();
    hooks_.ask_agent(question.request);
}

std::size_t Picture::waiting() const {
    std::size_t count = 0;
    for (const auto& [id, question] : questions_) count += question.waiting.size();
    return count;
}

void Picture::take(channel::ViewPart part) {
    const auto found = questions_.find(part.id);
    if (found == questions_.end()) return;  // too late
    auto& text = found->second.text;
    if (text.size() + part.text.size() > longest_answer) return answer(found, json(500, long_answer));
    text += part.text;
    if (part.last) answer(found, {static_cast<unsigned>(part.status), std::move(text), "application/json", {}});
}

void Picture::answer(std::map<std::uint64_t, Question>::iterator question, const http::Response& response) {
    const auto waiting = std::move(question->second.waiting);
    const bool was_oldest = question == questions_.begin();
    questions_.erase(question);
    if (was_oldest) wait_for_oldest();
    for (const auto& respond : waiting) respond(response);
}

void Picture::wait_for_oldest() {
    timeout_.cancel();
    if (questions_.empty()) return;
    timeout_.expires_at(questions_.begin()->second.asked_at + times_.answer_timeout);
    timeout_.async_wait([this, id = questions_.begin()->first](boost::system::error_code ec) {
        const auto found = questions_.find(id);
        if (ec || found == questions_.end()) return;
        spdlog::warn("the agent did not answer {} within {} ms", found->second.request.path, times_.answer_timeout.count());
        answer(found, json(503, late));
    });
}

}  // namespace meshd::worker
