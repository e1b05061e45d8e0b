// SPDX-License-Identifier: Apache-2.0
// Answers of an API server that is none, or of something between it and us, and kubeconfig files. The first byte of an input says
// what the rest is: 'k' a kubeconfig; 's', 'e', 'n', 'h' a list of services, EndpointSlices, nodes or this node; 'S', 'E', 'N'
// and 'H' a watch of them. The second byte is the length of the pieces that it comes in. What comes out goes where it goes in the
// worker.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "registry/kubernetes/cluster.hpp"
#include "registry/kubernetes/configurations.hpp"
#include "registry/kubernetes/kubeconfig.hpp"
#include "registry/kubernetes/publisher.hpp"
#include "registry/kubernetes/status.hpp"
#include "registry/kubernetes/stream.hpp"

namespace {

using namespace meshd::registry;
using namespace meshd::registry::kubernetes;
using meshd::base::Result;

void require(bool holds) {
    if (!holds) std::abort();
}

std::optional<Kind> kind_of(char letter) {
    switch (letter) {
        case 's':
        case 'S':
            return Kind::services;
        case 'e':
        case 'E':
            return Kind::slices;
        case 'n':
        case 'N':
            return Kind::nodes;
        case 'h':
        case 'H':
            return Kind::here;
        default:
            return std::nullopt;
    }
}

// A service and its slice that are there before, so that what comes changes something.
constexpr std::string_view service =
    R"({"metadata":{"namespace":"shop","name":"web"},"spec":{"clusterIP":"10.96.7.10","ports":[{"name":"http","port":80}]}})";
constexpr std::string_view slice =
    R"({"metadata":{"namespace":"shop","name":"web-1","labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4",)"
    R"("ports":[{"name":"http","port":8080}],"endpoints":[{"addresses":["10.1.0.1"],"nodeName":"here"}]})";

constexpr const char* configuration =
    R"({"metadata":{"name":"web","uid":"u","generation":1},"spec":{"service_settings":[{"service":"shop/web","affinity":"1h"}]}})";

class Fixture {
public:
    explicit Fixture(std::optional<Kind> kind) : kind_(kind) {
        put(Kind::services, service);
        put(Kind::slices, slice);
        configurations_.put(boost::json::parse(configuration).as_object());
        publisher_.publish_all(true);
    }

    void put(const boost::json::object& object) {
        if (!kind_)
            configurations_.put(object);
        else if (const auto taken = cluster_.put(*kind_, object); !taken)
            require(!taken.error().message().empty());
    }

    Result<void> event(std::string_view line) {
        return with_object(line, [&](const boost::json::object& event) {
            const auto [type, object] = event_of(event);
            if (object == nullptr) return;
            if (type == "ERROR") require(!status_of(*object).text().empty());
            if (type == "ADDED" || type == "MODIFIED") put(*object);
            if (type == "DELETED" && kind_) cluster_.remove(*kind_, key_of(*object));
            if (type == "DELETED" && !kind_) configurations_.remove(*object);
            (void)version_of(*object);
            take_configurations();
            publisher_.publish_touched();
        });
    }

    void begin_list() { kind_ ? cluster_.begin_list(*kind_) : configurations_.begin_list(); }
    void end_list() {
        if (kind_)
            (void)cluster_.end_list(*kind_);
        else
            configurations_.end_list();
        take_configurations();
    }

    // What was told step by step is what is told at once.
    void finish() {
        take_configurations();
        publisher_.publish_touched();
        const auto before = intake_.services();
        publisher_.publish_all(true);
        require(before.size() == intake_.services().size());
        for (const auto& [name, one] : before) require(*one == *intake_.services().at(name));
        for (const auto& [name, one] : before) {
            require(meshd::model::is_service_name(name) && !one->addresses.empty() && !one->ports.empty());
            for (const auto& port : one->ports) {
                require(port.number != 0);
                for (std::size_t i = 0; i < port.backends.size(); ++i) require(port.backends[i].endpoint.port != 0);
            }
        }
    }

private:
    void take_configurations() {
        for (const auto& name : configurations_.take_touched()) cluster_.touch(name);
        for (const auto& unsaid : configurations_.unsaid()) {
            const auto patch = status_patch(unsaid.standing, unsaid.verdict, {});
            require(boost::json::parse(patch).at("status").at("conditions").is_array());
        }
    }

    void put(Kind kind, std::string_view text) {
        require(with_object(text, [&](const boost::json::object& object) {
                    require(cluster_.put(kind, object).has_value());
                }).has_value());
    }

    std::optional<Kind> kind_;  // none: MeshConfigurations
    Cluster cluster_{"here"};
    Intake intake_{"kubernetes:fuzz", {.share = 100}, {[] {}, [] {}, [] {}}};
    Configurations configurations_{intake_};
    Publisher publisher_{cluster_, intake_, configurations_.units()};
};

template <typename Cutter, typename Use>
bool feed(Cutter& cutter, std::string_view bytes, std::size_t step, Use use) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
        if (!cutter.feed(bytes.substr(0, step), use)) return false;
    return true;
}

void read_watch(std::optional<Kind> kind, std::string_view bytes, std::size_t step) {
    Fixture fixture(kind);
    Lines lines;
    (void)feed(lines, bytes, step, [&](std::string_view line) { return fixture.event(line); });
    fixture.finish();
}

void read_list(std::optional<Kind> kind, std::string_view bytes, std::size_t step) {
    Fixture fixture(kind);
    ListItems list;
    std::vector<std::string> items;
    fixture.begin_list();
    const bool is_whole = feed(list, bytes, step, [&](std::string_view item) -> Result<void> {
        items.emplace_back(item);
        return with_object(item, [&](const boost::json::object& object) { fixture.put(object); });
    });
    if (is_whole) {
        (void)with_object(list.frame(), [](const boost::json::object& frame) { (void)continue_of(frame); });
        fixture.end_list();
        // However it was cut, it says the same.
        ListItems other;
        std::size_t count = 0;
        require(feed(other, bytes, bytes.size(), [&](std::string_view item) -> Result<void> {
            require(count < items.size() && items[count] == item);
            ++count;
            return {};
        }));
        require(count == items.size() && other.frame() == list.frame());
    }
    fixture.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto rest = bytes.substr(2);
    if (bytes[0] == 'k') {
        const auto read = parse_kubeconfig(rest, "/etc/kubeconfig", "");
        require(read ? read->server.starts_with("http") : !read.error().message().empty());
    }
    const auto kind = kind_of(bytes[0]);
    const bool is_of_configurations = bytes[0] == 'c' || bytes[0] == 'C';
    if (!kind && !is_of_configurations) return 0;
    const std::size_t step = 1 + data[1];
    if (bytes[0] >= 'a')
        read_list(kind, rest, step);
    else
        read_watch(kind, rest, step);
    return 0;
}
