// SPDX-License-Identifier: Apache-2.0
// What one registry has said: the last good version of each thing, what of an answer is held back, and how old the view is. Pure
// but for the clock that it is given: it does no I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "model/pod.hpp"
#include "model/policy.hpp"
#include "model/registries.hpp"
#include "model/service.hpp"
#include "model/service_settings.hpp"

namespace meshd::registry {

// Why a registry does not answer as it should. Names are in failure_names, for metrics.
enum class Failure : std::uint8_t {
    unreachable,  // no connection, or it broke
    timeout,
    denied,     // token, certificate of ours, rights
    untrusted,  // the server's certificate
    malformed,  // an answer that cannot be read
    server,     // an answer that says that the server is in trouble: 5xx, no leader
    settings,   // a file of ours that cannot be read: token, kubeconfig
};
inline constexpr std::array<std::string_view, 7> failure_names{"unreachable", "timeout", "denied",  "untrusted",
                                                               "malformed",   "server",  "settings"};

// A removal that has not been believed yet.
struct Held {
    std::string what;  // "service web" or "backends of web": for people
    std::size_t from = 0, to = 0;
    std::chrono::system_clock::time_point since;
};

// What no notification told: a later full answer differed from what was known. After a reconnect that is what changed meanwhile.
struct Missed {
    std::uint64_t total = 0;                                  // services
    std::optional<std::chrono::system_clock::time_point> at;  // of the last such answer
    std::vector<std::string> services;                        // that differed in it, at most most_missed
};
inline constexpr std::size_t most_missed = 20;

struct IntakeFigures {
    std::uint64_t events = 0;                                    // answers and notifications that said something
    std::uint64_t changes = 0;                                   // of services and backend sets, that came of them
    std::uint64_t syncs = 0;                                     // full answers
    std::uint64_t held = 0, held_taken = 0, held_withdrawn = 0;  // removals
    std::array<std::uint64_t, failure_names.size()> failures{};
};

class Intake {
public:
    using Clock = std::chrono::steady_clock;

    struct Handlers {
        std::function<void()>
            changed;  // take_changes() has something; called at the end of each call below that changed something
        std::function<void()> status;   // something of what is shown has changed
        std::function<void()> confirm;  // a removal is held: ask again
    };
    // `source` is the prefix of Service::source, "consul:dc1". `now` is called for each decision, and tick() when time has
    // passed.
    Intake(std::string source, model::Hold hold, Handlers handlers, std::function<Clock::time_point()> now = Clock::now);
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;

    // ---- For the source ----

    // What the registry says of one thing: a service with its addresses (its `source` is set here), or the answer to a query.
    // Said again without a change it costs a comparison and confirms what is held.
    void put(model::Service service);
    void remove(const std::string& name);
    // A full answer: services that are not in it are gone.
    void replace(std::vector<model::Service> services);
    void put_set(const model::BackendsFrom& query, std::vector<model::Backend> backends);

    // Rules of the policy that stand in `unit`, an object of the registry; none: it has none any more.
    void put_rules(const std::string& unit, std::vector<model::Rule> rules);

    // The pods of this node, all of them.
    void put_pods(std::vector<model::Pod> pods);

    // What it says of a service that is described elsewhere; null: nothing any more.
    void put_settings(const std::string& service, model::ServiceSettingsPtr settings);

    // An object that cannot be accepted: its last good version stays. The error names the object and the place in it.
    void refuse(const std::string& object, const base::Error& why);
    void accept(const std::string& object);  // it is good again, or gone

    // The registry has answered, and with what was put before nothing is missing of what it says now. The first time makes the
    // source complete. To be called after each answer, also those that bring nothing new: the age of the view is counted from it.
    void answered();
    // It has not. What was said before stays.
    void failed(Failure kind, const base::Error& why);

    // ---- For the owner ----

    struct Changes {
        std::map<std::string, model::ServicePtr> services;  // null: gone
        std::map<model::BackendsFrom, std::vector<model::Backend>> sets;
        std::map<std::string, model::ServiceSettingsPtr> settings;  // by service; null: none any more
        bool rules = false;
        bool pods = false;
        bool complete = false;  // has become so
    };
    Changes take_changes();

