// SPDX-License-Identifier: Apache-2.0
// All registries that are followed, as one: the directory of files, and the servers that meshd.yaml names. Each has an intake of
// its own, so that one which does not answer holds up no other; a merger decides between them; services for which there are
// settings, and services that take their backends from a query, get them here.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "model/registries.hpp"
#include "registry/file_source.hpp"
#include "registry/intake.hpp"
#include "registry/merger.hpp"
#include "registry/queries.hpp"
#include "registry/settings_overlay.hpp"
#include "registry/source.hpp"
#include "web/async_client.hpp"

namespace meshd::worker {

// How one registry stands, for people and metrics.
struct RegistryView {
    std::string name;
    std::string kind;  // "files", "consul", "etcd", "kubernetes", "dns"
    bool answered = false;
    std::string error;  // why it does not answer, or the directory cannot be read; empty: it does
    std::chrono::system_clock::time_point since;
    std::optional<std::chrono::system_clock::time_point> last_answer;  // of what is known: of an earlier run, too
    std::size_t services = 0, backends = 0, queries = 0;
    std::map<std::string, std::string> refused;      // object to error
    std::map<std::string, registry::Hidden> hidden;  // services and settings that another registry has
    std::vector<registry::Held> held;
    registry::IntakeFigures figures;
    registry::Missed missed;
};

class Registries {
public:
    struct Handlers {
        std::function<void(const registry::Change&)> on_change;  // first when the directory has been looked at
        std::function<void()> on_status;
        std::function<void()> on_pods{};  // pods() are others
    };
    Registries(boost::asio::io_context& io, Handlers handlers);
    Registries(const Registries&) = delete;
    Registries& operator=(const Registries&) = delete;
    ~Registries();

    // Registries whose settings are as before go on undisturbed. True: what was told before is of no interest any more, and the
    // next change is the whole state: the directory is another one.
    bool follow(const std::string& directory, const model::Registries& settings);

    // What the agent knew when this worker began. Until it has come, nothing may be removed.
    void remember(const std::vector<model::ServicePtr>& services, std::chrono::system_clock::time_point as_of);

    // Of all registries with this name, or (empty) of all. False: there is none.
    bool sync(const std::string& name);

    [[nodiscard]] const model::DesiredState& state() const { return state_; }
    [[nodiscard]] std::vector<model::Rule> rules() const;
    [[nodiscard]] std::optional<std::vector<model::Pod>> pods() const;  // of this node; nothing: not all registries have told
    [[nodiscard]] bool rules_complete() const;
    [[nodiscard]] std::vector<std::string> unread() const;  // see registry::Catalog; with prefixes of sources
    [[nodiscard]] bool started() const { return files_ != nullptr; }
    [[nodiscard]] std::string directory_error() const;
    [[nodiscard]] std::vector<registry::SourceStatus> statuses() const;  // of files, and of objects that are refused
    [[nodiscard]] std::vector<RegistryView> views() const;

private:
    struct Followed;
    using Make = std::function<std::unique_ptr<registry::Source>(registry::Intake&)>;

    void start_files();
    void take_files(const registry::Change& change);

    void follow_servers(const model::Registries& settings);
    template <typename SourceType, typename Settings>
    void follow_kind(const std::string& kind, const std::vector<Settings>& before, const std::vector<Settings>& now,
                     std::map<std::string, std::unique_ptr<Followed>>& kept);
    [[nodiscard]] std::unique_ptr<Followed> follow_one(const std::string& kind, const std::string& name, const Make& make);
    void rank();
    Followed& dns();
    [[nodiscard]] tl::expected<Followed*, std::string> answerer(const model::BackendsFrom& query);

    void collect_soon();
    void collect();
    void collect_from(Followed& followed, std::map<std::string, model::ServicePtr>& touched);
    void take(const std::string& name, const model::ServicePtr& service, registry::Change& change);
    // Null: what is known of it is not known yet, and it is looked at again.
    [[nodiscard]] model::ServicePtr complete_service(const model::ServicePtr& service);
    void add_conflicts(std::size_t rank, RegistryView& view) const;
    void await_settings();
    [[nodiscard]] std::optional<std::size_t> awaited_rank(std::string_view source) const;
    void ask_queries();
    [[nodiscard]] bool is_complete() const;
    void tick_soon(std::chrono::steady_clock::time_point when);
    void tick();
    void sync_later();

    boost::asio::io_context& io_;
    Handlers handlers_;
    web::AsyncClient client_;
    std::string directory_;
    model::Registries settings_;

    std::unique_ptr<registry::FileSource> files_;  // null: not yet, or it could not be started
    std::string files_error_;                      // why it could not
    boost::asio::steady_timer files_retry_;
    std::map<std::string, std::unique_ptr<Followed>> followed_;  // by name; "dns" when it was needed
    std::map<std::string, std::size_t> ranks_;                   // by name, also "files"
    std::map<std::string, model::ServicePtr> remembered_;        // services whose backends came from a query
    bool has_remembered_ = false;

    registry::Merger merger_;
    registry::SettingsOverlay settings_of_;
    registry::Queries queries_;
    std::map<std::string, std::string> unanswerable_;  // services whose query nobody takes, and why
    model::DesiredState state_;
    bool look_at_all_ = true;  // at the next collect()
    bool rules_changed_ = false;
    bool pods_changed_ = false;
    bool is_collect_due_ = false;
    bool rules_were_complete_ = false;
    bool files_were_complete_ = false;
    boost::asio::steady_timer collect_timer_;
    boost::asio::steady_timer tick_timer_;
    boost::asio::steady_timer sync_timer_;
};

}  // namespace meshd::worker
