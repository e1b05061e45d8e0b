// SPDX-License-Identifier: Apache-2.0
// The programs at devices, whatever holds them there.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "kernel/datapath.hpp"

namespace meshd::kernel {

struct DevicePrograms {
    std::uint32_t ingress = 0;  // ids; 0: none
    std::uint32_t egress = 0;

    bool operator==(const DevicePrograms&) const = default;
};

std::string_view name(md_mechanism mechanism);  // "tcx", "clsact"

class DeviceHooks {
public:
    // The datapath must outlive it. In the environment, MESHD_TEST_NO_TCX makes it as if the kernel had no tcx, for tests.
    explicit DeviceHooks(const Datapath& datapath);

    // Attaches both programs, or replaces them in place: no packet meets the device without them, once they were there. `before`:
    // what attach() said for this device last, 0 when it was not attached.
    [[nodiscard]] base::Result<md_mechanism> attach(std::uint32_t index, std::uint8_t before) const;

    // Of a device that may be gone.
    [[nodiscard]] base::Result<void> detach(std::uint32_t index, std::uint8_t mechanism) const;

    [[nodiscard]] DevicePrograms attached(std::uint32_t index, std::uint8_t mechanism) const;
    [[nodiscard]] DevicePrograms loaded() const;

    // Devices with pinned links, also those that are gone.
    [[nodiscard]] std::vector<std::uint32_t> pinned() const;

private:
    const Datapath& datapath_;
    bool has_tcx_;
};

// Takes programs off all devices that `datapath` knows of: md_devices and the pins tell which.
base::Result<void> detach_all(const Datapath& datapath);

}  // namespace meshd::kernel
