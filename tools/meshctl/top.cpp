// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "times.hpp"

namespace meshd::meshctl {

namespace {

using Clock = std::chrono::steady_clock;

// One row of the answer and, but for the first look, what it was before.
struct Look {
    json::object answer;
    Clock::time_point at;
};

std::string key_of(const json::object& row) {
    return text_at(row, "service") + ":" + text_at(row, "port") + "/" + text_at(row, "protocol");
}

json::value quantile(const Times& times, double share) {
    const auto value = times.quantile_us(share);
    return value ? json::value(static_cast<std::int64_t>(*value)) : json::value(nullptr);
}

// What happened between two looks; without an earlier one, since counting began.
json::object row_of(const json::object& now, const json::object& before, double seconds, const json::array& bounds) {
    json::object row{{"service", text_at(now, "service")},
                     {"port", number_at(now, "port")},
                     {"protocol", text_at(now, "protocol")},
                     {"open", number_at(now, "open") + number_at(now, "forwarded_open")}};
    const auto more = [&](std::string_view member) {
        return std::max<std::int64_t>(number_at(now, member) - number_at(before, member), 0);
    };
    const auto per_second = [&](std::int64_t count) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; };
    for (const auto* const member : {"opened", "failed", "resets", "retransmits"}) row[member] = more(member);
    row["opened_per_s"] = per_second(more("opened"));
    row["errors"] = more("failed") + more("resets");
    for (const auto* const way : {"out", "in"}) {
        const std::string name(way);
        const auto bytes = more("bytes_" + name) + more("short_" + name) + more("forwarded_" + name);
        row["bytes_" + name] = bytes;
        row["bytes_" + name + "_per_s"] = per_second(bytes);
    }
    for (const auto* const member : {"connect", "response", "rtt"}) {
        const auto times = times_at(now, member, bounds) - times_at(before, member, bounds);
        row[std::string(member) + "_p50_us"] = quantile(times, 0.5);
        row[std::string(member) + "_p99_us"] = quantile(times, 0.99);
    }
    return row;
}

json::object view_of(const Look& now, const Look* before) {
    std::map<std::string, json::object> earlier;
    if (before != nullptr)
        for (const auto& row : array_at(before->answer, "services"))
            if (row.is_object()) earlier.emplace(key_of(row.get_object()), row.get_object());
    const auto seconds = before == nullptr ? 0.0 : std::chrono::duration<double>(now.at - before->at).count();
    json::array rows;
    for (const auto& row : array_at(now.answer, "services"))
        if (row.is_object())
            rows.emplace_back(
                row_of(row.get_object(), earlier[key_of(row.get_object())], seconds, array_at(now.answer, "bucket_bounds_us")));
    return {{"seconds", seconds}, {"services", std::move(rows)}, {"table", object_at(now.answer, "table")}};
}

Column bytes_column(std::string title, std::string member, std::string_view unit) {
    return {std::move(title),
            [member = std::move(member), unit](const json::object& row) { return bytes_at(row, member).append(unit); },
            Column::Side::right};
}

Column time_column(std::string title, std::string member) {
    return {std::move(title), [member = std::move(member)](const json::object& row) { return microseconds_at(row, member); },
            Column::Side::right};
}

Column rate_column(std::string title, std::string member) {
    return {std::move(title),
            [member = std::move(member)](const json::object& row) {
                const auto* const value = find(row, member);
                return value != nullptr && value->is_double() ? fmt::format("{:.1f}", value->get_double()) : text_at(row, member);
            },
            Column::Side::right};
}

Page page_of(json::object view, bool is_rate) {
    Table table{
        {text_column("SERVICE", "service"), number_column("PORT", "port"), number_column("OPEN", "open"),
         is_rate ? rate_column("OPENED/S", "opened_per_s") : number_column("OPENED", "opened"), number_column("ERRORS", "errors"),
         is_rate ? bytes_column("OUT", "bytes_out_per_s", "/s") : bytes_column("OUT", "bytes_out", ""),
         is_rate ? bytes_column("IN", "bytes_in_per_s", "/s") : bytes_column("IN", "bytes_in", ""),
         time_column("CONNECT P50", "connect_p50_us"), time_column("P99", "connect_p99_us"),
         time_column("RESPONSE P50", "response_p50_us"), time_column("P99", "response_p99_us"),
         text_column("PROTOCOL", "protocol").wide(), number_column("FAILED", "failed").wide(),
         number_column("RESETS", "resets").wide(), number_column("RETRANS", "retransmits").wide(),
         time_column("RTT P50", "rtt_p50_us").wide(), time_column("P99", "rtt_p99_us").wide()},
        array_at(view, "services"),
        Shown::always,
        {}};
    Page page;
    page.verdict =
        fmt::format("{}, {} of {} flows in the table", counted(static_cast<std::int64_t>(table.rows.size()), "service"),
                    text_at(view, "table.entries"), text_at(view, "table.max_entries"));
    page.blocks = {std::move(table)};
    page.value = std::move(view);
    return page;
}

Result<Look> look(const Agent& agent) {
    auto answer = agent.get("/v1/traffic");
    if (!answer) return tl::make_unexpected(answer.error());
    return Look{std::move(*answer), Clock::now()};
}

Result<Page> once(const Agent& agent) {
    const auto now = look(agent);
    if (!now) return tl::make_unexpected(now.error());
    return page_of(view_of(*now, nullptr), false);
}

Result<void> go_on(const Agent& agent, std::chrono::seconds interval, Output& output) {
    auto before = look(agent);
    if (!before) return tl::make_unexpected(before.error());
    if (!output.screen(page_of(view_of(*before, nullptr), false))) return {};
    for (;;) {
        std::this_thread::sleep_for(interval);
        auto now = look(agent);
        if (!now) return tl::make_unexpected(now.error());
        if (!output.screen(page_of(view_of(*now, &*before), true))) return {};
        before = std::move(now);
    }
}

}  // namespace

void add_top(CLI::App& app, Program& program) {
    auto* const verb = app.add_subcommand("top", "Show what goes to each service, again and again until interrupted");
    const auto is_once = std::make_shared<bool>(false);
    const auto interval = std::make_shared<std::int64_t>(2);
    verb->add_flag("--once", *is_once, "Once, with all that was counted instead of rates");
    verb->add_option("--interval", *interval, "Time between two looks (2s)")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_seconds, ""));
    verb->footer(
        "Examples:\n"
        "  meshctl top\n"
        "  meshctl top --once -o json | jq '.services[] | {service, open, connect_p99_us}'");
    verb->callback([&program, is_once, interval] {
        if (*is_once)
            program.chosen = once;
        else
            program.running = [interval](const Agent& agent, Output& output) {
                return go_on(agent, std::chrono::seconds(*interval), output);
            };
    });
}

}  // namespace meshd::meshctl
