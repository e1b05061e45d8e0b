// SPDX-License-Identifier: Apache-2.0
// The picture of the mesh: a page at an address of its own. What it shows is asked of the agent, in the words of the control
// socket, so that both say the same; questions that are the same share one answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "channel/messages.hpp"
#include "picture/site.hpp"
#include "worker/page_listener.hpp"

namespace meshd::worker {

struct PictureTimes {
    std::chrono::milliseconds answer_timeout{5000};  // for the agent's answer; then the question gets 503
    std::chrono::milliseconds listen_retry{3000};    // between attempts to take an address that is not to be had
};

struct PictureHooks {
    std::function<void(const channel::ViewRequest&)> ask_agent;
    std::function<void()> on_change;  // address() or problem() is another
};

// Everything runs on the thread of the loop.
class Picture {
public:
    Picture(boost::asio::io_context& context, PictureHooks hooks, PictureTimes times = {});
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;

    void configure(const std::optional<model::PictureSettings>& settings);  // nothing: it is not served
    void take(channel::ViewPart part);

    [[nodiscard]] std::string address() const { return listener_.address(); }  // with the real port; empty: not served
    [[nodiscard]] const std::string& problem() const { return listener_.error().empty() ? site_.problem() : listener_.error(); }
    [[nodiscard]] std::size_t waiting() const;  // requests that the agent has not answered

private:
    struct Question {
        channel::ViewRequest request;
        std::chrono::steady_clock::time_point asked_at;
        std::string text;  // of the answer, so far
        std::vector<http::Respond> waiting;
    };
    void ask(const http::Request& request, http::Respond respond);
    void answer(std::map<std::uint64_t, Question>::iterator question, const http::Response& response);
    void wait_for_oldest();

    PictureHooks hooks_;
    PictureTimes times_;
    picture::Site site_;
    PageListener listener_;
    std::uint64_t next_id_;
    std::map<std::uint64_t, Question> questions_;  // the oldest first
    boost::asio::steady_timer timeout_;
};

}  // namespace meshd::worker
