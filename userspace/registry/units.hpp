// SPDX-License-Identifier: Apache-2.0
// The keys of a registry whose values are registry files: the last good content of each, and which of them are in force when two
// of them have the same service name or address, or give settings for the same service. Pure: it is told texts and tells its
// Intake.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "config/registry_file.hpp"
#include "config/service_index.hpp"
#include "registry/intake.hpp"

namespace meshd::registry {

// A unit is one key. It is taken whole or not at all: what cannot be read is refused and its last good content stays. Of two that
// do not fit together the one whose name comes first has it, whichever came first in time, so that every node decides alike; the
// other keeps its last good content if that still fits, and is taken without being said again when the first one gives way.
class Units {
public:
    // `root`: texts are JSON that nobody sees as lines, and errors name fields below this: "spec". Empty: lines and columns.
    explicit Units(Intake& intake, std::string root = {}) : intake_(intake), root_(std::move(root)) {}
    Units(const Units&) = delete;
    Units& operator=(const Units&) = delete;

    void put(const std::string& unit, std::string_view text);
    void remove(const std::string& unit);
    // A full answer: units that are not in it are gone. All services are said to the intake again.
    void replace(const std::map<std::string, std::string>& texts);

    [[nodiscard]] std::size_t size() const { return units_.size(); }
    [[nodiscard]] bool has_service(const std::string& name) const;   // that is in force
    [[nodiscard]] std::vector<model::Service> services() const;      // that are
    [[nodiscard]] std::string error(const std::string& unit) const;  // why its text is refused; empty: it is not

private:
    using Content = std::shared_ptr<const config::RegistryFile>;
    using Names = std::set<std::string>;

    struct Unit {
        std::string text;
        Content newest;                // of `text`; null: cannot be read
        base::Error unreadable;        // why
        Content last;                  // that was in force last
        std::string last_text;         // of `last`, when errors name fields
        Content used;                  // in force now: newest, last or none
        std::string error;             // that the intake knows; empty: none
        std::set<std::string> claims;  // of newest and last: what no other unit may have
    };
    struct ServiceOf {
        Content content;  // that it stands in, and lives as long as
        const model::Service* service = nullptr;
    };
    struct Said {
        std::map<std::string, ServiceOf> services;
        std::map<std::string, model::ServiceSettingsPtr> settings;  // by service; the content lives as long as they
    };

    [[nodiscard]] std::string label(const std::string& unit) const;
    bool read(const std::string& name, std::string_view text);
    void forget(std::map<std::string, Unit>::iterator entry);
    void drop_claims(const std::string& name, const Unit& unit);
    void renew_claims(const std::string& name, Unit& unit);
    [[nodiscard]] Names rivals(Names names) const;
    void decide(const Names& names);
    std::optional<config::Conflict> take(Unit& unit, const Content& content);
    void release(Unit& unit);
    [[nodiscard]] Said said_by(const Names& names) const;
    void tell(const Said& before, const Said& after);
    void tell_settings(const Said& before, const Said& after);
    void tell_error(const std::string& name, Unit& unit, const base::Error* why);
    [[nodiscard]] std::string named(const std::string& own, std::string message) const;

    Intake& intake_;
    std::string root_;
    std::map<std::string, Unit> units_;
    std::unordered_map<std::string, Names> claimants_;  // claim to units
    config::ServiceIndex index_;                        // of what is used
};

}  // namespace meshd::registry
