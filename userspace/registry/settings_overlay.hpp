// SPDX-License-Identifier: Apache-2.0
// Settings for services, of all registries, and what becomes of a service with them. Of two registries that give some for the
// same service the one with the lower rank has it. Settings that cannot stand beside their service change nothing: it stays as it
// was. Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "model/service_settings.hpp"
#include "registry/merger.hpp"

namespace meshd::registry {

class SettingsOverlay {
public:
    // Of the registry with this rank; null: none any more.
    void put(std::size_t rank, const std::string& service, model::ServiceSettingsPtr settings);
    // The ranks are other ones from now on: all are put again.
    void clear();

    // A service as it was with settings of an earlier run: it keeps them until their source has said what they are now.
    void remember(const model::ServicePtr& service);
    // Tells of a source ("etcd:etcd/meshd/web") the rank of its registry while that has not said all, nothing when it has or is
    // not followed.
    using Awaited = std::function<std::optional<std::size_t>(std::string_view source)>;
    void await(const Awaited& awaited);

    // The service with its settings.
    model::ServicePtr apply(const model::ServicePtr& service);
    void forget(const std::string& service);  // there is none of this name

    // Services whose settings are others than at the last call.
    std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

    struct Refused {
        std::size_t rank = 0;
        std::string why;
        bool operator==(const Refused&) const = default;
    };
    [[nodiscard]] const std::map<std::string, Refused>& refused() const { return refused_; }  // by service
    [[nodiscard]] std::map<std::string, Hidden> hidden(std::size_t rank) const;               // by service

private:
    struct Remembered {
        model::ServicePtr service;
        std::string source;                  // of its settings
        std::optional<std::size_t> awaited;  // rank of their registry
    };
    [[nodiscard]] model::ServicePtr as_before(const model::ServicePtr& service) const;

    std::map<std::string, std::map<std::size_t, model::ServiceSettingsPtr>> given_;  // by service, then by rank
    std::map<std::string, model::ServiceSettingsPtr> last_good_;                     // by service: what it had last
    std::map<std::string, Remembered> remembered_;
    std::map<std::string, Refused> refused_;
    std::set<std::string> touched_;
};

}  // namespace meshd::registry
