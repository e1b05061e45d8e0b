// SPDX-License-Identifier: Apache-2.0
// The schemas and the parsers are written apart; these tests hold them together: the same keys, the same words, the same bounds.
#include "config/schema.hpp"

#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/registry_file.hpp"
#include "config/settings_file.hpp"

namespace meshd::config {
namespace {

namespace json = boost::json;

json::object schema_of(std::string_view text) { return json::parse({text.data(), text.size()}).as_object(); }

std::set<std::string> keys_of(const json::object& object) {
    std::set<std::string> keys;
    for (const auto& member : object.at("properties").as_object()) keys.insert(std::string(member.key()));
    return keys;
}

// The keys that an error names: "unknown key "x" in y, expected a, b or c".
std::set<std::string> expected_keys(const base::Error& error) {
    constexpr std::string_view intro = "expected ";
    std::string text = error.detail.substr(error.detail.find(intro) + intro.size());
    if (const auto last = text.find(" or "); last != std::string::npos) text.replace(last, 4, ", ");
    std::set<std::string> keys;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(", ", start), text.size());
        keys.insert(text.substr(start, end - start));
        start = end + 2;
    }
    return keys;
}

// A schema behind its references: what the definition says, with what stands beside the reference.
json::object resolve(const json::object& root, json::object schema) {
    if (const auto* const reference = schema.if_contains("$ref")) {
        const std::string path(reference->as_string());
        const json::value whole(root);
        const auto definition = resolve(root, whole.at_pointer(path.substr(1)).as_object());
        for (const auto& member : definition) schema.emplace(member.key(), member.value());
    }
    return schema;
}

// Whether a parser takes the value in the place that is tested.
using Accepts = std::function<bool(const json::value&)>;

void check_values(const json::object& root, const json::object& schema, const Accepts& accepts) {
    if (const auto* const words = schema.if_contains("enum")) {
        for (const auto& word : words->as_array()) EXPECT_TRUE(accepts(word)) << word;
        EXPECT_FALSE(accepts("zzzzzz"));
    }
    if (const auto* const value = schema.if_contains("const")) {
        EXPECT_TRUE(accepts(*value)) << *value;
        EXPECT_FALSE(value->is_int64() ? accepts(value->as_int64() + 1) : accepts("zzzzzz"));
    }
    if (const auto* const least = schema.if_contains("minimum"); least != nullptr && schema.at("maximum").is_double()) {
        const auto most = schema.at("maximum").as_double();
        EXPECT_TRUE(accepts(*least) && accepts(most));
        EXPECT_FALSE(accepts(-0.1) || accepts(most + 0.1));
    } else if (least != nullptr) {
        const auto most = schema.at("maximum").as_int64();
        EXPECT_TRUE(accepts(*least) && accepts(most));
        EXPECT_FALSE(accepts(least->as_int64() - 1) || accepts(most + 1));
    }
    if (const auto* const fallback = schema.if_contains("default")) {
        EXPECT_TRUE(accepts(*fallback)) << *fallback;
    }
    if (const auto* const length = schema.if_contains("maxLength")) {
        const auto* const pattern = schema.if_contains("pattern");
        const bool is_path = pattern != nullptr && pattern->as_string().starts_with("^/");
        const bool is_server_name =
            pattern != nullptr && std::string_view(pattern->as_string()).find("{1,63}") != std::string_view::npos;
        const auto text = [&](std::int64_t size) {
            auto made = (is_path ? "/" : "x") + std::string(static_cast<std::size_t>(size) - 1, 'x');
            for (std::size_t dot = 63; is_server_name && dot < made.size(); dot += 64) made[dot] = '.';
            return made;
        };
        EXPECT_TRUE(accepts(json::string(text(length->as_int64()))));
        EXPECT_FALSE(accepts(json::string(text(length->as_int64() + 1))));
    }
    if (const auto* const alternatives = schema.if_contains("anyOf"))
        for (const auto& alternative : alternatives->as_array())
            check_values(root, resolve(root, alternative.as_object()), accepts);
    const auto* const required = schema.if_contains("required");
    const auto* const members = schema.if_contains("properties");
    // What needs some keys and has others is a place of its own, and so is this one, where keys belong to values of another.
    const auto* const reference = schema.if_contains("$ref");
    const bool is_place =
        reference != nullptr && (reference->as_string() == "#/$defs/balancing" ||
                                 reference->as_string() == "#/$defs/backends_from" || reference->as_string() == "#/$defs/tls");
    if (members != nullptr && !is_place && (required == nullptr || members->as_object().size() == required->as_array().size())) {
        EXPECT_FALSE(schema.at("additionalProperties").as_bool() || accepts(json::object{{"zzzzzz", 1}}));
        for (const auto& member : members->as_object())
            check_values(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
                json::object object{{member.key(), value}};
                const auto* const needed = schema.if_contains("dependentRequired");
                if (const auto* const keys = needed != nullptr ? needed->as_object().if_contains(member.key()) : nullptr)
                    for (const auto& key : keys->as_array()) object.emplace(key.as_string(), 1);
                return accepts(object);
            });
    }
}

