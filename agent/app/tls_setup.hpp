// SPDX-License-Identifier: Apache-2.0
// How encryption comes into force on this host: who listens, what the kernel leads there, under whose identity, and what it keeps
// out. Where a part is missing the services that need it are refused, never served in clear.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/context.hpp"
#include "app/listener_handover.hpp"
#include "forwarding/device_watch.hpp"
#include "kernel/tls_maps.hpp"
#include "steering/addresses.hpp"
#include "steering/identities.hpp"

namespace meshd::app {

class TlsSetup {
public:
    TlsSetup(boost::asio::io_context& io, Context& context, ListenerHandover& handover)
        : context_(context), io_(io), timer_(io), handover_(handover) {}

    // With programs loaded and maps read: listeners are open before anything is led to them.
    base::Result<void> begin();
    // With what is known of services, before programs are attached for the first time.
    void before_attach();

    // Before tables lead to encrypted services, what they need is there.
    void before_services_change(const std::vector<model::ServicePtr>& upsert);
    void services_changed();
    void settings_changed();
    // Pods are others. True: identities are others with them.
    bool pods_changed();
    void check();  // with the full comparison: looks at everything anew

    [[nodiscard]] const steering::Identities& identities() const { return *identities_; }
    [[nodiscard]] bool is_here(const model::Backend& backend) const { return steering::is_here(backend, own_); }

private:
    void apply();
    void apply_in_order();
    void withdraw();
    void tell_who_needs_it();
    base::Result<void> open_listeners();
    [[nodiscard]] steering::PodPlaces pod_places() const;
    base::Result<void> put_identities();
    void tell_pods_refused();
    base::Result<void> put_guarded();
    base::Result<void> arrange_programs();
    base::Result<void> steer();
    [[nodiscard]] bool is_needed() const;
    [[nodiscard]] bool has_work() const;
    [[nodiscard]] bool may_be_left(std::uint8_t flag) const;
    void look_around();
    void wait();

    Context& context_;
    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    ListenerHandover& handover_;
    std::optional<kernel::TlsMaps> maps_;
    std::optional<steering::Identities> identities_;
    std::optional<model::NodeTls> settings_;  // that identities and listeners were made by
    steering::PodPlaces pods_;                // the same
    std::unique_ptr<forwarding::DeviceWatch> network_watch_;
    steering::Addresses own_;
    std::set<std::string> encrypted_;  // services with TLS
    std::set<std::string> outside_;    // of these those whose backends are outside of the mesh
    bool is_withdrawn_ = false;        // nothing of it is in force
    steering::ListenersPtr outbound_, inbound_;
};

}  // namespace meshd::app
