// SPDX-License-Identifier: Apache-2.0
#include "channel/split.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "channel/channel.hpp"
#include "channel/utf8.hpp"
#include "model/health_json.hpp"
#include "model/pod_json.hpp"
#include "model/policy_json.hpp"
#include "model/service_json.hpp"

namespace meshd::channel {

namespace json = boost::json;

namespace {

constexpr std::size_t reserve_for_end = 64;                        // bytes of brackets, commas and "last" behind the items
constexpr std::size_t longest_report = 4096;                       // bytes of one error's text, or of a path (PATH_MAX)
constexpr std::size_t most_unread = 16;                            // paths in one frame
constexpr std::size_t longest_escape = 6;                          // bytes of JSON for one byte of text: \u0001
constexpr std::size_t longest_view_part = std::size_t{128} << 10;  // bytes: a frame takes them however they are escaped
constexpr std::size_t backend_form = 160;                          // bytes of a backend's JSON less its locality, rounded up
constexpr std::size_t port_form = 192;                             // the same for a port less its name and backends
constexpr std::size_t address_form = 64;                           // for an address
constexpr std::size_t health_form = 1024;                          // for "health" less its texts and lists
constexpr std::size_t service_form = 1024;                         // for a service less its name, source and subsets
constexpr std::size_t subset_form = 64;                            // for a subset less its name and labels
constexpr std::size_t label_form = 16;                             // for a label less its name and value

// Builds one frame after the other; each begins with the head.
class Frames {
public:
    Frames(const Emit& emit, std::string head) : emit_(emit), head_(std::move(head)), text_(head_) {}

    // Whether the open frame has room for so many bytes. An empty frame takes anything.
    [[nodiscard]] bool has_room(std::size_t size) const {
        return !has_items_ || text_.size() + size + reserve_for_end <= frame_goal;
    }

    void add_item(std::string_view item) {
        if (needs_comma_) text_ += ',';
        text_ += item;
        needs_comma_ = true;
        has_items_ = true;
    }

    // Brackets that end one list and begin another.
    void begin_list(std::string_view text) {
        text_ += text;
        needs_comma_ = false;
    }

    void end_list(std::string_view text) {
        text_ += text;
        needs_comma_ = true;
    }

    void end_frame(std::string_view tail) {
        text_ += tail;
        emit_(text_);
        text_ = head_;
        needs_comma_ = false;
        has_items_ = false;
    }