void check_bounds(const json::object& root, const json::object& schema, const Accepts& accepts) {
    check_values(root, schema, accepts);
    EXPECT_TRUE(schema.contains("description") || schema.contains("const"));
}

// ---- meshd.yaml: the place of a value is the path of its keys ----

json::value at_path(const std::vector<std::string>& path, json::value value) {
    for (auto key = path.rbegin(); key != path.rend(); ++key) value = json::object{{*key, std::move(value)}};
    return value;
}

void check_settings(const json::object& root, const json::object& object, const std::vector<std::string>& path) {
    auto unknown = path;
    unknown.emplace_back("zzzzzz");
    const auto refused = parse_settings(json::serialize(at_path(unknown, 1)), "meshd.yaml");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(expected_keys(refused.error()), keys_of(object)) << refused.error().message();
    EXPECT_FALSE(object.at("additionalProperties").as_bool());

    for (const auto& member : object.at("properties").as_object()) {
        auto inner = path;
        inner.emplace_back(member.key());
        SCOPED_TRACE(inner.back());
        const auto schema = resolve(root, member.value().as_object());
        if (schema.contains("required") || schema.contains("if")) continue;  // a place of its own
        if (schema.contains("properties")) {
            check_settings(root, schema, inner);
            continue;
        }
        check_bounds(root, schema, [&](const json::value& value) {
            return parse_settings(json::serialize(at_path(inner, value)), "meshd.yaml").has_value();
        });
        const auto by_default = parse_settings(json::serialize(at_path(inner, schema.at("default"))), "meshd.yaml");
        EXPECT_EQ(by_default.value(), Settings{});
    }
}

TEST(SettingsSchema, SaysWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    check_settings(root, root, {});
}

