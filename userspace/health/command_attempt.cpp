// SPDX-License-Identifier: Apache-2.0
// A command as the worker's user, in a process group of its own, without a shell.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <boost/asio/post.hpp>

#include "health/attempt.hpp"
#include "process/child.hpp"

namespace meshd::health {

namespace asio = boost::asio;
using model::ProbeResult;

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

std::vector<std::string> words_of(const model::Probe& probe, const base::SocketAddress& endpoint) {
    auto words = probe.command;
    for (auto& word : words) {
        replace_all(word, "{port}", std::to_string(endpoint.port));
        replace_all(word, "{address}", endpoint.address.text());
    }
    return words;
}

Finding finding_of(int status) {
    if (WIFSIGNALED(status)) {
        const auto* const name = ::sigabbrev_np(WTERMSIG(status));
        return {ProbeResult::killed, "by signal " + std::to_string(WTERMSIG(status)) +
                                         (name != nullptr ? " (SIG" + std::string(name) + ")" : std::string())};
    }
    if (WEXITSTATUS(status) == 0) return {};
    return {ProbeResult::exit_status, std::to_string(WEXITSTATUS(status))};
}

class CommandAttempt final : public Attempt {
public:
    CommandAttempt(asio::io_context& context, const model::Probe& probe, const base::SocketAddress& endpoint, Done done) {
        auto started =
            process::Child::start(context, {words_of(probe, endpoint)}, [done](int status) { done(finding_of(status)); });
        if (started) {
            child_ = std::move(*started);
            return;
        }
        const auto& error = started.error();
        Finding failed{ProbeResult::local,
                       "cannot " + error.operation + " " + probe.command.front() + ": " + std::strerror(error.code)};
        asio::post(context,
                   [still = std::weak_ptr<bool>(is_wanted_), done = std::move(done), failed = std::move(failed)]() mutable {
                       if (!still.expired()) done(std::move(failed));
                   });
    }

    [[nodiscard]] Finding timed_out() const override { return {ProbeResult::answer_timeout, "the command was killed"}; }

private:
    std::unique_ptr<process::Child> child_;  // null: it could not be started
    std::shared_ptr<bool> is_wanted_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Attempt> begin_command_attempt(asio::io_context& context, const model::Probe& probe,
                                               const base::SocketAddress& endpoint, Done done) {
    return std::make_unique<CommandAttempt>(context, probe, endpoint, std::move(done));
}

}  // namespace meshd::health