    void set_head(std::string head) { head_ = std::move(head); }

private:
    const Emit& emit_;
    std::string head_;
    std::string text_;
    bool needs_comma_ = false;
    bool has_items_ = false;
};

void serialize_into(std::string& text, const json::value& value) {
    text.clear();
    json::serializer serializer;
    serializer.reset(&value);
    std::array<char, 4096> piece;
    while (!serializer.done()) text += std::string_view(serializer.read(piece.data(), piece.size()));
}

std::string json_text(std::string_view text) { return json::serialize(json::string(text)); }

std::string_view word(bool value) { return value ? "true" : "false"; }

std::size_t health_bound(const model::Health& health) {
    if (!health.probe) return health_form;
    const auto& probe = *health.probe;
    std::size_t text = probe.path.size() + probe.host.size() + probe.body.size() + probe.ca.size() + probe.service.size();
    for (const auto& word : probe.command) text += word.size() + 4;
    return health_form + 12 * probe.status.size() + longest_escape * text;
}

std::size_t labels_size(const model::Labels& labels) {
    std::size_t size = labels.empty() ? 0 : label_form;
    for (const auto& [name, value] : labels) size += label_form + longest_escape * (name.size() + value.size());
    return size;
}

// No service is serialized to learn this unless it is near the bound.
bool fits_frame(const model::Service& service, std::size_t head) {
    std::size_t bound = service_form + head + reserve_for_end + service.name.size() + longest_escape * service.source.size() +
                        address_form * service.addresses.size();
    bound += health_bound(service.health);
    for (const auto& port : service.ports) {
        bound += port_form + longest_escape * port.name.size();
        for (const auto& backend : port.backends)
            bound += backend_form + longest_escape * backend.locality.size() + labels_size(backend.labels);
    }
    for (const auto& subset : service.subsets)
        bound += subset_form + longest_escape * subset.name.size() + labels_size(subset.labels);
    if (bound <= max_frame) return true;
    return json::serialize(model::to_json(service)).size() + head + reserve_for_end <= max_frame;
}

std::string delta_head(const Delta& delta, bool complete) {
    auto head = R"({"type":"delta","sequence":)" + std::to_string(delta.sequence);
    if (delta.full) head += R"(,"full":true)";
    return head.append(R"(,"complete":)").append(word(complete)).append(R"(,"upsert":[)");
}

json::object source_to_json(const RegistrySource& source) {
    return {{"name", std::string_view(source.name).substr(0, longest_report)},
            {"state", source.ok ? "ok" : "refused"},
            {"services", source.services},
            {"error", std::string_view(source.error).substr(0, longest_report)},
            {"since", source.since}};
}

// The text of one family up to its first sample.
std::string family_head(const json::object& family) {
    std::string head = "{";
    for (const auto& [key, value] : family)
        if (key != "samples") head.append(json_text(key)).append(":").append(json::serialize(value)).append(",");
    return head.append(R"("samples":[)");
}

}  // namespace

std::vector<std::string> split_delta(const Delta& delta, const Emit& emit) {
    constexpr std::size_t longest_head = 128;
    std::vector<std::string> too_large;
    for (const auto& service : delta.upsert)
        if (!fits_frame(*service, longest_head)) too_large.push_back(service->name);
    const auto left_out = [&](const std::string& name) {
        return !too_large.empty() && std::find(too_large.begin(), too_large.end(), name) != too_large.end();
    };

    const auto head = delta_head(delta, delta.complete && !(delta.full && !too_large.empty()));
    Frames frames(emit, head);
    std::string item;
    for (const auto& service : delta.upsert) {
        if (left_out(service->name)) continue;
        serialize_into(item, model::to_json(*service));
        if (!frames.has_room(item.size())) frames.end_frame(R"(],"remove":[],"last":false})");
        frames.add_item(item);
    }
    constexpr std::string_view remove = R"(],"remove":[)";
    if (!delta.remove.empty() && !frames.has_room(model::max_name_length)) frames.end_frame(R"(],"remove":[],"last":false})");
    frames.begin_list(remove);
    frames.set_head(head + std::string(remove));
    for (const auto& name : delta.remove) {
        item = json_text(name);
        if (!frames.has_room(item.size())) frames.end_frame(R"(],"last":false})");
        frames.add_item(item);
    }
    frames.end_frame(R"(],"last":true})");
    return too_large;
}

void split_pods(const std::vector<model::Pod>& pods, const Emit& emit) {
    Frames frames(emit, R"({"type":"pods","pods":[)");
    std::string item;
    for (const auto& pod : pods) {
        serialize_into(item, model::to_json(pod));
        if (!frames.has_room(item.size())) frames.end_frame(R"(],"last":false})");
        frames.add_item(item);
    }
    frames.end_frame(R"(],"last":true})");
}

void split_policies(const Policies& policies, const Emit& emit) {
    const auto head = R"({"type":"policies","complete":)" + std::string(word(policies.complete));
    // When too many would have to be named, none is.
    json::array unread;
    if (policies.unread.size() <= most_unread) unread = json::array(policies.unread.begin(), policies.unread.end());
    Frames frames(emit, head + R"(,"unread":)" + json::serialize(unread) + R"(,"rules":[)");
    frames.set_head(head + R"(,"rules":[)");
    std::string item;
    for (const auto& rule : policies.rules) {
        serialize_into(item, model::to_json(rule));
        if (!frames.has_room(item.size())) frames.end_frame(R"(],"last":false})");
        frames.add_item(item);
    }
    frames.end_frame(R"(],"last":true})");
}

void split_registry_status(const RegistryStatus& status, const Emit& emit) {
    const auto cut = [](const std::string& text) { return json_text(std::string_view(text).substr(0, longest_report)); };
    Frames frames(emit, R"({"type":"registry","directory_error":)" + cut(status.directory_error) + R"(,"metrics_address":)" +
                            json_text(status.metrics_address) + R"(,"metrics_error":)" + cut(status.metrics_error) +
                            R"(,"picture_address":)" + json_text(status.picture_address) + R"(,"picture_error":)" +
                            cut(status.picture_error) + R"(,"sources":[)");
    std::string item;
    for (const auto& source : status.sources) {
        serialize_into(item, source_to_json(source));
        if (!frames.has_room(item.size())) frames.end_frame(R"(],"last":false})");
        frames.add_item(item);
    }
    frames.end_frame(R"(],"last":true})");
}

void split_flows(const FlowEvents& flows, const Emit& emit) {
    Frames frames(emit, R"({"type":"flows","lost":)" + std::to_string(flows.lost) + R"(,"left_out":)" +
                            json::serialize(json::value_from(flows.left_out)) + R"(,"events":[)");
    frames.set_head(R"({"type":"flows","lost":0,"left_out":[0,0,0],"events":[)");
    std::string item;
    for (const auto& event : flows.events) {
        serialize_into(item, event);
        if (!frames.has_room(item.size())) frames.end_frame("]}");
        frames.add_item(item);
    }
    frames.end_frame("]}");
}

void split_health(const HealthReport& report, const Emit& emit) {
    Frames frames(emit, R"({"type":"health","backends":[)");
    std::string item;
    for (const auto& backend : report.backends) {
        serialize_into(item, model::to_json(backend));
        if (!frames.has_room(item.size())) frames.end_frame("]}");
        frames.add_item(item);
    }
    frames.end_frame("]}");
}

void split_metrics(std::uint64_t id, const json::array& families, const Emit& emit) {
    Frames frames(emit, R"({"type":"metrics","id":)" + std::to_string(id) + R"(,"part":{"families":[)");
    std::string item;
    for (const auto& value : families) {
        const auto& family = value.as_object();
        const auto head = family_head(family);
        if (!frames.has_room(head.size())) frames.end_frame(R"(]},"last":false})");
        frames.add_item(head);
        frames.begin_list("");
        for (const auto& sample : family.at("samples").as_array()) {
            serialize_into(item, sample);
            if (!frames.has_room(item.size())) {
                frames.end_frame(R"(]}]},"last":false})");
                frames.add_item(head);
                frames.begin_list("");
            }
            frames.add_item(item);
        }
        frames.end_list("]}");
    }
    frames.end_frame(R"(]},"last":true})");
}

void split_view(std::uint64_t id, std::uint64_t status, std::string body, const Emit& emit) {
    replace_invalid_utf8(body, 0);
    const auto head = R"({"type":"view","id":)" + std::to_string(id) + R"(,"status":)" + std::to_string(status) + R"(,"text":)";
    std::string_view rest = body;
    do {
        // Between characters: the bytes of one that are not its first begin with the bits 10.
        auto size = std::min(rest.size(), longest_view_part);
        while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0U) == 0x80U) --size;
        const auto part = json_text(rest.substr(0, size));
        rest.remove_prefix(size);
        emit(head + part + R"(,"last":)" + std::string(word(rest.empty())) + "}");
    } while (!rest.empty());
}

}  // namespace meshd::channel
