// SPDX-License-Identifier: Apache-2.0
// The page and what it asks for, as an HTTP handler: files from the binary, and questions below /v1/ that somebody else answers.
#pragma once

#include <functional>
#include <string>

#include "http/message.hpp"
#include "model/picture.hpp"

namespace meshd::picture {

struct SiteHooks {
    std::function<void(const http::Request&, http::Respond)> ask;  // of a GET below /v1/ that may be answered
    std::function<void()> on_problem_change;
};

class Site {
public:
    explicit Site(SiteHooks hooks) : hooks_(std::move(hooks)) {}

    void configure(model::PictureSettings settings);
    void handle(const http::Request& request, http::Respond respond);

    // Why questions are not answered though they bring a token; empty: they are. As of the last question.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    void answer_question(const http::Request& request, http::Respond respond);
    void note(std::string problem);

    SiteHooks hooks_;
    model::PictureSettings settings_;
    std::string problem_;
};

}  // namespace meshd::picture
