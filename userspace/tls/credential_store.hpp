// SPDX-License-Identifier: Apache-2.0
// The credentials of a node and its workloads, read from files and followed: a file that changes is read again, and what it says
// takes the place of what it said before when it is good. Everything on the thread of the loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "tls/credentials.hpp"
#include "tls/followed_files.hpp"

namespace meshd::tls {

class CredentialStore {
public:
    struct Options {
        std::chrono::milliseconds interval{1000};  // of looking at the files; a change is taken when the next look finds no other
        std::function<void()> on_change;           // node() or identities() are others now
        // Something cannot be used, or (another error than before) for another reason. `name`: of an identity; empty: the node.
        std::function<void(const std::string& name, const base::Error&)> on_problem;
    };

    CredentialStore(boost::asio::io_context& context, Options options);
    CredentialStore(const CredentialStore&) = delete;
    CredentialStore& operator=(const CredentialStore&) = delete;
    ~CredentialStore();

    // What to follow from now on; read before it returns, without on_change. Nothing: there is no TLS.
    void follow(const std::optional<model::NodeTls>& tls);

    // Who writes the files says that they are whole now: what has changed is read without waiting for the files to rest.
    void look_now();

    [[nodiscard]] std::shared_ptr<const Credentials> node() const;  // null: none was ever good
    // By model::identity_number; those that were never good are not there.
    [[nodiscard]] std::map<std::uint32_t, std::shared_ptr<const Credentials>> identities() const;

    struct State {
        std::string name;  // empty: the node's
        model::CertificateFiles files;
        std::shared_ptr<const Credentials> credentials;  // in use
        std::string problem;                             // why what the files hold now is not in use; empty: it is
        std::chrono::system_clock::time_point since;     // of this state
    };
    [[nodiscard]] std::vector<State> states() const;  // the node's first

private:
    struct Entry {
        State state;
        FollowedFiles files;
        std::shared_ptr<const TrustAnchors> trust;  // that the credentials go by
        bool is_due = false;                        // to be read in this round, or the next
    };

    void after(std::chrono::milliseconds time, void (CredentialStore::*step)());
    void look();
    void read_some();
    void tell_expired(Entry& entry);
    bool read_trust();
    void read(Entry& entry);
    void set_problem(Entry& entry, const base::Error& error);
    void take(Entry& entry, std::shared_ptr<const Credentials> credentials);
    [[nodiscard]] FollowedFiles::Stamps trust_stamps() const;

    Options options_;
    boost::asio::steady_timer timer_;
    std::optional<model::NodeTls> tls_;
    std::shared_ptr<const TrustAnchors> trust_;
    std::string trust_problem_;
    FollowedFiles trust_files_;
    std::vector<Entry> entries_;
    unsigned looks_ = 0;
    std::size_t next_ = 0;  // entry of the round of reading that is under way
    bool is_changed_ = false;
};

}  // namespace meshd::tls
