// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/pods.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace meshd::registry::kubernetes {

namespace {

std::string label(const std::string& key) { return "pods " + key; }

}  // namespace

void Pods::put(const boost::json::object& object) {
    const auto key = key_of(object);
    auto parsed = parse_pod(object);
    if (!parsed) {
        is_changed_ = is_changed_ || pods_.find(key) != nullptr;
        pods_.remove(key);
        return intake_.refuse(label(key), parsed.error());
    }
    intake_.accept(label(key));
    bool was_there = false;
    is_changed_ = pods_.put(key, *parsed, was_there) || is_changed_;
}

void Pods::remove(const boost::json::object& object) { remove(key_of(object)); }

void Pods::remove(const std::string& key) {
    intake_.accept(label(key));
    is_changed_ = is_changed_ || pods_.find(key) != nullptr;
    pods_.remove(key);
}

void Pods::end_list() {
    for (const auto& key : pods_.unlisted()) remove(key);
    tell();
}

void Pods::tell() {
    if (!std::exchange(is_changed_, false)) return;
    std::vector<model::Pod> all;
    pods_.each([&](const std::string&, const PodObject& one) {
        if (!one.is_left_out) all.push_back(one.pod);
    });
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.uid < b.uid; });
    if (all.size() > model::max_pods) all.resize(model::max_pods);
    intake_.put_pods(std::move(all));
}

}  // namespace meshd::registry::kubernetes
