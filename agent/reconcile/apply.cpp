// SPDX-License-Identifier: Apache-2.0
#include "reconcile/apply.hpp"

#include <set>

namespace meshd::reconcile {

std::string service_name(const std::string& port_key) { return port_key.substr(0, port_key.rfind(':')); }

namespace {

class Run {
public:
    Run(Maps& maps, RealizedState& realized) : maps_(maps), realized_(realized) {}

    // Operations of one kind, one after the other in the plan.
    void batch(std::span<const Operation> operations) {
        std::vector<Operation> sound;
        sound.reserve(operations.size());
        for (const auto& operation : operations) {
            if (failed_ids_.contains(operation.service_id)) continue;
            if (still_in_use(operation))
                fail(operation, "kept: it is still in use");
            else
                sound.push_back(operation);
        }
        if (sound.empty()) return;
        const auto outcome = maps_.run(sound);
        for (std::size_t i = 0; i < sound.size(); ++i) {
            if (outcome[i]) {
                fail(sound[i], outcome[i]->message());
                continue;
            }
            simulate(realized_, sound[i]);
            ++result_.done;
        }
    }

    ApplyResult finish() { return std::move(result_); }

private:
    [[nodiscard]] bool still_in_use(const Operation& operation) const {
        const auto* const service = realized_.find(operation.service_id);
        if (service == nullptr) return false;
        if (operation.kind == OperationKind::remove_table) return !service->frontends.empty();
        if (operation.kind == OperationKind::remove_maglev)
            return !service->table.empty() && (service->table.front().table.forward != MD_FORWARD_NONE ||
                                               service->table.front().table.pick == MD_PICK_MAGLEV);
        if (operation.kind == OperationKind::remove_balancing)
            return !service->table.empty() && service->table.front().table.guided != 0;
        if (operation.kind != OperationKind::remove_backend) return false;
        for (const auto& slot : service->table)
            if (slot.backend_id == operation.backend_id) return true;
        return false;
    }

    void fail(const Operation& operation, const std::string& why) {
        failed_ids_.insert(operation.service_id);
        // An id without a name belongs to nobody who could be told; it is tried again at the next full comparison.
        result_.failed.emplace(
            operation.service.empty() ? "#" + std::to_string(operation.service_id) : service_name(operation.service), why);
    }

    Maps& maps_;
    RealizedState& realized_;
    std::set<std::uint32_t> failed_ids_;
    ApplyResult result_;
};

}  // namespace

ApplyResult apply(Maps& maps, RealizedState& realized, const Plan& plan) {
    Run run(maps, realized);
    for (std::size_t first = 0; first < plan.size();) {
        std::size_t last = first;
        while (last < plan.size() && plan[last].kind == plan[first].kind) ++last;
        run.batch(std::span(plan).subspan(first, last - first));
        first = last;
    }
    return run.finish();
}

}  // namespace meshd::reconcile
