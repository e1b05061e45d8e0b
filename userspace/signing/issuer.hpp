// SPDX-License-Identifier: Apache-2.0
// Gets certificates of the signing agent for the node and those of its workloads that have no files, renews them in time, and
// follows authorities and revocation lists. It writes files; tls::CredentialStore follows them. Keys are made here and go
// nowhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "model/tls.hpp"
#include "signing/issued_files.hpp"
#include "signing/renewal.hpp"
#include "tls/signing_request.hpp"
#include "web/async_client.hpp"

namespace meshd::signing {

// Everything on the thread of the loop.
class Issuer {
public:
    // `on_files`: files are others than before.
    Issuer(boost::asio::io_context& io, std::function<void()> on_files);
    Issuer(const Issuer&) = delete;
    Issuer& operator=(const Issuer&) = delete;

    void follow(const std::optional<model::NodeTls>& tls);

    // The settings with the files that are believed now.
    [[nodiscard]] std::optional<model::NodeTls> effective() const;

    struct State {
        std::string name;  // as in tls::CredentialStore::State
        std::string from;  // address of the signing agent
        std::string problem;
        Renewal::Time next;
    };
    [[nodiscard]] std::vector<State> states() const;
    [[nodiscard]] bool is_issued(const std::string& name) const;   // here
    [[nodiscard]] bool has_issued(const std::string& name) const;  // there is one, though it may have ended

    struct Counts {
        std::uint64_t issued = 0, failed = 0;
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] bool is_there() const { return tls_ && tls_->issuer; }

private:
    struct Item {
        std::string name, identity;  // the node's: empty
        std::string path;
        Renewal renewal;
        std::optional<tls::SigningRequest> request;  // until it was answered well
    };
    using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;

    void follow_identities(const model::NodeTls& tls);
    void add(const std::string& name, const std::string& identity, const model::CertificateFiles& files);
    void step();
    void wait();
    void step_after(Renewal::Time::duration time);
    [[nodiscard]] bool is_askable(const Item& item) const;
    [[nodiscard]] Item* due();
    [[nodiscard]] const Item* node() const;
    [[nodiscard]] bool has_certificate() const;  // that the signing agent may believe
    void ask(Item& item);
    void take(const std::string& name, const Answer& answer);
    base::Result<tls::Validity> use(Item& item, const Answer& answer);
    void fail(Item& item, const base::Error& error);
    void ask_for_trust();
    void take_trust(const Answer& answer);
    [[nodiscard]] web::AsyncRequest request_to(const char* path) const;
    base::Result<std::string> token() const;
    double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

    boost::asio::steady_timer timer_;
    std::function<void()> on_files_;
    std::optional<model::NodeTls> tls_;
    std::optional<IssuedFiles> files_;
    std::string pin_problem_;
    std::vector<Item> items_;
    Renewal trust_;  // when authorities are asked for
    std::string tag_;
    Counts counts_;
    std::mt19937_64 random_{std::random_device{}()};
    web::AsyncClient client_;
    std::unique_ptr<web::Pending> pending_;
};

}  // namespace meshd::signing