    // What an earlier run knew, and when it was known: it holds until the registry answers, and is guarded as if it had been
    // said.
    void remember(std::vector<model::ServicePtr> services, std::chrono::system_clock::time_point as_of);
    void remember_set(const model::BackendsFrom& query, std::vector<model::Backend> backends);
    void remember_settings(const std::map<std::string, model::ServiceSettingsPtr>& settings);  // those that are not said again go

    void set_hold(model::Hold hold) { hold_ = hold; }

    // Lets go of sets that nobody waits for any more.
    void keep_sets(const std::set<model::BackendsFrom>& wanted);
    // Nothing: it has not been answered and is not remembered.
    [[nodiscard]] const std::vector<model::Backend>* find_set(const model::BackendsFrom& query) const;

    // Takes what was held for long enough and confirmed. Returns when to call again, nothing when nothing is held.
    std::optional<Clock::time_point> tick();

    [[nodiscard]] const std::string& source() const { return source_; }
    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] const std::map<std::string, model::ServicePtr>& services() const { return services_; }
    [[nodiscard]] const std::map<model::BackendsFrom, std::vector<model::Backend>>& sets() const { return sets_; }
    [[nodiscard]] std::vector<model::Rule> rules() const;
    [[nodiscard]] const std::optional<std::vector<model::Pod>>& pods() const { return pods_; }  // nothing: not told
    [[nodiscard]] const std::map<std::string, model::ServiceSettingsPtr>& settings() const { return settings_; }  // by service
    [[nodiscard]] const std::map<std::string, std::string>& refused() const { return refused_; }  // object to error
    [[nodiscard]] std::vector<Held> held() const;
    [[nodiscard]] const std::string& error() const { return error_; }  // of the last failed(); empty after answered()
    [[nodiscard]] std::chrono::system_clock::time_point since() const { return since_; }  // of this error, or of none
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> last_answer() const { return last_answer_; }
    [[nodiscard]] const IntakeFigures& figures() const { return figures_; }
    [[nodiscard]] const Missed& missed() const { return missed_; }
    [[nodiscard]] std::size_t backends() const;  // of all services and sets

private:
    using WallTime = std::chrono::system_clock::time_point;
    using Set = std::vector<model::Backend>;
    template <typename Value>  // a ServicePtr, null: gone; or a Set
    struct Waiting {
        Value next;
        std::size_t from = 0, to = 0;  // backends
        Clock::time_point since;
        WallTime since_wall;
        bool confirmed = false;  // a later answer said the same
    };

    bool take(const std::string& name, model::ServicePtr service);
    bool take(const model::BackendsFrom& query, Set backends);
    void set(const std::string& name, model::ServicePtr service);
    void set(const model::BackendsFrom& query, Set backends);
    template <typename Key, typename Value>
    bool hold_back(std::map<Key, Waiting<Value>>& waiting, const Key& key, Value next, std::size_t from, std::size_t to);
    template <typename Key, typename Value>
    void let_go(std::map<Key, Waiting<Value>>& waiting, typename std::map<Key, Waiting<Value>>::iterator entry);
    template <typename Key, typename Value>
    void withdraw(std::map<Key, Waiting<Value>>& waiting, const Key& key);
    template <typename Key, typename Value>
    bool take_due(std::map<Key, Waiting<Value>>& waiting, Clock::time_point now, std::optional<Clock::time_point>& next);
    void told(bool changed);
    void note_missed(const std::vector<std::string>& names);

    std::string source_;
    model::Hold hold_;
    Handlers handlers_;
    std::function<Clock::time_point()> now_;

    std::map<std::string, model::ServicePtr> services_;
    std::map<model::BackendsFrom, Set> sets_;
    std::map<std::string, std::vector<model::Rule>> rules_;
    std::optional<std::vector<model::Pod>> pods_;
    std::map<std::string, model::ServiceSettingsPtr> settings_;
    std::set<std::string> remembered_settings_;  // not said again so far
    std::map<std::string, std::string> refused_;
    std::map<std::string, Waiting<model::ServicePtr>> waiting_services_;
    std::map<model::BackendsFrom, Waiting<Set>> waiting_sets_;
    Changes pending_;
    bool complete_ = false;
    std::string error_;
    WallTime since_ = std::chrono::system_clock::now();
    std::optional<WallTime> last_answer_;
    IntakeFigures figures_;
    Missed missed_;
};

}  // namespace meshd::registry