TEST(SettingsSchema, SaysOfThePictureWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto& schema = root.at("properties").as_object().at("picture").as_object();
    const auto parse = [](const json::object& picture) {
        return parse_settings(json::serialize(at_path({"picture"}, picture)), "meshd.yaml");
    };
    for (const auto& member : schema.at("properties").as_object()) {
        SCOPED_TRACE(member.key());
        check_bounds(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
            return parse({{member.key(), value}}).has_value();
        });
    }
    const auto refused = parse({{"zzzzzz", 1}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
    EXPECT_EQ(schema.at("properties").at("hosts").at("maxItems").as_int64(), static_cast<std::int64_t>(model::max_picture_hosts));
    const auto by_default = schema.at("properties").at("listen").at("default");
    EXPECT_EQ(parse({{"listen", by_default}}).value(), parse({}).value());
    EXPECT_FALSE(parse({{"listen", "[::]:80"}}).has_value());
    EXPECT_TRUE(parse({{"listen", "[::]:80"}, {"token_file", "/t"}}).has_value());
}

TEST(SettingsSchema, SaysOfExclusionsWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto parse_with = [](const json::value& exclusion) {
        const auto file = at_path({"acceleration", "exclude"}, json::array{exclusion});
        return parse_settings(json::serialize(file), "meshd.yaml");
    };
    const auto& schema = root.at("$defs").as_object().at("exclusion").as_object();
    check_values(root, schema, [&](const json::value& exclusion) { return parse_with(exclusion).has_value(); });
    const auto refused = parse_with({{"zzzzzz", 1}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
    EXPECT_EQ(schema.at("minProperties").as_int64(), 1);
    EXPECT_FALSE(parse_with(json::object{}).has_value());
    EXPECT_EQ(schema.at("maxProperties").as_int64(), 1);
    EXPECT_FALSE(parse_with({{"port", 1}, {"user", "root"}}).has_value());
}

TEST(SettingsSchema, HasTheParsersBoundOfExclusions) {
    const json::value root = schema_of(settings_schema());
    const auto& list = root.at("properties").at("acceleration").at("properties").at("exclude");
    EXPECT_EQ(list.at("maxItems").as_int64(), static_cast<std::int64_t>(max_exclusions));
}

TEST(SettingsSchema, SaysOfRegistriesWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const std::pair<const char*, json::object> kinds[] = {
        {"consul", {{"url", "https://c"}}}, {"etcd", {{"endpoints", json::array{"https://e"}}}}, {"kubernetes", {}}};
    const std::map<std::string, std::string> beside{{"certificate", "key"},
                                                    {"key", "certificate"},
                                                    {"user", "password_file"},
                                                    {"password_file", "user"},
                                                    {"context", "kubeconfig"}};
    for (const auto& [kind, good] : kinds) {
        const auto& schema = root.at("$defs").as_object().at(kind).as_object();
        for (const auto& member : schema.at("properties").as_object()) {
            SCOPED_TRACE(std::string(kind) + "." + std::string(member.key()));
            check_bounds(
                root, resolve(root, member.value().as_object()), [&, kind = kind, good = good](const json::value& value) {
                    auto changed = good;
                    if (const auto other = beside.find(member.key()); other != beside.end()) changed[other->second] = "/other";
                    changed[member.key()] = value;
                    return parse_settings(json::serialize(at_path({"registry", kind}, changed)), "meshd.yaml").has_value();
                });
        }
        auto changed = good;
        changed["zzzzzz"] = 1;
        const auto refused = parse_settings(json::serialize(at_path({"registry", kind}, changed)), "meshd.yaml");
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
        for (const auto& [key, value] : good) {
            auto without = good;
            without.erase(key);
            EXPECT_FALSE(parse_settings(json::serialize(at_path({"registry", kind}, without)), "meshd.yaml").has_value()) << key;
        }
    }
}

TEST(SettingsSchema, SaysOfAnnouncementsWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto& schema = root.at("$defs").as_object().at("announcement").as_object();
    const json::object good{{"name", "web"}, {"address", "10.0.0.5"}, {"port", 80}};
    const auto parse_one = [](const json::object& one) {
        const json::object registries{{"consul", {{"url", "https://c"}}}};
        const json::object file{{"registry", registries}, {"announce", json::array{one}}};
        return parse_settings(json::serialize(file), "meshd.yaml");
    };
    for (const auto& member : schema.at("properties").as_object()) {
        SCOPED_TRACE(member.key());
        check_bounds(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
            auto changed = good;
            changed[member.key()] = value;
            return parse_one(changed).has_value();
        });
    }
    auto changed = good;
    changed["zzzzzz"] = 1;
    const auto refused = parse_one(changed);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
    for (const auto& [key, value] : good) {
        auto without = good;
        without.erase(key);
        EXPECT_FALSE(parse_one(without).has_value()) << key;
    }
}

TEST(SettingsSchema, SaysOfEncryptionWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto& whole = root.at("properties").as_object().at("tls").as_object();
    const auto& one = root.at("$defs").as_object().at("identity").as_object();
    const json::object good{{"trust_domain", "a"}, {"authorities", "/a"}, {"certificate", "/b"}, {"key", "/c"}};
    const json::object good_one{{"name", "web"}, {"user", "web"}, {"certificate", "/b"}, {"key", "/c"}};
    const auto parse = [](const json::object& tls) {
        return parse_settings(json::serialize(at_path({"tls"}, tls)), "meshd.yaml");
    };
    const auto parse_one = [&](json::object identity) {
        if (identity.contains("unit") || identity.contains("workload") || identity.contains("pod")) identity.erase("user");
        auto tls = good;
        tls["identities"] = json::array{std::move(identity)};
        const json::object cluster{{"kubernetes", json::object{}}};  // that tells of pods
        return parse_settings(json::serialize(json::object{{"registry", cluster}, {"tls", tls}}), "meshd.yaml");
    };
    const auto check = [&](const json::object& schema, const json::object& base, const auto& parse_it) {
        for (const auto& member : schema.at("properties").as_object()) {
            SCOPED_TRACE(member.key());
            if (member.key() == "identities" || member.key() == "signing" || member.key() == "issuer") continue;
            check_bounds(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
                auto changed = base;
                changed[member.key()] = value;
                return parse_it(changed).has_value();
            });
        }
        auto changed = base;
        changed["zzzzzz"] = 1;
        const auto refused = parse_it(changed);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
        for (const auto& key : schema.at("required").as_array()) {
            auto without = base;
            EXPECT_EQ(without.erase(key.as_string()), 1U) << key;
            EXPECT_FALSE(parse_it(without).has_value()) << key;
        }
    };
    const auto parse_part = [&](const char* key) {
        return [&, key](json::object part) {
            auto tls = good;
            tls[key] = std::move(part);
            return parse(tls);
        };
    };
    check(whole, good, parse);
    check(one, good_one, parse_one);
    const auto& parts = whole.at("properties").as_object();
    check(parts.at("signing").as_object(), {{"authority", "/ca"}}, parse_part("signing"));
    check(parts.at("issuer").as_object(), {{"address", "ca"}}, parse_part("issuer"));
}

TEST(SettingsSchema, SaysOfTheEdgeWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const json::object route{{"names", json::array{"a.test"}}, {"service", "a"}};
    const json::object certificate{{"certificate", "/c"}, {"key", "/k"}};
    const json::object listener{{"name", "a"}, {"listen", "[::]:443"}, {"routes", json::array{route}}};
    const auto parse = [&](json::object one) {
        if (!one.contains("certificates")) one["certificates"] = json::array{certificate};
        return parse_settings(json::serialize(at_path({"edge", "listeners"}, json::array{one})), "meshd.yaml");
    };
    const auto parse_within = [&](std::string_view list, const json::object& item) {
        auto changed = listener;
        changed[list] = json::array{item};
        return parse(changed);
    };
    const auto check = [&](const char* name, const json::object& good, const auto& parse_it) {
        const auto& schema = root.at("$defs").as_object().at(name).as_object();
        ASSERT_TRUE(parse_it(good).has_value());
        for (const auto& member : schema.at("properties").as_object()) {
            SCOPED_TRACE(member.key());
            const auto resolved = resolve(root, member.value().as_object());
            if (resolved.contains("anyOf") || resolved.contains("items")) continue;
            check_bounds(root, resolved, [&](const json::value& value) {
                auto changed = good;
                changed[member.key()] = value;
                return parse_it(changed).has_value();
            });
        }
        auto changed = good;
        changed["zzzzzz"] = 1;
        const auto refused = parse_it(changed);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(expected_keys(refused.error()), keys_of(schema)) << refused.error().message();
        const auto* const choices = schema.if_contains("oneOf");
        const auto& needed = choices == nullptr ? schema : choices->as_array().at(0).as_object();
        for (const auto& key : needed.at("required").as_array()) {
            auto without = good;
            without.erase(key.as_string());
            EXPECT_FALSE(parse_it(without).has_value()) << key;
        }
    };
    check("edge_listener", listener, parse);
    check("edge_route", route, [&](const json::object& one) { return parse_within("routes", one); });
    check("edge_certificate", certificate, [&](const json::object& one) { return parse_within("certificates", one); });
}

TEST(SettingsSchema, SaysOfOriginationWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto& whole = root.at("properties").as_object().at("origination").as_object();
    const auto& one = whole.at("properties").as_object().at("credentials").as_object().at("items").as_object();
    const auto parse = [](const json::object& origination) {
        return parse_settings(json::serialize(at_path({"origination"}, origination)), "meshd.yaml");
    };
    const auto parse_one = [&](json::object credentials) {
        if (credentials.contains("certificate") != credentials.contains("key"))
            credentials.emplace(credentials.contains("key") ? "certificate" : "key", "/other");
        return parse({{"credentials", json::array{std::move(credentials)}}});
    };
    check_bounds(root, whole.at("properties").as_object().at("outbound_port").as_object(), [&](const json::value& value) {
        return parse({{"outbound_port", value}}).has_value();
    });
    for (const auto& member : one.at("properties").as_object())
        check_bounds(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
            json::object changed{{"name", "bank"}};
            changed[member.key()] = value;
            return parse_one(changed).has_value();
        });
    EXPECT_EQ(expected_keys(parse({{"zzzzzz", 1}}).error()), keys_of(whole));
    EXPECT_EQ(expected_keys(parse_one({{"name", "bank"}, {"zzzzzz", 1}}).error()), keys_of(one));
    EXPECT_FALSE(parse_one({{"authorities", "/a"}}).has_value());
}

