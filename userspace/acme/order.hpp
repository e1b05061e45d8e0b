// SPDX-License-Identifier: Apache-2.0
// One certificate, from its key to its file: uacme makes an account where there is none and speaks with the authority, and
// never sees the certificate's key.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "acme/challenges.hpp"
#include "acme/client_output.hpp"
#include "base/error.hpp"
#include "model/acme.hpp"
#include "process/child.hpp"
#include "tls/signing_request.hpp"

namespace meshd::acme {

struct ClientOptions {
    std::string program = "uacme";       // by its path, or its name to be looked for
    std::string self{};                  // the program that is hook and helper; empty: this one
    std::chrono::seconds patience{300};  // with one call of it
};

class Order {
public:
    struct Plan {
        model::AcmeSettings settings;
        std::vector<std::string> names;
        std::string path;  // where certificate and key belong
    };
    // Called once, from the loop, never from begin(); the order may be destroyed in it.
    using Done = std::function<void(tl::expected<tls::Validity, Trouble>)>;

    // Everything on the thread of the loop. Destroying it ends uacme, but not what is answered for it: see Challenges::end().
    Order(boost::asio::io_context& io, Challenges& challenges, ClientOptions options, Plan plan, Done done);
    Order(const Order&) = delete;
    Order& operator=(const Order&) = delete;

    void begin();

    [[nodiscard]] const Plan& plan() const { return plan_; }

    // Where hooks of its uacme come.
    [[nodiscard]] static std::string socket_in(const std::string& storage) { return storage + "/hook.sock"; }

private:
    base::Result<void> prepare();
    void register_account();
    void issue();
    void run(std::vector<std::string> words, void (Order::*then)(int status));
    void registered(int status);
    void issued(int status);
    base::Result<tls::Validity> take();
    void fail(const base::Error& error);
    void fail(Trouble trouble);
    void end(tl::expected<tls::Validity, Trouble> outcome);
    [[nodiscard]] Trouble trouble(int status) const;
    [[nodiscard]] std::string account() const;    // directory
    [[nodiscard]] std::string directory() const;  // of this order's files

    boost::asio::io_context& io_;
    Challenges& challenges_;
    ClientOptions options_;
    Plan plan_;
    Done done_;
    boost::asio::steady_timer patience_;
    std::string key_;
    std::vector<std::string> lines_;  // that uacme wrote
    bool has_registered_ = false, is_too_slow_ = false;
    std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
    std::unique_ptr<process::Child> child_;
};

}  // namespace meshd::acme
