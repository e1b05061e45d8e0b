// SPDX-License-Identifier: Apache-2.0
#include "app/pods_file.hpp"

#include <boost/json.hpp>

#include "health/kept_file.hpp"
#include "model/pod_json.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

}  // namespace

std::string pods_text(const std::vector<model::Pod>& pods) {
    json::array rows;
    for (const auto& pod : pods) rows.emplace_back(model::to_json(pod));
    return json::serialize(json::object{{"format", format_version}, {"pods", std::move(rows)}}) + "\n";
}

base::Result<std::vector<model::Pod>> parse_pods(std::string_view text, const std::string& file) {
    const auto bad = [&](const std::string& why) {
        return base::fail({"read", file, 0, why, "pods are unknown until the API server has told of them"});
    };
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    if (error) return bad("no JSON: " + error.message());
    const auto* const object = value.if_object();
    const auto* const format = object != nullptr ? object->if_contains("format") : nullptr;
    const auto* const rows = object != nullptr ? object->if_contains("pods") : nullptr;
    if (format == nullptr || *format != format_version || rows == nullptr || !rows->is_array() ||
        rows->get_array().size() > model::max_pods)
        return bad("not of format " + std::to_string(format_version));
    std::vector<model::Pod> pods;
    for (const auto& row : rows->get_array()) {
        auto pod = model::pod_from_json(row, "pods[" + std::to_string(pods.size()) + "]");
        if (!pod) return bad(pod.error().message());
        pods.push_back(std::move(*pod));
    }
    return pods;
}

base::Result<void> PodsFile::save(const std::vector<model::Pod>& pods) const {
    return health::write_kept_file(directory_, path_, pods_text(pods));
}

base::Result<std::vector<model::Pod>> PodsFile::load() const {
    const auto text = health::read_kept_file(path_);
    if (!text) return tl::make_unexpected(text.error());
    if (!*text) return std::vector<model::Pod>{};
    return parse_pods(**text, path_);
}

}  // namespace meshd::app
