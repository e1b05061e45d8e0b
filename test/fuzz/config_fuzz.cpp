// SPDX-License-Identifier: Apache-2.0
// Both kinds of file from the same bytes. Whatever a parser accepts must keep the rules of the model, and must read as the same
// after it has been written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json.hpp>

#include "config/registry_file.hpp"
#include "config/service_index.hpp"
#include "config/settings_file.hpp"
#include "config/yaml_output.hpp"
#include "model/misfit.hpp"
#include "model/registries_json.hpp"
#include "model/service_json.hpp"

namespace {

namespace config = meshd::config;
namespace model = meshd::model;

void require(bool holds) {
    if (!holds) std::abort();
}

// A refusal says where and why.
void check_error(const meshd::base::Error& error) { require(error.object.starts_with("input:") && !error.detail.empty()); }

void check_settings(std::string_view text) {
    const auto settings = config::parse_settings(text, "input");
    if (!settings) return check_error(settings.error());
    require(settings->cgroup == "auto" || settings->cgroup.starts_with('/'));
    require(settings->run_directory.starts_with('/') && settings->registry_directory.starts_with('/'));
    require(settings->reconcile_interval.count() >= 1000 && settings->reconcile_interval.count() <= 3'600'000);
    const auto registries = model::registries_from_json(model::to_json(settings->registries));
    require(registries.has_value() && *registries == settings->registries);
    require(settings->limits.services >= 1 && settings->limits.services <= config::max_limits.services);
}

// Whatever settings make of a service must be one that a file could have.
void check_merged(const model::Service& service, const model::ServiceSettings& settings) {
    const auto merged = model::with_settings(service, settings);
    if (!merged) return require(merged.error().object == settings.place);
    require(!model::find_misfit(model::drain_of(*merged)) && !model::find_direct_return_misfit(*merged));
    auto again = model::with_settings(*merged, settings);
    require(again.has_value());
    again->source = merged->source;
    require(*again == *merged);
}

void check_registry(std::string_view text) {
    auto file = config::parse_registry_file(text, "input");
    if (!file) return check_error(file.error());
    require(file->services.size() == file->marks.size());
    require(config::check_together({&*file, 1}).empty());
    for (auto& service : file->services) {
        require(service.target_ports.size() == (service.backends_from ? service.ports.size() : 0));
        service.backends_from.reset();  // the worker's alone
        service.target_ports.clear();
        const auto json = model::to_json(service);
        const auto again = model::service_from_json(json);
        require(again.has_value() && *again == service);
        require(!config::to_yaml(json).empty());
    }
    for (auto& settings : file->settings) {
        require(model::is_service_name(settings.service) && settings.place.starts_with("input:"));
        settings.source = "input";
        for (const auto& service : file->services) check_merged(service, settings);
        check_merged({}, settings);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_settings(text);
    check_registry(text);
    return 0;
}
