// SPDX-License-Identifier: Apache-2.0
#include "store/kubernetes_object.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "config/tree_json.hpp"
#include "config/yaml_output.hpp"

namespace meshd::store {

namespace json = boost::json;

namespace {

constexpr std::string_view name_annotation = "meshd.dev/name";
constexpr std::size_t longest_label = 63;

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
std::uint32_t number_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return hash;
}

json::value in_order(const json::value& value) {
    if (const auto* const list = value.if_array()) {
        json::array items;
        for (const auto& item : *list) items.push_back(in_order(item));
        return items;
    }
    const auto* const object = value.if_object();
    if (object == nullptr) return value;
    std::vector<std::string> keys;
    for (const auto& member : *object) keys.emplace_back(member.key());
    std::sort(keys.begin(), keys.end());
    json::object sorted;
    for (const auto& key : keys) sorted[key] = in_order(object->at(key));
    return sorted;
}

json::value spec_of(const std::string& text) {
    const auto tree = config::Tree::parse(text, {});
    return tree ? config::to_json(tree->root()) : json::value(nullptr);
}

const json::value* find_in(const json::object& object, std::initializer_list<std::string_view> path) {
    const auto* here = &object;
    const json::value* value = nullptr;
    for (const auto key : path) {
        value = here == nullptr ? nullptr : here->if_contains(key);
        here = value == nullptr ? nullptr : value->if_object();
    }
    return value;
}

// Creates what is not there.
json::object& section(json::object& object, std::string_view key) {
    auto& value = object[key];
    if (!value.is_object()) value = json::object{};
    return value.get_object();
}

Object object_of(const json::object& configuration, const std::string& name) {
    const auto given = text_in(configuration, {"metadata", "annotations", name_annotation});
    for (const auto kind : object_kinds) {
        const auto prefix = std::string(words(kind).name) + '-';
        if (!name.starts_with(prefix)) continue;
        const Object object{kind, given.empty() ? name.substr(prefix.size()) : given};
        if (kubernetes_name(object) == name) return object;
    }
    return {Kind::file, name};
}

std::string state_of(const json::object& configuration) {
    const auto* const conditions = find_in(configuration, {"status", "conditions"});
    if (conditions == nullptr || !conditions->is_array()) return "not seen yet";
    for (const auto& item : conditions->get_array()) {
        const auto* const condition = item.if_object();
        if (condition == nullptr || text_in(*condition, {"type"}) != "Accepted") continue;
        const auto* const seen = find_in(*condition, {"observedGeneration"});
        const auto* const generation = find_in(configuration, {"metadata", "generation"});
        if (seen != nullptr && generation != nullptr && *seen != *generation) return "not seen yet";
        const auto status = text_in(*condition, {"status"});
        return status == "True" ? "accepted" : status == "False" ? "refused" : "not seen yet";
    }
    return "not seen yet";
}

}  // namespace

std::string text_in(const json::object& object, std::initializer_list<std::string_view> path) {
    const auto* const value = find_in(object, path);
    const auto* const text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string{} : std::string(text->data(), text->size());
}

std::string kubernetes_name(const Object& object) {
    if (object.kind == Kind::file) return object.name;
    const auto prefix = std::string(words(object.kind).name) + '-';
    const auto& name = object.name;
    const bool is_label = std::all_of(name.begin(), name.end(), [](char c) { return is_plain(c) || c == '-'; });
    if (is_label && !name.empty() && name.back() != '-' && prefix.size() + name.size() <= longest_label) return prefix + name;
    std::string like = prefix;
    for (const char c : name) like += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : is_plain(c) ? c : '-';
    like.resize(std::min(like.size(), longest_label - 9));
    return fmt::format("{}-{:08x}", like, number_of(name));
}

std::string as_kubernetes_keeps(const std::string& text) { return config::to_yaml(in_order(spec_of(text))); }

json::object kubernetes_object(const Object& object, const std::string& text, const json::object* before) {
    json::object made = before == nullptr ? json::object{} : *before;
    made["apiVersion"] = "meshd.dev/v1alpha1";
    made["kind"] = "MeshConfiguration";
    auto& metadata = section(made, "metadata");
    metadata["name"] = kubernetes_name(object);
    if (object.kind != Kind::file) {
        section(metadata, "labels")["app.kubernetes.io/managed-by"] = "meshctl";
        section(metadata, "annotations")[name_annotation] = object.name;
    }
    made["spec"] = spec_of(text);
    return made;
}

std::optional<Item> item_of(const json::object& configuration, const std::string& where) {
    const auto name = text_in(configuration, {"metadata", "name"});
    if (name.empty()) return std::nullopt;
    const auto* const spec = find_in(configuration, {"spec"});
    const auto* const generation = find_in(configuration, {"metadata", "generation"});
    // Not the resourceVersion: that changes with what nodes say of it, too.
    const auto version = text_in(configuration, {"metadata", "uid"}) + ":" +
                         (generation == nullptr ? std::string{} : json::serialize(*generation));
    return Item{object_of(configuration, name), where + name, spec == nullptr ? std::string{} : config::to_yaml(in_order(*spec)),
                version, state_of(configuration)};
}

}  // namespace meshd::store
