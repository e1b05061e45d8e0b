// SPDX-License-Identifier: Apache-2.0
// All ways out for events of flows, as the settings want them. On the loop's thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "exporters/exporter.hpp"

namespace meshd::exporters {

class Exporters {
public:
    // `on_change` is called from the loop, when problems() may be others.
    Exporters(boost::asio::io_context& context, std::function<void()> on_change);

    // Those whose settings are the same go on; others take over what waits in them.
    void configure(const model::FlowExport& wanted);
    void put(const channel::FlowEvents& flows);
    void reopen();
    // Each gets a last second.
    void finish();

    [[nodiscard]] std::vector<channel::ExportProblem> problems() const;

    struct Figures {
        std::string_view name;  // "log" or "otlp"
        const Counts& counts;
        std::size_t waiting = 0;
        std::size_t most_waiting = 0;
    };
    [[nodiscard]] std::vector<Figures> figures() const;

private:
    struct Way {
        std::string_view name;
        std::string_view feature;
        std::size_t queue = 0;
        std::shared_ptr<Counts> counts = std::make_shared<Counts>();
        std::unique_ptr<Exporter> exporter;  // null: not wanted
    };
    void replace(Way& way, bool enabled, const model::FlowChoice& choice, std::size_t queue, std::unique_ptr<Sink> sink);

    boost::asio::io_context& context_;
    std::function<void()> on_change_;
    model::FlowExport settings_;
    Way log_;
    Way otlp_;
};

}  // namespace meshd::exporters
