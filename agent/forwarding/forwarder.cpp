// SPDX-License-Identifier: Apache-2.0
#include "forwarding/forwarder.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "forwarding/layers.hpp"

namespace meshd::forwarding {

namespace {

using KnownDevices = kernel::MapContent<std::uint32_t, md_device>;

std::uint32_t whole_seconds(std::chrono::milliseconds time) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::uint8_t encode(config::Masquerade masquerade) {
    switch (masquerade) {
        case config::Masquerade::always:
            return MD_MASQUERADE_ALWAYS;
        case config::Masquerade::never:
            return MD_MASQUERADE_NEVER;
        case config::Masquerade::automatic:
            break;
    }
    return MD_MASQUERADE_AUTO;
}

bool has_node_ports(const Services& services) {
    return std::any_of(services.begin(), services.end(), [](const auto& entry) {
        return std::any_of(entry.second->ports.begin(), entry.second->ports.end(),
                           [](const model::ServicePort& port) { return port.node_port != 0; });
    });
}

md_forwarding decide(const config::Forwarding& settings, const Services& services) {
    md_forwarding value{};
    value.masquerade = encode(settings.masquerade);
    value.node_ports = has_node_ports(services) ? 1 : 0;
    value.rejects = settings.no_backend == config::NoBackend::reject ? 1 : 0;
    value.first_port = settings.ports.first;
    value.last_port = settings.ports.last;
    value.timeouts_s[MD_TRACK_OPENING] = whole_seconds(settings.timeouts.opening);
    value.timeouts_s[MD_TRACK_ESTABLISHED] = whole_seconds(settings.timeouts.established);
    value.timeouts_s[MD_TRACK_CLOSING] = whole_seconds(settings.timeouts.closing);
    value.timeouts_s[MD_TRACK_CLOSED] = whole_seconds(settings.timeouts.closed);
    value.timeouts_s[MD_TRACK_UDP] = whole_seconds(settings.timeouts.udp);
    return value;
}

kernel::MapContent<md_address, std::uint32_t> local_addresses(const std::vector<Device>& devices) {
    kernel::MapContent<md_address, std::uint32_t> all;
    const auto add = [&](const base::IpAddress& address, md_local kind) {
        md_address key{};
        std::copy(address.bytes.begin(), address.bytes.end(), key.bytes);
        all.emplace(key, kind);
    };
    for (const auto& device : devices)
        for (const auto& address : device.addresses) add(address, MD_LOCAL_OWN);
    for (const auto& device : devices)
        for (const auto& address : device.network_addresses) add(address, MD_LOCAL_NETWORK);
    return all;
}

}  // namespace

Forwarder::Forwarder(boost::asio::io_context& io, kernel::Datapath& datapath, const reconcile::Reconciler& reconciler, Tell tell)
    : datapath_(datapath), reconciler_(reconciler), tell_(std::move(tell)), hooks_(datapath), sweeper_(io, datapath), io_(io) {}

base::Result<void> Forwarder::begin(const config::Settings& settings) {
    auto watch = DeviceWatch::start(io_, [this] { check(); });
    if (!watch) return tl::make_unexpected(watch.error());
    watch_ = std::move(*watch);
    configure(settings);
    return {};
}

void Forwarder::configure(const config::Settings& settings) {
    settings_ = settings;
    if (!begun()) return;  // begin() will come with the settings of then
    if (enabled()) {
        // Without devices the programs for them are not loaded, and there is no room for tracks.
        const auto tracks = datapath_.map("md_tracks").info();
        if (!datapath_.has_device_programs() || (tracks && tracks->max_entries == 1 && settings_.limits.tracks > 1))
            if (auto made = datapath_.make_room_for_tracks(config::map_limits(settings_)); !made) {
                tell_("forwarding", Problem{made.error().message(), "restart meshd"});
                return;
            }
        sweeper_.start(timeouts_ns(settings_.forwarding.timeouts));
    } else {
        sweeper_.stop();
    }
    check();
}

void Forwarder::services_changed() {
    if (begun() && enabled()) report(tell_programs());
}

void Forwarder::check() { report(sync()); }

base::Result<void> Forwarder::tell_programs() const {
    const auto map = datapath_.map("md_forwarding");
    const auto wanted = decide(settings_.forwarding, reconciler_.desired().services);
    const std::uint32_t zero = 0;
    md_forwarding now{};
    if (const auto found = map.lookup(&zero, &now); !found) return tl::make_unexpected(found.error());
    if (reconcile::same_bytes(now, wanted)) return {};
    return map.update(&zero, &wanted);
}

base::Result<void> Forwarder::sync() {
    auto all = read_devices();
    if (!all) return tl::make_unexpected(all.error());
    // Also without devices of ours: the calls of sockets ask which backends are on this host.
    const auto locals = kernel::make_equal(datapath_.map("md_locals"), local_addresses(*all));
    if (!locals) return tl::make_unexpected(locals.error());
    if (!enabled()) all->clear();
    if (enabled())
        if (auto told = tell_programs(); !told) return told;
    const auto before = kernel::read_all<std::uint32_t, md_device>(datapath_.map("md_devices"));
    if (!before) return tl::make_unexpected(before.error());

    std::vector<DeviceStatus> now;
    const auto is_chosen = [this](const Device& device) { return config::is_chosen(settings_.devices, device.name); };
    for (const auto& device : *all) {
        if (!is_chosen(device)) continue;
        auto entry = describe(device);
        entry.below = static_cast<__u8>(
            below(device, *all, [&](const Device& other) { return is_chosen(other) && header_size(other.type).has_value(); }));
        now.push_back(attach(device, entry, *before));
    }
    devices_ = std::move(now);
    return detach_others(*before);
}

// The entry is there before the programs, which leave devices without one alone, and goes after them.
DeviceStatus Forwarder::attach(const Device& device, md_device entry, const KnownDevices& before) const {
    DeviceStatus status{device, 0, {}, {}};
    if (!header_size(device.type)) {
        status.error = "its link layer (type " + std::to_string(device.type) + ") is none that is known";
        return status;
    }
    const auto known = before.find(device.index);
    const std::uint8_t mechanism = known == before.end() ? 0 : known->second.mechanism;
    const auto map = datapath_.map("md_devices");
    const auto write = [&](std::uint8_t how) -> base::Result<void> {
        entry.mechanism = how;
        if (known != before.end() && reconcile::same_bytes(known->second, entry)) return {};
        return map.update(&device.index, &entry);
    };
    if (auto written = write(mechanism); !written) {
        status.error = written.error().message();
        return status;
    }
    status.mechanism = mechanism;
    status.programs = mechanism != 0 ? hooks_.attached(device.index, mechanism) : kernel::DevicePrograms{};
    if (mechanism != 0 && status.programs == hooks_.loaded()) return status;

    const auto attached = hooks_.attach(device.index, mechanism);
    if (!attached) {
        // A device that went away meanwhile is nobody's problem: the next look will not find it.
        status.error = attached.error().message() + " (" + device.name + ")";
        if (mechanism == 0) (void)map.erase(&device.index);
        return status;
    }
    if (*attached != mechanism) {
        spdlog::info("device {} ({}): programs attached by {}", device.name, device.index, kernel::name(*attached));
        if (auto written = write(*attached); !written) status.error = written.error().message();
    }
    status.mechanism = *attached;
    status.programs = hooks_.attached(device.index, *attached);
    return status;
}

base::Result<void> Forwarder::detach_others(const KnownDevices& before) {
    KnownDevices others = before;
    md_device linked{};
    linked.mechanism = MD_MECHANISM_TCX;
    for (const auto index : hooks_.pinned()) others.emplace(index, linked);
    const auto map = datapath_.map("md_devices");
    for (const auto& [index, device] : others) {
        const bool chosen = std::any_of(devices_.begin(), devices_.end(), [index = index](const DeviceStatus& status) {
            return status.device.index == index && status.mechanism != 0;
        });
        if (chosen) continue;
        if (auto detached = hooks_.detach(index, device.mechanism); !detached) return detached;
        if (auto erased = map.erase(&index); !erased) return erased;
        spdlog::info("device {}: programs detached", index);
    }
    return {};
}

void Forwarder::report(const base::Result<void>& outcome) const {
    const auto told = [&](bool is_wrong, std::string reason, std::string remedy) {
        return is_wrong ? std::optional(Problem{std::move(reason), std::move(remedy)}) : std::nullopt;
    };
    tell_("forwarding",
          told(!outcome, outcome ? "" : outcome.error().message(), "tried again at the next change of a device, or interval"));
    const auto refused = std::find_if(devices_.begin(), devices_.end(), [](const auto& status) { return !status.error.empty(); });
    if (enabled() && devices_.empty())
        tell_("devices", Problem{"no device fits any pattern of `devices`", "see `ip link` for the names there are"});
    else
        tell_("devices",
              told(refused != devices_.end(), refused == devices_.end() ? "" : refused->device.name + ": " + refused->error,
                   "packets at this device are not looked at; it is tried again by itself"));
    if (!enabled()) {
        for (const auto* const feature : {"routing", "forwarding ports", "direct server return"}) tell_(feature, std::nullopt);
        return;
    }
    const auto system = look_at_system();
    const auto& services = reconciler_.desired().services;
    tell_("routing", no_routing(system, services, reconciler_.forwarding()));
    tell_("forwarding ports", shared_ports(system, settings_.forwarding.ports.first, settings_.forwarding.ports.last));
    tell_("direct server return", not_returnable(services, reconciler_.forwarding()));
}

}  // namespace meshd::forwarding
