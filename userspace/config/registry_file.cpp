// SPDX-License-Identifier: Apache-2.0
#include "config/registry_file.hpp"

#include <array>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/mapping_reader.hpp"
#include "config/policy_reader.hpp"
#include "config/service_index.hpp"
#include "config/service_reader.hpp"
#include "config/service_settings_reader.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 4> top_keys{"version", "services", "policies", "service_settings"};

// The kernel translates a destination once: a backend that is itself a service address would be connected to as it is.
void check_backends_are_no_services(Document& document, const ServiceIndex& index, const model::Service& service,
                                    const std::vector<Mark>& backends) {
    for (const auto& port : service.ports) {
        for (std::size_t i = 0; i < port.backends.size(); ++i) {
            const auto& endpoint = port.backends[i].endpoint;
            const auto* const owner = index.owner(endpoint, port.protocol);
            if (owner == nullptr) continue;
            document.refuse(backends[i],
                            fmt::format("backend {}/{} is an address of service {}, and a destination is translated only once",
                                        endpoint.text(), base::name(port.protocol), quote(owner->name)),
                            "name the backends behind that service");
            return;
        }
    }
}

void read_services(Document& document, Value list, RegistryFile& file) {
    if (!expect_list(document, list, "\"services\"", "services")) return;
    std::vector<std::vector<Mark>> backends;
    backends.reserve(list.size());
    file.services.reserve(list.size());
    file.marks.reserve(list.size());
    for (const auto item : list) {
        auto read = read_service(document, item);
        if (!document.ok()) return;
        file.services.push_back(std::move(read.service));
        file.marks.push_back(std::move(read.marks));
        backends.push_back(std::move(read.backends));
    }

    ServiceIndex index;
    for (std::size_t i = 0; i < file.services.size(); ++i) {
        const auto conflict = index.add(file.name, file.services[i], file.marks[i]);
        if (!conflict) continue;
        document.refuse(conflict->error);
        return;
    }
    for (std::size_t i = 0; i < file.services.size() && document.ok(); ++i)
        check_backends_are_no_services(document, index, file.services[i], backends[i]);
}

void read_all_settings(Document& document, Value list, RegistryFile& file) {
    if (!expect_list(document, list, "\"service_settings\"", "settings of services")) return;
    file.settings.reserve(list.size());
    for (const auto item : list) {
        file.settings.push_back(read_service_settings(document, item));
        if (!document.ok()) return;
    }
    ServiceIndex index;
    if (const auto conflict = index.add(file.name, file.settings)) document.refuse(conflict->error);
}

}  // namespace

base::Result<RegistryFile> parse_registry_file(std::string_view text, std::string_view file_name) {
    auto document = Document::parse(text, file_name);
    if (!document) return base::fail(std::move(document.error()));
    RegistryFile file{.name = std::string(file_name), .services = {}, .marks = {}, .rules = {}, .settings = {}};
    if (document->root().kind() == Kind::nothing) return file;

    MappingReader top(*document, document->root(), "the file", top_keys);
    std::uint32_t version = 1;
    top.number("version", version, {1, 1});
    if (const auto list = top.find("services"); list.exists() && document->ok()) read_services(*document, list, file);
    if (const auto list = top.find("policies"); list.exists() && document->ok()) file.rules = read_rules(*document, list);
    if (const auto list = top.find("service_settings"); list.exists() && document->ok()) read_all_settings(*document, list, file);
    if (!document->ok()) return base::fail(document->error());
    return file;
}

base::Result<std::vector<model::Service>> parse_services(std::string_view text, std::string_view file_name) {
    auto file = parse_registry_file(text, file_name);
    if (!file) return base::fail(std::move(file.error()));
    return std::move(file->services);
}

}  // namespace meshd::config
