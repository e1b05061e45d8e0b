// SPDX-License-Identifier: Apache-2.0
// The routes of the relay, from what registries say of encrypted services.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "model/service.hpp"
#include "registry/catalog.hpp"
#include "relay/routes.hpp"

namespace meshd::worker {

class RouteBook {
public:
    // By what backends outside of the mesh are spoken to; null: by nothing that is in use.
    using Outside = std::function<std::shared_ptr<const tls::Credentials>(const model::Origination&)>;
    using Handler = std::function<void(std::shared_ptr<const relay::Routes>)>;

    // The handler is called with each change, but not so often that making routes takes much of the loop's time.
    RouteBook(boost::asio::io_context& io, Outside outside, Handler handler);

    void take(const registry::Change& change);
    // What was told before is of no interest any more.
    void begin_again();
    void outside_changed();  // Outside may answer otherwise now
    [[nodiscard]] bool has_outside() const;

private:
    void change_soon();
    void make();

    Outside outside_;
    Handler handler_;
    std::map<std::string, model::ServicePtr, std::less<>> services_;  // that are encrypted
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point next_{};
    bool has_begun_ = false;
    bool is_due_ = false;
};

}  // namespace meshd::worker
