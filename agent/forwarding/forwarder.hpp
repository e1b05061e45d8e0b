// SPDX-License-Identifier: Apache-2.0
// Keeps the programs at the devices that configuration names, and what they are told: follows devices as they come and go,
// compares everything now and then, and says what stands in the way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "config/settings.hpp"
#include "forwarding/device_watch.hpp"
#include "forwarding/devices.hpp"
#include "forwarding/problems.hpp"
#include "forwarding/sweeper.hpp"
#include "kernel/device_hooks.hpp"
#include "kernel/map_content.hpp"
#include "reconcile/reconciler.hpp"

namespace meshd::forwarding {

// One device that configuration names.
struct DeviceStatus {
    Device device;
    std::uint8_t mechanism = 0;  // md_mechanism; 0: not attached
    kernel::DevicePrograms programs;
    std::string error;  // why it is not attached
};

class Forwarder {
public:
    // `tell` is called for each feature with what is wrong with it, or with nothing when it is right again.
    using Tell = std::function<void(const std::string& feature, const std::optional<Problem>& problem)>;

    // The datapath and the reconciler must outlive it.
    Forwarder(boost::asio::io_context& io, kernel::Datapath& datapath, const reconcile::Reconciler& reconciler, Tell tell);

    // With tables filled. From here on devices are followed.
    base::Result<void> begin(const config::Settings& settings);
    // Other settings. The reconciler has them already.
    void configure(const config::Settings& settings);
    void services_changed();
    // Called for each connection that is forgotten since nothing was seen of it for long.
    void on_aged(Sweeper::Aged aged) { sweeper_.on_aged(std::move(aged)); }

    // Compares and repairs: devices, programs, maps.
    void check();

    [[nodiscard]] const std::vector<DeviceStatus>& devices() const { return devices_; }
    [[nodiscard]] bool begun() const { return watch_ != nullptr; }
    [[nodiscard]] bool enabled() const { return !settings_.devices.empty(); }
    [[nodiscard]] const Sweeper& sweeper() const { return sweeper_; }
    [[nodiscard]] std::uint32_t most_tracks() const { return settings_.limits.tracks; }

private:
    base::Result<void> tell_programs() const;
    base::Result<void> sync();
    DeviceStatus attach(const Device& device, md_device entry, const kernel::MapContent<std::uint32_t, md_device>& before) const;
    base::Result<void> detach_others(const kernel::MapContent<std::uint32_t, md_device>& before);
    void report(const base::Result<void>& outcome) const;

    kernel::Datapath& datapath_;
    const reconcile::Reconciler& reconciler_;
    Tell tell_;
    config::Settings settings_;
    kernel::DeviceHooks hooks_;
    Sweeper sweeper_;
    boost::asio::io_context& io_;
    std::unique_ptr<DeviceWatch> watch_;
    std::vector<DeviceStatus> devices_;
};

}  // namespace meshd::forwarding
