// SPDX-License-Identifier: Apache-2.0
#include "app/state_saver.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace meshd::app {

namespace {

// Long enough that a burst of changes is one write, short enough that a crash of the machine forgets little.
constexpr std::chrono::seconds delay{1};

}  // namespace

StateSaver::StateSaver(boost::asio::io_context& loop, StateFile& file, std::function<const model::DesiredState&()> current,
                       Done done)
    : loop_(loop), file_(file), current_(std::move(current)), done_(std::move(done)), timer_(loop) {}

StateSaver::~StateSaver() {
    if (thread_.joinable()) thread_.join();
}

void StateSaver::changed(const std::set<std::string>& services) {
    if (services.empty()) return;
    if (!all_changed_) changed_.insert(services.begin(), services.end());
    begin_later();
}

void StateSaver::all_changed() {
    all_changed_ = true;
    changed_.clear();
    begin_later();
}

void StateSaver::begin_later() {
    if (waiting_) return;
    waiting_ = true;
    timer_.expires_after(delay);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) begin();
    });
}

// What is written is immutable. Not while a write is under way: it decides how the next one has to be.
StateSaver::Write StateSaver::take_write() {
    const auto& state = current_();
    const auto names = std::exchange(changed_, {});
    if (std::exchange(all_changed_, false) || !file_.is_worth_appending(names.size()))
        return [this, state] { return file_.save(state); };
    StateFile::Changes changes;
    for (const auto& name : names) {
        const auto found = state.services.find(name);
        changes[name] = found == state.services.end() ? nullptr : found->second;
    }
    return [this, changes = std::move(changes)] { return file_.append(changes); };
}

void StateSaver::begin() {
    if (writing_ || !waiting_) return;  // the end of the write under way begins the next
    if (thread_.joinable()) thread_.join();
    waiting_ = false;
    writing_ = true;
    thread_ = std::thread([this, write = take_write()] {
        auto outcome = write();
        boost::asio::post(loop_, [this, outcome = std::move(outcome)] {
            writing_ = false;
            done_(outcome);
            begin();
        });
    });
}

void StateSaver::save_now() {
    timer_.cancel();
    if (thread_.joinable()) thread_.join();
    if (!waiting_) return;
    waiting_ = false;
    done_(take_write()());
}

}  // namespace meshd::app
