// SPDX-License-Identifier: Apache-2.0
#include "store/declared.hpp"

#include <boost/json.hpp>

#include "config/tree_json.hpp"
#include "config/yaml_output.hpp"
#include "store/excerpt.hpp"

namespace meshd::store {

namespace json = boost::json;

namespace {

// What stands elsewhere in another file is no other settings.
model::ServiceSettings without_place(model::ServiceSettings settings) {
    settings.place.clear();
    return settings;
}

std::size_t count(const config::RegistryFile& file) { return file.services.size() + file.rules.size() + file.settings.size(); }

bool means_the_same(const std::string& text, const Declared& declared) {
    const auto alone = config::parse_registry_file(text, declared.file->name);
    if (!alone || count(*alone) != 1) return false;
    const auto& whole = *declared.file;
    switch (declared.object.kind) {
        case Kind::service:
            return !alone->services.empty() && alone->services[0] == whole.services[declared.index];
        case Kind::policy:
            return !alone->rules.empty() && alone->rules[0] == whole.rules[declared.index];
        case Kind::settings:
            return !alone->settings.empty() && without_place(alone->settings[0]) == without_place(whole.settings[declared.index]);
        case Kind::file:
            break;
    }
    return false;
}

const std::string& name_of(const config::RegistryFile& file, Kind kind, std::size_t index) {
    if (kind == Kind::service) return file.services[index].name;
    return kind == Kind::policy ? file.rules[index].name : file.settings[index].service;
}

config::Value list_of(const config::Tree& tree, std::string_view key) {
    bool is_next = false;
    bool is_key = true;
    for (const auto value : tree.root()) {
        if (is_next) return value;
        is_next = is_key && value.text() == key;
        is_key = !is_key;
    }
    return {};
}

std::string normalized(std::string_view list_key, config::Value item) {
    json::array list;
    list.push_back(config::to_json(item));
    return config::to_yaml(json::object{{list_key, std::move(list)}});
}

}  // namespace

base::Result<std::vector<Declared>> declared_in(std::string_view text, std::string_view file_name) {
    auto read = config::parse_registry_file(text, file_name);
    if (!read) return base::fail(std::move(read.error()));
    const auto tree = config::Tree::parse(text, file_name);
    if (!tree) return base::fail(tree.error());
    std::vector<Declared> all;
    if (tree->root().kind() != config::Kind::mapping) return all;

    const auto file = std::make_shared<const config::RegistryFile>(std::move(*read));
    const SourceLines lines(text);
    for (const auto kind : object_kinds) {
        const auto list_key = words(kind).list;
        std::size_t index = 0;
        const auto list = list_of(*tree, list_key);
        if (!list.exists()) continue;
        for (const auto item : list) {
            Declared one{{kind, name_of(*file, kind, index)}, {}, file, item.mark(), index};
            const auto excerpt = lines.item(*tree, list_key, index);
            one.text = excerpt && means_the_same(*excerpt, one) ? *excerpt : normalized(list_key, item);
            if (!means_the_same(one.text, one))
                return base::fail(config::refusal(file_name, item.mark(), one.object.text() + " cannot be taken out of the file",
                                                  "write it into a file of its own"));
            all.push_back(std::move(one));
            ++index;
        }
    }
    return all;
}

}  // namespace meshd::store
