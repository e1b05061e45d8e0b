// SPDX-License-Identifier: Apache-2.0
#include "channel/settings_message.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "channel/fields.hpp"
#include "model/acme_json.hpp"
#include "model/announcement_json.hpp"
#include "model/edge_json.hpp"
#include "model/flow_export_json.hpp"
#include "model/picture_json.hpp"
#include "model/registries_json.hpp"
#include "model/tls_json.hpp"

namespace meshd::channel {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 5> log_levels = {"trace", "debug", "info", "warn", "error"};

base::Result<void> read_announcements(const json::object& object, Fields& fields, SettingsMessage& settings) {
    const auto read_texts = [&](std::string_view key, std::vector<std::string>& texts) {
        if (!object.contains(key)) return;
        for (const auto& item : fields.array(key)) {
            if (item.is_string())
                texts.emplace_back(std::string_view(item.get_string()));
            else
                fields.wrong(key, "texts");
        }
    };
    read_texts("drained", settings.drained);
    read_texts("announced", settings.announced);
    settings.locality = fields.text_or_empty("locality");
    if (!object.contains("announcements")) return {};
    for (const auto& item : fields.array("announcements")) {
        const auto at = "settings.announcements[" + std::to_string(settings.announcements.size()) + "]";
        auto read = model::announcement_from_json(item, at);
        if (!read) return tl::make_unexpected(read.error());
        settings.announcements.push_back(std::move(*read));
    }
    return {};
}

}  // namespace

base::Result<Message> decode_settings(const json::object& object) {
    Fields fields(object, "settings");
    SettingsMessage settings;
    settings.registry_directory = fields.text("registry_directory");
    if (!settings.registry_directory.starts_with('/')) fields.wrong("registry_directory", "an absolute path");
    settings.metrics_enabled = fields.boolean("metrics_enabled");
    const auto listen = base::SocketAddress::parse(fields.text("metrics_listen"));
    if (!listen) fields.wrong("metrics_listen", "ADDRESS:PORT");
    settings.metrics_listen = listen.value_or(base::SocketAddress{});
    settings.log_level = fields.text("log_level");
    if (std::find(log_levels.begin(), log_levels.end(), settings.log_level) == log_levels.end())
        fields.wrong("log_level", "trace, debug, info, warn or error");
    if (const auto* const exports = object.if_contains("flow_export")) {
        auto read = model::flow_export_from_json(*exports);
        if (!read) return tl::make_unexpected(read.error());
        settings.flow_export = std::move(*read);
    }
    if (const auto* const registries = object.if_contains("registries")) {
        auto read = model::registries_from_json(*registries);
        if (!read) return tl::make_unexpected(read.error());
        settings.registries = std::move(*read);
    }
    if (const auto* const tls = object.if_contains("tls")) {
        auto read = model::node_tls_from_json(*tls, "settings.tls");
        if (!read) return tl::make_unexpected(read.error());
        settings.tls = std::move(*read);
    }
    if (const auto* const edge = object.if_contains("edge")) {
        auto read = model::edge_from_json(*edge, "settings.edge");
        if (!read) return tl::make_unexpected(read.error());
        settings.edge = std::move(*read);
    }
    if (const auto* const origination = object.if_contains("origination")) {
        auto read = model::node_origination_from_json(*origination, "settings.origination");
        if (!read) return tl::make_unexpected(read.error());
        settings.origination = std::move(*read);
    }
    if (const auto* const acme = object.if_contains("acme")) {
        auto read = model::acme_from_json(*acme, "settings.acme");
        if (!read) return tl::make_unexpected(read.error());
        settings.acme = std::move(*read);
    }
    if (const auto* const picture = object.if_contains("picture")) {
        auto read = model::picture_from_json(*picture, "settings.picture");
        if (!read) return tl::make_unexpected(read.error());
        settings.picture = std::move(*read);
    }
    if (auto read = read_announcements(object, fields, settings); !read) return tl::make_unexpected(read.error());
    if (object.contains("policy_audit")) settings.is_audit = fields.boolean("policy_audit");
    if (object.contains("remembered_at")) {
        constexpr std::uint64_t last = std::uint64_t{1} << 33U;  // the year 2242, which the clock still has
        const auto at = fields.number("remembered_at");
        if (at > last) fields.wrong("remembered_at", "seconds since the epoch");
        settings.remembered_at = static_cast<std::int64_t>(at);
    }
    return fields.give(std::move(settings));
}

json::object encode(const SettingsMessage& message) {
    json::array announcements;
    for (const auto& one : message.announcements) announcements.emplace_back(model::to_json(one));
    json::object object{{"type", "settings"},
                        {"registry_directory", message.registry_directory},
                        {"metrics_enabled", message.metrics_enabled},
                        {"metrics_listen", message.metrics_listen.text()},
                        {"log_level", message.log_level},
                        {"flow_export", model::to_json(message.flow_export)},
                        {"registries", model::to_json(message.registries)},
                        {"announcements", std::move(announcements)},
                        {"drained", json::array(message.drained.begin(), message.drained.end())},
                        {"announced", json::array(message.announced.begin(), message.announced.end())},
                        {"locality", message.locality},
                        {"edge", model::to_json(message.edge)},
                        {"origination", model::to_json(message.origination)},
                        {"policy_audit", message.is_audit},
                        {"remembered_at", message.remembered_at}};
    if (message.tls) object.emplace("tls", model::to_json(*message.tls));
    if (message.acme) object.emplace("acme", model::to_json(*message.acme));
    if (message.picture) object.emplace("picture", model::to_json(*message.picture));
    return object;
}

}  // namespace meshd::channel