TEST(SettingsSchema, SaysOfAcmeWhatTheParserSays) {
    const auto root = schema_of(settings_schema());
    const auto& schema = root.at("properties").at("edge").at("properties").at("acme").as_object();
    const auto parse = [](const json::object& one) {
        return parse_settings(json::serialize(at_path({"edge", "acme"}, one)), "meshd.yaml");
    };
    for (const auto& member : schema.at("properties").as_object()) {
        SCOPED_TRACE(member.key());
        check_bounds(root, resolve(root, member.value().as_object()), [&](const json::value& value) {
            json::object changed{{"accept_terms", true}};
            if (value == "http-01") changed["http"] = "[::]:80";
            if (member.key() == "http") changed["challenge"] = "http-01";
            changed[member.key()] = value;
            return parse(changed).has_value();
        });
    }
    EXPECT_EQ(expected_keys(parse({{"zzzzzz", 1}}).error()), keys_of(schema));
    EXPECT_FALSE(parse({}).has_value());
}

TEST(SettingsSchema, KnowsTheProbesOfServices) {
    const auto of_services = schema_of(registry_schema()).at("$defs").as_object();
    const auto own = schema_of(settings_schema()).at("$defs").as_object();
    for (const auto* const name : {"probe", "labels", "port_number", "ip_address"})
        EXPECT_EQ(own.at(name), of_services.at(name)) << name;
}

