// SPDX-License-Identifier: Apache-2.0
// What connections to the backends of an encrypted service would meet now: the worker tries, this tells what it means.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/context.hpp"
#include "control/agent_view.hpp"

namespace meshd::app {

class TlsChecks {
public:
    static constexpr std::size_t most_backends = 16;  // unless all are asked for
    static constexpr std::size_t most_at_once = 4;    // checks

    // False: there is no worker.
    using Ask = std::function<bool(const channel::TlsCheck&)>;
    TlsChecks(boost::asio::io_context& io, const Context& context, Ask ask) : io_(io), context_(context), ask_(std::move(ask)) {}

    void begin(const control::TlsCheckQuery& query, const control::Later& later);
    void take(const channel::TlsFinding& finding);
    void worker_is_gone();  // what it has not answered it will not answer

private:
    struct Check;
    [[nodiscard]] base::Result<std::shared_ptr<Check>> make(const control::TlsCheckQuery& query) const;
    void finish(std::uint64_t id);

    boost::asio::io_context& io_;
    const Context& context_;
    Ask ask_;
    std::map<std::uint64_t, std::shared_ptr<Check>> running_;
    std::uint64_t last_id_ = 0;
};

}  // namespace meshd::app
