// SPDX-License-Identifier: Apache-2.0
// What connections to servers outside of the mesh go by, read from files and followed: what was good stays in use until what a
// file says now is. Everything on the thread of the loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "tls/followed_files.hpp"
#include "tls/outside_trust.hpp"

namespace meshd::tls {

class OutsideStore {
public:
    struct Options {
        std::chrono::milliseconds interval{1000};  // of looking at the files
        std::function<void()> on_change;           // of() answers otherwise now
        // Something cannot be used, or (another error than before) for another reason. `name`: empty: those of the system.
        std::function<void(const std::string& name, const base::Error&)> on_problem;
    };

    OutsideStore(boost::asio::io_context& io, Options options);
    OutsideStore(const OutsideStore&) = delete;
    OutsideStore& operator=(const OutsideStore&) = delete;

    // What to follow from now on; read before it returns, without on_change.
    void follow(const std::vector<model::OutsideCredentials>& all);

    // The same for the same until files change. Null: there are none of this name that were ever good.
    std::shared_ptr<const Credentials> of(const model::Origination& server);

    struct State {
        model::OutsideCredentials wanted;
        std::shared_ptr<const OutsideTrust> trust;    // in use
        std::string problem;                          // why what the files hold now is not in use; empty: it is
        std::chrono::system_clock::time_point since;  // of this state
    };
    [[nodiscard]] std::vector<State> states() const;  // of those that the settings name

private:
    struct Entry {
        State state;
        FollowedFiles files;
        std::map<model::Origination, std::weak_ptr<const Credentials>> made;
    };

    void wait();
    void look();
    bool read(Entry& entry);
    void tell(Entry& entry, const base::Error& error);
    void tell_unknown(const std::string& name);

    Options options_;
    boost::asio::steady_timer timer_;
    std::map<std::string, Entry> entries_;  // by name; empty: those of the system, once somebody wants them
    std::set<std::string> unknown_;         // that somebody asked for
    unsigned looks_ = 0;
};

}  // namespace meshd::tls
