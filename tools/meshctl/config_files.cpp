// SPDX-License-Identifier: Apache-2.0
#include "config_files.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "config/service_index.hpp"
#include "config/settings_file.hpp"
#include "config/text_file.hpp"
#include "config/tree.hpp"
#include "registry/directory.hpp"

namespace meshd::meshctl {

namespace fs = std::filesystem;

namespace {

base::Result<FileKind> kind_of(std::string_view text, const std::string& path) {
    const auto tree = config::Tree::parse(text, path);
    if (!tree) return base::fail(tree.error());
    const auto root = tree->root();
    if (root.kind() == config::Kind::nothing) return FileKind::empty;
    if (root.kind() != config::Kind::mapping) return FileKind::settings;
    bool is_key = true;
    for (const auto item : root) {
        if (is_key && (item.text() == "services" || item.text() == "policies" || item.text() == "service_settings"))
            return FileKind::registry;
        is_key = !is_key;
    }
    return FileKind::settings;
}

base::Result<void> check(CheckedFile& file, std::vector<config::RegistryFile>& registries) {
    const auto content = config::read_text_file(file.path);
    if (!content) return base::fail(content.error());
    const auto kind = kind_of(content->text, file.path);
    if (!kind) return base::fail(kind.error());
    file.kind = *kind;
    if (file.kind == FileKind::settings) {
        const auto settings = config::parse_settings(content->text, file.path);
        if (!settings) return base::fail(settings.error());
    } else if (file.kind == FileKind::registry) {
        auto registry = config::parse_registry_file(content->text, file.path);
        if (!registry) return base::fail(registry.error());
        file.services = registry->services.size();
        for (auto& service : registry->services) service.source = "file:" + file.path;
        for (auto& settings : registry->settings) settings.source = "file:" + file.path;
        registries.push_back(std::move(*registry));
    }
    return {};
}

// "FILE" of "FILE:LINE:COLUMN".
std::string_view file_of(std::string_view place) {
    for (int part = 0; part < 2; ++part) place = place.substr(0, place.rfind(':'));
    return place;
}

void note(CheckedFiles& checked, base::Error error) {
    const auto path = file_of(error.object);
    const auto file =
        std::find_if(checked.files.begin(), checked.files.end(), [&](const CheckedFile& one) { return one.path == path; });
    if (file != checked.files.end() && !file->error) file->error = std::move(error);
}

void apply_settings(CheckedFiles& checked) {
    std::map<std::string_view, model::Service*> services;
    for (auto& registry : checked.registries)
        for (auto& service : registry.services) services.emplace(service.name, &service);
    for (const auto& registry : checked.registries)
        for (const auto& settings : registry.settings) {
            const auto found = services.find(settings.service);
            if (found == services.end()) {
                checked.elsewhere.push_back(settings);
                continue;
            }
            auto merged = model::with_settings(*found->second, settings);
            if (merged)
                model::apply(settings, *found->second);
            else
                note(checked, std::move(merged.error()));
        }
}

}  // namespace

std::string_view name(FileKind kind) {
    switch (kind) {
        case FileKind::empty:
            return "empty";
        case FileKind::settings:
            return "settings";
        case FileKind::registry:
            return "registry";
        case FileKind::unknown:
            break;
    }
    return "unknown";
}

std::size_t CheckedFiles::refused() const {
    return static_cast<std::size_t>(
        std::count_if(files.begin(), files.end(), [](const auto& file) { return file.error.has_value(); }));
}

std::vector<CheckedFile> named_files(const std::vector<std::string>& paths) {
    std::vector<CheckedFile> files;
    std::set<std::string> seen;
    const auto add = [&](const fs::path& path) {
        if (seen.insert(path.lexically_normal().string()).second) files.push_back({path.string(), {}, 0, {}});
    };
    for (const auto& path : paths) {
        std::error_code error;
        if (!fs::is_directory(path, error)) {
            add(path);
            continue;
        }
        const auto names = registry::list_registry_files(path);
        if (!names)
            files.push_back({path, FileKind::unknown, 0, names.error()});
        else
            for (const auto& name : *names)
                if (!fs::is_directory(fs::path(path) / name, error)) add(fs::path(path) / name);
    }
    return files;
}

CheckedFiles check_files(const std::vector<std::string>& paths) {
    CheckedFiles checked{named_files(paths), {}, {}};
    for (auto& file : checked.files) {
        if (file.error) continue;
        if (auto result = check(file, checked.registries); !result) file.error = result.error();
    }
    for (auto& conflict : config::check_together(checked.registries)) note(checked, std::move(conflict));
    if (checked.refused() == 0) apply_settings(checked);
    return checked;
}

std::string error_line(const base::Error& error) {
    auto line = error.object + ": " + (error.detail.empty() && error.code != 0 ? std::strerror(error.code) : error.detail);
    if (!error.detail.empty() && error.code != 0) line.append(" (").append(std::strerror(error.code)).append(")");
    if (!error.remedy.empty()) line.append("; ").append(error.remedy);
    return line;
}

}  // namespace meshd::meshctl