// ---- A file of services: each kind of object has a good one around which a value is tried ----

struct Place {
    const char* definition;
    json::object good;
    std::function<json::value(json::object)> wrap;   // into a whole file
    std::map<std::string, json::object> needs = {};  // what has to stand beside a key
};

json::value file_with(json::object service) { return {{"services", json::array{std::move(service)}}}; }

json::object good_service() { return {{"name", "web"}, {"address", "10.96.0.10"}, {"port", 80}, {"backends", json::array{}}}; }

std::vector<Place> places() {
    const auto with = [](std::string_view key, std::string_view without, json::object item) {
        auto service = good_service();
        service.erase(without);
        service[key] = json::array{std::move(item)};
        return file_with(std::move(service));
    };
    return {{"service", good_service(), file_with},
            {"port", {{"port", 80}}, [=](json::object port) { return with("ports", "port", std::move(port)); }},
            {"backend",
             {{"address", "10.0.0.1"}},
             [=](json::object backend) { return with("backends", "backends", std::move(backend)); }},
            {"backends_from",
             {{"consul", "web"}},
             [](json::object from) {
                 if (from.contains("dns") || from.contains("srv") || from.contains("etcd")) from.erase("consul");
                 auto service = good_service();
                 service.erase("backends");
                 service["backends_from"] = std::move(from);
                 return file_with(std::move(service));
             }},
            {"health",
             {{"probe", {{"type", "tcp"}}}},
             [](json::object health) {
                 auto service = good_service();
                 service["health"] = std::move(health);
                 return file_with(std::move(service));
             }},
            {"balancing",
             {},
             [](json::object balancing) {
                 auto service = good_service();
                 service["balancing"] = std::move(balancing);
                 return file_with(std::move(service));
             },
             {{"failure_penalty", {{"policy", "latency"}}}, {"hash", {{"policy", "maglev"}}}}},
            {"tls",
             {},
             [](json::object tls) {
                 auto service = good_service();
                 service["tls"] = std::move(tls);
                 return file_with(std::move(service));
             },
             {{"accept", {{"mode", "mutual"}}},
              {"same_node", {{"mode", "mutual"}}},
              {"server_name", {{"mode", "originate"}}},
              {"credentials", {{"mode", "originate"}}},
              {"alpn", {{"mode", "originate"}}},
              {"min_version", {{"mode", "originate"}}}}},
            {"nearness",
             {{"prefer", "zone"}},
             [](json::object nearness) {
                 auto service = good_service();
                 service["balancing"] = {{"locality", std::move(nearness)}};
                 return file_with(std::move(service));
             }},
            {"settings",
             {{"service", "web"}, {"when_no_backend", "refuse"}},
             [](json::object settings) {
                 if (settings.size() == 1) settings["affinity"] = 0;
                 return json::value{{"service_settings", json::array{std::move(settings)}}};
             }},
            {"subset",
             {{"name", "stable"}, {"labels", {{"version", "v1"}}}},
             [=](json::object subset) { return with("subsets", "subsets", std::move(subset)); }},
            {"probe",
             {{"type", "https"}},
             [](json::object probe) {
                 auto service = good_service();
                 service["health"] = {{"probe", std::move(probe)}};
                 return file_with(std::move(service));
             },
             {{"tls", {{"type", "grpc"}}},
              {"service", {{"type", "grpc"}}},
              {"command", {{"type", "exec"}}},
              {"type=exec", {{"command", {"/bin/true"}}}}}}};
}

