// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/announced.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "config/backend_reader.hpp"
#include "model/balancing_json.hpp"

namespace meshd::registry::etcd {

namespace json = boost::json;

namespace {

constexpr std::size_t max_locality_length = 255;  // bytes

tl::unexpected<base::Error> refuse(std::string why) { return base::fail({"read", "the value", 0, std::move(why), {}}); }

std::string text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string{};
}

// A number in range; `otherwise` when there is none.
std::optional<std::uint16_t> number_at(const json::object& object, std::string_view key, std::uint16_t otherwise,
                                       std::int64_t least, std::int64_t most) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return otherwise;
    const auto* const number = value->if_int64();
    if (number == nullptr || *number < least || *number > most) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

bool can_be_connected_to(const base::IpAddress& address) {
    return !address.is_unspecified() && !address.is_multicast() && !config::is_broadcast(address) &&
           (address.is_v4() || !address.is_link_local());
}

}  // namespace

base::Result<model::Backend> parse_announced(std::string_view text) {
    boost::system::error_code ec;
    const auto value = json::parse({text.data(), text.size()}, ec);
    if (ec || !value.is_object()) return refuse("it is no JSON object");
    const auto& object = value.get_object();
    model::Backend backend;
    const auto address = base::IpAddress::parse(text_at(object, "address"));
    if (!address || !can_be_connected_to(*address)) return refuse("\"address\" must be a unicast address");
    const auto port = number_at(object, "port", 0, 1, 65535);
    if (port.value_or(0) == 0) return refuse("\"port\" must be a number from 1 to 65535");
    backend.endpoint = {*address, *port};
    const auto weight = number_at(object, "weight", 1, 0, model::max_weight);
    if (!weight) return refuse("\"weight\" must be a number from 0 to 1000");
    backend.weight = *weight;
    if (object.contains("state")) {
        const auto state = model::parse_backend_state(text_at(object, "state"));
        if (!state) return refuse("\"state\" must be ready, drain or maint");
        backend.state = *state;
    }
    backend.locality = text_at(object, "locality");
    if (backend.locality.size() > max_locality_length) return refuse("\"locality\" must be text of at most 255 bytes");
    if (auto read = model::labels_from_json(object, "the value", backend.labels); !read)
        return refuse("\"labels\" must be an object of at most 64 texts, names and values of at most 127 bytes");
    return backend;
}

void Announced::read(const std::string& unit, std::string_view text) {
    auto& entry = units_[unit];
    const auto rest = std::string_view(unit).substr(prefix_.size());
    const auto slash = rest.find('/');
    entry.service = rest.substr(0, slash);
    auto backend = parse_announced(text);
    if (backend && slash == std::string_view::npos) backend = refuse("the key is not announced/NAME/ADDRESS:PORT");
    if (backend) {
        entry.backend = std::move(*backend);
        intake_.accept(unit);
        return;
    }
    auto& error = backend.error();
    error.object = intake_.source() + '/' + unit;
    error.remedy = "correct or delete the key";
    intake_.refuse(unit, error);
}

void Announced::put(const std::string& unit, std::string_view text) {
    read(unit, text);
    tell(units_.at(unit).service);
}

void Announced::forget(std::map<std::string, Unit>::iterator unit) {
    intake_.accept(unit->first);
    units_.erase(unit);
}

void Announced::remove(const std::string& unit) {
    const auto found = units_.find(unit);
    if (found == units_.end()) return;
    const auto service = found->second.service;
    forget(found);
    tell(service);
}

void Announced::replace(const std::map<std::string, std::string>& texts) {
    for (auto unit = units_.begin(); unit != units_.end();) {
        const auto next = std::next(unit);
        if (!texts.contains(unit->first)) forget(unit);
        unit = next;
    }
    for (const auto& [unit, text] : texts) read(unit, text);
    is_answered_ = true;
    for (const auto& query : std::set(wanted_)) tell(query);
}

void Announced::want(const std::set<model::BackendsFrom>& queries) {
    const auto before = std::exchange(wanted_, queries);
    if (!is_answered_) return;
    for (const auto& query : queries)
        if (!before.contains(query)) tell(query);
}

// Of a host that announces an endpoint twice, by an agent with another name for it, the first by name has it.
void Announced::tell(const model::BackendsFrom& query) {
    std::vector<model::Backend> backends;
    for (const auto& [unit, entry] : units_)
        if (entry.service == query.name && entry.backend) backends.push_back(*entry.backend);
    std::stable_sort(backends.begin(), backends.end(), [](const auto& a, const auto& b) { return a.endpoint < b.endpoint; });
    backends.erase(
        std::unique(backends.begin(), backends.end(), [](const auto& a, const auto& b) { return a.endpoint == b.endpoint; }),
        backends.end());
    intake_.put_set(query, std::move(backends));
}

void Announced::tell(const std::string& service) {
    if (!is_answered_) return;
    for (const auto& query : std::set(wanted_))
        if (query.name == service) tell(query);
}

}  // namespace meshd::registry::etcd
