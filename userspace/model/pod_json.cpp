// SPDX-License-Identifier: Apache-2.0
#include "model/pod_json.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::model {

namespace json = boost::json;

json::object to_json(const Pod& pod) {
    json::object labels;
    for (const auto& [key, value] : pod.labels) labels.emplace(key, value);
    return {{"uid", pod.uid},
            {"namespace", pod.pod_namespace},
            {"name", pod.name},
            {"service_account", pod.service_account},
            {"labels", std::move(labels)}};
}

base::Result<Pod> pod_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    Pod pod{members.text("uid"), members.text("namespace"), members.text("name"), members.text("service_account"), {}};
    const auto* const labels = members.value("labels").if_object();
    if (labels == nullptr || labels->size() > max_pod_labels) {
        members.wrong("labels", "an object of labels");
    } else {
        for (const auto& [key, text] : *labels) {
            if (!text.is_string()) members.wrong("labels", "texts");
            pod.labels.emplace(key, text.is_string() ? std::string_view(text.get_string()) : std::string_view());
        }
    }
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    if (const auto why = why_no_pod(pod); !why.empty()) return base::fail({"read message field", where, 0, why, {}});
    return pod;
}

}  // namespace meshd::model