TEST(RegistrySchema, SaysWhatTheParserSays) {
    const auto root = schema_of(registry_schema());
    for (const auto& place : places()) {
        SCOPED_TRACE(place.definition);
        const auto& object = root.at("$defs").as_object().at(place.definition).as_object();
        const auto parse_with = [&](std::string_view key, const json::value& value) {
            auto changed = place.good;
            auto beside = place.needs.find(std::string(key));
            if (value.is_string()) {
                const auto of_value = place.needs.find(std::string(key) + "=" + std::string(value.get_string()));
                if (of_value != place.needs.end()) beside = of_value;
            }
            if (beside != place.needs.end())
                for (const auto& member : beside->second) changed[member.key()] = member.value();
            changed[key] = value;
            return parse_services(json::serialize(place.wrap(std::move(changed))), "web.yaml");
        };
        const auto refused = parse_with("zzzzzz", 1);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(expected_keys(refused.error()), keys_of(object)) << refused.error().message();
        EXPECT_FALSE(object.at("additionalProperties").as_bool());
        for (const auto& member : object.at("properties").as_object()) {
            SCOPED_TRACE(member.key());
            check_bounds(root, resolve(root, member.value().as_object()),
                         [&](const json::value& value) { return parse_with(member.key(), value).has_value(); });
        }
        const auto* const required = object.if_contains("required");
        for (const auto& key : required != nullptr ? required->as_array() : json::array{}) {
            auto changed = place.good;
            EXPECT_EQ(changed.erase(key.as_string()), 1U);
            EXPECT_FALSE(parse_services(json::serialize(place.wrap(std::move(changed))), "web.yaml").has_value()) << key;
        }
    }
}

TEST(RegistrySchema, HasTheTopKeysOfTheParser) {
    const auto root = schema_of(registry_schema());
    const auto refused = parse_services("zzzzzz: 1", "web.yaml");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(expected_keys(refused.error()), keys_of(root));
    EXPECT_FALSE(root.at("additionalProperties").as_bool());
}

}  // namespace
}  // namespace meshd::config
