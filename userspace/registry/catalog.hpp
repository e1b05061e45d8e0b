// SPDX-License-Identifier: Apache-2.0
// What the files of a registry say together: the last good content of each, what two of them may not share, and what a change
// in some of them means for the services. Pure: it is told what was read and does no I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/registry_file.hpp"
#include "config/service_index.hpp"
#include "model/service.hpp"
#include "model/service_settings.hpp"

namespace meshd::registry {

enum class SourceState : std::uint8_t { ok, refused };
std::string_view name(SourceState state);  // "ok", "refused"

struct SourceStatus {
    std::string name;  // "file:PATH"
    SourceState state = SourceState::ok;
    std::size_t services = 0;                     // in use, from the last good content
    std::string error;                            // "FILE:LINE:COLUMN: WHY; REMEDY", empty when ok
    std::chrono::system_clock::time_point since;  // when it came into this state
};

// Services that differ from what was told before. A service that only moved to another file differs by its source.
struct Change {
    std::vector<model::ServicePtr> upsert;
    std::vector<std::string> remove;
    std::map<std::string, model::ServiceSettingsPtr> settings;  // by service; null: none any more
    bool rules_changed = false;                                 // see Catalog::rules() and unread()
    bool complete = false;                                      // see model::DesiredState

    [[nodiscard]] bool empty() const { return upsert.empty() && remove.empty() && settings.empty() && !rules_changed; }
};

struct Reading {
    std::string path;
    base::Result<config::RegistryFile> file;
};

class Catalog {
public:
    // Takes the content of files that have changed and forgets files that are gone, as one step: services may move between all
    // of them. A file that could not be read, or whose services conflict with those of others, keeps its last good content.
    // Of two new contents that conflict the one that stands first in `readings` is taken; but no new content can take a name
    // or an address from a file that keeps it.
    void apply(std::vector<Reading> readings, const std::set<std::string>& gone = {});

    // A directory that has never been read may hold any service.
    void set_directory_was_read();

    // Files refused for a conflict with one of `paths`, or with a file that is itself to be tried again for that reason.
    [[nodiscard]] std::set<std::string> blocked_by(const std::set<std::string>& paths) const;
    // Files refused for a conflict before something changed in any other file.
    [[nodiscard]] std::set<std::string> worth_another_look() const;
    // The files that stand in the way of one of `paths`.
    [[nodiscard]] std::set<std::string> blockers_of(const std::set<std::string>& paths) const;

    [[nodiscard]] bool has(const std::string& path) const { return files_.contains(path); }
    [[nodiscard]] std::vector<std::string> paths() const;

    // What has changed since the last call. Increases the state's version when that is anything.
    Change take_change();
    bool take_status_changed();  // whether statuses() differs from what it was at the last call

    [[nodiscard]] const model::DesiredState& state() const { return state_; }
    [[nodiscard]] std::vector<model::Rule> rules() const;  // of all files, in order of path and then of the file
    [[nodiscard]] const std::map<std::string, model::ServiceSettingsPtr>& settings() const { return settings_; }  // by service
    [[nodiscard]] std::vector<SourceStatus> statuses() const;  // in order of path
    // Names of the sources that may have rules nobody knows: what they say could never be taken. All of them, but for a directory
    // that has never been read.
    [[nodiscard]] std::vector<std::string> unread() const;

private:
    struct Loaded {
        model::ServicePtr service;
        config::ServiceMarks marks;
    };
    using Settings = std::shared_ptr<const std::vector<model::ServiceSettings>>;
    struct Content {
        std::vector<Loaded> services;
        std::vector<model::Rule> rules;
        Settings settings = std::make_shared<const std::vector<model::ServiceSettings>>();
    };
    struct File {
        Content content;  // last good
        bool was_good = false;
        SourceState state = SourceState::ok;
        std::string error;
        std::string blocker;           // path of the other side of a conflict
        std::uint64_t generation = 0;  // of the catalog when the conflict was found
        std::chrono::system_clock::time_point since;
    };
    struct Candidate;

    static Content load(const model::DesiredState& state, config::RegistryFile file);
    void forget(const std::string& path);
    void accept(std::vector<Candidate>& candidates);
    bool try_all(std::vector<Candidate>& candidates);
    // Adds all services and settings to the index, or says what the first conflict is and adds none.
    static std::optional<config::Conflict> claim(config::ServiceIndex& index, std::string_view path, const Content& content);
    void release(const Content& content);
    void withdraw(const Content& content);
    void publish(const Content& content);
    void set_status(File& file, SourceState state, std::string error, std::string blocker = {});
    void update_complete();

    std::map<std::string, File> files_;
    config::ServiceIndex index_;
    model::DesiredState state_;
    std::map<std::string, model::ServiceSettingsPtr> settings_;
    std::map<std::string, model::ServicePtr, std::less<>> touched_;      // as they were at the last take_change()
    std::map<std::string, model::ServiceSettingsPtr> touched_settings_;  // likewise
    std::uint64_t generation_ = 0;
    bool directory_was_read_ = false;
    bool rules_changed_ = false;
    bool complete_was_told_ = false;
    bool status_changed_ = false;
};

}  // namespace meshd::registry
