// SPDX-License-Identifier: Apache-2.0
// The certificates of edge listeners, read from files and followed: what a file says takes the place of what it said before when
// it is good. Everything on the thread of the loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "model/edge.hpp"
#include "tls/edge_context.hpp"

namespace meshd::tls {

class EdgeStore {
public:
    struct Options {
        std::chrono::milliseconds interval{1000};  // of looking at the files; a change is taken when the next look finds no other
        std::function<void()> on_change;           // contexts() are others now
        // Something cannot be used, or clients may refuse it, or (another text than before) for another reason.
        std::function<void(const std::string& listener, const std::string& problem)> on_problem;
    };

    EdgeStore(boost::asio::io_context& io, Options options);
    EdgeStore(const EdgeStore&) = delete;
    EdgeStore& operator=(const EdgeStore&) = delete;
    ~EdgeStore();

    // What to follow from now on; read before it returns, without on_change.
    void follow(const model::EdgeListeners& listeners);

    // By the listener's name; null for one that has no certificate that was ever good.
    [[nodiscard]] std::map<std::string, std::shared_ptr<const EdgeContext>> contexts() const;

    struct State {
        std::string listener;
        model::EdgeCertificate files;
        std::shared_ptr<const EdgeCertificate> certificate;  // in use; null: none was ever good
        std::string problem;                                 // why not what the files hold now, or why clients may refuse it
        std::chrono::system_clock::time_point since;         // of this state
    };
    [[nodiscard]] std::vector<State> states() const;  // in the order of the settings

private:
    struct Entry;
    struct Listener;

    void look();
    void wait();
    void read(Entry& entry);
    void set_problem(Entry& entry, const std::string& problem);

    Options options_;
    boost::asio::steady_timer timer_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    unsigned looks_ = 0;
};

}  // namespace meshd::tls
