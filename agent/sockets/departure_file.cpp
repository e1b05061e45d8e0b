// SPDX-License-Identifier: Apache-2.0
#include "sockets/departure_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "model/service_json.hpp"
#include "reconcile/encode.hpp"

namespace meshd::sockets {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

tl::unexpected<base::Error> bad(const std::string& what) {
    return base::fail({"read", "departures", 0, what, "it is not used: deadlines begin anew, and it is replaced"});
}

std::optional<std::uint64_t> number(const json::object& object, std::string_view key, std::uint64_t most) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !(value->is_int64() || value->is_uint64())) return std::nullopt;
    if (value->is_int64() && value->get_int64() < 0) return std::nullopt;
    const auto wide = value->to_number<std::uint64_t>();
    return wide <= most ? std::optional(wide) : std::nullopt;
}

std::optional<std::string> text(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

json::object to_json(const Departure& departure) {
    return {{"service", departure.service},
            {"service_id", departure.service_id},
            {"backend", reconcile::decode(departure.backend).text()},
            {"protocol", base::name(reconcile::protocol_of(departure.backend))},
            {"why", whys.at(static_cast<std::size_t>(departure.why))},
            {"gone", departure.gone},
            {"since_ns", departure.since_ns},
            {"closed", departure.closed},
            {"drain", model::to_json(departure.policy)}};
}

std::optional<model::Drain> drain_from_json(const json::object& object) {
    const auto* const value = object.if_contains("drain");
    if (value == nullptr || !value->is_object()) return std::nullopt;
    const auto& drain = value->get_object();
    const auto deadline = number(drain, "deadline_s", model::max_drain_s);
    const auto sockets = model::parse_drain_sockets(text(drain, "sockets").value_or(""));
    const auto unhealthy = model::parse_drain_sockets(text(drain, "unhealthy").value_or(""));
    if (!deadline || !sockets || !unhealthy) return std::nullopt;
    return model::Drain{static_cast<std::uint32_t>(*deadline), *sockets, *unhealthy};
}

std::optional<Departure> from_json(const json::value& value) {
    if (!value.is_object()) return std::nullopt;
    const auto& object = value.get_object();
    const auto service = text(object, "service");
    const auto service_id = number(object, "service_id", UINT32_MAX);
    const auto backend = base::SocketAddress::parse(text(object, "backend").value_or(""));
    const auto protocol = base::parse_protocol(text(object, "protocol").value_or(""));
    const auto* const why = std::find(whys.begin(), whys.end(), text(object, "why").value_or(""));
    const auto* const gone = object.if_contains("gone");
    const auto since = number(object, "since_ns", UINT64_MAX);
    const auto closed = number(object, "closed", UINT64_MAX);
    const auto policy = drain_from_json(object);
    if (!service || !service_id || !backend || !protocol || why == whys.end() || gone == nullptr || !gone->is_bool() || !since ||
        !closed || !policy)
        return std::nullopt;
    Departure departure;
    departure.service = *service;
    departure.service_id = static_cast<std::uint32_t>(*service_id);
    departure.backend = reconcile::encode(*backend, *protocol);
    departure.why = static_cast<Why>(why - whys.begin());
    departure.gone = gone->get_bool();
    departure.since_ns = *since;
    departure.closed = *closed;
    departure.policy = *policy;
    return departure;
}

}  // namespace

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
}

std::string departures_text(const Departures::All& departures, std::string_view boot) {
    json::array rows;
    for (const auto& [key, departure] : departures) rows.emplace_back(to_json(departure));
    return json::serialize(json::object{{"format", format_version}, {"boot", boot}, {"departures", std::move(rows)}}) + "\n";
}

base::Result<std::vector<Departure>> parse_departures(std::string_view all, std::string_view boot) {
    boost::system::error_code error;
    const auto value = json::parse({all.data(), all.size()}, error);
    const auto* const object = error ? nullptr : value.if_object();
    const auto* const format = object != nullptr ? object->if_contains("format") : nullptr;
    if (format == nullptr || *format != format_version) return bad("no departures of format " + std::to_string(format_version));
    const auto of_boot = text(*object, "boot");
    const auto* const rows = object->if_contains("departures");
    if (!of_boot || rows == nullptr || !rows->is_array()) return bad("no boot or no departures");
    std::vector<Departure> departures;
    if (*of_boot != boot || boot.empty()) return departures;
    for (const auto& row : rows->get_array()) {
        auto departure = from_json(row);
        if (!departure) return bad("departures[" + std::to_string(departures.size()) + "] is none");
        departures.push_back(std::move(*departure));
    }
    return departures;
}

base::Result<void> DepartureFile::save(const std::string& text) const {
    const auto beside = path_ + ".new";
    if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory_);
    std::ofstream file(beside, std::ios::trunc);
    file << text;
    file.close();
    if (!file) return base::fail_errno("write", beside);
    if (std::rename(beside.c_str(), path_.c_str()) != 0) return base::fail_errno("replace", path_);
    return {};
}

base::Result<std::vector<Departure>> DepartureFile::load() const {
    std::ifstream file(path_);
    if (!file) return std::vector<Departure>{};
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    auto departures = parse_departures(text, boot_id());
    if (departures) return departures;
    auto error = departures.error();
    error.object = path_;
    return base::fail(std::move(error));
}

base::Result<void> DepartureFile::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove", path_);
    return {};
}

}  // namespace meshd::sockets
