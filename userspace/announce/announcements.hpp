// SPDX-License-Identifier: Apache-2.0
// The services of this host that registries are to know: probes them, and has each registry told how they stand.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "announce/registrar.hpp"
#include "health/prober.hpp"
#include "model/announcement.hpp"
#include "model/registries.hpp"
#include "web/async_client.hpp"

namespace meshd::announce {

enum class State : std::uint8_t {
    pending,    // the probe has not decided, or the registry has not been asked yet
    announced,  // others are led to it
    failing,    // the probe says that it is not well, and others are not led to it
    drained,    // a person said so: others open no new connections to it
    error,      // the registry does not take it, or does not answer; what it was told last may go on
};
inline constexpr std::array<std::string_view, 5> state_names{"pending", "announced", "failing", "drained", "error"};

struct View {
    std::string id, name, registry, kind;  // kind: "consul" or "etcd"
    base::SocketAddress endpoint;
    State state = State::pending;
    std::string error;
    std::chrono::system_clock::time_point since;  // of this state
    std::string probe;                            // what it said last; empty: there is none, or it has not decided
    bool is_known = false;                        // to the registry, as one that is well
};

struct Plan {
    model::Registries registries;
    std::vector<model::Announcement> announcements;
    std::set<std::string> drained;  // names of services
    std::string locality;
    std::set<std::string> known;  // ids: an earlier worker has announced these, and they were well
};

class Announcements {
public:
    // `changed`: views() is another; called from the loop.
    Announcements(boost::asio::io_context& io, std::function<void()> changed);
    Announcements(const Announcements&) = delete;
    Announcements& operator=(const Announcements&) = delete;
    ~Announcements();

    // What is as it was goes on undisturbed.
    void follow(const Plan& plan);
    // Everything; `done` is called from the loop when all registries have been told, perhaps never. Nothing is announced any
    // more.
    void withdraw(std::function<void()> done);

    [[nodiscard]] std::vector<View> views() const;
    [[nodiscard]] std::map<std::string, std::uint64_t> failures() const;  // by registry

private:
    struct Item {
        model::Announcement what;
        bool may_be_known = false;
        std::optional<bool> is_well;  // nothing: the probe has not decided
        std::string reason;
        State state = State::pending;
        std::chrono::system_clock::time_point since;
    };
    struct Told {
        std::string kind;
        std::unique_ptr<Registrar> registrar;
    };

    template <typename Protocol, typename Settings>
    void follow_kind(const std::string& kind, const std::vector<Settings>& before, const std::vector<Settings>& now);
    void keep_registries(const std::set<std::string>& names);
    void let_go(const std::string& name);
    void forget_left();
    void take(const model::Announcement& what);
    void tell(const std::string& id, const Item& item);
    void take_news();
    void look();  // at the states
    [[nodiscard]] State state_of(const std::string& id, const Item& item) const;

    boost::asio::io_context& io_;
    std::function<void()> changed_;
    web::AsyncClient client_;
    Plan plan_;
    std::map<std::string, Item> items_;  // by id
    std::map<std::string, Told> told_;   // by name of the registry
    std::vector<std::unique_ptr<Registrar>> leaving_;
    std::function<void()> left_;
    health::Prober prober_;
};

}  // namespace meshd::announce
