// SPDX-License-Identifier: Apache-2.0
// One attempt at one target, on the loop and without a thread.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "health/conversation.hpp"
#include "tls/trust.hpp"

namespace meshd::health {

// Destroying it ends the attempt: a connection is closed, a command and all that it started is killed.
class Attempt {
public:
    Attempt() = default;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    virtual ~Attempt() = default;

    [[nodiscard]] virtual Finding timed_out() const = 0;  // what it means that the time is up now
};

// Called once from the loop, never from inside begin(), and never after the Attempt is destroyed, which it may do.
using Done = std::function<void(Finding)>;

// Makes a connection to a backend that goes the way of the traffic, where that is encrypted; whatever goes wrong is a reset of
// it. `only_connects`: it ends as soon as the backend has taken it.
using Dial = std::function<base::Result<base::UniqueFd>(const base::SocketAddress& endpoint, bool only_connects)>;

// `endpoint` has the port that is asked. `dial`: null where a connection is made directly. Probe and dial must outlive the
// attempt.
std::unique_ptr<Attempt> begin_attempt(boost::asio::io_context& context, tls::TrustStore& trust, const model::Probe& probe,
                                       const base::SocketAddress& endpoint, const Dial* dial, Done done);

// The two kinds of them.
std::unique_ptr<Attempt> begin_network_attempt(boost::asio::io_context& context, tls::TrustStore& trust,
                                               const model::Probe& probe, const base::SocketAddress& endpoint, const Dial* dial,
                                               Done done);
std::unique_ptr<Attempt> begin_command_attempt(boost::asio::io_context& context, const model::Probe& probe,
                                               const base::SocketAddress& endpoint, Done done);

}  // namespace meshd::health
