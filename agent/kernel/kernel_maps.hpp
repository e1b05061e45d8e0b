// SPDX-License-Identifier: Apache-2.0
// The reconciler's maps, in the kernel.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernel/datapath.hpp"
#include "reconcile/maps.hpp"

namespace meshd::kernel {

class KernelMaps : public reconcile::Maps {
public:
    // The datapath must outlive it.
    explicit KernelMaps(const Datapath& datapath);

    base::Result<reconcile::RealizedState> read() override;
    std::vector<std::optional<base::Error>> run(std::span<const reconcile::Operation> operations) override;

    // Maps of an older version lack what belongs to each service and backend since: as when it is made.
    base::Result<void> complete(const reconcile::RealizedState& state);

private:
    using Outcome = std::vector<std::optional<base::Error>>;

    base::Result<void> read_tables(reconcile::RealizedState& state);
    base::Result<void> read_maglevs(reconcile::RealizedState& state);
    base::Result<std::vector<md_slot>> read_table(std::uint32_t service_id);

    Outcome set_backends(std::span<const reconcile::Operation> operations);
    Outcome warm_backends(std::span<const reconcile::Operation> operations);
    Outcome set_balancing(std::span<const reconcile::Operation> operations);
    Outcome remove_balancing(std::span<const reconcile::Operation> operations);
    Outcome name_services(std::span<const reconcile::Operation> operations);
    // Of a map whose values are arrays.
    using MakeInner = std::function<base::Result<base::UniqueFd>(const reconcile::Operation&)>;
    Outcome replace_inner(const Map& map, std::span<const reconcile::Operation> operations, const MakeInner& make);
    void replace_some(const Map& map, std::span<const reconcile::Operation> operations, const MakeInner& make,
                      std::span<std::optional<base::Error>> outcome);
    Outcome remove_inner(const Map& map, std::span<const reconcile::Operation> operations);
    Outcome publish_frontends(std::span<const reconcile::Operation> operations);
    Outcome add_counters(std::span<const reconcile::Operation> operations);
    void remove_vitals(std::span<const reconcile::Operation> operations);
    void remove_counters(std::span<const reconcile::Operation> operations);
    void add_vitals(std::span<const reconcile::Operation> operations, Outcome& outcome);

    const Datapath& datapath_;
    Map frontends_;
    Map services_;
    Map tables_;
    Map maglevs_;
    Map backends_;
    Map connects_;
    Map vitals_;
    Map balancing_;
    Map balancing_state_;
};

}  // namespace meshd::kernel
